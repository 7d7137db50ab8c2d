package compare

import (
	"math"
	"slices"
)

// A reader asks first whether the rate changed, and then what else did. If all
// figures were one family, a change of the rate would have to stand out from
// the best that luck does in any of them. So there are two families: the
// leading figure of each pair of configurations, and the others.
//
// firstShare is how much of the 5 % the leading figures have. The rest is that
// of the others, and each has the whole of it once the other is all told: the
// graphical procedure of Bretz, Maurer, Brannath and Posch (A graphical approach
// to sequentially rejective multiple test procedures, 2009) with two families
// in place of two hypotheses. It holds the chance of any false difference in
// the whole table at 5 %: a true family that is tested with its share is wrong
// that often at most, and one that got the whole has no true family beside it.
//
// Note: a fixed sequence (others only once every leading figure differs) would
// leave the leading ones the whole 5 %, and never tell that p99 is twice as
// long at the same rate.
const firstShare = 0.8

// family is figures that are tested together.
type family struct {
	figures int
	alpha   float64 // chance of a false difference in any of them
}

// leads tells whether f is one of the leading figures of p: those that were
// asked for by name or by a gate, and without names the one that trials are
// measured by first, which is the rate, or in an open loop the latency.
func (o Options) leads(f Figure, p Pair) bool {
	if slices.ContainsFunc(o.Gates, func(g Gate) bool { return g.Relative && g.Figure == f }) {
		return true
	}
	if o.Figures != nil && !o.All {
		return true
	}
	if name, _, ok := p.old[0].Primary(); ok && p.old[0].Config.Open() {
		return f == Figure(name)
	}
	return f == primary(p.old, p.new)[0]
}

// inTurn tests the rows of those that lead and of the others, each family by
// test, which corrects for the figures of it, and corrects for there being two.
// Rows without any number are in neither: their p is 1.
func inTurn(rows [][]float64, leads []bool, test func(rows [][]float64) []float64) (p []float64, families []family) {
	p, families = ones(len(rows)), make([]family, len(rows))
	var of [2][]int // the others, and those that lead
	for i, row := range rows {
		if len(numbers(row)) > 0 {
			k := 0
			if leads[i] {
				k = 1
			}
			of[k] = append(of[k], i)
		}
	}
	share := [2]float64{1 - firstShare, firstShare}
	var most [2]float64 // p
	for k, at := range of {
		var together [][]float64
		for _, i := range at {
			together = append(together, rows[i])
		}
		for j, v := range test(together) {
			p[at[j]] = v
			most[k] = math.Max(most[k], v)
		}
	}
	for k, at := range of {
		alpha, other := alpha, 1-k
		if len(of[other]) > 0 {
			for _, i := range at {
				p[i] = math.Max(p[i], math.Min(1, math.Min(p[i]/share[k], most[other]/share[other])))
			}
			if most[other]/share[other] > alpha {
				alpha *= share[k]
			}
		}
		for _, i := range at {
			families[i] = family{len(at), alpha}
		}
	}
	return p, families
}
