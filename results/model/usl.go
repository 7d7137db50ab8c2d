package model

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// USL is the Universal Scalability Law, X(N) = λN / (1 + σ(N−1) + κN(N−1)),
// of throughput X at N streams, connections or clients at a time (Gunther,
// Guerrilla Capacity Planning, 2007, chapter 4).
type USL struct {
	Lambda Estimate `json:"lambda"` // throughput at a load of 1
	Sigma  Estimate `json:"sigma"`  // contention: the share of the work that waits its turn, 0 and more
	Kappa  Estimate `json:"kappa"`  // coherency: what every pair costs, 0 and more
	Peak   Estimate `json:"peak"`   // the load of the highest throughput, 1 at least; +Inf where it rises with any load
	Top    Estimate `json:"top"`    // that throughput; +Inf where there is no limit
	Data

	covariance *mat.Dense // of ln λ, σ, κ
	quantile   float64
}

// FitUSL fits the law to trials' throughputs. An error says why there is no
// fit: too few loads, too much noise, or a curve of another shape.
//
// A point's error is taken for a share of its value, the same at all loads;
// all repeats count alike.
func FitUSL(points []Point) (*USL, error) {
	loads, err := gather(points, math.Log)
	if err != nil {
		return nil, err
	}
	u := &USL{Data: dataOf(points, loads)}
	p := uslProblem(loads, false)
	free, sum := p.fromStarts(uslStarts(loads))
	if math.IsInf(sum, 1) {
		return nil, errNoMinimum
	}
	best, lack := p.within(free, sum)
	pure := 0.0
	for _, l := range loads {
		pure += l.squares
	}
	variance, freedom, err := judge(&u.Data, 3, lack, pure)
	if err != nil {
		return nil, err
	}
	u.intervals(p, uslProblem(loads, true), free, best, variance, twoSided(freedom))
	return u, nil
}

func dataOf(points []Point, loads []load) Data {
	return Data{Points: len(points), Loads: len(loads), Least: loads[0].at, Most: loads[len(loads)-1].at}
}

// logUSL is ln X; NaN where it is impossible.
func logUSL(n, lnLambda, sigma, kappa float64) float64 {
	return lnLambda + math.Log(n) - math.Log(1+sigma*(n-1)+kappa*n*(n-1))
}

// uslProblem has the parameters ln λ, σ, and κ or, byPeak, q = κ/(1−σ): the
// peak lies at 1/√q.
func uslProblem(loads []load, byPeak bool) problem {
	most := loads[len(loads)-1].at
	return problem{
		n: len(loads), scale: []float64{1, 1 / most, 1 / (most * most)},
		residuals: func(theta, r []float64) bool {
			kappa := theta[2]
			if byPeak {
				kappa *= 1 - theta[1]
			}
			for i, l := range loads {
				y := logUSL(l.at, theta[0], theta[1], kappa)
				if math.IsNaN(y) || math.IsInf(y, 0) {
					return false
				}
				r[i] = math.Sqrt(l.n) * (l.mean - y)
			}
			return true
		},
	}
}

// uslStarts are where the search begins: from servers that scale to such that
// do not.
func uslStarts(loads []load) [][]float64 {
	most := loads[len(loads)-1].at
	var starts [][]float64
	for _, sigma := range []float64{0.1 / most, 2 / most, 0.5} {
		kappa, lnLambda := 0.2/(most*most), 0.0
		for _, l := range loads {
			lnLambda += (l.mean - logUSL(l.at, 0, sigma, kappa)) / float64(len(loads))
		}
		starts = append(starts, []float64{lnLambda, sigma, kappa})
	}
	return starts
}

// fromStarts is the best minimum over all parameters.
func (p problem) fromStarts(starts [][]float64) (best []float64, sum float64) {
	sum = math.Inf(1)
	for _, s := range starts {
		var all []int
		for i := range s {
			all = append(all, i)
		}
		if theta, at := p.minimise(s, all); at < sum || best == nil {
			best, sum = theta, at
		}
	}
	return best, sum
}

// within is the minimum with neither σ nor κ below 0: that without bounds, or
// the best with one or both at 0.
func (p problem) within(free []float64, sum float64) (best []float64, least float64) {
	if free[1] >= 0 && free[2] >= 0 {
		return free, sum
	}
	least = math.Inf(1)
	for _, edge := range [][3]float64{{0, math.Max(free[1], 0), 0}, {0, 0, math.Max(free[2], 0)}, {0, 0, 0}} {
		theta, vary := []float64{free[0], edge[1], edge[2]}, []int{0}
		for i := 1; i <= 2; i++ {
			if edge[i] > 0 {
				vary = append(vary, i)
			}
		}
		theta, at := p.minimise(theta, vary)
		if theta[1] >= 0 && theta[2] >= 0 && at < least {
			best, least = theta, at
		}
	}
	return best, least
}

// intervals sets the estimates: best, with the profiles about free.
func (u *USL) intervals(p, byPeak problem, free, best []float64, variance, quantile float64) {
	u.covariance, u.quantile = p.covariance(best, []int{0, 1, 2}), quantile
	if u.covariance != nil {
		u.covariance.Scale(variance, u.covariance)
	}
	limit := p.sum(free) + variance*quantile*quantile
	of := func(i int) Estimate {
		e := p.profile(free, i, limit)
		return Estimate{best[i], min(e.Low, best[i]), max(e.High, best[i])}
	}
	u.Lambda = of(0).Map(math.Exp)
	u.Sigma, u.Kappa = of(1).atLeast(0), of(2).atLeast(0)

	q := Estimate{uslBend(best[1], best[2]), 0, math.Inf(1)}
	switch {
	case u.Sigma.Low >= 1:
		q.Low = q.Value
	case free[1] < 1:
		e := byPeak.profile([]float64{free[0], free[1], free[2] / (1 - free[1])}, 2, limit)
		q.Low, q.High = min(e.Low, q.Value), max(e.High, q.Value)
	}
	u.Peak = q.atLeast(0).Map(func(q float64) float64 { return 1 / math.Sqrt(q) }).atLeast(1)
	u.top()
}

// uslBend is q, of which the peak lies at 1/√q: 0 where there is none, +Inf
// where a load of 1 brings most.
func uslBend(sigma, kappa float64) float64 {
	if sigma >= 1 {
		return math.Inf(1)
	}
	return kappa / (1 - sigma)
}

// top sets the highest throughput: at the peak, or where there is none what
// contention leaves.
func (u *USL) top() {
	switch {
	case !math.IsInf(u.Peak.Value, 1):
		low, high := u.Band(u.Peak.Value)
		u.Top = Estimate{u.At(u.Peak.Value), low, high}
	case u.Sigma.Value > 0:
		u.Top = Estimate{u.Lambda.Value / u.Sigma.Value, 0, math.Inf(1)}
		u.Top.Low, _ = u.Band(u.Most)
	default:
		low, _ := u.Band(u.Most)
		u.Top = Estimate{math.Inf(1), low, math.Inf(1)}
	}
}

// At is the throughput at load n.
func (u *USL) At(n float64) float64 {
	return math.Exp(logUSL(n, math.Log(u.Lambda.Value), u.Sigma.Value, u.Kappa.Value))
}

// Band is where the law's throughput at load n lies with Confidence, at each n
// for itself; that of a single trial scatters beyond it. 0 and +Inf where the
// data do not tell.
func (u *USL) Band(n float64) (low, high float64) {
	if u.covariance == nil {
		return 0, math.Inf(1)
	}
	d := 1 + u.Sigma.Value*(n-1) + u.Kappa.Value*n*(n-1)
	slope := mat.NewVecDense(3, []float64{1, -(n - 1) / d, -n * (n - 1) / d})
	half := u.quantile * math.Sqrt(mat.Inner(slope, u.covariance, slope))
	return u.At(n) * math.Exp(-half), u.At(n) * math.Exp(half)
}

// String says the fit in words.
func (u *USL) String() string {
	peak := "no peak: throughput still rises beyond the measured loads"
	if !math.IsInf(u.Peak.Value, 1) {
		peak = fmt.Sprintf("peak at a load of %s", u.Peak.text("%.3g"))
		if u.Peak.Value > u.Most {
			peak += ", beyond the measured loads"
		}
	}
	return fmt.Sprintf("USL: contention σ %s, coherency κ %s, %s", u.Sigma.text("%.3g"), u.Kappa.text("%.2g"), peak)
}

// text prints e as "4.1 (3.9 to 4.4)".
func (e Estimate) text(verb string) string {
	one := func(v float64) string {
		if math.IsInf(v, 1) {
			return "no limit"
		}
		return fmt.Sprintf(verb, v)
	}
	return fmt.Sprintf("%s (%s to %s)", one(e.Value), one(e.Low), one(e.High))
}
