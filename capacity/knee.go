package capacity

import (
	"math"
	"slices"
)

// knee is what trials have told of the load from which on objectives are
// missed: a probability for each load of a grid, for each model of the noise.
//
// Near the knee a trial holds or misses by chance, and a neighbour on the
// machine can make one miss at any load; hardly anything makes a server hold
// that is overloaded. How often is not known beforehand, so that the models
// take part in what is learned: where trials contradict each other the interval
// widens by itself.
type knee struct {
	logs   []float64   // of the loads, evenly spaced
	weight [][]float64 // of each model, of each load; all of them sum to 1
	below  [][]float64 // of each width: share for loads that are i-(len(logs)-1) steps of the grid above the knee
}

// model is how a trial near a knee behaves: it holds with the probability
// 1-falseMiss far below the knee, falseHold far above it, and in between as an
// error function of the given width, in natural logarithms of the load.
// prior is how likely it is before anything was seen.
type model struct{ width, falseMiss, prior float64 }

var (
	widths      = []float64{0.005, 0.015, 0.05, 0.15, 0.5}
	falseMisses = []float64{0.01, 0.1, 0.3, 0.6}
)

// models are those of each width in turn.
var models = func() (all []model) {
	for i, width := range widths {
		for j, falseMiss := range falseMisses {
			all = append(all, model{width, falseMiss, math.Pow(2, -float64(max(0, i-1)+j))})
		}
	}
	return all
}()

const (
	falseHold = 0.01
	gridStep  = 0.0025 // of the logarithm
)

// newKnee knows nothing but that the knee lies between the loads.
func newKnee(low, high float64) *knee {
	k := &knee{}
	n := 2 + int(math.Log(high/low)/gridStep)
	for i := range n {
		k.logs = append(k.logs, math.Log(low)+math.Log(high/low)*float64(i)/float64(n-1))
	}
	for _, m := range models {
		k.weight = append(k.weight, slices.Repeat([]float64{m.prior}, n))
	}
	step := math.Log(high/low) / float64(n-1)
	for _, width := range widths {
		below := make([]float64, 2*n-1)
		for d := range below {
			below[d] = share(float64(d-(n-1))*step, width)
		}
		k.below = append(k.below, below)
	}
	k.normalise()
	return k
}

// share is how much of a knee of that width is above a load, which is so far
// above its middle, in natural logarithms.
func share(far, width float64) float64 {
	switch far /= width; {
	case far < -5:
		return 1
	case far < 5:
		return 0.5 * math.Erfc(far/math.Sqrt2)
	}
	return 0
}

// holds is the probability that a trial holds at a load of that share.
func (m model) holds(share float64) float64 {
	return falseHold + (1-m.falseMiss-falseHold)*share
}

// tell tells that a trial at load has held, or missed.
func (k *knee) tell(load float64, held bool) {
	at := math.Log(load)
	for w, width := range widths {
		for j, x := range k.logs {
			below := share(at-x, width)
			for i := w * len(falseMisses); i < (w+1)*len(falseMisses); i++ {
				p := models[i].holds(below)
				if !held {
					p = 1 - p
				}
				k.weight[i][j] *= p
			}
		}
	}
	k.normalise()
}

func (k *knee) normalise() {
	sum := 0.0
	for _, w := range k.weight {
		for _, p := range w {
			sum += p
		}
	}
	for _, w := range k.weight {
		for j := range w {
			w[j] /= sum
		}
	}
}

// quantile is the load below which the knee lies with probability q.
func (k *knee) quantile(q float64) float64 { return math.Exp(k.logs[k.index(q)]) }

// index is that of the grid.
func (k *knee) index(q float64) int {
	sum := 0.0
	for j := range k.logs {
		if sum += k.at(j); sum >= q {
			return j
		}
	}
	return len(k.logs) - 1
}

// next is the load, of those where the knee may be, a trial at which tells
// most of it: the mutual information of knee and outcome is largest.
//
// Note: to try the median is as good only where the noise is known. Near a
// soft knee it goes on tossing a coin, where a somewhat lower load would tell
// whether that is noise or the knee.
func (k *knee) next() float64 {
	var likely []int // where the knee may be
	for j := range k.logs {
		if k.at(j) > 1e-6 {
			likely = append(likely, j)
		}
	}
	best, most := 0, -1.0
	for q := 0.05; q < 0.96; q += 0.05 {
		at := k.index(q)
		if told := k.tells(at, likely); told > most {
			best, most = at, told
		}
	}
	return math.Exp(k.logs[best])
}

// at is the probability that the knee is at j of the grid.
func (k *knee) at(j int) (p float64) {
	for i := range models {
		p += k.weight[i][j]
	}
	return p
}

// tells is the mutual information of the knee, which is one of likely, and the
// outcome of a trial at load at of the grid. What is learned of the noise alone
// does not count.
func (k *knee) tells(at int, likely []int) float64 {
	all, holds, each := 0.0, 0.0, 0.0
	for _, j := range likely {
		p, weight := 0.0, 0.0
		for i, m := range models {
			w := k.weight[i][j]
			p += w * m.holds(k.below[i/len(falseMisses)][at-j+len(k.logs)-1])
			weight += w
		}
		all += weight
		holds += p
		each += weight * entropy(p/weight)
	}
	return entropy(holds/all) - each/all
}

func entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log(p) - (1-p)*math.Log(1-p)
}
