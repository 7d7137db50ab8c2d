package bench_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/workloads"
)

// codeNames are how gRPC calls Flight's kinds of error.
var codeNames = map[string]string{
	"unavailable": "Unavailable", "unauthenticated": "Unauthenticated", "unauthorized": "PermissionDenied", "timed_out": "DeadlineExceeded",
	"cancelled": "Canceled", "internal": "Internal", "server_error": "Unknown",
}

// TestEveryKindOfErrorIsCounted has each second stream fail, at its begin.
func TestEveryKindOfErrorIsCounted(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			uri, _ := serve(t, tr)
			for _, kind := range workloads.FailKinds() {
				c := config(op, tr)
				c.Provoke, c.Total, c.Concurrency, c.Connections = kind+":2", 20, 4, 2
				got := run(t, t.Context(), uri, c)
				if got.Status != results.StatusOK || got.Streams != 10 || len(got.Errors) != 1 || got.Errors[codeNames[kind]] != 10 || len(got.Failures) != 1 || got.Failures[kind] != 10 {
					t.Errorf("%s %s: %s %s, %d streams, errors %v, failures %v, want 10 and 10", op, kind, got.Status, got.Error, got.Streams, got.Errors, got.Failures)
				}
				if m := got.Metrics["error_share"]; m.Value != 0.5 || m.Better != "lower" {
					t.Errorf("%s %s: error_share %+v, want 0.5", op, kind, m)
				}
				if !warned(got, fmt.Sprintf("10 of 20 streams failed (%s 10)", kind)) {
					t.Errorf("%s %s: warnings %q", op, kind, got.Warnings)
				}
				if extra := warned(got, "ASKED_FOR"); extra != (kind == workloads.FailServerError) {
					t.Errorf("%s %s: extra info told: %v, warnings %q", op, kind, extra, got.Warnings)
				}
				if op == bench.OpGet && got.Whole.Batches != 10*c.Batches {
					t.Errorf("%s: %d batches, want those of the 10 good streams", kind, got.Whole.Batches)
				}
			}
		}
	})
}

// TestNothingGoesWell ends a trial whose every stream fails by the first error,
// and keeps the counts.
func TestNothingGoesWell(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			for _, total := range []int64{0, 2, 1000} { // by duration, fewer than slots, many
				c := config(op, tr)
				c.Provoke, c.Total, c.Duration, c.Warmup = "unauthorized", total, 20, 0
				got := run(t, t.Context(), uri, c)
				if n := got.Errors["PermissionDenied"]; got.Status != results.StatusFailed || n < 1 || n > 200 || got.Failures["unauthorized"] != n || len(got.Errors) != 1 ||
					got.Verdict != results.VerdictIncomplete || !strings.Contains(got.Error, "the ticket asked for this error") {
					t.Errorf("%s, total %d: %s %q %s, errors %v", op, total, got.Status, got.Error, got.Verdict, got.Errors)
				}
			}
		}
	})
}

// TestServerThatDies keeps what was measured, and gives the server up in time.
func TestServerThatDies(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri, kill := serve(t, tr)
		c := config(bench.OpGet, tr)
		c.Total, c.Duration, c.Warmup = 0, 60, 0.05
		got := runMeasuring(t, uri, c, kill)
		if n := got.Errors["Unavailable"]; got.Status != results.StatusFailed || got.Verdict != results.VerdictIncomplete || n < 16 || len(got.Errors) != 1 ||
			!strings.Contains(got.Error, "failed one after another") {
			t.Errorf("%s, %s, errors %v (%s), want failed, incomplete, Unavailable 16 times or more", got.Status, got.Verdict, got.Errors, got.Error)
		}
		if got.Batches == 0 || got.Seconds <= 0 || got.Seconds > 30 || !warned(got, "counts are missing") {
			t.Errorf("%d batches in %v s: what was measured until then is lost; warnings %q", got.Batches, got.Seconds, got.Warnings)
		}
	})
}

// streamsOf asks one of our servers how many streams it has begun.
func streamsOf(t *testing.T, uri string) (n int64) {
	t.Helper()
	var s server.Stats
	if err := json.Unmarshal(act(t, uri, server.ActionStats), &s); err != nil {
		t.Error(err)
	}
	return s.Streams
}

// act makes an action.
func act(t *testing.T, uri, name string) []byte {
	t.Helper()
	client, err := flight.NewClientWithMiddleware(strings.TrimPrefix(uri, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	stream, err := client.DoAction(t.Context(), &flight.Action{Type: name})
	if err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return r.Body
}

// TestServerThatComesBack goes on with a server that was away for a moment.
func TestServerThatComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri, kill := serve(t, tr)
		c := config(bench.OpGet, tr)
		c.Total, c.Duration, c.Warmup = 0, 3, 0.05
		got := runMeasuring(t, uri, c, func() {
			kill()
			serveWith(t, tr, func(o *server.Options) { o.Listen = uri })
		})
		if n := streamsOf(t, uri); got.Status != results.StatusOK || got.Failures["unavailable"] == 0 || len(got.Failures) != 1 || n == 0 {
			t.Errorf("%s %s, failures %v, %d streams after the restart", got.Status, got.Error, got.Failures, n)
		}
		if p := got.Server; p != nil && (p.Streams < 0 || p.Rows < 0 || p.CPUSeconds < 0) {
			t.Errorf("the server's counts went backwards: %+v", p)
		}
	})
}

// detailed fails with what C++ servers send beside a FlightServerError: bytes of
// the handler's own.
type detailed struct{ foreign }

func (d *detailed) DoGet(t *flight.Ticket, s flight.FlightService_DoGetServer) error {
	if d.asked.Add(1)%2 == 0 {
		s.SetTrailer(metadata.Pairs("grpc-status-details-bin", "\xffextra of mine"))
		return status.Error(codes.Unknown, "it broke")
	}
	return d.send(s)
}

func TestExtraInfoOfBytes(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri := serveFlight(t, &detailed{foreign{batches: 1}})
		c := config(bench.OpGet, tr)
		c.Concurrency, c.Connections = 1, 1
		got := run(t, t.Context(), uri, c)
		if got.Streams != 3 || got.Failures["server_error"] != 3 || !warned(got, `it broke (extra info: "\xffextra of mine")`) {
			t.Errorf("%d streams, failures %v, warnings %q", got.Streams, got.Failures, got.Warnings)
		}
	})
}

// favourite sends to its first caller without end, and to no other.
type favourite struct{ foreign }

func (f *favourite) DoGet(t *flight.Ticket, s flight.FlightService_DoGetServer) error {
	if f.asked.Add(1) > 1 {
		return status.Error(codes.Internal, "not you")
	}
	return f.send(s)
}

// TestGoodStreamAmongFailing goes on while one stream goes well that never ends.
func TestGoodStreamAmongFailing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri := serveFlight(t, &favourite{foreign{batches: 1 << 30}})
		c := config(bench.OpGet, tr)
		c.Total, c.Duration, c.Concurrency, c.Connections = 0, 2.5, 4, 1
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusOK || got.Errors["Internal"] < 4 || got.Batches == 0 {
			t.Errorf("%s %s, errors %v, %d batches", got.Status, got.Error, got.Errors, got.Batches)
		}
	})
}

// TestWrongDataEndsATrial counts it once: it is no statistic.
func TestWrongDataEndsATrial(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		c := config(bench.OpGet, tr)
		c.Decode, c.Total, c.Concurrency, c.Connections = "verify", 100, 1, 1
		got := run(t, t.Context(), (&foreign{batches: 3}).start(t), c)
		if got.Status != results.StatusFailed || got.Errors["DataLoss"] != 1 || len(got.Errors) != 1 || !strings.Contains(got.Error, "differ from the workload") {
			t.Errorf("%s %s, errors %v", got.Status, got.Error, got.Errors)
		}
	})
}

// TestProvokeNeedsOurServer says so rather than measure without errors.
func TestProvokeNeedsOurServer(t *testing.T) {
	c := config(bench.OpGet, wire.Direct)
	c.Provoke = "internal"
	got := run(t, t.Context(), (&foreign{batches: 3}).start(t), c)
	if got.Status != results.StatusFailed || !strings.Contains(got.Error, "--provoke") {
		t.Errorf("%s %s", got.Status, got.Error)
	}
}
