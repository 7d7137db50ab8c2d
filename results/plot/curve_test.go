package plot

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"flightbench/results"
)

// searchedStreams is a search over concurrency of a server that scales by the
// USL; cap bounds what it moves, 0 not at all.
func searchedStreams(sigma, kappa, bound float64, loads ...int) *results.Loaded {
	r := rand.New(rand.NewPCG(2, 3))
	l := &results.Loaded{Run: results.Run{Name: "capacity", Status: results.StatusComplete}}
	for round := range 4 {
		for _, n := range loads {
			f := float64(n)
			x := 4e8 * f / (1 + sigma*(f-1) + kappa*f*(f-1))
			if bound > 0 {
				x = min(x, bound)
			}
			x *= math.Exp(0.04 * r.NormFloat64())
			p50 := f / (x / 1e7) * 1e9
			t := &results.Trial{ID: fmt.Sprintf("%d.%d", round+1, n), Round: round + 1, Status: results.StatusOK, Verdict: results.VerdictValid,
				Config:    results.Config{Op: "get", Transport: "direct", Workload: "perf", Rows: 65536, Concurrency: n, Connections: 1, Request: "flightbench"},
				Metrics:   map[string]results.Metric{results.BodyRate: {Value: x, Unit: "B/s"}, results.StreamRate: {Value: x / 1e7, Unit: "streams/s"}},
				Latencies: map[string]results.Latency{"stream": {Count: 1000, P50: int64(p50), P99: int64(3 * p50 * math.Exp(0.1*r.NormFloat64())), Mean: p50}}}
			l.Trials = append(l.Trials, t)
		}
	}
	return l
}

// searchedCalls is a search over rates of calls, of an M/D/c server of 4
// workers of 2 ms each.
func searchedCalls() *results.Loaded {
	r := rand.New(rand.NewPCG(2, 3))
	l := &results.Loaded{Run: results.Run{Name: "capacity", Status: results.StatusComplete}}
	c := &results.Capacity{Over: "rps", Unit: "calls/s", Outcome: results.CapacityFound, Load: 1800, Low: 1760, High: 1850, Level: 0.95, Told: true,
		Objectives: []results.Objective{{Gate: results.KeepsUp}, {Gate: "call.p99<=10ms", Figure: "call.p99", Limit: 10e6}}, Unloaded: results.Unloaded{Latency: "info"}}
	for _, rate := range []float64{250, 500, 1000, 1500, 1700, 1800, 1850, 1900, 2200} {
		cl := results.CapacityLoad{Load: rate, Asked: rate}
		for i := range 4 {
			free, now, sum, n := [4]float64{}, 0.0, 0.0, 8000
			for k := range n {
				now += r.ExpFloat64() / rate
				free[k%4] = math.Max(now, free[k%4]) + 0.002
				sum += free[k%4] - now
			}
			mean := sum / float64(n) * 1e9
			id := fmt.Sprintf("%d.%g", i+1, rate)
			achieved := math.Min(rate, 2000)
			verdict := results.VerdictValid
			if rate > 2000 {
				verdict = results.VerdictUnstable
			}
			l.Trials = append(l.Trials, &results.Trial{ID: id, Round: i + 1, Status: results.StatusOK, Verdict: verdict,
				Config:    results.Config{Op: "info", Transport: "direct", RPS: rate, Arrival: "poisson", Concurrency: 10000, Connections: 4},
				Metrics:   map[string]results.Metric{results.CallRate: {Value: achieved}, results.AskedRate: {Value: rate}, results.AchievedRate: {Value: achieved}},
				Latencies: map[string]results.Latency{"info": {Count: int64(n), Mean: mean, P50: int64(mean * 0.9), P99: int64(mean*2.2 - 1.5e6)}}})
			cl.Trials = append(cl.Trials, id)
		}
		c.Loads = append(c.Loads, cl)
	}
	l.Run.Capacity = c
	return l
}

func TestCurves(t *testing.T) {
	bySearch := searchedStreams(0.03, 0.0008, 0, 1, 2, 4, 8, 16, 24, 32, 48)
	bySearch.Run.Capacity = &results.Capacity{Over: "concurrency", Unit: "streams", Outcome: results.CapacityFound, Load: 16, Low: 14, High: 20, Level: 0.95,
		Objectives: []results.Objective{{Gate: "stream.p99<=150ms", Figure: "stream.p99", Limit: 150e6}, {Gate: "body_bytes_per_second>=1GB/s", Figure: results.BodyRate, Limit: 1e9}}}
	cases := map[string]struct {
		run   *results.Loaded
		names []string
		has   []string // texts of the first figure and its last
		hasNo string
	}{
		"streams, searched": {bySearch, []string{"capacity-throughput", "capacity-latency-stream"},
			[]string{"USL fit, with its 95 % band", "extrapolated", "data end here", "holds 16 streams", "14 streams to 20 streams", "objective stream.p99&lt;=150ms", "body_bytes_per_second&gt;=1GB/s", "The fit"}, "asked for"},
		"streams, not searched": {searchedStreams(0.03, 0.0002, 0, 1, 2, 4, 8, 16, 24), []string{"capacity-throughput", "capacity-latency-stream"},
			[]string{"USL fit, with its 95 % band", "data end here"}, "holds"},
		"no law": {searchedStreams(0, 0, 3.2e9, 1, 2, 4, 8, 16, 32, 64, 96, 128, 160), []string{"capacity-throughput", "capacity-latency-stream"},
			[]string{"No scalability law (USL) is shown: the curve", "No line is drawn"}, "USL fit"},
		"calls, open loop": {searchedCalls(), []string{"capacity-throughput", "capacity-latency-info"},
			[]string{"asked for", "holds 1,800 calls/s", "mean by the M/D/c fit", "extrapolated", "objective call.p99&lt;=10ms", "4 trials at overload", "crossed out"}, "USL fit"},
		"too few loads": {searchedStreams(0.03, 0.0002, 0, 1, 2, 4), nil, nil, "USL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			figures, _, err := All(c.run)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(figures); c.run.Run.Capacity != nil && n > 8 {
				t.Errorf("%d figures of a search: only those of the answer were to be drawn beside the curve", n)
			}
			var names []string
			all := ""
			for _, f := range figures {
				if !strings.HasPrefix(f.Name, "capacity") {
					continue
				}
				names = append(names, f.Name)
				svg, err := f.SVG()
				if err != nil {
					t.Fatal(err)
				}
				all += string(svg)
				if _, err := f.PNG(); err != nil {
					t.Fatal(err)
				}
			}
			if fmt.Sprint(names) != fmt.Sprint(c.names) {
				t.Errorf("figures are %v, want %v", names, c.names)
			}
			flat := strings.Join(textsOf(all), " ")
			for _, text := range c.has {
				if !strings.Contains(flat, text) {
					t.Errorf("%q is in no figure:\n%s", text, flat)
				}
			}
			if strings.Contains(flat, c.hasNo) {
				t.Errorf("%q is in a figure", c.hasNo)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	for want, x := range map[int][]float64{0: {1, 2, 3}, 1: {1, 2, 3, 2}, 3: {1, 2, 1, 2, 1}} {
		var xy plotter.XYs
		for _, v := range x {
			xy = append(xy, plotter.XY{X: v})
		}
		if n := turns(xy); n != want {
			t.Errorf("%v turns %d times, want %d", x, n, want)
		}
	}
}

// textsOf are the texts of SVGs.
func textsOf(svg string) (texts []string) {
	for _, part := range strings.Split(svg, "<text ")[1:] {
		_, part, _ = strings.Cut(part, ">")
		part, _, _ = strings.Cut(part, "</text>")
		texts = append(texts, part)
	}
	return texts
}
