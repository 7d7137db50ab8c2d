package report

import (
	"html/template"

	"flightbench/results"
	"flightbench/results/planning"
)

// capacityAnswer is what a search for a capacity found, in words, and what the
// curves over rising loads say.
type capacityAnswer struct {
	Answer string   // the first line of a search's, "" without one
	Lines  []string // its others
	Laws   []string // what was fitted to the curves, or why nothing was
	Table  results.Table
	Plan   bool // there is a capacity to plan with
}

// capacitySection says what load the server holds, and by which law it gets
// there.
func capacitySection(l *results.Loaded) (template.HTML, error) {
	a := capacityAnswer{}
	if c := l.Run.Capacity; c != nil {
		lines := c.Lines()
		a.Answer, a.Lines, a.Table, a.Plan = results.Clean(lines[0]), lines[1:], c.Table(), c.Tells()
		for i := range a.Lines {
			a.Lines[i] = results.Clean(a.Lines[i])
		}
	}
	curves := planning.Curves(l)
	for _, c := range curves {
		for _, line := range c.Lines() {
			if len(curves) > 1 {
				line = c.Config.Label(results.Axes) + ": " + line
			}
			a.Laws = append(a.Laws, results.Clean(line))
		}
	}
	if a.Answer == "" && len(a.Laws) == 0 {
		return "", nil
	}
	return fragment("capacity.tmpl", a)
}
