package compare

import (
	"slices"

	"flightbench/results"
)

// Facet is series few enough to be told apart in one picture.
type Facet struct {
	Fixed   []string // axes on which all its series are equal, by which it differs from the other facets
	Rest    []string // axes that tell its series apart
	Series  []Series
	Along   string // the one axis in which its series depart from a base; "" where it is not parted so
	Dropped int    // series left out because no axis is left to part by

	base *results.Config // that its series depart from in one axis each, nil where there is none
}

// Label tells s from the other series of f: by all of f.Rest, or where the
// series depart from a base, by what differs from it.
func (f Facet) Label(s Series) string {
	if !f.hasBase() {
		return Label(s.Config, f.Rest)
	}
	for _, axis := range f.Rest {
		if results.CompareAxis(s.Config, *f.base, axis) != 0 {
			return s.Config.Phrase(axis)
		}
	}
	return results.BaseName
}

// hasBase tells whether the series of f depart from a base in several axes.
func (f Facet) hasBase() bool { return f.base != nil && f.Along == "" }

// BaseLabel tells the base in full: "base: TLS off · no auth"; "" where
// there is none.
func (f Facet) BaseLabel() string {
	if !f.hasBase() {
		return ""
	}
	return results.BaseName + ": " + Label(*f.base, f.Rest)
}

// partOrder are the axes in the order in which Facets parts by them: first
// those across which figures are least comparable.
var partOrder = []string{"op", "workload", "decode", "tls", "auth", "middleware", "headers", "rows", "batch_bytes", "connections", "concurrency", "compression", "transport", "target"}

// Facets parts series into facets of at most limit, by as few axes as it
// takes. rest are the axes that tell the series apart. Where a single axis
// has more than limit values the facet keeps limit of them, spread over the
// axis, and tells how many it dropped.
//
// Series that depart from a base in one axis each are parted by operation and
// target, and then by the axes that they depart in; the base is in each facet.
func Facets(series []Series, rest []string, limit int) []Facet {
	var groups []results.Group
	for _, s := range series {
		groups = append(groups, s.Groups...)
	}
	return split(Facet{Rest: rest, Series: series}, limit, results.OrderOf(groups))
}

func split(f Facet, limit int, order results.Order) []Facet {
	if fs := splitStar(f, limit); fs != nil {
		return fs
	}
	by := partByWhole(f)
	switch {
	case by != "":
	case len(f.Series) <= limit:
		return []Facet{f}
	case len(f.Rest) <= 1:
		f.Dropped = len(f.Series) - limit
		f.Series = spread(f.Series, limit)
		return []Facet{f}
	default:
		by = partAxis(f)
	}
	fixed := append(slices.Clone(f.Fixed), by)
	var parts []Facet
	index := map[string]int{}
	for _, s := range f.Series {
		v, _ := s.Config.Axis(by)
		i, ok := index[v]
		if !ok {
			i = len(parts)
			index[v] = i
			parts = append(parts, Facet{Fixed: fixed, Rest: Rest(f.Rest, by)})
		}
		parts[i].Series = append(parts[i].Series, s)
	}
	var facets []Facet
	for _, p := range parts {
		facets = append(facets, split(p, limit, order)...)
	}
	slices.SortStableFunc(facets, func(a, b Facet) int {
		return order.Compare(a.Series[0].Config, b.Series[0].Config, by)
	})
	return facets
}

// partByWhole is the operation or target where each of these has a base that
// its other series depart from in several axes, else "".
func partByWhole(f Facet) string {
	groups := groupsOf(f.Series)
	for _, axis := range results.WholeAxes {
		if slices.Contains(f.Rest, axis) && len(Values(groups, axis)) > 1 && results.Departures(groups) != nil {
			return axis
		}
	}
	return ""
}

// groupsOf are the series as groups without trials.
func groupsOf(series []Series) []results.Group {
	groups := make([]results.Group, len(series))
	for i, s := range series {
		groups[i] = results.Group{Config: s.Config, Place: s.Groups[0].Place}
	}
	return groups
}

// splitStar parts a facet whose series depart from a base in one axis each;
// nil where they do not, or all in
// the same axis.
func splitStar(f Facet, limit int) []Facet {
	star, ok := results.StarOf(groupsOf(f.Series))
	if !ok || star.OneAxis() {
		return nil
	}
	relatives, base := star.Relatives, star.Base
	f.base = &base.Config
	at := map[string]Series{}
	for _, s := range f.Series {
		at[s.Config.Key()] = s
	}
	if len(f.Series) <= limit {
		f.Series = []Series{at[base.Config.Key()]}
		for _, r := range relatives {
			f.Series = append(f.Series, at[r.Group.Config.Key()])
		}
		return []Facet{f}
	}
	var facets []Facet
	for _, r := range relatives {
		if n := len(facets); n == 0 || facets[n-1].Rest[0] != r.Axis {
			facets = append(facets, Facet{Fixed: f.Fixed, Rest: []string{r.Axis}, Along: r.Axis, base: f.base,
				Series: []Series{at[base.Config.Key()]}})
		}
		p := &facets[len(facets)-1]
		p.Series = append(p.Series, at[r.Group.Config.Key()])
	}
	for i := range facets {
		if p := &facets[i]; len(p.Series) > limit {
			p.Dropped = len(p.Series) - limit
			p.Series = spread(p.Series, limit)
		}
	}
	return facets
}

// partAxis is the axis of f.Rest to part by. Axes that are not of partOrder
// come last, and an axis on which all are equal never.
func partAxis(f Facet) string {
	varies := func(axis string) bool {
		return slices.ContainsFunc(f.Series, func(s Series) bool {
			return results.CompareAxis(s.Config, f.Series[0].Config, axis) != 0
		})
	}
	for _, axis := range slices.Concat(partOrder, f.Rest) {
		if slices.Contains(f.Rest, axis) && varies(axis) {
			return axis
		}
	}
	return f.Rest[0]
}

// spread keeps n of s, the first and the last among them.
func spread(s []Series, n int) []Series {
	if n == 1 {
		return s[:1]
	}
	kept := make([]Series, n)
	for i := range n {
		kept[i] = s[i*(len(s)-1)/(n-1)]
	}
	return kept
}
