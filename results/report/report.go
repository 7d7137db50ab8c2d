// Package report turns a run directory into report.html: one file that needs
// no network, no script and no other file.
package report

import (
	"bytes"
	"fmt"
	"html/template"
	"path/filepath"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/plot"
)

// tmpl holds every *.tmpl of this folder.
var tmpl = template.Must(template.New("report").Funcs(template.FuncMap{
	"spans": spans,
	"ns":    func(v any) string { return results.FormatNanoseconds(number(v)) },
	"int":   results.FormatInteger,
}).ParseFS(templates, "*.tmpl"))

// Write draws l into dir: plots/ and report.html, from what is stored alone.
// What could not be read or is not shown is told in the report and added to
// l.Warnings; an error is a file that could not be written.
func Write(dir string, l *results.Loaded) error {
	figures, notes, err := plot.All(l)
	for _, n := range append(notes, lines(err)...) {
		if !slices.Contains(l.Warnings, n) {
			l.Warnings = append(l.Warnings, n)
		}
	}
	if err := plot.Write(filepath.Join(dir, results.PlotsDir), figures); err != nil {
		return err
	}
	d, err := newData(l, figures)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := tmpl.ExecuteTemplate(&b, "report.html.tmpl", d); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := writeFile(filepath.Join(dir, results.ReportFile), b.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// lines are the errors joined in err, one each.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// span is a cell of the upper line of a table's head.
type span struct {
	Text string
	Cols int
}

func spans(columns []results.Column) []span {
	var s []span
	for i, c := range columns {
		if i > 0 && c.Over != "" && c.Over == columns[i-1].Over && !c.Axis {
			s[len(s)-1].Cols++
			continue
		}
		s = append(s, span{c.Over, 1})
	}
	return s
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}
