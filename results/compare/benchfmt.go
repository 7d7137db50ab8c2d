package compare

import (
	"fmt"
	"io"
	"slices"
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
	out := benchfmt.NewWriter(w)
	told := map[string]bool{}
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if unit := benchUnit(cell.Figure, cell.Unit); !told[unit] {
				told[unit] = true
				m := benchfmt.UnitMetadata{UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: unit, Key: "better"}, OrigUnit: unit, Value: cell.Better}
				if err := out.Write(&m); err != nil {
					return fmt.Errorf("write benchmark format: %w", err)
				}
			}
		}
	}
	names := c.benchNames()
	for _, side := range []string{"old", "new"} {
		for i, p := range c.Pairs {
			trials := p.old
			if side == "new" {
				trials = p.new
			}
			for _, t := range trials {
				r := benchfmt.Result{Name: benchfmt.Name(names[i]), Iters: 1}
				r.Config = []benchfmt.Config{{Key: "side", Value: []byte(side), File: true}}
				for _, cell := range p.Cells {
					if m, ok := cell.Figure.Of(t); ok {
						r.Values = append(r.Values, benchfmt.Value{Value: m.Value, Unit: benchUnit(cell.Figure, m.Unit)})
					}
				}
				if len(r.Values) == 0 {
					continue
				}
				if err := out.Write(&r); err != nil {
					return fmt.Errorf("write benchmark format: %w", err)
				}
			}
		}
	}
	return nil
}

// benchAxes are always part of a name.
var benchAxes = []string{"workload", "rows", "transport", "compression", "concurrency"}

// benchNames are the pairs' names, such as Get/workload=perf/rows=65536. The
// compared field is part of it where there are several pairs of its values.
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
		op, what, _ := strings.Cut(p.Config.Op, ":")
		name := strings.ToUpper(op[:1]) + op[1:]
		if what != "" {
			name += "/" + benchSafe(what)
		}
		for j, axis := range axes {
			v, _ := p.Config.Axis(axis)
			if axis != "op" && v != "" && !slices.Contains(c.By, axis) && !slices.Contains(axes[:j], axis) {
				name += "/" + axis + "=" + benchSafe(v)
			}
		}
		if several {
			name += "/" + c.By[0] + "=" + benchSafe(p.From) + ".." + benchSafe(p.To)
		}
		names[i] = name
	}
	return names
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
