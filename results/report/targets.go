package report

import (
	"fmt"
	"html/template"
	"slices"

	"flightbench/results"
	"flightbench/results/compare"
)

// fastTargets compares the rates of targets.
func fastTargets(c *compare.Comparison) (parts []string) {
	for _, p := range c.Pairs {
		for _, cell := range p.Cells[:min(1, len(p.Cells))] { // the first one is the rate
			pair := fmt.Sprintf("%s and %s: ", p.From, p.To)
			if p.Label != "" {
				pair = fmt.Sprintf("%s, ", p.Label) + pair
			}
			line := cell.Line()
			text := fmt.Sprintf("%s is %s: %s", p.To, cell.Word, line.Change)
			switch {
			case cell.Outcome == compare.Same:
				text = "no difference found"
			case cell.Outcome == compare.Unknown:
				text = "one " + line.Word
			case cell.ChangeLow != nil && cell.ChangeHigh != nil:
				text += fmt.Sprintf(" (95 %% interval %s)", line.Interval)
			}
			parts = append(parts, fmt.Sprintf("%s%s, %s against %s", pair, text, line.New, line.Old))
		}
	}
	return parts
}

// byTarget compares the targets of l; nil where it has one, or they have
// nothing in common.
func byTarget(l *results.Loaded) *compare.Comparison {
	trials := results.WithoutRungs(l.Trials)
	if len(trials) == 0 || !slices.ContainsFunc(trials, func(t *results.Trial) bool { return t.Config.Target != trials[0].Config.Target }) {
		return nil
	}
	of := *l
	of.Trials = trials
	c, err := compare.Within(&of, compare.Options{By: []string{"target"}, Detect: 0.05})
	if err != nil {
		return nil
	}
	return c
}

// targetsCompared compares the targets of a run that has several.
func targetsCompared(l *results.Loaded) (template.HTML, error) {
	c := byTarget(l)
	if c == nil {
		return "", nil
	}
	return fragment("comparison.tmpl", newComparison(c, ""))
}
