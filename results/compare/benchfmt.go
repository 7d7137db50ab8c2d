package compare

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/perf/benchfmt"

	"flightbench/results"
)

// WriteBenchfmt prints the trials that count in Go's benchmark format, a line
// a trial, those of old under the key "side: old" and those of new under
// "side: new": `benchstat -col side FILE` compares them, in its own way: without
// pairing the rounds. The format knows a figure by its unit alone, so units are
// batch_gap_p99-ns, client_CPU-sec/GB.
func (c *Comparison) WriteBenchfmt(w io.Writer) error {
	out := newBenchWriter(w)
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			out.unit(cell.Figure, results.Metric{Unit: cell.Unit, Better: cell.Better})
		}
	}
	names := c.benchNames()
	for _, side := range []string{"old", "new"} {
		for i, p := range c.Pairs {
			trials := p.old
			if side == "new" {
				trials = p.new
			}
			var figures []Figure
			for _, cell := range p.Cells {
				figures = append(figures, cell.Figure)
			}
			for _, t := range trials {
				out.trial(names[i], t, figures, benchKey("side", side))
			}
		}
	}
	return out.err
}

// WriteBenchfmt prints the trials that count in Go's benchmark format, a line
// a trial, with the figures that are named, or without one those by which a
// comparison judges, or all. Names hold the fields that vary in the run, so that
// two runs of one suite have the same: `benchstat OLD NEW` compares them. left is
// how many trials do not count and are left out.
//
// Note: of the environment only what Go's own benchmarks tell is a key of the
// file, with the number of cores: benchstat makes a table of its own for every
// combination of keys.
func WriteBenchfmt(w io.Writer, run results.Run, trials []*results.Trial, figures []Figure, all bool) (left int, err error) {
	groups := slices.DeleteFunc(counted(trials), func(g results.Group) bool { return len(g.Trials) == 0 })
	of := make([][]Figure, len(groups))
	out := newBenchWriter(w)
	left = len(trials)
	for i, g := range groups {
		left -= len(g.Trials)
		if of[i] = figures; all {
			of[i] = every(g.Trials)
		} else if len(figures) == 0 {
			of[i] = primary(g.Trials, g.Trials)
		}
		for _, f := range of[i] {
			for _, t := range g.Trials {
				if m, ok := f.Of(t); ok {
					out.unit(f, m)
				}
			}
		}
	}
	e := run.Environment
	var keys []benchfmt.Config
	for _, k := range []struct{ key, value string }{{"goos", e.OS}, {"goarch", e.Arch}, {"pkg", "flightbench"}, {"cpu", e.CPU}, {"cores", strconv.Itoa(e.Cores)}} {
		if v := strings.TrimSpace(results.Clean(k.value)); v != "" && v != "0" {
			keys = append(keys, benchKey(k.key, v))
		}
	}
	axes := slices.Concat(benchAxes, results.Varying(groups))
	for i, g := range groups {
		name := benchName(g.Config, axes, nil)
		if n := g.Config.GOMAXPROCS; n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		for _, t := range g.Trials {
			out.trial(name, t, of[i], keys...)
		}
	}
	return left, out.err
}

// benchWriter writes until the first error, which it keeps.
type benchWriter struct {
	out  *benchfmt.Writer
	told map[string]bool // units of which the better direction is written
	err  error
}

func newBenchWriter(w io.Writer) *benchWriter {
	return &benchWriter{out: benchfmt.NewWriter(w), told: map[string]bool{}}
}

func (b *benchWriter) write(r benchfmt.Record) {
	if b.err != nil {
		return
	}
	if err := b.out.Write(r); err != nil {
		b.err = fmt.Errorf("write benchmark format: %w", err)
	}
}

// unit tells which direction is better, once for each unit.
func (b *benchWriter) unit(f Figure, m results.Metric) {
	unit := benchUnit(f, m.Unit)
	if b.told[unit] {
		return
	}
	b.told[unit] = true
	b.write(&benchfmt.UnitMetadata{UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: unit, Key: "better"}, OrigUnit: unit, Value: m.Better})
}

// trial is one line, unless t has none of the figures.
func (b *benchWriter) trial(name string, t *results.Trial, figures []Figure, keys ...benchfmt.Config) {
	r := benchfmt.Result{Name: benchfmt.Name(name), Iters: 1, Config: keys}
	for _, f := range figures {
		if m, ok := f.Of(t); ok {
			r.Values = append(r.Values, benchfmt.Value{Value: m.Value, Unit: benchUnit(f, m.Unit)})
		}
	}
	if len(r.Values) > 0 {
		b.write(&r)
	}
}

func benchKey(key, value string) benchfmt.Config {
	return benchfmt.Config{Key: key, Value: []byte(value), File: true}
}

// benchAxes are always part of a name.
var benchAxes = []string{"workload", "rows", "transport", "compression", "concurrency"}

// benchNames are the pairs' names. The compared field is part of them where
// there are several pairs of its values.
func (c *Comparison) benchNames() []string {
	groups := make([]results.Group, len(c.Pairs))
	several := false
	for i, p := range c.Pairs {
		groups[i].Config = p.Config
		several = several || p.From != c.Pairs[0].From || p.To != c.Pairs[0].To
	}
	axes := slices.Concat(benchAxes, results.Varying(groups))
	names := make([]string, len(c.Pairs))
	for i, p := range c.Pairs {
		names[i] = benchName(p.Config, axes, c.By)
		if several {
			names[i] += "/" + c.By[0] + "=" + benchSafe(p.From) + ".." + benchSafe(p.To)
		}
	}
	return names
}

// benchName is a name such as Get/workload=perf/rows=65536, of those axes that
// are not in without.
func benchName(c results.Config, axes, without []string) string {
	op, what, _ := strings.Cut(c.Op, ":")
	first := min(1, len(op)) // a document may have none
	name := strings.ToUpper(op[:first]) + op[first:]
	if what != "" {
		name += "/" + benchSafe(what)
	}
	for i, axis := range axes {
		v, _ := c.Axis(axis)
		if axis != "op" && v != "" && !slices.Contains(without, axis) && !slices.Contains(axes[:i], axis) {
			name += "/" + axis + "=" + benchSafe(v)
		}
	}
	return name
}

// benchSafe replaces what would end a name or a part of it.
func benchSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '/' || r == '=' {
			return '_'
		}
		return r
	}, results.Clean(s))
}

// benchUnit names figure and unit in one word; rates are known by their unit.
func benchUnit(f Figure, unit string) string {
	switch f {
	case results.BodyRate, results.RowRate, results.BatchRate, results.StreamRate, results.CallRate:
		return unit
	}
	name := benchSafe(f.Label())
	switch {
	case unit == "" || unit == "1":
		return name
	case unit == "s" || strings.HasPrefix(unit, "s/"):
		unit = "sec" + unit[1:]
	}
	return name + "-" + unit
}
