package plot

import (
	"testing"

	"flightbench/results"
)

// TestFront numbers what no other setting beats in all three figures.
func TestFront(t *testing.T) {
	points := []tried{
		{rate: 1, p99: 1, cpu: 5},  // the lowest latency
		{rate: 3, p99: 9, cpu: 5},  // the highest rate
		{rate: 2, p99: 5, cpu: 1},  // the least CPU
		{rate: 2, p99: 6, cpu: 2},  // beaten by the one before
		{rate: 1, p99: 1, cpu: 6},  // as the first, but for its CPU
		{rate: 2, p99: 5, cpu: 9},  // beaten in CPU alone
		{rate: 3, p99: 10, cpu: 4}, // less CPU than what is as fast
	}
	number(points)
	got := map[[3]float64]bool{}
	for _, p := range points {
		if p.front > 0 {
			got[[3]float64{p.rate, p.p99, p.cpu}] = true
		}
	}
	want := [][3]float64{{1, 1, 5}, {3, 9, 5}, {2, 5, 1}, {3, 10, 4}}
	if len(got) != len(want) {
		t.Errorf("%d settings are on the front, want %d: %v", len(got), len(want), got)
	}
	for _, w := range want {
		if !got[w] {
			t.Errorf("%v is not on the front", w)
		}
	}
}

// TestTuningFigures draws a search, and of its other figures only those of the
// defaults and of the best.
func TestTuningFigures(t *testing.T) {
	l := &results.Loaded{Run: results.Run{Tuning: &results.Tuning{Objective: results.BodyRate, Knobs: []results.Knob{{Field: "rows", Default: "1000"}}}}}
	for i, rows := range []int64{1000, 2000, 3000} {
		for round := 1; round <= 3; round++ {
			c := results.Config{Target: "embedded", Op: "get", Transport: "direct", Workload: "perf", Rows: rows, Concurrency: 1, Connections: 1, Duration: 1}
			l.Trials = append(l.Trials, &results.Trial{ID: string(rune('a'+i)) + string(rune('0'+round)), Round: round, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid, Seconds: 1,
				Metrics: map[string]results.Metric{results.BodyRate: {Value: float64(rows) * 1e5, Unit: "B/s", Better: "higher"},
					results.ClientCPU: {Value: 1 / float64(rows), Unit: "s/GB", Better: "lower"}},
				Latencies: map[string]results.Latency{"batch_gap": {Unit: "ns", Count: 100, P50: rows * 100, P99: rows * 1000}}})
		}
	}
	l.Run.Tuning.Base, l.Run.Tuning.Best = l.Trials[0].Config, l.Trials[8].Config
	figures, _, err := All(l)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]*Figure{}
	for _, f := range figures {
		names[f.Name] = f
	}
	if f := names["tuning-latency"]; f == nil || names["tuning-cpu"] == nil || len(f.Notes) != 3 {
		t.Fatalf("figures %v, want tuning-latency with three numbered settings, and tuning-cpu", names)
	}
	d := &drawer{run: l}
	if of := d.ofTuning(l.Run.Tuning, results.GroupTrials(l.Trials)); len(of) != 2 || of[0].Config.Rows != 1000 || of[1].Config.Rows != 3000 {
		t.Errorf("the other figures are of %d groups, want the defaults and the best", len(of))
	}
}
