package report

import (
	"html/template"

	"flightbench/results"
)

// ladders are the tables of the run's ceilings.
func ladders(l *results.Loaded) (template.HTML, error) {
	page := results.TellLadders(l.Trials, true)
	if page == nil {
		return "", nil
	}
	return fragment("ladder.tmpl", page)
}
