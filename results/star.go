package results

import "slices"

// WholeAxes are the axes whose values are not measured against each other:
// each has a base of its own.
var WholeAxes = []string{"target", "op"}

// featureAxes are the axes that switch something on. Along another axis alone a
// run has no base.
var featureAxes = []string{"tls", "compression", "auth", "headers", "middleware"}

// minRelatives is how many Configs must depart from a base along one axis for
// it to be one.
const minRelatives = 3

// BaseName is what a base is called where its relatives are called by what
// differs from it.
const BaseName = "base"

// Relative is a Group that differs from a base in one axis.
type Relative struct {
	Group Group
	Axis  string
}

// Name says what differs from the base: "TLS on", "10 headers".
func (r Relative) Name() string { return r.Group.Config.Phrase(r.Axis) }

// Star is a base, and the groups that differ from it in one axis each, in the
// order of the axes and their values.
type Star struct {
	Base      Group
	Relatives []Relative
}

// StarOf finds the base of groups, which are in the order of GroupTrials: the
// first group that each other one differs from in exactly one axis. ok is
// false where there is none, or fewer than three others along one axis alone.
func StarOf(groups []Group) (s Star, ok bool) {
	axes := Varying(groups)
	if len(groups) < 3 || len(axes) == 1 && (len(groups) <= minRelatives || !slices.Contains(featureAxes, axes[0])) ||
		slices.ContainsFunc(WholeAxes, func(a string) bool { return slices.Contains(axes, a) }) {
		return Star{}, false
	}
	for _, b := range groups {
		relatives, ok := around(b, groups, axes)
		if !ok {
			continue
		}
		order := OrderOf(groups)
		slices.SortStableFunc(relatives, func(x, y Relative) int {
			if i, j := slices.Index(axes, x.Axis), slices.Index(axes, y.Axis); i != j {
				return i - j
			}
			return order.Compare(x.Group.Config, y.Group.Config, x.Axis)
		})
		return Star{b, relatives}, true
	}
	return Star{}, false
}

// OneAxis tells whether all of s depart from their base in the same axis.
func (s Star) OneAxis() bool {
	return s.Relatives[0].Axis == s.Relatives[len(s.Relatives)-1].Axis
}

// Axes are those in which the relatives of s depart from its base.
func (s Star) Axes() (axes []string) {
	for _, r := range s.Relatives {
		if !slices.Contains(axes, r.Axis) {
			axes = append(axes, r.Axis)
		}
	}
	return axes
}

// Rate is the metric by which s is compared with its base. Where the codec
// varies it is the bytes before it, since body bytes fall with the codec.
func (s Star) Rate() string {
	if k := s.Base.Kind(); k != KindStreams || !slices.Contains(s.Axes(), "compression") {
		return k.Rate
	}
	return LogicalRate
}

// around tells in which one axis each of groups but base differs from it, and
// whether each does.
func around(base Group, groups []Group, axes []string) (rs []Relative, ok bool) {
	key := base.Config.Key()
	for _, g := range groups {
		if g.Config.Key() == key {
			continue
		}
		var in []string
		for _, a := range axes {
			if CompareAxis(g.Config, base.Config, a) != 0 {
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
// down slows both, with the interval of their median. Without such a round it is the ratio of the medians, with an
// N of 1. N is 0 where either has no such figure, or base's is 0.
func Ratio(g, base Group, metric string) Spread {
	of := medians(base, metric)
	var ratios []float64
	for round, v := range medians(g, metric) {
		if b := of[round]; b > 0 {
			ratios = append(ratios, v/b)
		}
	}
	if len(ratios) > 0 {
		s := SpreadOf(ratios)
		if m := MedianOf(ratios); m.Bounded() {
			s.Low, s.High = m.Low, m.High
		}
		return s
	}
	a, b := g.Metric(metric), base.Metric(metric)
	if a.N == 0 || !(b.Median > 0) {
		return Spread{}
	}
	return SpreadOf([]float64{a.Median / b.Median})
}

// medians is the median of the metric in each round that measured it.
func medians(g Group, metric string) map[int]float64 {
	rounds := map[int][]*Trial{}
	for _, t := range g.Measured() {
		rounds[t.Round] = append(rounds[t.Round], t)
	}
	out := map[int]float64{}
	for round, trials := range rounds {
		if s := (Group{Trials: trials}).Metric(metric); s.N > 0 {
			out[round] = s.Median
		}
	}
	return out
}

// Stars finds the base of each operation and target; nil where one of them
// has none.
func Stars(groups []Group) []Star {
	var stars []Star
	var order []string
	of := map[string][]Group{}
	for _, g := range groups {
		key := g.Config.Tuple(WholeAxes)
		if of[key] == nil {
			order = append(order, key)
		}
		of[key] = append(of[key], g)
	}
	for _, key := range order {
		s, ok := StarOf(of[key])
		if !ok {
			return nil
		}
		stars = append(stars, s)
	}
	return stars
}

// Departures are Stars where each has relatives in several axes, else nil.
func Departures(groups []Group) []Star {
	stars := Stars(groups)
	if slices.ContainsFunc(stars, Star.OneAxis) {
		return nil
	}
	return stars
}
