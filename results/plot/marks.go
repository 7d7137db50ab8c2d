package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Styles of marks beside the data.
var (
	quiet = style{color: muted, dashes: []vg.Length{4, 3}, width: 1}
	found = style{color: styles[2].color, width: 1.4}
	limit = style{color: styles[3].color, dashes: []vg.Length{1.5, 2}, width: 1.4}
)

// band is the area between two lines over the same x.
type band struct {
	color     color.Color
	low, high plotter.XYs
}

// add widens the band by x; what has no finite ends is left out.
func (b *band) add(x, low, high float64) {
	if math.IsInf(high, 0) || math.IsNaN(low+high) || math.IsInf(low, 0) {
		return
	}
	b.low, b.high = append(b.low, plotter.XY{X: x, Y: low}), append(b.high, plotter.XY{X: x, Y: high})
}

// top is the highest point.
func (b *band) top() (y float64) {
	for _, pt := range b.high {
		y = max(y, pt.Y)
	}
	return y
}

// Plot implements plot.Plotter.
func (b *band) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var area []vg.Point
	inside := func(v float64) float64 { return min(max(v, p.Y.Min), p.Y.Max) }
	for _, pt := range b.high {
		area = append(area, vg.Point{X: x(pt.X), Y: y(inside(pt.Y))})
	}
	for i := len(b.low) - 1; i >= 0; i-- {
		area = append(area, vg.Point{X: x(b.low[i].X), Y: y(inside(b.low[i].Y))})
	}
	if len(area) > 2 {
		c.FillPolygon(faded(b.color), area)
	}
}

// stripe shades an interval of x from bottom to top.
type stripe struct {
	from, to float64
	color    color.Color
}

// Plot implements plot.Plotter.
func (s stripe) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	l, r := max(x(max(s.from, p.X.Min)), c.Min.X), min(x(min(s.to, p.X.Max)), c.Max.X)
	if r > l {
		c.FillPolygon(faded(s.color), []vg.Point{{X: l, Y: c.Min.Y}, {X: r, Y: c.Min.Y}, {X: r, Y: c.Max.Y}, {X: l, Y: c.Max.Y}})
	}
}

// upright is a line across the plot at an x, with its label beside it: near
// the top where high is set, else near the bottom.
type upright struct {
	at    float64
	label string
	style style
	high  bool
}

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	at := x(u.at)
	if at < c.Min.X || at > c.Max.X {
		return
	}
	c.StrokeLine2(u.style.line(), at, c.Min.Y, at, c.Max.Y)
	sty := textStyle(8.5, ink, false)
	y, w := c.Min.Y+5, sty.Width(u.label)
	if u.high {
		y = c.Max.Y - 11
	}
	left := at + 4
	if left+w > c.Max.X {
		left = at - 4 - w
	}
	boxed(&c, sty.Width(u.label), vg.Point{X: left, Y: y})
	c.FillText(sty, vg.Point{X: left, Y: y}, u.label)
}

// boxed puts paper behind a text of that width, so that no line crosses it.
func boxed(c *draw.Canvas, w vg.Length, at vg.Point) {
	c.FillPolygon(paper, []vg.Point{{X: at.X - 1, Y: at.Y - 2}, {X: at.X + w + 1, Y: at.Y - 2}, {X: at.X + w + 1, Y: at.Y + 8}, {X: at.X - 1, Y: at.Y + 8}})
}

// level is a line across the plot at a y, with its label above it, at the left
// or the right.
type level struct {
	at    float64
	label string
	right bool
}

// Plot implements plot.Plotter.
func (l level) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	at := y(l.at)
	if at < c.Min.Y || at > c.Max.Y {
		return
	}
	c.StrokeLine2(limit.line(), c.Min.X, at, c.Max.X, at)
	sty := textStyle(8.5, ink, false)
	pt := vg.Point{X: c.Min.X + 6, Y: at + 4}
	if l.right {
		pt.X = c.Max.X - 6 - sty.Width(l.label)
	}
	if pt.Y+9 > c.Max.Y {
		pt.Y = at - 11
	}
	boxed(&c, sty.Width(l.label), pt)
	c.FillText(sty, pt, l.label)
}

// faded is c as a wash behind lines.
func faded(c color.Color) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = 0x2c
	return n
}
