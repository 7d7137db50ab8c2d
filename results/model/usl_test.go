package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise makes a share of a value: normal, with one in twenty trials disturbed
// where spikes is set.
func noise(r *rand.Rand, size float64, spikes bool) float64 {
	v := math.Exp(size * r.NormFloat64())
	if spikes && r.IntN(20) == 0 {
		v *= 0.7
	}
	return v
}

func uslPoints(r *rand.Rand, lambda, sigma, kappa float64, loads []float64, repeats int, size float64, spikes bool) []Point {
	var points []Point
	for _, n := range loads {
		for range repeats {
			x := lambda * n / (1 + sigma*(n-1) + kappa*n*(n-1))
			points = append(points, Point{n, x * noise(r, size, spikes)})
		}
	}
	return points
}

// TestUSLCoverage plants parameters and counts how often the intervals hold
// them: at least 90 % of 1,000 simulations a case.
func TestUSLCoverage(t *testing.T) {
	doubling := []float64{1, 2, 4, 8, 16, 32, 64}
	cases := map[string]struct {
		sigma, kappa, noise float64
		loads               []float64
		repeats             int
		spikes              bool
	}{
		"both":                {0.05, 0.0005, 0.05, doubling, 5, false},
		"much noise":          {0.05, 0.0005, 0.10, doubling, 3, false},
		"little noise":        {0.02, 0.0001, 0.03, []float64{1, 2, 4, 8, 16, 24, 32, 48, 64, 96}, 10, false},
		"no coherency":        {0.05, 0, 0.05, doubling, 5, false},
		"no contention":       {0, 0.0005, 0.05, doubling, 5, false},
		"linear":              {0, 0, 0.05, doubling, 4, false},
		"saturated early":     {0.6, 0.001, 0.05, doubling, 4, false},
		"none at one":         {0.05, 0.0005, 0.04, []float64{4, 8, 12, 16, 24, 32, 48, 64}, 6, false},
		"one in twenty wrong": {0.05, 0.0005, 0.04, doubling, 8, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			truth := USL{Lambda: Estimate{Value: 3e8}, Sigma: Estimate{Value: c.sigma}, Kappa: Estimate{Value: c.kappa}}
			held := map[string]int{}
			count := func(what string, low, high, truth float64) {
				if low <= truth && truth <= high {
					held[what]++
				}
			}
			fits, width := 0, 0.0
			for range simulations {
				u, err := FitUSL(uslPoints(r, 3e8, c.sigma, c.kappa, c.loads, c.repeats, c.noise, c.spikes))
				if err != nil {
					continue
				}
				fits++
				count("λ", u.Lambda.Low, u.Lambda.High, 3e8)
				count("σ", u.Sigma.Low, u.Sigma.High, c.sigma)
				count("κ", u.Kappa.Low, u.Kappa.High, c.kappa)
				count("peak", u.Peak.Low, u.Peak.High, math.Sqrt((1-c.sigma)/c.kappa))
				low, high := u.Band(20)
				count("X(20)", low, high, truth.At(20))
				width += (u.Sigma.High - u.Sigma.Low) / simulations
			}
			t.Logf("%d fits, held: %v; mean width of σ %.3g", fits, held, width)
			if fits < simulations*96/100 { // a law that holds is refused by chance, and told to be
				t.Errorf("%d of %d simulations were fitted", fits, simulations)
			}
			told := []string{"σ", "κ", "peak", "λ", "X(20)"}
			if c.spikes { // they lower all loads alike: the level is off, the shape is not
				told = told[:3]
			}
			for _, what := range told {
				if held[what] < fits*9/10 {
					t.Errorf("the interval of %s held what was planted in %d of %d", what, held[what], fits)
				}
			}
		})
	}
}

// TestUSLExact recovers what was planted from data without noise.
func TestUSLExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	u, err := FitUSL(uslPoints(r, 200, 0.03, 0.0004, []float64{1, 2, 4, 8, 16, 32, 64, 128}, 2, 0, false))
	if err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string][2]float64{
		"λ": {u.Lambda.Value, 200}, "σ": {u.Sigma.Value, 0.03}, "κ": {u.Kappa.Value, 0.0004},
		"peak": {u.Peak.Value, math.Sqrt(0.97 / 0.0004)}, "top": {u.Top.Value, u.At(math.Sqrt(0.97 / 0.0004))},
	} {
		if math.Abs(v[0]/v[1]-1) > 1e-3 {
			t.Errorf("%s is %g, planted was %g", what, v[0], v[1])
		}
	}
}

// TestUSLWithoutScaling wants the peak at 1 where more only lowers throughput.
func TestUSLWithoutScaling(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, sigma := range []float64{1.2, 3} {
		for range 50 {
			u, err := FitUSL(uslPoints(r, 200, sigma, 0.001, []float64{1, 2, 4, 8, 16, 32}, 3, 0.02, false))
			if err != nil {
				continue // refused by chance
			}
			if u.Peak != (Estimate{1, 1, 1}) || math.Abs(u.Top.Value/200-1) > 0.1 {
				t.Errorf("σ %g: peak %v, top %v", sigma, u.Peak, u.Top)
			}
		}
	}
}

func TestUSLRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	step := func(n float64) float64 { return math.Min(n, 6) } // a token bucket's corner is no USL
	corner := func(size float64) (points []Point) {
		for _, n := range []float64{1, 2, 4, 6, 8, 16, 32, 64} {
			for range 5 {
				points = append(points, Point{n, step(n) * noise(r, size, false)})
			}
		}
		return points
	}
	cases := map[string]struct {
		points []Point
		want   string
	}{
		"nothing":      {nil, "0 different loads"},
		"three loads":  {uslPoints(r, 1, 0.1, 0, []float64{1, 8, 64}, 9, 0.05, false), "3 different loads"},
		"close loads":  {uslPoints(r, 1, 0.1, 0, []float64{30, 31, 32, 33, 34}, 9, 0.05, false), "1.1 times"},
		"zero":         {[]Point{{1, 1}, {2, 2}, {4, 0}, {8, 8}}, "not positive"},
		"another law":  {corner(0.02), "misses the measured loads"},
		"only noise":   {uslPoints(r, 1, 0.1, 0, []float64{1, 2, 4, 8, 16}, 3, 0.9, false), "scatter"},
		"no more data": {[]Point{{1, 1}, {2, 1.9}, {4, 3.5}, {math.Inf(1), 4}}, "not positive"},
	}
	for name, c := range cases {
		if _, err := FitUSL(c.points); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}
