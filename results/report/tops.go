package report

import (
	"flightbench/results"
)

// tops are the group of highest median rate of each operation, by the kinds;
// in an open loop, whose rate is asked for, of those that kept up. Where
// Configs depart from a base they are the bases: what departs in order to cost
// something is no best.
func tops(groups []results.Group) (best []results.Group, base bool) {
	from := groups
	stars := results.Departures(groups)
	if stars != nil {
		from = nil
		for _, s := range stars {
			from = append(from, s.Base)
		}
	}
	var order []string
	top := map[string]results.Group{}
	for _, g := range from {
		op := g.Config.Op
		switch old, ok := top[op]; {
		case g.Metric(g.Kind().Rate).N == 0:
		case !ok:
			order = append(order, op)
			top[op] = g
		case better(g, old):
			top[op] = g
		}
	}
	for _, k := range results.Kinds {
		for _, op := range order {
			if g := top[op]; g.Kind() == k {
				best = append(best, g)
			}
		}
	}
	return best, stars != nil
}

// better tells whether a is faster than b.
func better(a, b results.Group) bool {
	if a.Config.Open() && b.Config.Open() {
		if x, y := keepsUp(a), keepsUp(b); x != y {
			return x
		}
		return a.Metric(results.AchievedRate).Median > b.Metric(results.AchievedRate).Median
	}
	return a.Metric(a.Kind().Rate).Median > b.Metric(b.Kind().Rate).Median
}

// keepsUp tells whether g achieved the rate that it was asked for, but for what
// is in flight at a window's ends.
func keepsUp(g results.Group) bool {
	const enough = 0.98
	return g.Metric(results.AchievedRate).Median >= enough*g.Metric(results.AskedRate).Median
}
