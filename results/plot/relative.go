package plot

import (
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// relative draws what each departure from a base is worth, in percent of the
// base's rate, where the run has such a base: the operations side by side, a
// figure for each target.
func (d *drawer) relative() error {
	stars := slices.DeleteFunc(results.Stars(d.groups), func(s results.Star) bool { return s.Base.Metric(s.Rate()).N == 0 })
	var targets []string
	for _, s := range stars {
		if !slices.Contains(targets, s.Base.Config.Target) {
			targets = append(targets, s.Base.Config.Target)
		}
	}
	for _, target := range targets {
		var of []results.Star
		for _, s := range stars {
			if s.Base.Config.Target == target {
				of = append(of, s)
			}
		}
		if len(of) > maxSeries {
			d.note("Cost of each feature: %d of %d operations are drawn; the table holds all", maxSeries, len(of))
			of = of[:maxSeries]
		}
		name, title := "relative", "Cost of each feature"
		if len(targets) > 1 {
			name, title = name+"-"+fileName(target), title+": "+target
		}
		d.relativeOf(name, title, of)
	}
	return nil
}

// relativeOf draws the stars, one an operation, a row for each name.
func (d *drawer) relativeOf(name, title string, stars []results.Star) {
	fig := &Figure{Name: name, Title: title}
	b := &bars{format: func(v float64) string { return results.FormatNumber(v) + " %" }, base: 100}
	var names []string
	var groups []results.Group
	var axes []string // that tell the relatives from their base
	for _, s := range stars {
		groups = append(groups, s.Base)
		for _, r := range s.Relatives {
			groups = append(groups, r.Group)
			if !slices.Contains(axes, r.Axis) {
				axes = append(axes, r.Axis)
			}
			if !slices.Contains(names, r.Name()) {
				names = append(names, r.Name())
			}
		}
	}
	rows, doubts := make([][]results.Spread, len(names)), make([][]bool, len(names))
	for i := range rows {
		rows[i], doubts[i] = make([]results.Spread, len(stars)), make([]bool, len(stars))
	}
	var bases []string
	unsure := false
	for i, s := range stars {
		value, unit := rateOf(s)
		for _, r := range s.Relatives {
			ratio := results.Ratio(r.Group, s.Base, s.Rate())
			unsure = unsure || ratio.Unsure()
			row := slices.Index(names, r.Name())
			rows[row][i], doubts[row][i] = scaled(ratio, 0.01), doubtful(r.Group) || doubtful(s.Base)
		}
		bases = append(bases, fmt.Sprintf("%s %s %s", s.Base.Config.Op, value, unit))
		b.styles = append(b.styles, styles[i])
		fig.entries = append(fig.entries, entry{label: s.Base.Config.Op + ", " + unit, style: styles[i], bar: true})
	}
	b.rows, b.doubt = rows, doubts
	parts := []string{"more is better"}
	if r := repeats(groups); r != "" {
		parts = append(parts, strings.Replace(r, "repeats", "rounds, each relative to the base of its round", 1))
	}
	if unsure {
		b.pale = func(s results.Spread) bool { return scaled(s, 100).Unsure() }
		parts = append(parts, "pale: not to be told from the base, the rounds lie on both sides of it")
	}
	base := "100 % is " + stars[0].Base.Config.Label(axes) + ": " + strings.Join(bases, ", ")
	common := results.Common(groups, results.Varying(groups))
	fig.Subtitle = strings.Join(slices.DeleteFunc(append(parts, base, common), func(s string) bool { return s == "" }), " · ")
	fig.lay(b, names, "", "rate, % of the base's")
	d.add(fig)
}

// rateOf is the base's rate for people.
func rateOf(s results.Star) (value, unit string) {
	full := s.Base.Metric(s.Rate()).Median
	unit, scale := s.Base.Kind().Unit(full)
	if s.Rate() == results.LogicalRate {
		unit += " before the codec"
	}
	return results.FormatNumber(full / scale), unit
}
