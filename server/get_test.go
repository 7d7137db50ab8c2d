package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

var generated = []string{"perf", "lineitem", "wide:20", "strings", "dict", "nested", "nulls"}

func TestDoGetSendsWhatItsTicketSays(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, workload := range generated {
			for _, codec := range []string{"none", "lz4", "zstd"} {
				t.Run(workload+"/"+codec, func(t *testing.T) {
					tk := small(t, workload)
					tk.Compression, tk.Start = codec, 2
					before := statsOf(t, c)
					batches, rows := read(t, c, generate(t, tk.Spec), tk.Marshal())
					if batches != 7 || rows != 700 {
						t.Errorf("got %d batches and %d rows, want 7 and 700", batches, rows)
					}
					after := statsOf(t, c).Ops["get"]
					was := before.Ops["get"]
					if n := after.Streams - was.Streams; n != 1 {
						t.Errorf("%d streams counted, want 1", n)
					}
					if n := after.Batches - was.Batches; n != 7 {
						t.Errorf("%d batches counted, want 7", n)
					}
					if n := after.Rows - was.Rows; n != 700 {
						t.Errorf("%d rows counted, want 700", n)
					}
					if after.Body <= was.Body || after.Logical <= was.Logical {
						t.Errorf("body %d and logical bytes %d counted, want more than %d and %d", after.Body, after.Logical, was.Body, was.Logical)
					}
				})
			}
		}
	})
}

func TestDoGetOfNoBatches(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Batches = 1
		set := generate(t, tk.Spec)
		if n, _ := read(t, c, set, tk.Marshal()); n != 1 {
			t.Errorf("got %d batches, want 1", n)
		}
	})
}

// Body bytes are those of the messages that arrive, to the byte.
func TestDoGetCountsBodies(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, codec := range []string{"none", "zstd"} {
			tk := small(t, "lineitem")
			tk.Compression = codec
			was := statsOf(t, c).Body
			stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: tk.Marshal()})
			if err != nil {
				t.Fatal(err)
			}
			var body int64
			for {
				d, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				body += int64(len(d.DataBody))
			}
			if got := statsOf(t, c).Body - was; got != body {
				t.Errorf("%s: %d body bytes counted, %d came", codec, got, body)
			}
		}
	})
}

func TestGetFlightInfo(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, workload := range generated {
			t.Run(workload, func(t *testing.T) {
				tk := small(t, workload)
				tk.Endpoints, tk.Start = 3, 1
				desc := cmd(tk.Marshal())
				info, err := c.GetFlightInfo(t.Context(), desc)
				if err != nil {
					t.Fatal(err)
				}
				set := generate(t, tk.Spec)
				schema, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
				if err != nil || !schema.Equal(set.Schema) {
					t.Errorf("schema %v (%v), want %v", schema, err, set.Schema)
				}
				if !bytes.Equal(info.FlightDescriptor.GetCmd(), desc.Cmd) {
					t.Errorf("descriptor %q, want the one that was asked for", info.FlightDescriptor.GetCmd())
				}
				if len(info.Endpoint) != 3 {
					t.Fatalf("%d endpoints, want 3", len(info.Endpoint))
				}
				was := statsOf(t, c).Body
				var rows int64
				for i, e := range info.Endpoint {
					if len(e.Location) != 0 || e.ExpirationTime == nil {
						t.Errorf("endpoint %d has locations %v and expires %v, want none and a time", i, e.Location, e.ExpirationTime)
					}
					part, err := workloads.ParseTicket(e.Ticket.Ticket)
					if err != nil {
						t.Fatal(err)
					}
					if want := 1 + 7*int64(i); part.Start != want || part.Batches != 7 {
						t.Errorf("endpoint %d: %d batches from %d, want 7 from %d", i, part.Batches, part.Start, want)
					}
					_, n := read(t, c, set, e.Ticket.Ticket)
					rows += n
				}
				if info.TotalRecords != rows {
					t.Errorf("total records %d, but %d came", info.TotalRecords, rows)
				}
				if body := statsOf(t, c).Body - was; info.TotalBytes != body && (tr != wire.Stock || info.TotalBytes != -1) {
					t.Errorf("total bytes %d, but %d were sent", info.TotalBytes, body)
				}
			})
		}
	})
}

func TestPollFlightInfoAndGetSchema(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "nested")
		set := generate(t, tk.Spec)
		poll, err := c.PollFlightInfo(t.Context(), cmd(tk.Marshal()))
		if err != nil {
			t.Fatal(err)
		}
		if poll.FlightDescriptor != nil || poll.GetProgress() != 1 || poll.GetInfo().GetTotalRecords() != 700 {
			t.Errorf("poll %v, want a complete one of 700 records", poll)
		}
		res, err := c.GetSchema(t.Context(), cmd(tk.Marshal()))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := flight.DeserializeSchema(res.Schema, memory.DefaultAllocator)
		if err != nil || !schema.Equal(set.Schema) {
			t.Errorf("schema %v (%v), want %v", schema, err, set.Schema)
		}
	})
}

func TestListFlights(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		list := func(expression string) (names []string) {
			stream, err := c.ListFlights(t.Context(), &flight.Criteria{Expression: []byte(expression)})
			if err != nil {
				t.Fatal(err)
			}
			for {
				info, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return names
				}
				if err != nil {
					t.Fatal(err)
				}
				tk, err := workloads.ParseTicket(info.FlightDescriptor.GetCmd())
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, tk.Spec.Name)
				if want := tk.Spec.Rows * tk.Batches; info.TotalRecords != want {
					t.Errorf("%s: %d records, want %d", tk.Spec, info.TotalRecords, want)
				}
				if _, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator); err != nil {
					t.Errorf("%s: %v", tk.Spec, err)
				}
			}
		}
		var all []string
		for _, k := range workloads.Kinds() {
			if k.Name != workloads.File {
				all = append(all, k.Name)
			}
		}
		if got := list(""); !slices.Equal(got, all) {
			t.Errorf("all flights are %v, want %v", got, all)
		}
		n := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, "n") })
		if got := list("n"); len(n) == 0 || !slices.Equal(got, n) {
			t.Errorf("flights with n are %v, want %v", got, n)
		}
		for _, none := range []string{"no such", "\xff\x00", "file"} {
			if got := list(none); len(got) != 0 {
				t.Errorf("flights with %q are %v, want none", none, got)
			}
		}
	})
}

// Whole streams that run side by side share their batches and are all counted.
func TestConcurrentStreams(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tickets := make([]workloads.Ticket, 0, 4)
		for _, w := range []string{"perf", "dict"} {
			for _, codec := range []string{"none", "lz4"} {
				tk := small(t, w)
				tk.Compression = codec
				tickets = append(tickets, tk)
			}
		}
		sets := []*workloads.Set{generate(t, tickets[0].Spec), generate(t, tickets[2].Spec)}
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				n := i % len(tickets)
				read(t, c, sets[n/2], tickets[n].Marshal())
			})
		}
		wg.Wait()
		if got := statsOf(t, c); got.Streams != 32 || got.Batches != 32*7 || got.Rows != 32*700 || got.StreamsOpen != 0 {
			t.Errorf("counted %d streams, %d batches, %d rows, %d open; want 32, %d, %d, 0", got.Streams, got.Batches, got.Rows, got.StreamsOpen, 32*7, 32*700)
		}
	})
}

// A client that goes away in the middle leaves nothing behind; start checks.
func TestDoGetCancelled(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := dial(t, startFor(t, tr, nil, true).URI(), nil)
		tk := small(t, "perf")
		tk.Batches = 1 << 40
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := c.DoGet(ctx, &flight.Ticket{Ticket: tk.Marshal()})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		for err == nil {
			_, err = stream.Recv()
		}
		expect(t, err, codes.Canceled)
	})
}
