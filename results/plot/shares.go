package plot

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
	"flightbench/results/compare"
)

// timeShares are where the time of a trial's streams went.
var timeShares = []struct {
	metric, label string
	style         style
}{
	{results.TimeWaiting, "waiting for data (network or server)", styles[0]},
	{results.TimeFlow, "held back by flow control (receiver or window)", styles[2]},
	{results.TimeBusy, "busy in the client (generator)", styles[1]},
	{results.TimeIdle, "idle by pacing", style{color: paper, glyph: nothing{}}},
}

// shares draws where the time of each configuration's streams went.
func (d *drawer) shares() error {
	var groups []results.Group
	for _, g := range d.groups {
		if g.Metric(results.TimeWaiting).N > 0 {
			groups = append(groups, g)
		}
	}
	const title = "Where the time went"
	axes := results.Varying(groups)
	for _, f := range d.facets(title, compare.ByAxis(groups, "", axes), axes, maxRows) {
		fig := &Figure{Name: "time-shares" + f.file, Title: title + f.head, Notes: f.notes}
		s := &stack{}
		var names []string
		estimated, most := false, 0
		for _, series := range f.Series {
			g := series.Groups[0]
			row := make([]float64, len(timeShares))
			for i, share := range timeShares {
				row[i] = g.Metric(share.metric).Median
			}
			s.rows = append(s.rows, row)
			name := f.Label(series)
			if name == "" {
				name = g.Config.Op
			}
			if slices.ContainsFunc(g.Measured(), func(t *results.Trial) bool { return slices.Contains(t.Approximate, results.TimeWaiting) }) {
				name, estimated = "≈ "+name, true
			}
			s.doubt = append(s.doubt, doubtful(g))
			names, most = append(names, name), max(most, len(g.Measured()))
		}
		of, guess := "share of the time of streams", ""
		if most > 1 {
			of += fmt.Sprintf(", median of %d repeats", most)
		}
		if estimated {
			guess = "≈ estimated: this transport does not tell itself"
		}
		fig.Subtitle = f.subtitle(of, guess)
		for i, share := range timeShares {
			if slices.ContainsFunc(s.rows, func(row []float64) bool { return row[i] > leastShare }) {
				fig.entries = append(fig.entries, entry{label: share.label, style: share.style, bar: true})
			}
		}
		fig.layStack(s, names)
		d.add(fig)
	}
	return nil
}

// stack draws a lying bar for each row, of parts that add up to 1.
type stack struct {
	rows  [][]float64 // a part for each of timeShares
	doubt []bool      // rows that are not valid
}

const (
	stackPitch = vg.Length(20)
	leastShare = 0.0005 // that is drawn
)

// Plot implements plot.Plotter.
func (s *stack) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const half = vg.Length(7)
	for i, row := range s.rows {
		at, from := y(float64(len(s.rows)-1-i)), 0.0
		if s.doubt[i] {
			cross(&c, vg.Point{X: x(1) + 10, Y: at})
		}
		for j, part := range row {
			if part <= leastShare {
				continue
			}
			l, r := x(from), x(math.Min(1, from+part)) // more than all is of a damaged file
			from += part
			sty := timeShares[j].style
			box := []vg.Point{{X: l, Y: at - half}, {X: r, Y: at - half}, {X: r, Y: at + half}, {X: l, Y: at + half}}
			c.FillPolygon(sty.color, box)
			text := color.Color(paper)
			if sty.color == paper { // it needs an outline
				c.StrokeLines(draw.LineStyle{Color: ink, Width: 0.6}, append(box, box[0]))
				text = ink
			}
			if r-l < 24 { // a figure would not fit
				continue
			}
			label := textStyle(8.5, text, true)
			percent := fmt.Sprintf("%.0f %%", 100*part)
			c.FillText(label, vg.Point{X: (l+r)/2 - label.Width(percent)/2, Y: at - 3}, percent)
			if r-l > 60 {
				c.DrawGlyphNoClip(sty.onBar(), vg.Point{X: l + 9, Y: at})
			}
		}
	}
}

// layStack makes the figure one of s, a name for each row.
func (f *Figure) layStack(s *stack, names []string) {
	p := newPlot()
	var ticks []plot.Tick
	for v := 0; v <= 100; v += 20 {
		ticks = append(ticks, plot.Tick{Value: float64(v) / 100, Label: fmt.Sprintf("%d %%", v)})
	}
	p.X.Min, p.X.Max = 0, 1
	if slices.Contains(s.doubt, true) {
		p.X.Max = 1.05 // room for the marks
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = "share of time"
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	marks := make([]plot.Tick, len(names))
	for i, n := range names {
		marks[i] = plot.Tick{Value: float64(len(names) - 1 - i), Label: elide(results.Clean(n), p.Y.Tick.Label, 230)}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(marks)
	p.Y.Tick.Length, p.Y.LineStyle.Width, p.Y.Padding = 0, 0, 0
	p.Add(s)
	f.plot, f.height = p, vg.Length(math.Max(float64(stackPitch)*float64(len(names))+40, 90))
	f.explain(slices.Contains(s.doubt, true), false)
}
