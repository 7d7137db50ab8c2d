package model

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// problem is one of nonlinear least squares.
type problem struct {
	n     int       // residuals
	scale []float64 // what a parameter is measured by: steps are much smaller
	// residuals sets r for the parameters; false where these are impossible.
	residuals func(theta, r []float64) bool
}

// sum is that of the squares, +Inf where theta is impossible.
func (p problem) sum(theta []float64) float64 {
	r := make([]float64, p.n)
	if !p.residuals(theta, r) {
		return math.Inf(1)
	}
	s := 0.0
	for _, v := range r {
		s += v * v
	}
	if math.IsNaN(s) {
		return math.Inf(1)
	}
	return s
}

// slopes is the Jacobian of the residuals in the free parameters, by central
// differences.
func (p problem) slopes(theta []float64, free []int) (j *mat.Dense, ok bool) {
	j = mat.NewDense(p.n, len(free), nil)
	up, down, at := make([]float64, p.n), make([]float64, p.n), slices.Clone(theta)
	for c, i := range free {
		h := 1e-5 * p.scale[i]
		at[i] = theta[i] + h
		ok = p.residuals(at, up)
		at[i] = theta[i] - h
		if !p.residuals(at, down) || !ok {
			return nil, false
		}
		at[i] = theta[i]
		for k := range p.n {
			j.Set(k, c, (up[k]-down[k])/(2*h))
		}
	}
	return j, true
}

// minimise finds the least sum of squares over the free parameters, from
// theta on, by the method of Levenberg and Marquardt.
//
// Note: gonum/optimize has no method for sums of squares; its general ones
// need hundreds of evaluations where this needs ten.
func (p problem) minimise(theta []float64, free []int) (best []float64, sum float64) {
	best, sum = slices.Clone(theta), p.sum(theta)
	if len(free) == 0 || math.IsInf(sum, 1) {
		return best, sum
	}
	r := make([]float64, p.n)
	damping := 1e-4
	for range 100 {
		j, ok := p.slopes(best, free)
		if !ok || !p.residuals(best, r) {
			return best, sum
		}
		var square mat.Dense
		var down mat.VecDense
		square.Mul(j.T(), j)
		down.MulVec(j.T(), mat.NewVecDense(p.n, r))
		better := false
		for damping < 1e12 && !better {
			damped := mat.DenseCopyOf(&square)
			for k, i := range free {
				damped.Set(k, k, square.At(k, k)*(1+damping)+1e-14/(p.scale[i]*p.scale[i]))
			}
			var step mat.VecDense
			next, s := slices.Clone(best), math.Inf(1)
			if err := step.SolveVec(damped, &down); err == nil {
				for k, i := range free {
					next[i] -= step.AtVec(k)
				}
				s = p.sum(next)
			}
			if s > sum || math.IsInf(s, 1) {
				damping *= 8
				continue
			}
			done := sum-s <= 1e-7*sum
			best, sum, better = next, s, true
			damping = max(damping/8, 1e-10)
			if done {
				return best, sum
			}
		}
		if !better {
			return best, sum
		}
	}
	return best, sum
}

// covariance is that of the free parameters at theta, for residuals of
// variance 1; nil where the data do not tell them apart.
func (p problem) covariance(theta []float64, free []int) *mat.Dense {
	j, ok := p.slopes(theta, free)
	if !ok {
		return nil
	}
	var square, inverse mat.Dense
	square.Mul(j.T(), j)
	if err := inverse.Inverse(&square); err != nil {
		return nil
	}
	return &inverse
}

// profile is the interval of parameter i about the minimum theta: where the
// least sum of squares over the others stays below limit.
func (p problem) profile(theta []float64, i int, limit float64) Estimate {
	var others, all []int
	for k := range theta {
		all = append(all, k)
		if k != i {
			others = append(others, k)
		}
	}
	least := p.sum(theta)
	first := 1e-6 * p.scale[i]
	if c := p.covariance(theta, all); c != nil && c.At(i, i) > 0 {
		first = max(first, math.Sqrt(c.At(i, i)*max(limit-least, 0)))
	}
	// far is the root of the rise of the sum, as a share of that to limit: close to linear.
	far := func(from []float64, at float64) ([]float64, float64) {
		next := slices.Clone(from)
		next[i] = at
		next, sum := p.minimise(next, others)
		return next, math.Sqrt(max(sum-least, 0) / max(limit-least, math.SmallestNonzeroFloat64))
	}
	end := func(direction float64) float64 {
		at, inside, step := theta, 0.0, first
		for range 40 {
			next, outside := far(at, at[i]+direction*step)
			if outside > 1 {
				return crossing(func(v float64) float64 { _, z := far(at, v); return z }, at[i], at[i]+direction*step, inside, outside)
			}
			at, inside = next, outside
			step *= 1.7
		}
		return math.Inf(int(direction))
	}
	return Estimate{theta[i], end(-1), end(1)}
}

// crossing finds where f, which is low < 1 at a and high > 1 at b, is 1, by
// the Illinois method.
func crossing(f func(float64) float64, a, b, low, high float64) float64 {
	low, high = low-1, min(high, 1e3)-1
	middle := b
	for range 20 {
		middle = (a*high - b*low) / (high - low)
		z := f(middle) - 1
		switch {
		case math.Abs(z) < 2e-3:
			return middle
		case z > 0:
			b, high = middle, min(z, 1e3)
			low /= 2
		default:
			a, low = middle, z
			high /= 2
		}
	}
	return middle
}

// tailF is the chance of a ratio of variances above f.
func tailF(f, d1, d2 float64) float64 {
	switch {
	case math.IsNaN(f): // 0 by 0: an exact fit to exact data
		return 1
	case math.IsInf(f, 1):
		return 0
	}
	return distuv.F{D1: d1, D2: d2}.Survival(f)
}

// twoSided is Student's quantile for Confidence.
func twoSided(freedom float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1 + Confidence) / 2)
}
