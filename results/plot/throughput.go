package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

const rateLabel = "GB/s of Arrow IPC bodies"

// throughput draws GB/s against axis: numbers on a log2 scale, words as bars.
func (d *drawer) throughput(axis string) {
	var groups []results.Group
	for _, g := range d.groups {
		if g.Metric(results.BodyRate).N > 0 {
			groups = append(groups, g)
		}
	}
	rest := compare.Rest(d.axes, axis)
	what := "Throughput"
	file := "throughput"
	if axis != "" {
		what += " by " + results.AxisLabel(axis)
		file += "-by-" + fileName(axis)
	}
	for _, f := range d.facets(what, compare.ByAxis(groups, axis, rest), rest, maxSeries) {
		fig := &Figure{Name: file + f.file, Title: what + f.head, Notes: f.notes, Subtitle: f.subtitle(repeats(groups))}
		if isNumeric(groups, axis) {
			fig.entries = f.entries(false)
			d.ratesOverNumbers(fig, f, axis)
		} else {
			fig.entries = f.entries(true)
			d.ratesOverWords(fig, f, axis)
		}
		d.add(fig)
	}
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

func gigabytes(s results.Spread) results.Spread {
	return results.Spread{N: s.N, Median: s.Median / 1e9, Min: s.Min / 1e9, Max: s.Max / 1e9}
}

func (d *drawer) ratesOverNumbers(fig *Figure, f facet, axis string) {
	p := newPlot()
	var groups []results.Group
	top := 0.0
	var curves []*curve
	for i, s := range f.Series {
		c := &curve{style: styles[i], markers: true}
		for _, g := range s.Groups {
			x, _ := g.Config.Number(axis)
			y := gigabytes(g.Metric(results.BodyRate))
			c.xy = append(c.xy, plotter.XY{X: math.Log2(x), Y: y.Median})
			c.spread = append(c.spread, y)
			top = math.Max(top, y.Max)
		}
		groups = append(groups, s.Groups...)
		curves = append(curves, c)
	}
	ticks, end := linearTicks(top, 7)
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Label.Text = rateLabel
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
	p.Y.Min, p.Y.Max = 0, end
	p.Y.Padding = 10 // between the axis and the first point
	fig.plot, fig.height = p, 270
}

func (d *drawer) ratesOverWords(fig *Figure, f facet, axis string) {
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
		row := make([]results.Spread, len(f.Series))
		for i, s := range f.Series {
			for _, g := range s.Groups {
				if axis == "" || results.CompareAxis(g.Config, v, axis) == 0 {
					row[i] = gigabytes(g.Metric(results.BodyRate))
				}
			}
		}
		b.rows = append(b.rows, row)
	}
	for i := range f.Series {
		b.styles = append(b.styles, styles[i])
	}
	label := ""
	if axis != "" {
		label = results.AxisLabel(axis)
	}
	fig.lay(b, names, label, rateLabel)
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
}
