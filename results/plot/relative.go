package plot

import (
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// relative draws what each departure from a base is worth, in percent of the
// base's rate, where the run has such a base: the operations side by side, a
// figure for each target.
func (d *drawer) relative() {
	stars := slices.DeleteFunc(compare.Stars(d.groups), func(s compare.Star) bool { return s.Base.Metric(rateOf(s).metric).N == 0 })
	var targets []string
	for _, s := range stars {
		if !slices.Contains(targets, s.Base.Config.Target) {
			targets = append(targets, s.Base.Config.Target)
		}
	}
	for _, target := range targets {
		var of []compare.Star
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
}

// relativeOf draws the stars, one an operation, a row for each name.
func (d *drawer) relativeOf(name, title string, stars []compare.Star) {
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
	rows := make([][]results.Spread, len(names))
	for i := range rows {
		rows[i] = make([]results.Spread, len(stars))
	}
	var bases []string
	for i, s := range stars {
		rate := rateOf(s)
		full := s.Base.Metric(rate.metric)
		for _, r := range s.Relatives {
			rows[slices.Index(names, r.Name())][i] = scaled(compare.Ratio(r.Group, s.Base, rate.metric), 0.01)
		}
		bases = append(bases, fmt.Sprintf("%s %s %s", s.Base.Config.Op, results.FormatNumber(full.Median/rate.scale), rate.unit))
		b.styles = append(b.styles, styles[i])
		fig.entries = append(fig.entries, entry{label: s.Base.Config.Op + ", " + rate.unit, style: styles[i], bar: true})
	}
	b.rows = rows
	parts := []string{"more is better"}
	if r := repeats(groups); r != "" {
		parts = append(parts, strings.Replace(r, "repeats", "rounds, each relative to the base of its round", 1))
	}
	base := "100 % is " + compare.Label(stars[0].Base.Config, axes) + ": " + strings.Join(bases, ", ")
	common := results.Common(groups, results.Varying(groups))
	fig.Subtitle = strings.Join(slices.DeleteFunc(append(parts, base, common), func(s string) bool { return s == "" }), " · ")
	fig.lay(b, names, "", "rate, % of the base's")
	d.add(fig)
}

type rate struct {
	metric, unit string
	scale        float64
}

// rateOf is what the operation of s is measured by. Where the codec varies it
// is the bytes before it, since body bytes fall with the codec.
func rateOf(s compare.Star) rate {
	if s.Base.OfCalls() {
		return rate{results.CallRate, "calls/s", 1}
	}
	if slices.ContainsFunc(s.Relatives, func(r compare.Relative) bool { return r.Axis == "compression" }) {
		return rate{results.LogicalRate, "GB/s before the codec", 1e9}
	}
	return rate{results.BodyRate, "GB/s", 1e9}
}
