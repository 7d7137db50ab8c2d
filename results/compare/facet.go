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
	Dropped int // series left out because no axis is left to part by
}

// partOrder are the axes in the order in which Facets parts by them: first
// those across which figures are least comparable.
var partOrder = []string{"op", "workload", "decode", "tls", "rows", "batch_bytes", "connections", "concurrency", "compression", "transport", "target"}

// Facets parts series into facets of at most limit, by as few axes as it
// takes. rest are the axes that tell the series apart. Where a single axis
// has more than limit values the facet keeps limit of them, spread over the
// axis, and tells how many it dropped.
func Facets(series []Series, rest []string, limit int) []Facet {
	return split(Facet{Rest: rest, Series: series}, limit)
}

func split(f Facet, limit int) []Facet {
	if len(f.Series) <= limit {
		return []Facet{f}
	}
	if len(f.Rest) <= 1 {
		f.Dropped = len(f.Series) - limit
		f.Series = spread(f.Series, limit)
		return []Facet{f}
	}
	by := partAxis(f)
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
		facets = append(facets, split(p, limit)...)
	}
	slices.SortStableFunc(facets, func(a, b Facet) int {
		return results.CompareAxis(a.Series[0].Config, b.Series[0].Config, by)
	})
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
