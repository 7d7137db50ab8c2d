// Package compare arranges the trials of a run for comparison, and tells what
// changed between two runs, or between the values of a field within one.
//
// Repeats of a Config become one group, groups become a series along an axis,
// paired by the rest of their Config: [ByAxis], [Facets]. [Runs] goes further:
// it says of each figure whether it differs by more than noise, and by how
// much, see docs/comparing.md. A [Gate] is a limit to a figure or its change.
package compare

import (
	"slices"

	"flightbench/results"
)

// Series is the groups that differ in nothing but the axis it runs along, in
// the order of that axis. Along no axis it is one group.
type Series struct {
	Config results.Config // of its first group; its value of the axis means nothing
	Groups []results.Group
}

// ByAxis parts groups into series along axis. rest are the axes that tell one
// series from another: what results.Varying gives, without axis. Fields that
// follow from the axis are no part of the pairing. An empty axis makes each
// group a series.
func ByAxis(groups []results.Group, axis string, rest []string) []Series {
	var series []Series
	index := map[string]int{}
	for _, g := range groups {
		key := g.Config.Tuple(rest)
		i, ok := index[key]
		if !ok {
			i = len(series)
			index[key] = i
			series = append(series, Series{Config: g.Config})
		}
		series[i].Groups = append(series[i].Groups, g)
	}
	if axis != "" {
		order := results.OrderOf(groups)
		for _, s := range series {
			slices.SortStableFunc(s.Groups, func(a, b results.Group) int { return order.Compare(a.Config, b.Config, axis) })
		}
	}
	return series
}

// Rest is axes without axis.
func Rest(axes []string, axis string) []string {
	return slices.DeleteFunc(slices.Clone(axes), func(a string) bool { return a == axis })
}

// Label names a Config by the axes: "get · 65,536 rows · zstd:1".
func Label(c results.Config, axes []string) string { return c.Label(axes) }

// Values are the Configs' distinct values of axis, in its order, each as a
// Config that has it.
func Values(groups []results.Group, axis string) []results.Config {
	var configs []results.Config
	for _, g := range groups {
		configs = append(configs, g.Config)
	}
	order := results.OrderOf(groups)
	slices.SortStableFunc(configs, func(a, b results.Config) int { return order.Compare(a, b, axis) })
	return slices.CompactFunc(configs, func(a, b results.Config) bool { return results.CompareAxis(a, b, axis) == 0 })
}
