package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/plot"
)

//go:embed *.tmpl
var templates embed.FS

// contributor makes one section of the page. Add one by a line in
// contributors, with its figures by a line in plot's drawings.
type contributor struct {
	title string
	// figures are the beginnings of the names of the figures it shows; a figure
	// belongs to the first contributor that names it. "" is all that are left.
	figures []string
	// intro makes what stands above the figures, "" where there is nothing to
	// say; fragment helps. nil: nothing.
	intro func(*results.Loaded) (template.HTML, error)
	// folded sections are of interest to fewer, and closed until asked for.
	folded bool
}

// contributors are the sections in the order of the page. One without intro
// and figures is not shown.
var contributors = []contributor{
	{title: "The targets compared", intro: targetsCompared},
	{title: "Load and capacity", intro: capacitySection, figures: []string{"capacity"}},
	{title: "Settings", intro: tuningSection, figures: []string{"tuning"}},
	{title: "Cost of each feature", figures: []string{"relative"}},
	{title: "Throughput", figures: []string{"throughput"}},
	{title: "Queries", figures: []string{"queries"}},
	{title: "Calls", figures: []string{"calls", "latency-call"}},
	{title: "Where the time went", figures: []string{"time-shares"}},
	{title: "Response and service time", figures: []string{"spectrum"}},
	{title: "Pace", figures: []string{"pace"}},
	{title: "Latency", figures: []string{"latency-query", "latency-batch-gap", "latency-put-ack", "latency-exchange", "latency-first-batch", "latency-cancel"}},
	{title: "Latency over time", figures: []string{"heat"}},
	{title: "Cost", figures: []string{"cpu"}},
	{title: "Ceilings", intro: ladders, figures: []string{"ladder"}},
	{title: "Over time", figures: []string{"timeline"}},
	{title: "Further latencies", figures: []string{""}, folded: true},
	{title: "Latencies of each configuration", intro: latencyTable, folded: true},
}

// section is what a contributor made.
type section struct {
	Title  string
	Intro  template.HTML
	SVGs   []template.HTML
	Folded bool
}

// sections parts the figures of l among the contributors.
func sections(l *results.Loaded, figures []*plot.Figure) ([]section, error) {
	out := make([]section, len(contributors))
	for i, c := range contributors {
		out[i].Title, out[i].Folded = c.title, c.folded
		if c.intro == nil {
			continue
		}
		var err error
		if out[i].Intro, err = c.intro(l); err != nil {
			return nil, fmt.Errorf("report: section %s: %w", c.title, err)
		}
	}
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return nil, err
		}
		of := func(c contributor) bool {
			return slices.ContainsFunc(c.figures, func(p string) bool { return strings.HasPrefix(f.Name, p) })
		}
		if i := slices.IndexFunc(contributors, of); i >= 0 {
			// #nosec G203: drawn by us; every text in it is escaped.
			out[i].SVGs = append(out[i].SVGs, template.HTML(svg))
		}
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.SVGs) == 0 && s.Intro == "" }), nil
}

// fragment is the template of that name filled in with v: NAME.tmpl beside
// report.html.tmpl, embedded and parsed with it. What v holds is escaped.
func fragment(name string, v any) (template.HTML, error) {
	var b bytes.Buffer
	if err := tmpl.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("fill in %s: %w", name, err)
	}
	// #nosec G203: made by html/template.
	return template.HTML(b.String()), nil
}
