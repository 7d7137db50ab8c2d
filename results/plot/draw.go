package plot

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
)

// curve is one series of a line plot: y over x, and where the repeats of each
// point lie.
type curve struct {
	style   style
	xy      plotter.XYs
	spread  []results.Spread // in the unit of y; nil without repeats
	doubt   []bool           // points that are not valid; may be nil
	markers bool
	smooth  bool // data between the points is known too: no markers, but one now and then
}

// DataRange implements plot.DataRanger.
func (s *curve) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = plotter.XYRange(s.xy)
	for _, r := range s.spread {
		ymin, ymax = math.Min(ymin, r.Min), math.Max(ymax, r.Max)
	}
	return xmin, xmax, ymin, ymax
}

// GlyphBoxes implements plot.GlyphBoxer.
func (s *curve) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	boxes := make([]plot.GlyphBox, len(s.xy))
	for i, pt := range s.xy {
		boxes[i] = plot.GlyphBox{X: p.X.Norm(pt.X), Y: p.Y.Norm(pt.Y), Rectangle: s.style.marker().Rectangle()}
	}
	return boxes
}

// Plot implements plot.Plotter.
func (s *curve) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	pts := make([]vg.Point, len(s.xy))
	for i, pt := range s.xy {
		pts[i] = vg.Point{X: x(pt.X), Y: y(pt.Y)}
	}
	if len(pts) > 1 {
		c.StrokeLines(s.style.line(), pts)
	}
	for i, r := range s.spread {
		if r.N > 1 {
			whisker(&c, s.style, pts[i].X, y(r.Min), pts[i].X, y(r.Max))
		}
	}
	last := vg.Length(math.Inf(-1))
	for i, pt := range pts {
		if s.smooth && pt.X-last < 45 && i != len(pts)-1 {
			continue
		}
		if s.markers || s.smooth {
			c.DrawGlyphNoClip(s.style.marker(), pt)
			last = pt.X
		}
	}
	for i, doubt := range s.doubt {
		if doubt {
			cross(&c, pts[i])
		}
	}
}

// whisker draws the spread of repeats as a thin line with caps.
func whisker(c *draw.Canvas, s style, x0, y0, x1, y1 vg.Length) {
	l := draw.LineStyle{Color: s.color, Width: 0.9}
	c.StrokeLine2(l, x0, y0, x1, y1)
	const end = 3
	if x0 == x1 {
		c.StrokeLine2(l, x0-end, y0, x0+end, y0)
		c.StrokeLine2(l, x1-end, y1, x1+end, y1)
		return
	}
	c.StrokeLine2(l, x0, y0-end, x0, y0+end)
	c.StrokeLine2(l, x1, y1-end, x1, y1+end)
}

// grid draws a faint line at each labelled tick of an axis but the first,
// where the other axis is.
type grid struct{ horizontal, vertical bool }

// Plot implements plot.Plotter.
func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	l := draw.LineStyle{Color: faint, Width: 0.6}
	if g.horizontal {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if t.Label != "" && t.Value > p.Y.Min && t.Value <= p.Y.Max {
				c.StrokeLine2(l, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
			}
		}
	}
	if g.vertical {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if t.Label != "" && t.Value > p.X.Min && t.Value <= p.X.Max {
				c.StrokeLine2(l, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
			}
		}
	}
}

// bars draws for each category a bar per series, lying, the first category at
// the top. The value stands at the end of the bar.
type bars struct {
	styles []style
	rows   [][]results.Spread // by category, by series; N = 0 draws nothing
	format func(float64) string
	doubt  [][]bool                  // as rows: those that are not valid; may be nil
	base   float64                   // a line marks it; 0: none
	pale   func(results.Spread) bool // bars that tell no difference; may be nil
}

const (
	barHeight = vg.Length(11)
	barPitch  = vg.Length(14)
	rowGap    = vg.Length(9)
)

// height is what the bars of n categories take.
func (b *bars) height() vg.Length {
	return vg.Length(len(b.rows)) * (barPitch*vg.Length(len(b.styles)) + rowGap)
}

// doubtful tells whether a bar is marked as not valid.
func (b *bars) doubtful() bool {
	return slices.ContainsFunc(b.doubt, func(row []bool) bool { return slices.Contains(row, true) })
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := textStyle(8.5, ink, false)
	if b.base != 0 {
		l := draw.LineStyle{Color: ink, Width: 0.9, Dashes: []vg.Length{3, 2}}
		c.StrokeLine2(l, x(b.base), c.Min.Y, x(b.base), c.Max.Y)
	}
	for i, row := range b.rows {
		mid := y(float64(len(b.rows) - 1 - i))
		for j, s := range row {
			if s.N == 0 {
				continue
			}
			at := mid + barPitch*vg.Length(float64(len(b.styles)-1)/2-float64(j))
			lo, hi, end := at-barHeight/2, at+barHeight/2, x(s.Median)
			fill, bar := b.styles[j].color, []vg.Point{{X: x(0), Y: lo}, {X: end, Y: lo}, {X: end, Y: hi}, {X: x(0), Y: hi}}
			if b.pale != nil && b.pale(s) {
				c.FillPolygon(paper, bar) // not the grid shines through
				fill = paled(fill)
			}
			c.FillPolygon(fill, bar)
			if b.doubt != nil && b.doubt[i][j] {
				const marker = 15 // is left free
				hatch(&c, vg.Rectangle{Min: vg.Point{X: max(x(0), min(x(0)+marker, end-barHeight)), Y: lo}, Max: bar[2]})
			}
			right := end
			if s.N > 1 {
				whisker(&c, style{color: ink}, x(s.Min), at, x(s.Max), at)
				right = x(s.Max)
			}
			if len(b.styles) > 1 && end-x(0) > 16 {
				c.DrawGlyphNoClip(b.styles[j].onBar(), vg.Point{X: x(0) + 8, Y: at})
			}
			text := b.format(s.Median)
			if l, r := right+4, right+8+sty.Width(text); b.base != 0 && l < x(b.base) && x(b.base) < r { // the line would cross it
				c.FillPolygon(paper, []vg.Point{{X: l, Y: lo}, {X: r, Y: lo}, {X: r, Y: hi}, {X: l, Y: hi}})
			}
			c.FillText(sty, vg.Point{X: right + 6, Y: at - 3}, text)
		}
	}
}
