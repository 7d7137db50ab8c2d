package server

import (
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// The contract of Arrow's own benchmark, as its client checks it.
func TestPerfFlights(t *testing.T) {
	fields := []arrow.Field{}
	for _, name := range []string{"a", "b", "c", "d"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	want := arrow.NewSchema(fields, nil)
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, tt := range []struct {
			stream int64
			batch  int32
			rows   []int64 // of each batch
		}{
			{1000, 400, []int64{400, 400, 200}}, {800, 400, []int64{400, 400}}, {300, 400, []int64{300}}, {401, 400, []int64{400, 1}}, {1, 1, []int64{1}},
		} {
			p := workloads.PerfRequest{Schema: []byte("x"), Streams: 3, RecordsPerStream: tt.stream, RecordsPerBatch: tt.batch}
			info, err := c.GetFlightInfo(t.Context(), cmd(p.Marshal()))
			if err != nil {
				t.Fatal(err)
			}
			schema, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
			if err != nil || !schema.Equal(want) {
				t.Errorf("schema %v (%v), want %v", schema, err, want)
			}
			if info.TotalRecords != 3*tt.stream || info.TotalBytes != -1 || len(info.Endpoint) != 3 {
				t.Errorf("%d records, %d bytes, %d endpoints; want %d, -1, 3", info.TotalRecords, info.TotalBytes, len(info.Endpoint), 3*tt.stream)
			}
			if res, err := c.GetSchema(t.Context(), cmd(p.Marshal())); err != nil || string(res.Schema) != string(info.Schema) {
				t.Errorf("GetSchema: %v, %v", res, err)
			}
			if poll, err := c.PollFlightInfo(t.Context(), cmd(p.Marshal())); err != nil || poll.FlightDescriptor != nil || poll.Info.TotalRecords != info.TotalRecords {
				t.Errorf("PollFlightInfo: %v, %v", poll, err)
			}
			for i, e := range info.Endpoint {
				token, err := workloads.ParsePerfToken(e.Ticket.Ticket)
				if err != nil || token.Start != int64(i)*tt.stream || token.End != int64(i+1)*tt.stream || token.Perf.Schema != nil { // 4096 times 64 KiB
					t.Errorf("token %d: %+v, %v", i, token, err)
				}
				was := statsOf(t, c)
				readPerf(t, c, e.Ticket.Ticket, tt.rows)
				if now := statsOf(t, c); now.Rows-was.Rows != tt.stream || now.Body-was.Body < 32*tt.stream || now.Batches-was.Batches != int64(len(tt.rows)) {
					t.Errorf("counted %d rows, %d bytes, %d batches", now.Rows-was.Rows, now.Body-was.Body, now.Batches-was.Batches)
				}
			}
			if _, err := c.CancelFlightInfo(t.Context(), &flight.CancelFlightInfoRequest{Info: info}); err != nil {
				t.Error(err)
			}
		}
	})
}

// readPerf takes a stream whose batches have so many rows each, full ones all the
// same and the last one a prefix of them.
func readPerf(t *testing.T, c flight.Client, ticket []byte, rows []int64) {
	t.Helper()
	spec := workloads.Default()
	spec.Rows, spec.Distinct = rows[0], 1
	set := generate(t, spec)
	stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: ticket})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	n := 0
	for ; r.Next(); n++ {
		rec := r.RecordBatch()
		if n >= len(rows) || rec.NumRows() != rows[n] {
			t.Fatalf("batch %d has %d rows, want %v", n, rec.NumRows(), rows)
		}
		whole := set.Batches[0].Record.NewSlice(0, rows[n])
		for i, col := range rec.Columns() {
			if !array.Equal(col, whole.Column(i)) {
				t.Errorf("batch %d: column %d is not that of the workload", n, i)
			}
		}
		whole.Release()
	}
	if r.Err() != nil || n != len(rows) {
		t.Errorf("%d batches, %v; want %d", n, r.Err(), len(rows))
	}
}

func TestPerfRefusals(t *testing.T) {
	ok := workloads.PerfRequest{Streams: 4, RecordsPerStream: 100, RecordsPerBatch: 10}
	with := func(change func(*workloads.PerfRequest)) workloads.PerfRequest {
		p := ok
		change(&p)
		return p
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.PrepareLimit = 1 << 20 })
		for _, tt := range []struct {
			p    workloads.PerfRequest
			want string
		}{
			{with(func(p *workloads.PerfRequest) { p.RecordsPerBatch = 0 }), "records_per_batch 0"},
			{with(func(p *workloads.PerfRequest) { p.RecordsPerBatch = math.MaxInt32 }), "records_per_batch 2147483647"},
			{with(func(p *workloads.PerfRequest) { p.RecordsPerStream = math.MaxInt64 }), "records_per_stream 9223372036854775807"},
			{with(func(p *workloads.PerfRequest) { p.Streams = -1 }), "stream_count -1"},
		} {
			_, err := c.GetFlightInfo(t.Context(), cmd(tt.p.Marshal()))
			expect(t, err, codes.InvalidArgument, "perf: "+tt.want)
			_, _, err = getAll(t, c, workloads.PerfToken{Perf: tt.p, End: tt.p.RecordsPerStream}.Marshal())
			expect(t, err, codes.InvalidArgument, "perf: "+tt.want)
		}
		_, _, err := getAll(t, c, workloads.PerfToken{Perf: ok, Start: 1, End: 101}.Marshal())
		expect(t, err, codes.InvalidArgument, "token from 1 to 101")
		large := with(func(p *workloads.PerfRequest) { p.RecordsPerStream, p.RecordsPerBatch = 1<<20, 1<<20 })
		_, _, err = getAll(t, c, large.Stream(0).Marshal())
		expect(t, err, codes.ResourceExhausted, "--prepare-limit")
	})
}
