package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

// quantity is what a run is measured by: bytes where it moves batches, else
// queries or calls. A run may have several.
type quantity struct {
	kind           *results.Kind
	throughput     string // title of the figure against the axes
	throughputFile string
	timeline       string // title of the figure over time
	timelineFile   string
	what           string // that the unit is of, for the label
	perInterval    func(results.Interval) int64

	label string  // unit and what
	scale float64 // the metric is divided by it to be in the unit of label
}

var quantities = []quantity{
	{kind: results.KindStreams, throughput: "Throughput", throughputFile: "throughput", timeline: "Throughput over time", timelineFile: "timeline",
		what: " of Arrow IPC bodies", perInterval: func(iv results.Interval) int64 { return iv.Bytes.Body }},
	{kind: results.KindQueries, throughput: "Queries per second", throughputFile: "queries", timeline: "Queries per second over time", timelineFile: "timeline-queries",
		perInterval: func(iv results.Interval) int64 { return iv.Latencies["query"].Count }},
	{kind: results.KindCalls, throughput: "Calls per second", throughputFile: "calls", timeline: "Calls per second over time", timelineFile: "timeline-calls",
		perInterval: func(iv results.Interval) int64 { return iv.Streams }},
}

// of is the run's groups that q is measured for, and q in the unit that fits
// them.
func (q quantity) of(d *drawer) (quantity, []results.Group) {
	var groups []results.Group
	for _, g := range d.groups {
		if g.Kind() == q.kind && g.Metric(q.kind.Rate).N > 0 {
			groups = append(groups, g)
		}
	}
	unit, scale := q.kind.Unit(results.Most(groups, q.kind.Rate))
	q.label, q.scale = unit+q.what, scale
	return q, groups
}

// throughputs draws each quantity that the run has.
func (d *drawer) throughputs() error {
	for _, q := range quantities {
		d.throughput(q)
	}
	return nil
}

// throughput draws q against each axis that varies, or alone where none does.
// Where configurations depart from a base they are a list instead, but for the
// axes that make a curve.
func (d *drawer) throughput(q quantity) {
	q, groups := q.of(d)
	axes := results.Varying(groups)
	departs := results.Departures(groups) != nil
	if departs {
		d.list(list{file: q.throughputFile, title: q.throughput, values: q.label, bars: func(g results.Group) []results.Spread {
			return []results.Spread{scaled(g.Metric(q.kind.Rate), q.scale)}
		}}, groups)
	}
	for _, numeric := range []bool{true, false} { // curves say most and come first
		for _, axis := range axes {
			if isNumeric(groups, axis) == numeric && (numeric || !departs) {
				d.throughputBy(q, groups, axis, compare.Rest(axes, axis))
			}
		}
	}
	if len(axes) == 0 {
		d.throughputBy(q, groups, "", nil)
	}
}

// throughputBy draws q against axis: numbers on a log2 scale, words as bars.
func (d *drawer) throughputBy(q quantity, groups []results.Group, axis string, rest []string) {
	what, file := q.throughput, q.throughputFile
	if axis != "" {
		what += " by " + results.AxisLabel(axis)
		file += "-by-" + fileName(axis)
	}
	series, alone := along(compare.ByAxis(groups, axis, rest))
	for _, f := range d.facets(what, series, rest, maxSeries) {
		fig := &Figure{Name: file + f.file, Title: what + f.head, Notes: f.notes, Subtitle: f.subtitle(repeats(groups))}
		if alone > 0 {
			fig.Notes = append(fig.Notes, fmt.Sprintf("Not in this picture: %d of %d configurations, which no other differs from in this axis alone.", alone, len(groups)))
		}
		if isNumeric(groups, axis) {
			fig.entries = f.entries(false)
			d.ratesOverNumbers(fig, f, axis, q)
		} else {
			fig.entries = f.entries(true)
			d.ratesOverWords(fig, f, axis, q)
		}
		d.add(fig)
	}
}

// along drops the series of a single group where others have more, and counts
// them: they show nothing of the axis.
func along(series []compare.Series) (kept []compare.Series, alone int) {
	for _, s := range series {
		if len(s.Groups) > 1 {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return series, 0
	}
	return kept, len(series) - len(kept)
}

// isNumeric says whether axis can be drawn on a log scale: zero stands for
// "the default" or "the file's own" and has no place there.
func isNumeric(groups []results.Group, axis string) bool {
	if axis == "" {
		return false
	}
	for _, g := range groups {
		if v, ok := g.Config.Number(axis); !ok || v <= 0 {
			return false
		}
	}
	return true
}

// scaled is s in units of scale.
func scaled(s results.Spread, scale float64) results.Spread {
	return results.Spread{N: s.N, Median: s.Median / scale, Min: s.Min / scale, Max: s.Max / scale, Low: s.Low / scale, High: s.High / scale}
}

func (d *drawer) ratesOverNumbers(fig *Figure, f facet, axis string, q quantity) {
	p := newPlot()
	var groups []results.Group
	top := 0.0
	var curves []*curve
	for i, s := range f.Series {
		c := &curve{style: styles[i], markers: true}
		for _, g := range s.Groups {
			x, _ := g.Config.Number(axis)
			y := scaled(g.Metric(q.kind.Rate), q.scale)
			c.xy = append(c.xy, plotter.XY{X: math.Log2(x), Y: y.Median})
			c.spread = append(c.spread, y)
			c.doubt = append(c.doubt, doubtful(g))
			top = math.Max(top, y.Max)
		}
		groups = append(groups, s.Groups...)
		curves = append(curves, c)
	}
	fig.explain(slices.ContainsFunc(groups, doubtful), false)
	ticks, end := linearTicks(top, 7)
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Label.Text = q.label
	var values []float64
	labels := map[float64]string{}
	for _, c := range compare.Values(groups, axis) {
		v, _ := c.Number(axis)
		values = append(values, v)
		labels[v] = c.Value(axis)
	}
	p.X.Tick.Marker = plot.ConstantTicks(valueTicks(values, func(v float64) string { return labels[v] }, p.X.Tick.Label, 500))
	p.X.Label.Text = results.AxisLabel(axis) + ", log scale"
	p.Add(grid{horizontal: true})
	for _, c := range curves {
		p.Add(c)
	}
	fig.distance(p, groups, axis, q)
	p.Y.Min, p.Y.Max = 0, max(end, p.Y.Max)
	p.Y.Padding = 10 // between the axis and the first point
	fig.plot, fig.height = p, 270
}

func (d *drawer) ratesOverWords(fig *Figure, f facet, axis string, q quantity) {
	var groups []results.Group
	for _, s := range f.Series {
		groups = append(groups, s.Groups...)
	}
	b := &bars{format: results.FormatNumber}
	var names []string
	values := compare.Values(groups, axis)
	if axis == "" {
		values = values[:1]
	}
	for _, v := range values {
		name := v.Value(axis)
		if axis == "" {
			name = v.Op
		}
		names = append(names, name)
		row, doubt := make([]results.Spread, len(f.Series)), make([]bool, len(f.Series))
		for i, s := range f.Series {
			for _, g := range s.Groups {
				if axis == "" || results.CompareAxis(g.Config, v, axis) == 0 {
					row[i], doubt[i] = scaled(g.Metric(q.kind.Rate), q.scale), doubtful(g)
				}
			}
		}
		b.rows, b.doubt = append(b.rows, row), append(b.doubt, doubt)
	}
	for i := range f.Series {
		b.styles = append(b.styles, styles[i])
	}
	label := ""
	if axis != "" {
		label = results.AxisLabel(axis)
	}
	fig.lay(b, names, label, q.label)
}

// lay makes the figure one of lying bars.
func (fig *Figure) lay(b *bars, names []string, rows, values string) {
	p := newPlot()
	top := 0.0
	for _, r := range b.rows {
		for _, s := range r {
			top = math.Max(top, s.Max)
		}
	}
	ticks, end := linearTicks(top*1.12, 7) // room for the figure at the longest bar's end
	p.X.Min, p.X.Max = 0, end
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = values
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	marks := make([]plot.Tick, len(names))
	for i, n := range names {
		marks[i] = plot.Tick{Value: float64(len(names) - 1 - i), Label: elide(results.Clean(n), p.Y.Tick.Label, 230)}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(marks)
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	p.Y.Label.Text = rows
	p.Y.Padding = 0
	p.Add(grid{vertical: true}, b)
	fig.plot, fig.height = p, max(b.height()+40, 90)
	fig.explain(b.doubtful(), true)
}
