package compare

import (
	"slices"

	"flightbench/results"
)

// wholeAxes are the axes whose values are not measured against each other:
// each has a base of its own.
var wholeAxes = []string{"target", "op"}

// featureAxes are the axes that switch something on. Along another axis a run
// has no base unless other axes vary, too.
var featureAxes = []string{"tls", "compression", "auth", "headers", "middleware"}

// minRelatives is how many Configs must depart from a base for it to be one.
const minRelatives = 3

// Relative is a Group that differs from a base in one axis.
type Relative struct {
	Group results.Group
	Axis  string
}

// Name says what differs from the base: "TLS on", "10 headers".
func (r Relative) Name() string { return r.Group.Config.Phrase(r.Axis) }

// ToBase finds the base of groups, which are in the order of
// results.GroupTrials: the first group that each other one differs from in
// exactly one axis. ok is false where there is none, or fewer than three
// others. The relatives are in the order of the axes and their values.
func ToBase(groups []results.Group) (relatives []Relative, base results.Group, ok bool) {
	axes := results.Varying(groups)
	if len(groups) <= minRelatives || len(axes) == 1 && !slices.Contains(featureAxes, axes[0]) ||
		slices.ContainsFunc(wholeAxes, func(a string) bool { return slices.Contains(axes, a) }) {
		return nil, base, false
	}
	for _, b := range groups {
		if relatives, ok = around(b, groups, axes); ok {
			order := results.OrderOf(groups)
			slices.SortStableFunc(relatives, func(x, y Relative) int {
				if i, j := slices.Index(axes, x.Axis), slices.Index(axes, y.Axis); i != j {
					return i - j
				}
				return order.Compare(x.Group.Config, y.Group.Config, x.Axis)
			})
			return relatives, b, true
		}
	}
	return nil, base, false
}

// around tells in which one axis each of groups but base differs from it, and
// whether each does.
func around(base results.Group, groups []results.Group, axes []string) (rs []Relative, ok bool) {
	key := base.Config.Key()
	for _, g := range groups {
		if g.Config.Key() == key {
			continue
		}
		var in []string
		for _, a := range axes {
			if results.CompareAxis(g.Config, base.Config, a) != 0 {
				in = append(in, a)
			}
		}
		if len(in) != 1 {
			return nil, false
		}
		rs = append(rs, Relative{g, in[0]})
	}
	return rs, true
}

// Ratio is where g's figure lies relative to base's, 1 where they are equal:
// the ratios within each round that measured both, so that what slows a round
// down slows both. Without such a round it is the ratio of the medians, with an
// N of 1. N is 0 where either has no such figure, or base's is 0.
func Ratio(g, base results.Group, metric string) results.Spread {
	of := byRound(base, metric)
	var ratios []float64
	for round, v := range byRound(g, metric) {
		if b := of[round]; b > 0 {
			ratios = append(ratios, v/b)
		}
	}
	if len(ratios) > 0 {
		return results.SpreadOf(ratios)
	}
	a, b := g.Metric(metric), base.Metric(metric)
	if a.N == 0 || !(b.Median > 0) {
		return results.Spread{}
	}
	return results.SpreadOf([]float64{a.Median / b.Median})
}

// byRound is the median of the metric in each round that measured it.
func byRound(g results.Group, metric string) map[int]float64 {
	rounds := map[int][]*results.Trial{}
	for _, t := range g.Measured() {
		rounds[t.Round] = append(rounds[t.Round], t)
	}
	out := map[int]float64{}
	for round, trials := range rounds {
		if s := (results.Group{Trials: trials}).Metric(metric); s.N > 0 {
			out[round] = s.Median
		}
	}
	return out
}

// Star is a base and its relatives, for each operation at one target.
type Star struct {
	Base      results.Group
	Relatives []Relative
}

// Stars finds the base of each operation and target; nil where one of them
// has none.
func Stars(groups []results.Group) []Star {
	var stars []Star
	for _, s := range ByAxis(groups, "", wholeAxes) {
		rs, base, ok := ToBase(s.Groups)
		if !ok {
			return nil
		}
		stars = append(stars, Star{base, rs})
	}
	return stars
}

// Departs tells whether groups depart from a base, one for each operation and
// target, in several axes.
func Departs(groups []results.Group) bool {
	stars := Stars(groups)
	return stars != nil && !slices.ContainsFunc(stars, func(s Star) bool { return oneAxis(s.Relatives) })
}

// oneAxis tells whether all depart from their base in the same axis.
func oneAxis(rs []Relative) bool { return rs[0].Axis == rs[len(rs)-1].Axis }
