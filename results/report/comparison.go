package report

import (
	"bytes"
	"fmt"
	"html/template"
	"os"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/plot"
)

// comparison is a compare.Comparison as a page or a section of one shows it.
type comparison struct {
	*compare.Comparison
	Heading  string
	Old, New string // heads of the columns
	Pairs    []pair
}

type pair struct {
	Name  string
	Lines []compare.Line
}

func newComparison(c *compare.Comparison, heading string) comparison {
	v := comparison{Comparison: c, Heading: heading}
	v.Old, v.New = c.Sides()
	for _, p := range c.Pairs {
		of := pair{Name: p.Name()}
		for _, cell := range p.Cells {
			of.Lines = append(of.Lines, cell.Line())
		}
		v.Pairs = append(v.Pairs, of)
	}
	return v
}

// comparisonPage is what comparison.html.tmpl shows.
type comparisonPage struct {
	Title   string
	Version string
	DarkCSS template.CSS
	Table   comparison

	Histograms []template.HTML
	Warnings   []string // about the runs, and what is not drawn
}

// WriteComparison writes c into path as a page of its own, which needs no
// network, no script and no other file: what else differs, the gates, the
// table, and the histograms of both sides over each other. old and new are the
// runs that were compared; they may be one. What could not be read or is not
// drawn is told in the page; an error is a file that could not be written.
func WriteComparison(path, version string, c *compare.Comparison, old, new *results.Loaded) error {
	figures, notes, err := plot.Overlays(c, old, new)
	p := comparisonPage{Title: c.Summary(), Version: version, DarkCSS: plot.DarkCSS, Table: newComparison(c, c.Title())}
	p.Warnings = append(p.Warnings, runWarnings(old, new)...)
	p.Warnings = append(append(p.Warnings, notes...), lines(err)...)
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return fmt.Errorf("write the comparison: %w", err)
		}
		// #nosec G203: drawn by us; every text in it is escaped.
		p.Histograms = append(p.Histograms, template.HTML(svg))
	}
	var b bytes.Buffer
	if err := tmpl.ExecuteTemplate(&b, "comparison.html.tmpl", p); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	if err := writeFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

// runWarnings are those of both runs, by their names where there are two.
func runWarnings(old, new *results.Loaded) (out []string) {
	if old == new {
		return old.Warnings
	}
	for _, w := range old.Warnings {
		out = append(out, "old: "+w)
	}
	for _, w := range new.Warnings {
		out = append(out, "new: "+w)
	}
	return out
}

// writeFile replaces path as a whole, or leaves it as it is.
func writeFile(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		os.Remove(tmp) // what is left of it; err says more
		return err
	}
	return os.Rename(tmp, path)
}
