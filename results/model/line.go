package model

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// FitSlope is by how much Value grows with each unit of Load, along a straight
// line. It is an error where too few loads, or no clear line, tell it.
func FitSlope(points []Point) (Estimate, error) {
	var x, y []float64
	distinct := map[float64]bool{}
	for _, p := range points {
		x, y = append(x, p.Load), append(y, p.Value)
		distinct[p.Load] = true
	}
	if n := len(distinct); n < 3 || len(points) < 4 {
		return Estimate{}, fmt.Errorf("it takes 3 different loads and 4 trials to tell, there were %d and %d", n, len(points))
	}
	alpha, beta := stat.LinearRegression(x, y, nil, false)
	mean, rest, spread := stat.Mean(x, nil), 0.0, 0.0
	for i := range x {
		rest += math.Pow(y[i]-alpha-beta*x[i], 2)
		spread += math.Pow(x[i]-mean, 2)
	}
	free := float64(len(x) - 2)
	half := twoSided(free) * math.Sqrt(rest/free/spread)
	e := Estimate{beta, beta - half, beta + half}
	if e.High <= 0 {
		return Estimate{}, errors.New("it did not grow")
	}
	return e.atLeast(0), nil
}
