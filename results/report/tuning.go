package report

import (
	"html/template"
	"strings"

	"flightbench/recipes"
	"flightbench/results"
)

// tuningAnswer is what a search for settings found.
type tuningAnswer struct {
	Answer    string
	Lines     []string
	Objective string
	Knobs     []tuningKnob
	Recipes   []recipes.Recipe
}

type tuningKnob struct{ Name, Was, Is, Worth string }

// tuningSection says which settings are best, what each is worth, and where to
// write them down.
func tuningSection(l *results.Loaded) (template.HTML, error) {
	t := l.Run.Tuning
	if t == nil {
		return "", nil
	}
	lines := t.Lines()
	for i := range lines {
		lines[i] = results.Clean(lines[i])
	}
	a := tuningAnswer{Answer: lines[0], Lines: lines[1:], Objective: strings.ReplaceAll(t.Objective, "_", " ")}
	for _, k := range t.Knobs {
		a.Knobs = append(a.Knobs, tuningKnob{strings.ReplaceAll(k.Field, "_", "-"), k.Was(t), k.Is(t), results.Clean(k.Words(t))})
	}
	if t.Outcome == results.TuningImproved {
		a.Recipes = recipes.For(t.Best, t.Fields())
	}
	return fragment("tuning.tmpl", a)
}
