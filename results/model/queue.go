package model

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
)

// Service is how the time of a request scatters.
type Service string

// The services of a Queue.
const (
	Deterministic Service = "deterministic" // all requests take the same time: M/D/c
	Exponential   Service = "exponential"   // M/M/c
)

// Queue is a server of c workers with one line before them: what response time
// its users see at a rate of Poisson arrivals. It says nothing of arrivals at
// even intervals, of which none waits below capacity, nor of closed loops.
type Queue struct {
	Service  Service  `json:"service"`
	Workers  Estimate `json:"workers"`  // c: those at work at a time; a server that is no such queue has a c all the same, which need not be whole
	Time     Estimate `json:"time"`     // s: of a request without waiting, in the unit of the points' values
	Capacity Estimate `json:"capacity"` // c/s: the rate at which the line grows without end
	Data

	covariance *mat.Dense // of ln s and ln c/s
	quantile   float64
}

// erlangC is the chance that an arrival waits, with c workers offered a of
// work. Whole and other c: Erlang's B by the incomplete gamma function
// (Jagerman, Some Properties of the Erlang Loss Function, BSTJ 53, 1974).
func erlangC(c, a float64) float64 {
	lg, _ := math.Lgamma(c + 1)
	b := math.Exp(c*math.Log(a)-a-lg) / mathext.GammaIncRegComp(c+1, a)
	rho := a / c
	return b / (1 - rho*(1-b))
}

// response is the mean time from arrival to end at a rate; NaN at capacity and
// beyond. M/M/c is exact. M/D/c is Cosmetatos's approximation (Approximate
// explicit formulae for the average queueing time in the processes (M/D/r) and
// (D/M/r), INFOR 13, 1975), in error by at most 2 % of the mean.
func response(service Service, rate, c, s float64) float64 {
	rho := rate * s / c
	if !(rho < 1) || !(c > 0) {
		return math.NaN()
	}
	wait := erlangC(c, rate*s) * s / (c * (1 - rho))
	if service == Deterministic {
		wait *= (1 + (1-rho)*(c-1)*(math.Sqrt(4+5*c)-2)/(16*rho*c)) / 2
	}
	return s + wait
}

// FitQueue fits a queue to trials: the mean response time at each rate of
// Poisson arrivals, at loads that the server kept up with. An error says why
// there is no fit.
//
// A window's mean scatters the more the closer it is to capacity (Whitt,
// Planning queueing simulations, Management Science 35, 1989); how much of
// that there is beside an even share of the value is found by likelihood.
func FitQueue(points []Point, service Service) (*Queue, error) {
	loads, err := gather(points, func(v float64) float64 { return v })
	if err != nil {
		return nil, err
	}
	q := &Queue{Service: service, Data: dataOf(points, loads)}
	w := &weighing{service: service, loads: loads, points: float64(len(points))}
	w.about(w.start())
	var theta []float64
	sum := 0.0
	for range 5 { // the weights depend on the fit
		p := w.problem(false)
		if theta, sum = p.minimise(w.theta, []int{0, 1}); math.IsInf(sum, 1) {
			return nil, errNoMinimum
		}
		w.about(theta)
	}
	variance, _, err := judge(&q.Data, 2, w.problem(false).sum(theta), w.pure())
	if err != nil {
		return nil, err
	}
	// The freedom is that of the loads, not of the points: means close to capacity are askew, and the weights are estimates.
	q.quantile = twoSided(float64(q.Loads - 2))
	p, byWorkers := w.problem(false), w.problem(true)
	limit := p.sum(theta) + variance*q.quantile*q.quantile
	q.Time, q.Capacity = p.profile(theta, 0, limit).exp(), p.profile(theta, 1, limit).exp()
	q.Workers = byWorkers.profile([]float64{theta[0], theta[1] + theta[0]}, 1, limit).exp()
	if q.covariance = p.covariance(theta, []int{0, 1}); q.covariance != nil {
		q.covariance.Scale(variance, q.covariance)
	}
	return q, nil
}

// exp is e, of a logarithm, as the figure itself. An end a thousandfold away is
// none.
func (e Estimate) exp() Estimate {
	far := math.Log(1e3)
	if e.Low < e.Value-far {
		e.Low = math.Inf(-1)
	}
	if e.High > e.Value+far {
		e.High = math.Inf(1)
	}
	return e.Map(math.Exp)
}

// weighing is a fit in the making: each load's points are weighed by how they
// scatter about theta.
type weighing struct {
	service Service
	loads   []load
	points  float64
	theta   []float64 // ln s, ln c/s
	law     []float64 // by load, of theta
	weight  []float64 // by load: of a point, their mean is 1
}

// start is the shortest time and the best of some capacities.
func (w *weighing) start() (best []float64) {
	short, most := math.Inf(1), w.loads[len(w.loads)-1].at
	for _, l := range w.loads {
		short = min(short, l.mean)
	}
	least := math.Inf(1)
	for _, room := range []float64{1.01, 1.05, 1.2, 1.6, 3} {
		theta, sum := []float64{math.Log(short), math.Log(most * room)}, 0.0
		for _, l := range w.loads {
			sum += math.Pow(math.Log(l.mean/w.at(theta, l.at)), 2)
		}
		if sum < least || best == nil {
			best, least = theta, sum
		}
	}
	return best
}

func (w *weighing) at(theta []float64, rate float64) float64 {
	s := math.Exp(theta[0])
	return response(w.service, rate, s*math.Exp(theta[1]), s)
}

// about weighs the points by theta: a point's variance, as a share of the
// value, is 1 + r·h, h from queueing theory and r by likelihood.
func (w *weighing) about(theta []float64) {
	w.theta, w.law, w.weight = theta, make([]float64, len(w.loads)), make([]float64, len(w.loads))
	h, squares := make([]float64, len(w.loads)), make([]float64, len(w.loads))
	s, capacity := math.Exp(theta[0]), math.Exp(theta[1])
	for i, l := range w.loads {
		r := w.at(theta, l.at)
		rho := l.at / capacity
		h[i] = math.Pow((r-s)/r/(1-rho), 2) / rho
		w.law[i], squares[i] = r, (l.squares+l.n*(l.mean-r)*(l.mean-r))/(r*r)
	}
	best := math.Inf(1)
	for r := 1e-4; r < 1e5; r *= 2 {
		sum, logs, mean := 0.0, 0.0, 0.0
		for i, l := range w.loads {
			v := 1 + r*h[i]
			sum, logs, mean = sum+squares[i]/v, logs+l.n*math.Log(v), mean+l.n/v/w.points
		}
		if unlikely := w.points*math.Log(sum) + logs; unlikely < best {
			best = unlikely
			for i := range w.loads {
				w.weight[i] = 1 / (1 + r*h[i]) / mean
			}
		}
	}
}

// problem has the parameters ln s and ln c/s or, byWorkers, ln c.
func (w *weighing) problem(byWorkers bool) problem {
	return problem{n: len(w.loads), scale: []float64{1, 1}, residuals: func(theta, r []float64) bool {
		if byWorkers {
			theta = []float64{theta[0], theta[1] - theta[0]}
		}
		for i, l := range w.loads {
			y := w.at(theta, l.at)
			if !(y > 0) || math.IsInf(y, 0) {
				return false
			}
			r[i] = math.Sqrt(l.n*w.weight[i]) * (l.mean - y) / w.law[i]
		}
		return true
	}}
}

// pure is the weighted sum of squares of repeats about their means.
func (w *weighing) pure() (sum float64) {
	for i, l := range w.loads {
		sum += w.weight[i] * l.squares / (w.law[i] * w.law[i])
	}
	return sum
}

// At is the mean response time at a rate; NaN from the capacity on.
func (q *Queue) At(rate float64) float64 {
	return response(q.Service, rate, q.Capacity.Value*q.Time.Value, q.Time.Value)
}

// Band is where the mean response time at a rate lies with Confidence; 0 and
// +Inf where the data do not tell.
func (q *Queue) Band(rate float64) (low, high float64) {
	at := func(dTime, dCapacity float64) float64 {
		s, m := q.Time.Value*math.Exp(dTime), q.Capacity.Value*math.Exp(dCapacity)
		return math.Log(response(q.Service, rate, s*m, s))
	}
	const h = 1e-5
	slope := mat.NewVecDense(2, []float64{(at(h, 0) - at(-h, 0)) / (2 * h), (at(0, h) - at(0, -h)) / (2 * h)})
	if q.covariance == nil || math.IsNaN(slope.AtVec(0)+slope.AtVec(1)) {
		return 0, math.Inf(1)
	}
	half := q.quantile * math.Sqrt(mat.Inner(slope, q.covariance, slope))
	return q.At(rate) * math.Exp(-half), q.At(rate) * math.Exp(half)
}

// Name is the queue's in Kendall's notation.
func (q *Queue) Name() string {
	if q.Service == Deterministic {
		return "M/D/c"
	}
	return "M/M/c"
}

// String says the fit in words, for times in seconds.
func (q *Queue) String() string {
	ms := func(v float64) float64 { return v * 1e3 }
	return fmt.Sprintf("%s: %s workers of %s ms a request, capacity %s a second", q.Name(), q.Workers.text("%.3g"), q.Time.Map(ms).text("%.3g"), q.Capacity.text("%.4g"))
}
