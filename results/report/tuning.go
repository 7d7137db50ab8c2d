package report

import (
	"html/template"
	"strings"

	"flightbench/results"
)

// tuningAnswer is what a search for settings found.
type tuningAnswer struct {
	Answer    string
	Lines     []string
	Objective string
	Knobs     []tuningKnob
	Recipes   []results.Recipe
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
	a := tuningAnswer{Answer: lines[0], Lines: lines[1:], Recipes: t.Recipes, Objective: strings.ReplaceAll(t.Objective, "_", " ")}
	for _, k := range t.Knobs {
		a.Knobs = append(a.Knobs, tuningKnob{strings.ReplaceAll(k.Field, "_", "-"), k.Was(t), k.Is(t), results.Clean(k.Words(t))})
	}
	return fragment("tuning.tmpl", a)
}
