package planning

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"flightbench/results"
)

// scaling is a run of streams at rising concurrency, of a server that scales
// by sigma and kappa.
func scaling(sigma, kappa float64, repeats int, loads ...int) *results.Loaded {
	r := rand.New(rand.NewPCG(1, 1))
	l := &results.Loaded{}
	for _, n := range loads {
		for i := range repeats {
			f := float64(n)
			x := 4e8 * f / (1 + sigma*(f-1) + kappa*f*(f-1)) * math.Exp(0.03*r.NormFloat64())
			l.Trials = append(l.Trials, &results.Trial{ID: fmt.Sprintf("%d.%d", i+1, n), Round: i + 1, Status: results.StatusOK, Verdict: results.VerdictValid,
				Config:  results.Config{Op: "get", Concurrency: n, Connections: 1},
				Metrics: map[string]results.Metric{results.BodyRate: {Value: x}, results.StreamRate: {Value: x / 1e7}}})
		}
	}
	return l
}

// queueing is a run of calls at rising rates, as an M/M/1 with a time of 1 ms
// answers.
func queueing(arrival string) *results.Loaded {
	r := rand.New(rand.NewPCG(1, 1))
	l := &results.Loaded{}
	for _, rate := range []float64{100, 300, 500, 700, 800, 1500} {
		for i := range 5 {
			mean, achieved := 1e6/(1-rate/1000)*math.Exp(0.02*r.NormFloat64()), rate
			if rate > 1000 {
				mean, achieved = 5e9, 1000
			}
			l.Trials = append(l.Trials, &results.Trial{ID: fmt.Sprintf("%d.%g", i+1, rate), Round: i + 1, Status: results.StatusOK, Verdict: results.VerdictValid,
				Config:    results.Config{Op: "info", RPS: rate, Arrival: arrival, Concurrency: 1000},
				Metrics:   map[string]results.Metric{results.CallRate: {Value: achieved}, results.AskedRate: {Value: rate}, results.AchievedRate: {Value: achieved}},
				Latencies: map[string]results.Latency{"info": {Count: 1000, Mean: mean}}})
		}
	}
	return l
}

func TestCurves(t *testing.T) {
	bound := scaling(0.1, 0, 3, 1, 2, 4, 8, 16)
	bound.Trials[0].Verdict = results.VerdictGeneratorBound
	busy := queueing("poisson")
	for i := range 3 { // of the least rate
		busy.Trials[i].Verdict = results.VerdictGeneratorBound
		busy.Trials[i].Latencies["info"] = results.Latency{Count: 1000, Mean: 9e9}
	}
	paced := queueing("poisson")
	for _, tr := range paced.Trials { // a tenth more than asked for came, and all of it was answered
		if tr.Config.RPS < 1000 {
			tr.Timeline = []results.Interval{{Seconds: 2, Pace: &results.Pace{Started: 1.1 * tr.Config.RPS, Ended: 1.1 * tr.Config.RPS}}}
		}
	}
	cases := map[string]struct {
		run        *results.Loaded
		curves     int
		usl, queue bool
		want       string
	}{
		"a peak":            {scaling(0.02, 0.001, 3, 1, 2, 4, 8, 16, 32, 64), 1, true, false, "its peak is"},
		"a peak beyond":     {scaling(0.02, 0.001, 3, 1, 2, 4, 8, 16, 24), 1, true, false, "beyond the 24.0 measured"},
		"no peak":           {scaling(0.1, 0, 3, 1, 2, 4, 8, 16), 1, true, false, "still bring more"},
		"the most with one": {scaling(1.2, 0, 3, 1, 2, 4, 8, 16), 1, true, false, "its peak is with one: more streams bring nothing"},
		"levels off":        {scaling(0.9, 0, 6, 1, 2, 4, 8, 16, 32), 1, true, false, "levels off"},
		"not repeated":      {scaling(0.1, 0.001, 1, 1, 2, 4, 8, 16, 32, 64), 1, true, false, "--repeat 3"},
		"generator-bound":   {bound, 1, true, false, "1 of 15 trials are generator-bound"},
		"three loads":       {scaling(0.1, 0, 3, 1, 2, 4), 0, false, false, ""},
		"nothing":           {&results.Loaded{}, 0, false, false, ""},
		"random arrivals":   {queueing("poisson"), 1, false, true, "5 trials at overload"},
		"a queue of one":    {queueing("poisson"), 1, false, true, "M/M/c"},
		"a busy client":     {busy, 1, false, true, "3 generator-bound trials are not in"},
		"more came":         {paced, 1, false, true, "at 110 to 880 requests/s"},
		"regular arrivals":  {queueing("constant"), 1, false, false, "--arrival poisson"},
		"a jump, no smooth": {jump(), 1, false, false, "No scalability law (USL) is shown: the curve misses"},
	}
	for name, c := range cases {
		curves := Curves(c.run)
		if len(curves) != c.curves {
			t.Errorf("%s: %d curves, want %d", name, len(curves), c.curves)
			continue
		}
		for _, k := range curves {
			if text := strings.Join(k.Lines(), "\n"); (k.USL != nil) != c.usl || (k.Queue != nil) != c.queue || !strings.Contains(text, c.want) {
				t.Errorf("%s: USL %v, queue %v, want %q in:\n%s", name, k.USL, k.Queue, c.want, text)
			}
		}
	}
}

// jump is a server that stops at 8 streams at once.
func jump() *results.Loaded {
	l := scaling(0, 0, 4, 1, 2, 4, 8, 16, 32, 64)
	for _, t := range l.Trials {
		if n := t.Config.Concurrency; n > 8 {
			m := t.Metrics[results.BodyRate]
			m.Value *= 8 / float64(n)
			t.Metrics[results.BodyRate] = m
		}
	}
	return l
}

// TestCurvesOfASearch takes the search's trials, whatever else differs among
// them.
func TestCurvesOfASearch(t *testing.T) {
	l := scaling(0.05, 0.001, 3, 1, 2, 8, 16)
	for i, tr := range l.Trials {
		tr.Config.Duration = float64(1 + i%2)
	}
	for _, phase := range asides {
		aside := *l.Trials[0]
		aside.Phase = phase
		l.Trials = append(l.Trials, &aside)
	}
	l.Run.Capacity = &results.Capacity{Over: "concurrency", Unloaded: results.Unloaded{Latency: "first_batch"}}
	curves := Curves(l)
	if len(curves) != 1 || len(curves[0].Loads) != 4 || len(curves[0].Loads[0].Trials) != 3 || curves[0].Latency != "first_batch" || curves[0].Capacity == nil {
		t.Fatalf("got %+v", curves)
	}
	if got := curves[0].PerStart(); math.Abs(got-1e7) > 1 {
		t.Errorf("a stream is of %g bytes", got)
	}
}
