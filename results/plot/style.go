package plot

import (
	"image/color"
	"math"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The colours of everything that is no data.
var (
	ink   = rgb(0x1f2328) // text and axes
	muted = rgb(0x59636e) // subtitles
	faint = rgb(0xd1d9e0) // grid
	paper = rgb(0xffffff)
)

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// paled is c as the paper shines through it.
func paled(c color.Color) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = 0x58
	return n
}

// DarkCSS turns the SVG of a Figure that is part of a page dark; paper takes
// the colour of the variable --paper. It belongs into the page's own media
// query.
const DarkCSS = `
svg [style*="fill:#1F2328"]{fill:#e6edf3!important}
svg [style*="stroke:#1F2328"]{stroke:#e6edf3!important}
svg [style*="fill:#59636E"]{fill:#9198a1!important}
svg [style*="stroke:#D1D9E0"]{stroke:#3d444d!important}
svg [style*="fill:#FFFFFF"]{fill:var(--paper)!important}
svg [style*="fill:#0072B2"]{fill:#3a9bdc!important}
svg [style*="stroke:#0072B2"]{stroke:#3a9bdc!important}
svg [style*="fill:#D55E00"]{fill:#f0772b!important}
svg [style*="stroke:#D55E00"]{stroke:#f0772b!important}
svg [style*="fill:#009E73"]{fill:#1fbf91!important}
svg [style*="stroke:#009E73"]{stroke:#1fbf91!important}
`

// maxSeries is how many series one picture tells apart.
const maxSeries = 7

// style is how a series looks: never by its colour alone.
type style struct {
	color  color.Color
	glyph  draw.GlyphDrawer
	dashes []vg.Length
	width  vg.Length // of lines; 0: lineWidth
}

// dotted are the dashes of what stands beside a line of the same colour.
var dotted = []vg.Length{1.5, 2}

// styles are the colours of Okabe and Ito, which readers with any kind of
// colour vision tell apart (https://jfly.uni-koeln.de/color/), without the
// yellow that white paper swallows.
var styles = [maxSeries]style{
	{color: rgb(0x0072b2), glyph: draw.CircleGlyph{}},
	{color: rgb(0xd55e00), glyph: draw.BoxGlyph{}, dashes: []vg.Length{6, 2.5}},
	{color: rgb(0x009e73), glyph: polygon{3, math.Pi / 2}, dashes: []vg.Length{2, 2}},
	{color: rgb(0xcc79a7), glyph: polygon{4, 0}, dashes: []vg.Length{8, 2.5, 2, 2.5}},
	{color: rgb(0xe69f00), glyph: polygon{3, -math.Pi / 2}, dashes: []vg.Length{11, 3}},
	{color: rgb(0x56b4e9), glyph: polygon{5, math.Pi / 2}, dashes: []vg.Length{5, 2, 1.5, 2, 1.5, 2}},
	{color: ink, glyph: hollow{}, dashes: []vg.Length{1, 2.5}},
}

const (
	glyphRadius = vg.Length(3.4)
	lineWidth   = vg.Length(1.5)
)

func (s style) line() draw.LineStyle {
	width := s.width
	if width == 0 {
		width = lineWidth
	}
	return draw.LineStyle{Color: s.color, Width: width, Dashes: s.dashes}
}

func (s style) marker() draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.color, Radius: glyphRadius, Shape: s.glyph}
}

// onBar is the marker as it stands on a bar of the series' colour.
func (s style) onBar() draw.GlyphStyle {
	return draw.GlyphStyle{Color: paper, Radius: 2.8, Shape: s.glyph}
}

// polygon is a filled regular polygon with its first corner at an angle.
type polygon struct {
	corners int
	first   float64
}

// DrawGlyph implements draw.GlyphDrawer.
func (g polygon) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	var p vg.Path
	r := sty.Radius * 1.25
	for i := range g.corners {
		sin, cos := math.Sincos(g.first + 2*math.Pi*float64(i)/float64(g.corners))
		at := vg.Point{X: pt.X + r*vg.Length(cos), Y: pt.Y + r*vg.Length(sin)}
		if i == 0 {
			p.Move(at)
		} else {
			p.Line(at)
		}
	}
	p.Close()
	c.Fill(p)
}

// hollow is a ring with paper in it, or on a bar of ink a ring with ink in it.
type hollow struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (hollow) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: pt.X + sty.Radius, Y: pt.Y})
	p.Arc(pt, sty.Radius, 0, 2*math.Pi)
	p.Close()
	c.SetColor(paper)
	if sty.Color == paper {
		c.SetColor(ink)
	}
	c.Fill(p)
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 1.2})
	c.Stroke(p)
}

func textStyle(size vg.Length, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, Handler: text.Plain{Fonts: font.DefaultCache}}
}

// newPlot is an empty plot with our axes: no box, a grid that does not shout.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.TextHandler = textStyle(9, ink, false).Handler
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: ink, Width: 0.6}
		a.Tick.LineStyle = draw.LineStyle{Color: ink, Width: 0.6}
		a.Tick.Length = 4
		align := a.Tick.Label
		a.Tick.Label = textStyle(9, ink, false)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = align.XAlign, align.YAlign
		align = a.Label.TextStyle
		a.Label.TextStyle = textStyle(9.5, ink, false)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = align.XAlign, align.YAlign
		a.Label.Padding = 4
		a.Padding = 0
	}
	return p
}

// nothing is the marker of what needs none.
type nothing struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (nothing) DrawGlyph(*draw.Canvas, draw.GlyphStyle, vg.Point) {}
