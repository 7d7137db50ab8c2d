package model

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const s = 0.01 // seconds that a simulated worker takes

// simulate serves n Poisson arrivals by c workers, first come first served, in
// virtual time, and returns the mean response time of those after the warm-up.
// of is the time of one request; nil: s.
func simulate(r *rand.Rand, rate float64, c, n, warm int, of func() float64) float64 {
	free := make([]float64, c) // when each worker is
	now, sum, first := 0.0, 0.0, 0
	for i := range n + warm {
		now += r.ExpFloat64() / rate
		took := s
		if of == nil {
			first = i % c // workers whose work takes equally long take turns
		} else {
			took = of()
			for k := range free {
				if free[k] < free[first] {
					first = k
				}
			}
		}
		free[first] = max(now, free[first]) + took
		if i >= warm {
			sum += free[first] - now
		}
	}
	return sum / float64(n)
}

// TestResponse holds the formulas against a simulation of many requests.
func TestResponse(t *testing.T) {
	for _, service := range []Service{Deterministic, Exponential} {
		for _, c := range []int{1, 2, 4, 16} {
			for _, rho := range []float64{0.3, 0.6, 0.8, 0.9} {
				r := rand.New(rand.NewPCG(uint64(c), uint64(100*rho)))
				var of func() float64
				if service == Exponential {
					of = func() float64 { return s * r.ExpFloat64() }
				}
				rate := rho * float64(c) / s
				want, got := simulate(r, rate, c, 400_000, 20_000, of), response(service, rate, float64(c), s)
				if math.Abs(got/want-1) > 0.04 {
					t.Errorf("%s, %d workers used to %g: response %g, simulated %g", service, c, rho, got, want)
				}
			}
		}
	}
	// The textbook's: of 10 Erlang offered to 12 workers 44.9 % wait.
	if c := erlangC(12, 10); math.Abs(c-0.4494) > 1e-4 {
		t.Errorf("erlangC(12, 10) is %g", c)
	}
	if a, b, c := erlangC(3, 2.5), erlangC(3.5, 2.5), erlangC(4, 2.5); !(a > b && b > c) {
		t.Errorf("erlangC falls with the workers: %g, %g, %g", a, b, c)
	}
	if v := response(Deterministic, 100, 1, 0.01); !math.IsNaN(v) {
		t.Errorf("response at capacity is %g", v)
	}
}

// queues is how many simulations a queue's coverage is told by: they cost most
// of what this package's tests do, so that 1,000 have to be asked for.
func queues() int {
	if os.Getenv("FLIGHTBENCH_GROUND_TRUTH") != "" {
		return simulations
	}
	return min(simulations, 150)
}

// TestQueueCoverage plants workers and their time in a simulated server and
// counts how often the intervals hold them.
func TestQueueCoverage(t *testing.T) {
	cases := map[string]struct {
		service  Service
		workers  int
		requests int     // of a window
		noise    float64 // of a measured mean, beside chance
		used     []float64
		repeats  int
	}{
		"one worker":     {Deterministic, 1, 1000, 0.01, []float64{0.2, 0.4, 0.6, 0.7, 0.8, 0.9}, 5},
		"four workers":   {Deterministic, 4, 1000, 0.02, []float64{0.25, 0.5, 0.7, 0.8, 0.85, 0.9, 0.94}, 5},
		"eight, noisy":   {Deterministic, 8, 1000, 0.05, []float64{0.25, 0.5, 0.7, 0.8, 0.9, 0.95}, 6},
		"sixteen":        {Deterministic, 16, 1500, 0.02, []float64{0.2, 0.4, 0.6, 0.8, 0.9, 0.95}, 4},
		"exponential":    {Exponential, 4, 1500, 0.02, []float64{0.2, 0.4, 0.6, 0.7, 0.8, 0.9}, 5},
		"three repeats":  {Deterministic, 4, 1000, 0.03, []float64{0.25, 0.5, 0.7, 0.8, 0.85, 0.9}, 3},
		"far from limit": {Deterministic, 2, 1000, 0.01, []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, 5},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(5, 6))
			var of func() float64
			if c.service == Exponential {
				of = func() float64 { return s * r.ExpFloat64() }
			}
			held, fits, width, capacity := map[string]int{}, 0, 0.0, float64(c.workers)/s
			simulations := queues()
			for range simulations {
				var points []Point
				for _, used := range c.used {
					for range c.repeats {
						points = append(points, Point{used * capacity, simulate(r, used*capacity, c.workers, c.requests, c.requests/2, of) * noise(r, c.noise, false)})
					}
				}
				q, err := FitQueue(points, c.service)
				if err != nil {
					continue
				}
				fits++
				width += (min(q.Capacity.High, 2*capacity) - q.Capacity.Low) / capacity
				for what, v := range map[string]struct {
					e     Estimate
					truth float64
				}{"c": {q.Workers, float64(c.workers)}, "s": {q.Time, s}, "c/s": {q.Capacity, capacity}} {
					if v.e.Low <= v.truth && v.truth <= v.e.High {
						held[what]++
					}
				}
			}
			t.Logf("%d fits, held: %v; mean width of the capacity %.2g of it", fits, held, width/float64(fits))
			if fits < simulations*95/100 {
				t.Errorf("%d of %d simulations were fitted", fits, simulations)
			}
			for _, what := range []string{"c", "s", "c/s"} {
				if held[what] < fits*9/10 {
					t.Errorf("the interval of %s held what was planted in %d of %d", what, held[what], fits)
				}
			}
		})
	}
}

func TestQueueRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var falls, few []Point
	for _, rate := range []float64{10, 20, 40, 80} {
		for range 5 {
			falls = append(falls, Point{rate, noise(r, 0.02, false) / rate})
		}
		few = append(few, Point{min(rate, 40), 1})
	}
	for name, c := range map[string]struct {
		points []Point
		want   string
	}{
		"a response that falls": {falls, " "},
		"three rates":           {few, "3 different loads"},
	} {
		if q, err := FitQueue(c.points, Deterministic); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", name, q, err, c.want)
		}
	}
}
