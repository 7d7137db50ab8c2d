// Package plot draws the pictures of a run: what it moved or how many calls it
// made against each axis that varies, over time and at what cost, its latencies
// by percentile, and what a feature costs relative to a run without.
// Every picture comes as SVG and as PNG, from what is stored alone.
package plot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// maxFacets is how many pictures one question is answered with.
const maxFacets = 12

// drawer gathers the figures of one run.
type drawer struct {
	run     *results.Loaded
	groups  []results.Group // those that measured something, without rungs of a ladder of ceilings
	figures []*Figure
	notes   []string
	others  string // what groups are, where they are not all; see ofAnswer
}

// drawings are what a run is drawn as, in the order of its figures. Each adds
// figures, or none where the run has nothing of the kind; an error is a
// histogram that could not be read. Add one by a line.
var drawings = []func(*drawer) error{
	(*drawer).curves,
	(*drawer).tunings,
	(*drawer).relative,
	(*drawer).throughputs,
	(*drawer).shares,
	(*drawer).latencies,
	(*drawer).paces,
	(*drawer).heats,
	(*drawer).timelines,
	(*drawer).costs,
	(*drawer).ladders,
}

// All lays the figures of l out. Notes tell what of the run they do not show.
// An error is a histogram that could not be read; the figures that do not
// need it are there all the same.
func All(l *results.Loaded) (figures []*Figure, notes []string, err error) {
	d := &drawer{run: l}
	all := results.GroupTrials(results.WithoutRungs(l.Trials))
	for _, g := range all {
		if len(g.Measured()) > 0 {
			d.groups = append(d.groups, g)
		}
	}
	if n := len(all) - len(d.groups); n > 0 {
		d.note("%d of %d configurations measured nothing and are in no plot", n, len(all))
	}
	d.groups = d.ofAnswer(d.groups)
	var errs []error
	for _, draw := range drawings {
		errs = append(errs, draw(d))
	}
	return d.figures, d.notes, errors.Join(errs...)
}

// Write draws the figures of l into dir as NAME.svg and NAME.png. Files of
// these endings that dir held before are removed: they would be of another
// state of the run.
func Write(dir string, figures []*Figure) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("draw plots: %w", err)
	}
	for _, ending := range []string{"*.svg", "*.png"} {
		old, err := filepath.Glob(filepath.Join(dir, ending))
		if err != nil {
			return fmt.Errorf("draw plots: %w", err)
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("draw plots: %w", err)
			}
		}
	}
	var errs []error
	for _, f := range figures {
		svg, err := f.SVG()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name+".svg"), svg, 0o644)
		}
		errs = append(errs, err)
		png, err := f.PNG()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name+".png"), png, 0o644)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("draw plots: %w", err)
	}
	return nil
}

func (d *drawer) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// add takes a figure in, with a name of its own.
func (d *drawer) add(f *Figure) {
	f.Title, f.Subtitle = results.Clean(f.Title), results.Clean(f.Subtitle)
	for i := range f.entries {
		f.entries[i].label = results.Clean(f.entries[i].label)
	}
	name := f.Name
	for n := 2; slices.ContainsFunc(d.figures, func(o *Figure) bool { return o.Name == f.Name }); n++ {
		f.Name = fmt.Sprintf("%s-%d", name, n)
	}
	d.figures = append(d.figures, f)
}

// facet is what one figure of several shows.
type facet struct {
	compare.Facet
	common string // what all its series share
	head   string // " · get" where the figure is one of several, for its title
	file   string // "-get", for its name
	notes  []string
}

// facets parts series into what a figure of at most limit series can show,
// and notes what is left out.
func (d *drawer) facets(what string, series []compare.Series, rest []string, limit int) []facet {
	if len(series) == 0 {
		return nil
	}
	parts := compare.Facets(series, rest, limit)
	if len(parts) > maxFacets {
		d.note("%s: %d plots of %d are drawn; the table and trials.jsonl hold the rest", what, maxFacets, len(parts))
		parts = parts[:maxFacets]
	}
	var fs []facet
	for _, p := range parts {
		f := facet{Facet: p}
		if len(p.Fixed) > 0 {
			f.head = ": " + compare.Label(p.Series[0].Config, p.Fixed)
			f.file = "-" + fileName(f.head)
		}
		if p.Along != "" {
			f.head += " · by " + results.AxisLabel(p.Along)
			if len(p.Fixed) == 0 {
				f.head = ": by " + results.AxisLabel(p.Along)
			}
			f.file += "-by-" + fileName(p.Along)
		}
		if p.Dropped > 0 {
			text := fmt.Sprintf("%d of %d lines are drawn", len(p.Series), len(p.Series)+p.Dropped)
			f.notes = append(f.notes, text+"; the table holds all.")
			d.note("%s%s: %s; the table holds all", what, f.head, text)
		}
		var groups []results.Group
		for _, s := range p.Series {
			groups = append(groups, s.Groups...)
		}
		f.common = results.Common(groups, append(results.Varying(groups), p.Fixed...))
		fs = append(fs, f)
	}
	return fs
}

// entries is the legend of the facet's series; none for a single one, which
// the subtitle names.
func (f facet) entries(bar bool) []entry {
	if len(f.Rest) == 0 || len(f.Series) < 2 {
		return nil
	}
	es := make([]entry, len(f.Series))
	for i, s := range f.Series {
		es[i] = entry{label: elide(f.Label(s)+doubtOf(s), legendStyle(), figureWidth-2*margin-swatch-5), style: styles[i], bar: bar}
	}
	return es
}

// subtitle joins sentences about the figure with what its series share.
func (f facet) subtitle(parts ...string) string {
	if len(f.Series) == 1 { // it has no legend
		for _, axis := range f.Rest {
			if !slices.Contains(results.Axes, axis) {
				parts = append(parts, f.Series[0].Config.Phrase(axis))
			}
		}
		if text := doubtOf(f.Series[0]); text != "" {
			parts = append(parts, "not valid: "+strings.Trim(text, " ()"))
		}
	}
	parts = append(parts, f.BaseLabel())
	if f.common != "" {
		parts = append(parts, f.common)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// repeats says how the figure sums repeats up.
func repeats(groups []results.Group) string {
	n := 0
	for _, g := range groups {
		n = max(n, len(g.Measured()))
	}
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("median of %d repeats, whiskers from least to greatest", n)
}

func fileName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == ',':
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s = b.String()
	if len(s) > 60 {
		s = s[:60]
	}
	return strings.Trim(s, "-")
}
