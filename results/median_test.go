package results_test

import (
	"math"
	"testing"

	"flightbench/results"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values        []float64
		at, low, high float64
		width         string
	}{
		{nil, 0, 0, 0, "–"},
		{[]float64{3}, 3, math.Inf(-1), math.Inf(1), "–"},
		{[]float64{1, 2, 3, 4, 5}, 3, math.Inf(-1), math.Inf(1), "–"},
		{[]float64{100, 102, 101, 99, 98, 100}, 100, 98, 102, "±2.0 %"}, // the least and the greatest of 6 hold it in 97 % of all cases
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 5, 2, 8, "±60 %"},
		{[]float64{7, 7, 7, 7, 7, 7}, 7, 7, 7, "±0.0 %"},
		{[]float64{0, 0, 0, 0, 0, 0}, 0, 0, 0, "±0.0 %"},
	} {
		m := results.MedianOf(tt.values)
		if m.N != len(tt.values) || m.At != tt.at || m.Low != tt.low || m.High != tt.high || results.FormatWidth(m.Width()) != tt.width {
			t.Errorf("%v: %+v %s, want %v in %v–%v %s", tt.values, m, results.FormatWidth(m.Width()), tt.at, tt.low, tt.high, tt.width)
		}
	}
}

// TestPrimary is by what each kind of trial is measured first.
func TestPrimary(t *testing.T) {
	open := results.Config{Op: "get", RPS: 100}
	rates := map[string]results.Metric{results.BodyRate: {Value: 5, Unit: "B/s"}}
	for _, tt := range []struct {
		t    results.Trial
		name string
		ok   bool
	}{
		{results.Trial{Config: results.Config{Op: "get"}, Metrics: rates}, results.BodyRate, true},
		{results.Trial{Config: results.Config{Op: "query"}, Metrics: map[string]results.Metric{results.QueryRate: {Value: 1}}}, results.QueryRate, true},
		{results.Trial{Config: results.Config{Op: "info"}, Metrics: map[string]results.Metric{results.CallRate: {Value: 1}}}, results.CallRate, true},
		{results.Trial{Config: open, Metrics: rates, Latencies: map[string]results.Latency{"stream": {Count: 1, P50: 5}}}, "stream.p50", true},
		{results.Trial{Config: open, Metrics: rates}, "stream.p50", false},
		{results.Trial{Config: results.Config{Op: "get"}}, results.BodyRate, false},
		{results.Trial{Config: results.Config{Op: "get"}, Metrics: map[string]results.Metric{results.BodyRate: {Value: math.NaN()}}}, results.BodyRate, false},
	} {
		if name, _, ok := tt.t.Primary(); name != tt.name || ok != tt.ok {
			t.Errorf("%s of %v: %s %v, want %s %v", tt.t.Config.Op, tt.t.Metrics, name, ok, tt.name, tt.ok)
		}
	}
}
