package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

var dataOps = []string{bench.OpGet, bench.OpPut, bench.OpExchange}

// TestCancelAfter cancels streams that would go on for long: it is measured on
// both ends, and no error.
func TestCancelAfter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		for _, op := range dataOps {
			for _, after := range []string{"1", "3", "5ms"} {
				for _, total := range []int64{8, 0} {
					if total == 0 && after != "3" {
						continue // one window for each operation is enough
					}
					uri, _ := serve(t, tr)
					c := config(op, tr)
					c.CancelAfter, c.Batches, c.Endpoints, c.Total = after, 1<<30, 2, total
					if total == 0 {
						c.Duration, c.Warmup = 1, 0.05
					}
					got := run(t, t.Context(), uri, c)
					what := fmt.Sprintf("%s after %s, total %d", op, after, total)
					canceled := got.Whole.Canceled
					if got.Status != results.StatusOK || len(got.Errors) != 0 || got.Streams != 0 || got.Whole.Streams != 0 || canceled == 0 {
						t.Errorf("%s: %s %q, errors %v, %d streams, %d canceled", what, got.Status, got.Error, got.Errors, got.Streams, canceled)
					}
					streams := total
					if op == bench.OpGet {
						streams *= 2 // endpoints
					}
					// A call that is canceled at once may never have come to a handler.
					cancel, seen := got.Latencies["cancel"], got.Latencies["cancel_seen"]
					all := seen.Count == cancel.Count || !(op == bench.OpGet && after == "3") && warned(got, "cancel_seen is of") || total == 0 && seen.Count > 0
					if total > 0 && (canceled != streams || cancel.Count != streams) || cancel.Count == 0 || !all {
						t.Errorf("%s: %d canceled, %d samples of cancel, %d of cancel_seen, want %d of each; warnings %q", what, canceled, cancel.Count, seen.Count, streams, got.Warnings)
					}
					if got.Latencies["stream"].Count != 0 || got.Metrics["error_share"].Value != 0 {
						t.Errorf("%s: %d streams ended by themselves, error_share %v", what, got.Latencies["stream"].Count, got.Metrics["error_share"])
					}
					if op == bench.OpGet && total > 0 && after == "3" && got.Batches < 3*streams { // what has come already is read
						t.Errorf("%s: %d batches, want 3 or more of each of %d", what, got.Batches, streams)
					}
				}
			}
		}
	})
}

// TestCancelAfterTheEnd counts streams that were shorter as what they are.
func TestCancelAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, op := range dataOps {
			for _, after := range []string{"10", "1h"} {
				c := config(op, tr)
				c.CancelAfter = after
				got := run(t, t.Context(), uri, c)
				if got.Status != results.StatusOK || got.Streams != 6 || got.Batches != 54 || got.Whole.Canceled != 0 || got.Latencies["cancel"].Count != 0 {
					t.Errorf("%s after %s: %s %q, %d streams, %d batches, %d canceled", op, after, got.Status, got.Error, got.Streams, got.Batches, got.Whole.Canceled)
				}
			}
		}
	})
}

// TestCancelWithTheLastBatch counts each stream once, whichever comes first.
func TestCancelWithTheLastBatch(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, op := range dataOps {
			c := config(op, tr)
			c.CancelAfter, c.Total = "9", 60
			got := run(t, t.Context(), uri, c)
			if n := got.Streams + got.Whole.Canceled; got.Status != results.StatusOK || n != 60 || got.Latencies["cancel"].Count != got.Whole.Canceled || got.Latencies["stream"].Count != got.Streams {
				t.Errorf("%s: %s %q, %d ended and %d canceled, want 60 in all; %v", op, got.Status, got.Error, got.Streams, got.Whole.Canceled, got.Latencies)
			}
		}
	})
}

// TestCancelOfAForeignServer has no cancel_seen: its clock is its own.
func TestCancelOfAForeignServer(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		c := config(bench.OpGet, tr)
		c.CancelAfter = "2"
		got := run(t, t.Context(), (&foreign{batches: 1 << 30}).start(t), c)
		if _, seen := got.Latencies["cancel_seen"]; got.Status != results.StatusOK || got.Whole.Canceled != 6 || got.Latencies["cancel"].Count != 6 || seen {
			t.Errorf("%s %q, %d canceled, %v", got.Status, got.Error, got.Whole.Canceled, got.Latencies)
		}
	})
}

// TestProvokedErrorsAreNoCancellations counts errors that come while streams
// are canceled as what they are.
func TestProvokedErrorsAreNoCancellations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		for _, op := range dataOps {
			t.Run(op, func(t *testing.T) {
				t.Parallel()
				uri, _ := serve(t, tr)
				c := config(op, tr)
				c.CancelAfter, c.Provoke, c.Batches, c.Total, c.Concurrency = "2s", "internal:2", 1<<30, 4, 4
				got := run(t, t.Context(), uri, c)
				if got.Status != results.StatusOK || got.Errors["Internal"] != 2 || got.Whole.Canceled != 2 || len(got.Errors) != 1 {
					t.Errorf("%s %q, errors %v, %d canceled, want 2 and 2", got.Status, got.Error, got.Errors, got.Whole.Canceled)
				}
			})
		}
	})
}

// slow is a server whose every call waits until its client gives up.
type slow struct{ flight.BaseFlightServer }

func (*slow) GetFlightInfo(ctx context.Context, _ *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (*slow) PollFlightInfo(ctx context.Context, _ *flight.FlightDescriptor) (*flight.PollInfo, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (*slow) DoGet(_ *flight.Ticket, s flight.FlightService_DoGetServer) error {
	<-s.Context().Done()
	return s.Context().Err()
}
func (*slow) DoPut(s flight.FlightService_DoPutServer) error {
	<-s.Context().Done()
	return s.Context().Err()
}
func (*slow) DoExchange(s flight.FlightService_DoExchangeServer) error {
	<-s.Context().Done()
	return s.Context().Err()
}
func (*slow) ListFlights(_ *flight.Criteria, s flight.FlightService_ListFlightsServer) error {
	<-s.Context().Done()
	return s.Context().Err()
}

// TestGivenUp ends calls to a server that never answers, by --timeout and by
// --stall, and tells which.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri := serveFlight(t, &slow{})
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange, "info", "poll", "list-flights", "ticket", "polled"} {
			for _, limit := range []string{"--timeout", "--stall"} {
				c := config(op, tr)
				c.Concurrency, c.Connections, c.Total, c.Batches = 2, 1, 4, 1<<20 // more than windows hold
				switch op {
				case "ticket":
					c.Op, c.Ticket = bench.OpGet, "x"
				case "polled":
					c.Op, c.Poll = bench.OpGet, true
				}
				if limit == "--timeout" {
					c.Timeout = 0.05
				} else {
					c.Stall = 0.05
				}
				got := run(t, t.Context(), uri, c)
				if n := got.Errors["DeadlineExceeded"]; got.Status != results.StatusFailed || n < 2 || n > 4 || got.Failures["timed_out"] != n || len(got.Errors) != 1 ||
					!strings.Contains(got.Error, "50ms ("+limit+")") {
					t.Errorf("%s %s: %s %q, errors %v", op, limit, got.Status, got.Error, got.Errors)
				}
			}
		}
	})
}

// TestSlowIsNoStall reads streams that last longer than --stall, but never
// pause that long.
func TestSlowIsNoStall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri, _ := serve(t, tr)
		ticket := workloads.Ticket{Spec: workloads.Default(), Batches: 50, Delay: 50 * time.Millisecond}
		ticket.Spec.Rows = 100
		for _, op := range dataOps {
			t.Run(op, func(t *testing.T) {
				t.Parallel()
				c := config(op, tr)
				c.Cmd, c.Stall, c.Total, c.Batches, c.PutAck = string(ticket.Marshal()), 2, 2, 50, bench.AckAll
				got := run(t, t.Context(), uri, c)
				if got.Status != results.StatusOK || got.Streams != 2 || got.Batches != 100 {
					t.Errorf("%s %q, %d streams, %d batches", got.Status, got.Error, got.Streams, got.Batches)
				}
			})
		}
	})
}
