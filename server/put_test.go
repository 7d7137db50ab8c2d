package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

func codecOption(name string) []ipc.Option {
	switch name {
	case wire.LZ4:
		return []ipc.Option{ipc.WithLZ4()}
	case wire.ZSTD:
		return []ipc.Option{ipc.WithZstd()}
	}
	return nil
}

// put sends n batches of set from start on under d. tag names a batch's
// app_metadata, nil is none. It returns the acknowledgements in order.
func put(t *testing.T, c flight.Client, d *flight.FlightDescriptor, set *workloads.Set, start, n int64, codec string, tag func(int64) []byte) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := c.DoPut(ctx)
	if err != nil {
		return nil, err
	}
	acks := make(chan []string, 1)
	status := make(chan error, 1)
	go func() {
		var got []string
		for {
			res, err := stream.Recv()
			if err != nil {
				acks <- got
				status <- err
				return
			}
			got = append(got, string(res.AppMetadata))
		}
	}()
	w := flight.NewRecordWriter(stream, append(codecOption(codec), ipc.WithSchema(set.Schema))...)
	w.SetFlightDescriptor(d)
	for i := start; i < start+n; i++ {
		var meta []byte
		if tag != nil {
			meta = tag(i - start)
		}
		if w.WriteWithAppMetadata(set.Batches[i%int64(len(set.Batches))].Record, meta) != nil {
			break // the status tells why
		}
	}
	w.Close()
	stream.CloseSend()
	got := <-acks
	if err := <-status; !errors.Is(err, io.EOF) {
		return got, err
	}
	return got, nil
}

func TestDoPutAcknowledges(t *testing.T) {
	const n = 7
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("ack %d", i)
	}
	modes := map[string]struct {
		tag  func(int64) []byte
		want []string
	}{
		"none": {nil, nil},
		"last": {func(i int64) []byte {
			if i == n-1 {
				return []byte(all[i])
			}
			return nil
		}, all[n-1:]},
		"all": {func(i int64) []byte { return []byte(all[i]) }, all},
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for name, mode := range modes {
			for _, workload := range []string{"perf", "dict"} {
				t.Run(name+"/"+workload, func(t *testing.T) {
					set := generate(t, small(t, workload).Spec)
					got, err := put(t, c, &flight.FlightDescriptor{}, set, 0, n, "none", mode.tag)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, mode.want) {
						t.Errorf("acknowledged %q, want %q", got, mode.want)
					}
				})
			}
		}
	})
}

func TestDoPutCounts(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, decode := range []string{"", "count", "batch", "verify"} {
			for _, workload := range generated {
				for _, codec := range []string{"none", "lz4", "zstd"} {
					t.Run(decode+"/"+workload+"/"+codec, func(t *testing.T) {
						tk := small(t, workload)
						tk.Decode, tk.Start, tk.Compression = decode, 2, codec
						set := generate(t, tk.Spec)
						was := statsOf(t, c)
						if _, err := put(t, c, cmd(tk.Marshal()), set, 2, 7, codec, nil); err != nil {
							t.Fatal(err)
						}
						now := statsOf(t, c)
						if s, b, r := now.Streams-was.Streams, now.Batches-was.Batches, now.Rows-was.Rows; s != 1 || b != 7 || r != 700 {
							t.Errorf("counted %d streams, %d batches, %d rows; want 1, 7, 700", s, b, r)
						}
						var logical int64
						for i := range 7 {
							logical += set.Batches[(2+i)%3].LogicalBytes
						}
						// Of nulls, arrow-go states the padded length of some bitmaps.
						if got := now.Logical - was.Logical; got != logical && workload != "nulls" {
							t.Errorf("counted %d logical bytes, want %d", got, logical)
						}
					})
				}
			}
		}
	})
}

func TestDoPutVerifies(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Decode = "verify"
		set := generate(t, tk.Spec)
		wrong := &workloads.Set{Schema: set.Schema, Batches: slices.Clone(set.Batches)}
		rec := set.Batches[1].Record
		b := array.NewInt64Builder(memory.DefaultAllocator)
		defer b.Release()
		col := rec.Column(2).(*array.Int64)
		for i := range col.Len() {
			v := col.Value(i)
			if i == 42 {
				v++
			}
			b.Append(v)
		}
		bad := b.NewArray()
		defer bad.Release()
		changed, err := rec.SetColumn(2, bad)
		if err != nil {
			t.Fatal(err)
		}
		defer changed.Release()
		wrong.Batches[1].Record = changed

		_, err = put(t, c, cmd(tk.Marshal()), wrong, 0, 7, "none", nil)
		expect(t, err, codes.DataLoss, "batch 1", "c", "42")

		other := generate(t, small(t, "nulls").Spec)
		_, err = put(t, c, cmd(tk.Marshal()), other, 0, 7, "none", nil)
		expect(t, err, codes.DataLoss, "batch 0")

		if got := statsOf(t, c); got.Batches != 1 || got.StreamsOpen != 0 {
			t.Errorf("%d batches were taken and %d streams are open, want 1 and 0", got.Batches, got.StreamsOpen)
		}
	})
}

// Metadata alone, before, between and after batches, is acknowledged and is no batch.
func TestDoPutMetadataOnly(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		set := generate(t, small(t, "perf").Spec)
		stream, err := c.DoPut(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"a", "b"}}, AppMetadata: []byte("first")})
		if err != nil {
			t.Fatal(err)
		}
		w := flight.NewRecordWriter(stream, ipc.WithSchema(set.Schema))
		for _, step := range []error{
			w.Write(set.Batches[0].Record),
			w.WriteMetadata([]byte("between")),
			w.WriteWithAppMetadata(set.Batches[1].Record, []byte("batch")),
			w.WriteMetadata([]byte("last")),
			w.Close(),
			stream.CloseSend(),
		} {
			if step != nil {
				t.Fatal(step)
			}
		}
		var got []string
		for {
			res, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(res.AppMetadata))
		}
		if want := []string{"first", "between", "batch", "last"}; !slices.Equal(got, want) {
			t.Errorf("acknowledged %q, want %q", got, want)
		}
		if s := statsOf(t, c); s.Batches != 2 {
			t.Errorf("counted %d batches, want 2", s.Batches)
		}
	})
}

// recordsOf reads an exchange to its end.
func recordsOf(stream flight.DataStreamReader) (recs []arrow.RecordBatch, meta []string, err error) {
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return nil, nil, err
	}
	defer r.Release()
	for r.Next() {
		rec := r.RecordBatch()
		rec.Retain()
		recs = append(recs, rec)
		meta = append(meta, string(r.LatestAppMetadata()))
	}
	return recs, meta, r.Err()
}

func TestDoExchangeEchoes(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, decode := range []string{"", "count", "batch", "verify"} {
			for _, workload := range generated {
				for _, codec := range []string{"none", "lz4"} {
					t.Run(decode+"/"+workload+"/"+codec, func(t *testing.T) {
						tk := small(t, workload)
						tk.Decode, tk.Compression, tk.Start = decode, codec, 1
						set := generate(t, tk.Spec)
						was := statsOf(t, c)
						stream, err := c.DoExchange(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						w := flight.NewRecordWriter(stream, append(codecOption(codec), ipc.WithSchema(set.Schema))...)
						w.SetFlightDescriptor(cmd(tk.Marshal()))
						for i := range int64(7) {
							if err := w.WriteWithAppMetadata(set.Batches[(1+i)%3].Record, []byte{byte('0' + i)}); err != nil {
								t.Fatal(err)
							}
						}
						w.Close()
						stream.CloseSend()
						recs, meta, err := recordsOf(stream)
						if err != nil || len(recs) != 7 {
							t.Fatalf("%d batches came back (%v), want 7", len(recs), err)
						}
						for i, rec := range recs {
							if err := set.Verify(1+int64(i), rec); err != nil {
								t.Error(err)
							}
							if want := string(rune('0' + i)); meta[i] != want {
								t.Errorf("batch %d has app_metadata %q, want %q", i, meta[i], want)
							}
							rec.Release()
						}
						now := statsOf(t, c)
						var logical int64
						for i := range 7 {
							logical += set.Batches[(1+i)%3].LogicalBytes
						}
						if s, b, r, l := now.Streams-was.Streams, now.Batches-was.Batches, now.Rows-was.Rows, now.Logical-was.Logical; s != 1 || b != 7 || r != 700 || (l != 2*logical && workload != "nulls") {
							t.Errorf("counted %d streams, %d batches, %d rows, %d logical bytes; want 1, 7, 700, %d", s, b, r, l, 2*logical)
						}
					})
				}
			}
		}
	})
}

func TestDoExchangeVerifies(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Decode = "verify"
		set := generate(t, tk.Spec)
		stream, err := c.DoExchange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := flight.NewRecordWriter(stream, ipc.WithSchema(set.Schema))
		w.SetFlightDescriptor(cmd(tk.Marshal()))
		w.Write(set.Batches[1].Record) // batch 0 is due
		w.Close()
		stream.CloseSend()
		_, err = stream.Recv()
		for err == nil {
			_, err = stream.Recv()
		}
		expect(t, err, codes.DataLoss, "batch 0")
	})
}
