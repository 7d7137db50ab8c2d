package bench_test

import (
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// groundTruth skips a test whose outcome depends on a machine that does little
// else; scripts/ground-truth.sh runs them.
func groundTruth(t *testing.T) {
	t.Helper()
	if os.Getenv("FLIGHTBENCH_GROUND_TRUTH") == "" {
		t.Skip("NOT RUN: it needs a quiet machine; scripts/ground-truth.sh, or FLIGHTBENCH_GROUND_TRUTH=1, runs it")
	}
}

// known is a server whose delays are known: it measures them itself.
type known struct {
	flight.BaseFlightServer
	nap     time.Duration // before each batch
	batches int
	stallAt time.Duration // after the first action,
	stall   time.Duration // actions wait for the end of so long

	mu      sync.Mutex
	gaps    []time.Duration // between batches
	first   time.Time       // action
	stalled time.Time       // the first action that had to wait
}

func (k *known) DoGet(_ *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(make([]int64, 10), nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(rec.Schema()))
	defer w.Close()
	var last time.Time
	for i := range k.batches {
		time.Sleep(k.nap)
		now := time.Now()
		if i > 0 {
			k.mu.Lock()
			k.gaps = append(k.gaps, now.Sub(last))
			k.mu.Unlock()
		}
		last = now
		if err := w.Write(rec); err != nil {
			return err
		}
	}
	return nil
}

func (k *known) DoAction(a *flight.Action, stream flight.FlightService_DoActionServer) error {
	if a.Type != "work" {
		return stream.Send(&flight.Result{})
	}
	now := time.Now()
	k.mu.Lock()
	if k.first.IsZero() {
		k.first = now
	}
	until := k.first.Add(k.stallAt + k.stall)
	wait := now.Sub(k.first) >= k.stallAt && now.Before(until)
	if wait && k.stalled.IsZero() {
		k.stalled = now
	}
	k.mu.Unlock()
	if wait {
		time.Sleep(time.Until(until))
	}
	return stream.Send(&flight.Result{})
}

// median of what the server measured.
func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

// A server that sleeps before each batch gives just that gap between batches:
// within 2 % of what the server itself measured of its sleeps.
func TestGroundTruthOfGaps(t *testing.T) {
	groundTruth(t)
	for _, tr := range transports {
		k := &known{nap: 10 * time.Millisecond, batches: 1000}
		c := config(bench.OpGet, tr)
		c.Ticket, c.Total, c.Duration, c.Concurrency, c.Connections, c.Decode = "mine", 0, 5, 2, 2, "count"
		got := run(t, t.Context(), serveFlight(t, k), c)
		k.mu.Lock()
		want := float64(median(k.gaps))
		n := len(k.gaps)
		k.mu.Unlock()
		p50 := float64(got.Latencies["batch_gap"].P50)
		t.Logf("%s: batch_gap p50 %v, the server's own %v of %d", tr, time.Duration(p50), time.Duration(want), n)
		if got.Latencies["batch_gap"].Count < 20 || math.Abs(p50/want-1) > 0.02 {
			t.Errorf("%s: batch_gap p50 %v, the server's own sleeps %v", tr, time.Duration(p50), time.Duration(want))
		}
		if got.Verdict == results.VerdictGeneratorBound {
			t.Errorf("%s: a slow server was taken for a slow generator: %q", tr, got.Evidence)
		}
		if w := got.Metrics["time_share_waiting"].Value; w < 0.9 {
			t.Errorf("%s: streams waited for %.3f of their time, want nearly all", tr, w)
		}
	}
}

// A server that stalls once gives the response times that arithmetic gives:
// every start that was due meanwhile waited for the end of the stall. What is
// measured from the actual start has only one sample of it.
func TestGroundTruthOfStall(t *testing.T) {
	groundTruth(t)
	const rps = 100
	k := &known{stallAt: 4 * time.Second, stall: time.Second}
	c := openConfig(bench.OpGet, wire.Direct)
	c.Op, c.RPS, c.Duration, c.Warmup, c.Concurrency, c.Connections = "action:work", rps, 10, 0, 1, 1
	got := run(t, t.Context(), serveFlight(t, k), c)
	if got.Status != results.StatusOK || k.stalled.IsZero() {
		t.Fatalf("%s %s: the server was not there to stall", got.Status, got.Error)
	}
	stalled := k.first.Add(k.stallAt + k.stall).Sub(k.stalled) // what the first one waited
	n := rps * c.Duration
	// The k-th longest was due k-1 gaps after the first that had to wait.
	rank := n - math.Ceil(0.99*n) // longer ones than p99
	wantP99 := float64(stalled) - rank*1e9/rps
	response, service := got.Latencies["action"], got.Latencies["action"+results.FromActual]
	t.Logf("intended: p99 %v (want %v), max %v (want %v); actual: p99 %v, max %v; lateness p99 %v", time.Duration(response.P99), time.Duration(wantP99),
		time.Duration(response.Max), stalled, time.Duration(service.P99), time.Duration(service.Max), time.Duration(got.Latencies["lateness"].P99))
	if math.Abs(float64(response.P99)/wantP99-1) > 0.05 {
		t.Errorf("p99 from the intended start is %v, want %v", time.Duration(response.P99), time.Duration(wantP99))
	}
	if math.Abs(float64(response.Max)/float64(stalled)-1) > 0.05 {
		t.Errorf("the longest from the intended start is %v, want %v", time.Duration(response.Max), stalled)
	}
	if float64(service.P99) > wantP99/2 {
		t.Errorf("p99 from the actual start is %v: it tells of waiting for a slot", time.Duration(service.P99))
	}
	// Within one start at each end of the window.
	if c := float64(response.Count); math.Abs(c-n) > 2 || response.Count != service.Count {
		t.Errorf("%d and %d response times, want %v", response.Count, service.Count, n)
	}
	if d := got.Metrics["delayed_starts"].Value; math.Abs(d-stalled.Seconds()*rps) > 10 { // more while those that waited run
		t.Errorf("%v starts were delayed, want about %.0f", d, stalled.Seconds()*rps)
	}
}

// The embedded server's own delay, on each transport.
func TestGroundTruthOfTicketDelay(t *testing.T) {
	groundTruth(t)
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		ticket := workloads.Ticket{Spec: workloads.Default(), Batches: 1000, Delay: 10 * time.Millisecond}
		ticket.Spec.Rows = 100
		c := config(bench.OpGet, tr)
		c.Cmd, c.Total, c.Duration, c.Concurrency, c.Connections, c.Decode = string(ticket.Marshal()), 0, 1.5, 1, 1, "count"
		got := run(t, t.Context(), uri, c)
		if p50 := time.Duration(got.Latencies["batch_gap"].P50); p50 < 10*time.Millisecond {
			t.Errorf("batch_gap p50 %v of a server that sleeps 10 ms", p50)
		}
		if got.Verdict == results.VerdictGeneratorBound {
			t.Errorf("a slow server was taken for a slow generator: %q", got.Evidence)
		}
	})
}
