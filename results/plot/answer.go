package plot

import (
	"fmt"
	"slices"

	"flightbench/results"
)

// ofAnswer are those of the groups of a run that its other figures are of. A
// search for a capacity measures dozens of loads for a short time each: there
// they are those of the longest trials at the answer, or where there is none
// at the last load that was tried. Of other runs they are all.
func (d *drawer) ofAnswer(groups []results.Group) []results.Group {
	if t := d.run.Run.Tuning; t != nil {
		return d.ofTuning(t, groups)
	}
	c := d.run.Run.Capacity
	if c == nil || len(groups) == 0 {
		return groups
	}
	at := func(g results.Group) float64 { v, _ := g.Config.Number(c.Over); return v }
	load := c.Load
	if !slices.ContainsFunc(groups, func(g results.Group) bool { return at(g) == load }) {
		load = at(slices.MaxFunc(groups, func(a, b results.Group) int { return a.Trials[0].Started.Compare(b.Trials[0].Started) }))
	}
	best := -1
	for i, g := range groups {
		if at(g) == load && (best < 0 || g.Config.Duration > groups[best].Config.Duration) {
			best = i
		}
	}
	d.others = fmt.Sprintf("The run's other figures are of its longest trials at %s; trials.jsonl holds the rest.", results.FormatLoad(load, c.Unit))
	return groups[best : best+1]
}
