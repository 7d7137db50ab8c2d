package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFitSlope(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	held := 0
	for range simulations {
		var points []Point
		for _, x := range []float64{1, 4, 16, 64} {
			for range 3 {
				points = append(points, Point{x, 50 + 2*x + 5*r.NormFloat64()})
			}
		}
		if e, err := FitSlope(points); err != nil {
			t.Fatal(err)
		} else if e.Low <= 2 && 2 <= e.High {
			held++
		}
	}
	if held < simulations*9/10 {
		t.Errorf("the interval held the slope in %d of %d simulations", held, simulations)
	}
	for name, c := range map[string]struct {
		points []Point
		value  float64
		ok     bool
	}{
		"exact":      {[]Point{{1, 3}, {2, 5}, {3, 7}, {4, 9}}, 2, true},
		"falling":    {[]Point{{1, 9}, {2, 7}, {3, 5}, {4, 3}}, 0, false},
		"two loads":  {[]Point{{1, 9}, {1, 7}, {2, 5}, {2, 3}}, 0, false},
		"few trials": {[]Point{{1, 1}, {2, 2}, {3, 3}}, 0, false},
		"none":       {nil, 0, false},
	} {
		if e, err := FitSlope(c.points); (err == nil) != c.ok || math.Abs(e.Value-c.value) > 1e-9 {
			t.Errorf("%s: %v, %v; want %g", name, e, err, c.value)
		}
	}
}
