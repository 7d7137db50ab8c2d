package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// drain takes messages until the stream's end, and tells how many had a body and
// how many were metadata alone.
func drain(stream interface {
	Recv() (*flight.FlightData, error)
}) (batches, metadataOnly int, err error) {
	for {
		d, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return batches, metadataOnly, nil
		}
		switch {
		case err != nil:
			return batches, metadataOnly, err
		case len(d.DataHeader) == 0:
			metadataOnly++
		case len(d.DataBody) > 0:
			batches++
		}
	}
}

func getAll(t *testing.T, c flight.Client, ticket []byte, opts ...grpc.CallOption) (batches, metadataOnly int, err error) {
	t.Helper()
	stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: ticket}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return drain(stream)
}

// exchangeAll sends n batches of set under d while it takes what comes back, and
// tells how many of it were batches.
func exchangeAll(t *testing.T, c flight.Client, d *flight.FlightDescriptor, set *workloads.Set, n int) (int, error) {
	t.Helper()
	stream, err := c.DoExchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		w := flight.NewRecordWriter(stream, ipc.WithSchema(set.Schema))
		w.SetFlightDescriptor(d)
		for i := range n {
			if w.Write(set.Batches[i%len(set.Batches)].Record) != nil {
				break // the status tells why
			}
		}
		w.Close()
		stream.CloseSend()
	})
	defer sending.Wait()
	batches, _, err := drain(stream)
	return batches, err
}

func TestFailures(t *testing.T) {
	want := map[string]codes.Code{
		"unavailable": codes.Unavailable, "unauthenticated": codes.Unauthenticated, "unauthorized": codes.PermissionDenied, "timed_out": codes.DeadlineExceeded,
		"cancelled": codes.Canceled, "internal": codes.Internal, "server_error": codes.Unknown,
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, kind := range workloads.FailKinds() {
			t.Run(kind, func(t *testing.T) {
				tk := small(t, "perf")
				tk.Fail, tk.FailAfter = kind, 3
				n, _, err := getAll(t, c, tk.Marshal())
				expect(t, err, want[kind], "fail "+kind+" after 3 batches")
				if n != 3 {
					t.Errorf("%d batches before the error, want 3", n)
				}
				_, err = act(t, c, ActionFail, []byte(kind))
				expect(t, err, want[kind], kind)
			})
		}
	})
}

// What Arrow's C++ client needs to raise a FlightServerError with extra_info.
func TestServerErrorCarriesExtraInfo(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Fail = workloads.FailServerError
		var trailer metadata.MD
		_, _, err := getAll(t, c, tk.Marshal(), grpc.Trailer(&trailer))
		st, _ := status.FromError(err)
		if len(st.Details()) != 1 {
			t.Fatalf("details %v, want one", st.Details())
		}
		info, ok := st.Details()[0].(*errdetails.ErrorInfo)
		if !ok || info.Domain != "flightbench" || info.Metadata["fail"] != "server_error" {
			t.Errorf("extra information %v", st.Details()[0])
		}
		for name, want := range map[string]string{"x-arrow-status": "5", "x-arrow-status-message-bin": st.Message(), "x-arrow-status-detail-bin": "Failed"} {
			if got := trailer.Get(name); !slices.Equal(got, []string{want}) {
				t.Errorf("trailer %s is %q, want %q", name, got, want)
			}
		}
	})
}

func TestFailuresOfPutAndExchange(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, decode := range []string{"count", "batch"} {
			for _, after := range []int64{0, 3, 7, 8} {
				tk := small(t, "perf")
				tk.Fail, tk.FailAfter, tk.Decode, tk.Delay = workloads.FailInternal, after, decode, time.Microsecond
				set := generate(t, tk.Spec)
				acks, err := put(t, c, cmd(tk.Marshal()), set, 0, 7, "none", func(int64) []byte { return []byte("x") })
				if int64(len(acks)) != min(after, 7) {
					t.Errorf("%s, fail after %d: %d batches were acknowledged", decode, after, len(acks))
				}
				back, exchanged := exchangeAll(t, c, cmd(tk.Marshal()), set, 7)
				if int64(back) != min(after, 7) {
					t.Errorf("%s, fail after %d: %d batches came back", decode, after, back)
				}
				for _, err := range []error{err, exchanged} {
					if after == 8 { // more than there are
						expect(t, err, codes.OK)
					} else {
						expect(t, err, codes.Internal, "fail internal after")
					}
				}
			}
		}
	})
}

func TestEveryNthStreamFails(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Fail, tk.FailEvery = workloads.FailUnavailable, 3
		var failed []int
		for i := range 9 {
			if i == 4 { // which does not count: it asks for no error
				if _, _, err := getAll(t, c, small(t, "perf").Marshal()); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := getAll(t, c, tk.Marshal()); err != nil {
				expect(t, err, codes.Unavailable)
				failed = append(failed, i)
			}
		}
		if want := []int{2, 5, 8}; !slices.Equal(failed, want) {
			t.Errorf("streams %v failed, want %v", failed, want)
		}
	})
}

func TestQuirks(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, workload := range []string{"perf", "strings", "dict"} {
			tk := small(t, workload)
			set := generate(t, tk.Spec)

			tk.Quirk = workloads.QuirkMetadata
			_, n, err := getAll(t, c, tk.Marshal())
			if err != nil || n != 7 {
				t.Errorf("%s: %d messages of metadata alone, %v; want 7", workload, n, err)
			}

			tk.Quirk, tk.Endpoints = workloads.QuirkEmpty, 2
			was := statsOf(t, c)
			info, err := c.GetFlightInfo(t.Context(), cmd(tk.Marshal()))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range info.Endpoint {
				readEmpties(t, c, set, e.Ticket.Ticket)
			}
			now := statsOf(t, c)
			if rows := now.Rows - was.Rows; rows != 1400 || info.TotalRecords != 1400 {
				t.Errorf("%s: %d rows counted and %d told, want 1400", workload, rows, info.TotalRecords)
			}
			if body := now.Body - was.Body; info.TotalBytes != body && tr != wire.Stock {
				t.Errorf("%s: %d body bytes told, %d sent", workload, info.TotalBytes, body)
			}
		}
	})
}

// readEmpties reads a stream of which every other batch, from the first on, is empty.
func readEmpties(t *testing.T, c flight.Client, set *workloads.Set, ticket []byte) {
	t.Helper()
	tk, err := workloads.ParseTicket(ticket)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: ticket})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	n := int64(0)
	for ; r.Next(); n++ {
		if n%2 == 0 {
			if rows := r.RecordBatch().NumRows(); rows != 0 {
				t.Errorf("batch %d has %d rows, want none", n, rows)
			}
			continue
		}
		if err := set.Verify(tk.Start+n/2, r.RecordBatch()); err != nil {
			t.Error(err)
		}
	}
	if r.Err() != nil || n != 14 {
		t.Errorf("%d batches, %v; want 14", n, r.Err())
	}
}

func TestQuirkDictionaries(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, distinct := range []int{2, 3} {
			tk := small(t, "dict")
			tk.Spec.Distinct, tk.Quirk = distinct, workloads.QuirkDictionaries
			if n, rows := read(t, c, generate(t, tk.Spec), tk.Marshal()); n != 7 || rows != 700 {
				t.Errorf("%d batches and %d rows, want 7 and 700", n, rows)
			}
			stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: tk.Marshal()})
			if err != nil {
				t.Fatal(err)
			}
			dictionaries, _, err := drain(stream)
			if err != nil || dictionaries != 7*4 { // three and their batch, seven times
				t.Errorf("%d dictionaries and batches, %v; want 28", dictionaries, err)
			}
		}
	})
}

// A call that is cancelled while it waits is seen by its handler, and told once.
func TestCancelledCalls(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := dial(t, startFor(t, tr, nil, true).URI(), nil)
		tk := small(t, "perf")
		tk.Delay = time.Hour
		began := time.Now().UnixNano()
		calls := map[string]func(context.Context) error{
			"get-1": func(ctx context.Context) error {
				stream, err := c.DoGet(ctx, &flight.Ticket{Ticket: tk.Marshal()})
				if err == nil {
					_, err = stream.Recv() // the schema
				}
				return err
			},
			"put-1": func(ctx context.Context) error {
				stream, err := c.DoPut(ctx)
				if err == nil {
					err = stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")})
				}
				if err == nil {
					_, err = stream.Recv()
				}
				return err
			},
			"exchange-1": func(ctx context.Context) error {
				stream, err := c.DoExchange(ctx)
				if err == nil {
					err = stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")})
				}
				if err == nil {
					_, err = stream.Recv()
				}
				return err
			},
			"": func(ctx context.Context) error { // nobody asks for it
				_, err := c.DoGet(ctx, &flight.Ticket{Ticket: tk.Marshal()})
				return err
			},
		}
		for id, call := range calls {
			ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), CallHeader, id))
			err := call(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
		}
		var seen []string
		for len(seen) < 3 && t.Context().Err() == nil {
			b, err := act(t, c, ActionCancelled, nil)
			if err != nil {
				t.Fatal(err)
			}
			var list []Cancelled
			if err := json.Unmarshal(b, &list); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			for _, call := range list {
				seen = append(seen, call.ID)
				if call.Seen < began || call.Seen > time.Now().UnixNano() {
					t.Errorf("call %s was seen at %d", call.ID, call.Seen)
				}
			}
			runtime.Gosched()
		}
		slices.Sort(seen)
		if want := []string{"exchange-1", "get-1", "put-1"}; !slices.Equal(seen, want) {
			t.Errorf("calls %q were cancelled, want %q", seen, want)
		}
		if b, err := act(t, c, ActionCancelled, nil); err != nil || string(b) != "[]" {
			t.Errorf("told again: %s, %v", b, err)
		}
	})
}

func TestCancelledIsBounded(t *testing.T) {
	var c cancelled
	ctx, cancel := context.WithCancel(metadata.NewIncomingContext(t.Context(), metadata.Pairs(CallHeader, "x")))
	c.note(ctx, errors.New("still running"))
	cancel()
	c.note(ctx, nil) // it ended well
	if len(c.list) != 0 {
		t.Errorf("%v was no cancellation", c.list)
	}
	for range maxCancelled + 10 {
		c.note(ctx, ctx.Err())
	}
	if len(c.list) != maxCancelled {
		t.Errorf("%d calls are remembered, want %d", len(c.list), maxCancelled)
	}
}
