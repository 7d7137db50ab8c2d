// Package export writes what a run measured in formats of other programs: CSV
// and Parquet for data frames, Go's benchmark format for benchstat, percentile
// distributions (hgrm) for HdrHistogram's plotter.
package export

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// Formats are those that Options may name.
var Formats = []string{"csv", "parquet", "benchfmt", "hgrm"}

// Tables are those of which CSV and Parquet hold one.
var Tables = []string{"trials", "timeline", "latencies"}

// Options say what is exported.
type Options struct {
	Format  string           // one of Formats
	Table   string           // one of Tables; "" is the first, and the only one of benchfmt and hgrm
	Where   []string         // FIELD=VALUE of the Configs whose trials are exported: all of them hold
	Figures []compare.Figure // of benchfmt; none: those that a comparison judges by
	All     bool             // of benchfmt: every figure
	Latency []string         // of hgrm: the latencies; none: all
}

// Validate names the field, its value and the remedy.
func (o Options) Validate() error {
	table := o.Table == "" || o.Table == Tables[0]
	switch {
	case o.Format == "":
		return fmt.Errorf("--format is missing: name %s", strings.Join(Formats, ", "))
	case !slices.Contains(Formats, o.Format):
		return fmt.Errorf("--format %q is unknown: use %s", o.Format, strings.Join(Formats, ", "))
	case o.Table != "" && !slices.Contains(Tables, o.Table):
		return fmt.Errorf("--what %q is unknown: use %s", o.Table, strings.Join(Tables, ", "))
	case !table && o.Format != "csv" && o.Format != "parquet":
		return fmt.Errorf("--what %s is a table of csv and parquet: %s has none", o.Table, o.Format)
	case (o.All || len(o.Figures) > 0) && o.Format != "benchfmt":
		return fmt.Errorf("--metrics chooses figures of benchfmt: %s holds all that is asked for with --what", o.Format)
	case len(o.Latency) > 0 && o.Format != "hgrm":
		return fmt.Errorf("--latency chooses files of hgrm: %s has none", o.Format)
	}
	for _, l := range o.Latency {
		if results.LatencyDoc(l) == "" {
			return fmt.Errorf("--latency %q: no latency is called that: there are %s", l, strings.Join(results.Latencies, ", "))
		}
	}
	for _, w := range o.Where {
		field, _, ok := strings.Cut(w, "=")
		if !ok {
			return fmt.Errorf("--where %q: want FIELD=VALUE, such as op=get, of a configuration's fields", w)
		}
		if _, known := (results.Config{}).Axis(field); !known {
			return fmt.Errorf("--where %q: %q is no field of a configuration: op, rows, transport, compression and others are, as `flightbench run --help` lists them", w, field)
		}
	}
	return nil
}

// Write writes the one file of a format other than hgrm, whose are of [Hgrm].
// notes tell what is not in it.
func Write(w io.Writer, l *results.Loaded, o Options) (notes []string, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	trials, err := o.trials(l)
	if err != nil {
		return nil, err
	}
	if o.Format == "benchfmt" {
		left, err := compare.WriteBenchfmt(w, l.Run, trials, o.Figures, o.All)
		if left > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d trials are left out: they failed, are partial, or measured nothing", left, len(trials)))
		}
		if err == nil && left == len(trials) {
			err = errors.New("no trial counts: there is nothing for benchstat to read")
		}
		return notes, err
	}
	sheet := results.TrialSheet(l.Run, trials)
	switch o.Table {
	case "timeline":
		sheet = timeline(l.Run, trials)
	case "latencies":
		if sheet, err = latencies(l, trials); err != nil {
			return nil, err
		}
		if notes, err = unlogged(l, trials, nil); err != nil {
			return nil, err
		}
	}
	if o.Format == "csv" {
		return notes, sheet.WriteCSV(w)
	}
	return notes, writeParquet(w, l.Run, sheet)
}

// trials are those of l whose Configs have what Where names.
func (o Options) trials(l *results.Loaded) ([]*results.Trial, error) {
	if len(l.Trials) == 0 {
		return nil, fmt.Errorf("%s holds no trial", l.Dir)
	}
	trials := l.Trials
	for _, where := range o.Where {
		field, value, _ := strings.Cut(where, "=")
		var left []*results.Trial
		values := map[string]bool{}
		for _, t := range trials {
			v, _ := t.Config.Axis(field)
			values[v] = true
			if v == value {
				left = append(left, t)
			}
		}
		if len(left) == 0 {
			return nil, fmt.Errorf("--where %s: no trial has it: %s is %s", where, field, results.Clean(strings.Join(results.InOrder(values, nil), ", ")))
		}
		trials = left
	}
	return trials, nil
}
