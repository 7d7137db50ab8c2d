// Package model fits laws of how servers scale and queue to what was measured,
// and says in words where none fits. Its functions are pure.
//
// Note: intervals are profile likelihoods (Bates and Watts, Nonlinear
// Regression Analysis, 1988, 6.1), not bootstraps: with three to ten repeats
// at a load a bootstrap's intervals are too narrow, and where a parameter lies
// on the edge of what is possible, such as no coherency at all, it is not
// consistent. The profile is that of the fit without the edges, of which what
// lies beyond an edge is then cut off: this keeps the coverage.
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Confidence is that of every interval of this package.
const Confidence = 0.95

// Point is one trial: what was measured, above 0, at a load, above 0.
type Point struct{ Load, Value float64 }

// Estimate is a fitted figure with its interval. Any of the three may be
// +Inf, where the data leave it open upwards; JSON has null there.
type Estimate struct{ Value, Low, High float64 }

// Map is e through f, which rises or falls all the way.
func (e Estimate) Map(f func(float64) float64) Estimate {
	m := Estimate{f(e.Value), f(e.Low), f(e.High)}
	if m.Low > m.High {
		m.Low, m.High = m.High, m.Low
	}
	return m
}

// atLeast cuts off what lies below least.
func (e Estimate) atLeast(least float64) Estimate {
	return Estimate{max(e.Value, least), max(e.Low, least), max(e.High, least)}
}

// MarshalJSON implements json.Marshaler.
func (e Estimate) MarshalJSON() ([]byte, error) {
	finite := func(v float64) *float64 {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		Value *float64 `json:"value"`
		Low   *float64 `json:"low"`
		High  *float64 `json:"high"`
	}{finite(e.Value), finite(e.Low), finite(e.High)})
}

// Data says what a law was fitted to.
type Data struct {
	Points  int     `json:"points"`
	Loads   int     `json:"loads"` // distinct
	Least   float64 `json:"least"` // the range of loads: beyond it a law is extrapolated
	Most    float64 `json:"most"`
	Scatter float64 `json:"scatter"` // of a point about the law, a fraction of its value
	// Tested says whether there were repeats to test the law by; without them it is only close.
	Tested bool `json:"tested"`
}

// Limits of what is taken for a fit.
const (
	minLoads    = 4    // distinct ones
	minSpan     = 3    // greatest by least load
	misfitLevel = 0.01 // a law that holds is refused that often
	misfitSize  = 0.03 // a law that is proven wrong is still good enough if no worse than this share of the value
	maxScatter  = 0.25 // no law is told from such noise
)

// load is the repeats at one load, by what scale makes of a value.
type load struct {
	at, n, mean float64
	squares     float64 // of the deviations from mean
}

// gather sums the points up by load, each value on a scale.
func gather(points []Point, scale func(float64) float64) ([]load, error) {
	values := map[float64][]float64{}
	for _, p := range points {
		if !(p.Load > 0) || !(p.Value > 0) || math.IsInf(p.Load, 0) || math.IsInf(p.Value, 0) {
			return nil, fmt.Errorf("the point %g at load %g is not positive: nothing can be fitted to it", p.Value, p.Load)
		}
		values[p.Load] = append(values[p.Load], scale(p.Value))
	}
	var loads []load
	for at, v := range values {
		l := load{at: at, n: float64(len(v))}
		for _, y := range v {
			l.mean += y / l.n
		}
		for _, y := range v {
			l.squares += (y - l.mean) * (y - l.mean)
		}
		loads = append(loads, l)
	}
	slices.SortFunc(loads, func(a, b load) int {
		if a.at < b.at {
			return -1
		}
		return 1
	})
	if len(loads) < minLoads {
		return nil, fmt.Errorf("%d different loads were measured, and a fit needs %d", len(loads), minLoads)
	}
	if span := loads[len(loads)-1].at / loads[0].at; span < minSpan {
		return nil, fmt.Errorf("the greatest load is only %.2g times the least: a fit needs %d times", span, minSpan)
	}
	return loads, nil
}

// judge tells by the repeats whether a law of p parameters fits: the classical
// test of lack of fit against pure error (Draper and Smith, Applied Regression
// Analysis, 2.1). lack and pure are weighted sums of squares, as shares of the
// values; the points' weights have the mean 1. It returns the variance of a
// point with its degrees of freedom.
func judge(d *Data, p int, lack, pure float64) (variance, freedom float64, err error) {
	lackFree, pureFree := float64(d.Loads-p), float64(d.Points-d.Loads)
	variance, freedom = (lack+pure)/(lackFree+pureFree), lackFree+pureFree
	d.Scatter, d.Tested = math.Sqrt(variance), pureFree > 0
	if d.Scatter > maxScatter {
		return 0, 0, fmt.Errorf("the points scatter by %.0f %% about the best curve, too much to tell its shape", 100*d.Scatter)
	}
	if !d.Tested {
		return variance, freedom, nil
	}
	chance := tailF(lack/lackFree/(pure/pureFree), lackFree, pureFree)
	size := math.Sqrt(lack / float64(d.Points))
	switch {
	case chance < misfitLevel && size > misfitSize:
		return 0, 0, fmt.Errorf("the curve misses the measured loads by %.0f %% on average, where repeats of a load differ by %.1f %%", 100*size, 100*math.Sqrt(pure/pureFree))
	case chance < 0.05 && lack/lackFree > variance: // then repeats alone tell too little of the error
		return lack / lackFree, lackFree, nil
	}
	return variance, freedom, nil
}

var errNoMinimum = errors.New("no curve comes near the points")
