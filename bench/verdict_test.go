package bench

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// calm are the vitals of a trial of 10 s on four cores that nothing is wrong
// with, at a server on another machine.
func calm() vitals {
	return vitals{seconds: 10, cores: 4, client: 12, server: 20, machine: 40, idle: 27, others: 1, stolen: 0, waited: 0.5, throttled: 0, sched: 20e-6, skew: 1e-6}
}

// steady is a timeline of intervals with so many batches each.
func steady(batches ...int64) (out []results.Interval) {
	for i, n := range batches {
		out = append(out, results.Interval{Start: float64(i), Seconds: 1, Batches: n})
	}
	return out
}

func TestVerdicts(t *testing.T) {
	even := steady(1000, 1010, 990, 1000, 1005, 995, 1000, 1000, 990, 1010)
	busy := func(share float64) map[string]results.Metric {
		return map[string]results.Metric{results.TimeBusy: {Value: share}, results.TimeWaiting: {Value: 1 - share}}
	}
	late := func(p99, response time.Duration) map[string]results.Latency {
		return map[string]results.Latency{"lateness": {Count: 1, P99: int64(p99)}, "stream_actual": {Count: 1, P99: int64(response)}}
	}
	for _, c := range []struct {
		name     string
		change   func(tr *trial, v *vitals)
		verdict  string
		evidence string // of which one must have this
	}{
		{"nothing wrong", func(*trial, *vitals) {}, results.VerdictValid, ""},
		{"client at its limit", func(_ *trial, v *vitals) { v.client = 38 }, results.VerdictGeneratorBound, "client CPU 3.80 of 4 cores, the server's 2.00"},
		{"one core of its own is its limit", func(_ *trial, v *vitals) { v.client, v.cores = 9.6, 1 }, results.VerdictGeneratorBound, "client CPU 0.96 of 1 cores"},
		{"in one process the CPU is the server's, too", func(tr *trial, v *vitals) { v.client, tr.config.InProcess = 38, true }, results.VerdictValid, ""},
		{"goroutines queue, near the limit", func(_ *trial, v *vitals) { v.client, v.sched = 32, 5e-3 }, results.VerdictGeneratorBound, "waited 5.00 ms or more to run"},
		{"goroutines queue, far from the limit", func(_ *trial, v *vitals) { v.sched = 5e-3 }, results.VerdictValid, ""},
		{"one core of its own, which it has to share", func(_ *trial, v *vitals) { v.client, v.waited, v.cores, v.sched = 6.5, 7, 1, 4e-3 }, results.VerdictGeneratorBound, "used 0.65 and waited for 0.70 more"},
		{"... and goroutines that do not queue", func(_ *trial, v *vitals) { v.client, v.waited, v.cores = 6.5, 7, 1 }, results.VerdictValid, ""},
		{"all cores, which it has to share", func(_ *trial, v *vitals) { v.client, v.waited, v.sched = 26, 28, 4e-3 }, results.VerdictValid, ""},
		{"busy streams", func(tr *trial, _ *vitals) { tr.out.Metrics = busy(0.9) }, results.VerdictGeneratorBound, "90 % of their time busy"},
		{"waiting streams", func(tr *trial, _ *vitals) { tr.out.Metrics = busy(0.5) }, results.VerdictValid, ""},
		{"busy streams, by estimate", func(tr *trial, _ *vitals) { tr.out.Metrics, tr.transport = busy(0.9), wire.GRPC }, results.VerdictValid, ""},
		{"busy on a machine that both use up", func(tr *trial, v *vitals) { tr.out.Metrics, v.here, v.idle = busy(0.9), true, 0 }, results.VerdictValid, ""},
		{"busy on such a machine, by far the most of the two", func(tr *trial, v *vitals) {
			tr.out.Metrics, v.here, v.idle, v.client, v.server = busy(0.9), true, 0, 30, 9
		}, results.VerdictGeneratorBound, "90 % of their time busy"},
		{"a neighbour, and a client that waits for CPU", func(_ *trial, v *vitals) { v.others, v.waited = 20, 9 }, results.VerdictGeneratorBound, "other processes used 50 %"},
		{"a neighbour, and a client that gets what it wants", func(_ *trial, v *vitals) { v.others = 20 }, results.VerdictValid, ""},
		{"a neighbour, and a client that waits for the server", func(_ *trial, v *vitals) { v.others, v.client, v.waited = 20, 0.2, 0.4 }, results.VerdictValid, ""},
		{"a neighbour, and streams that wait for the server", func(tr *trial, v *vitals) {
			tr.out.Metrics, v.others, v.client, v.waited = busy(0.05), 20, 2, 3
		}, results.VerdictValid, ""},
		{"... of which half do not", func(tr *trial, v *vitals) {
			tr.out.Metrics, v.others, v.client, v.waited = busy(0.5), 20, 2, 3
		}, results.VerdictGeneratorBound, "other processes used 50 %"},
		{"... where half of the slots have none", func(tr *trial, v *vitals) {
			tr.out.Metrics, v.others, v.client, v.waited = map[string]results.Metric{results.TimeBusy: {Value: 0.01}, results.TimeWaiting: {Value: 0.49}, results.TimeIdle: {Value: 0.5}}, 20, 2, 3
		}, results.VerdictValid, ""},
		{"a neighbour, streams that wait for the server, and a client that wants more than it gets", func(tr *trial, v *vitals) {
			tr.out.Metrics, v.others, v.client, v.waited = busy(0.05), 20, 2, 9
		}, results.VerdictGeneratorBound, "other processes used 50 %"},
		{"... of a client that wants little, by estimate", func(tr *trial, v *vitals) {
			tr.out.Metrics, tr.transport, v.others, v.client, v.waited = busy(0.05), wire.GRPC, 20, 1, 4
		}, results.VerdictValid, ""},
		{"a neighbour, and streams that seem to wait for the server, by estimate", func(tr *trial, v *vitals) {
			tr.out.Metrics, tr.transport, v.others, v.waited = busy(0.05), wire.GRPC, 20, 9
		}, results.VerdictGeneratorBound, "other processes used 50 %"},
		{"a neighbour, and calls, which wait while the client's reader does", func(tr *trial, v *vitals) {
			tr.out.Metrics, tr.kind.calls, v.others, v.waited = busy(0.05), true, 20, 9
		}, results.VerdictGeneratorBound, "other processes used 50 %"},
		{"the server's competition is no neighbour", func(_ *trial, v *vitals) { v.waited = 9 }, results.VerdictValid, ""},
		{"throttled", func(_ *trial, v *vitals) { v.throttled = 1 }, results.VerdictGeneratorBound, "throttled for 1.00 of 10.00 s"},
		{"late pacer", func(tr *trial, _ *vitals) { tr.out.Latencies = late(3*time.Millisecond, 10*time.Millisecond) }, results.VerdictGeneratorBound, "3.00 ms late or more"},
		{"late by little", func(tr *trial, _ *vitals) { tr.out.Latencies = late(900*time.Microsecond, time.Millisecond) }, results.VerdictValid, ""},
		{"late by little of what follows", func(tr *trial, _ *vitals) { tr.out.Latencies = late(3*time.Millisecond, time.Second) }, results.VerdictValid, ""},
		{"steal", func(_ *trial, v *vitals) { v.stolen = 4 }, results.VerdictUnstable, "took 10.0 %"},
		{"drift", func(tr *trial, _ *vitals) { tr.out.Timeline = steady(1000, 1000, 1000, 700, 700, 600, 500, 500, 500) }, results.VerdictUnstable, "differs by -50 %"},
		{"spread", func(tr *trial, _ *vitals) {
			tr.out.Timeline = steady(1000, 200, 1800, 1000, 300, 1700, 1000, 200, 1800)
		}, results.VerdictUnstable, "middle half"},
		{"spread of few", func(tr *trial, _ *vitals) { tr.out.Timeline = steady(2, 4, 1, 5, 2, 3, 1, 6, 2) }, results.VerdictValid, ""},
		{"an open loop's rates are the asked ones", func(tr *trial, _ *vitals) {
			tr.out.Timeline, tr.load = steady(1000, 1000, 1000, 700, 700, 600, 500, 500, 500), &load{}
		}, results.VerdictValid, ""},
		{"the clock was set", func(_ *trial, v *vitals) { v.skew = -3 }, results.VerdictClock, "-3.000 s"},
		{"the clock is slewed", func(_ *trial, v *vitals) { v.skew = 0.005 }, results.VerdictValid, ""},
		{"too short to tell", func(_ *trial, v *vitals) { v.client, v.seconds = 38, 0.5 }, results.VerdictValid, ""},
		{"nothing is known", func(_ *trial, v *vitals) {
			v.server, v.machine, v.others, v.stolen, v.waited, v.throttled, v.sched = -1, -1, -1, -1, -1, -1, -1
		}, results.VerdictValid, ""},
	} {
		out := &results.Trial{Verdict: results.VerdictValid, Timeline: even}
		tr := &trial{out: out, config: &results.Config{Duration: 20}, transport: wire.Direct, kind: opKind{name: OpGet}, target: target.Target{}}
		v := calm()
		c.change(tr, &v)
		tr.believe(v)
		told := strings.Join(out.Evidence, "\n")
		if out.Verdict != c.verdict || !strings.Contains(told, c.evidence) || (len(out.Evidence) == 0) != (c.verdict == results.VerdictValid) {
			t.Errorf("%s: %s %q, want %s %q", c.name, out.Verdict, told, c.verdict, c.evidence)
		}
	}
}

// What speaks against a trial beside its verdict is a warning.
func TestFurtherDoubts(t *testing.T) {
	out := &results.Trial{Verdict: results.VerdictValid}
	tr := &trial{out: out, config: &results.Config{Duration: 20}, transport: wire.Direct}
	v := calm()
	v.client, v.stolen = 38, 4
	tr.believe(v)
	if out.Verdict != results.VerdictGeneratorBound || len(tr.warnings) != 1 || !strings.HasPrefix(tr.warnings[0], "unstable as well: ") {
		t.Errorf("%s, warnings %q", out.Verdict, tr.warnings)
	}
}

func TestSchedP99(t *testing.T) {
	h := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: []float64{math.Inf(-1), 1e-6, 1e-3, 1, math.Inf(1)}}
	}
	for _, c := range []struct {
		a, b *metrics.Float64Histogram
		want float64
		ok   bool
	}{
		{h(0, 0, 0, 0), h(0, 100, 0, 0), 1e-6, true},
		{h(0, 1000, 0, 0), h(0, 1098, 2, 0), 1e-3, true},
		{h(0, 1000, 0, 0), h(0, 1099, 1, 0), 1e-6, true},
		{h(0, 0, 0, 0), h(0, 0, 0, 5), 1, true},
		{h(0, 0, 0, 0), h(9, 0, 0, 0), 0, true},
		{h(0, 3, 0, 0), h(0, 3, 0, 0), 0, false},
		{nil, h(0, 3, 0, 0), 0, false},
	} {
		if got, ok := schedP99(c.a, c.b); got != c.want || ok != c.ok {
			t.Errorf("%v, %v, want %v, %v", got, ok, c.want, c.ok)
		}
	}
}

func TestGCPauses(t *testing.T) {
	a := debug.GCStats{NumGC: 3, PauseTotal: 30, Pause: []time.Duration{10, 15, 5}}
	b := debug.GCStats{NumGC: 5, PauseTotal: 42, Pause: []time.Duration{4, 8, 10, 15, 5}}
	if sum, longest := gcPauses(a, b); sum != 12 || longest != 8 {
		t.Errorf("%v, %v, want 12 ns, 8 ns", sum, longest)
	}
	if sum, longest := gcPauses(b, b); sum != 0 || longest != 0 {
		t.Errorf("%v, %v without a collection", sum, longest)
	}
}
