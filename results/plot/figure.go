package plot

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is one picture, 800 pixels wide at 96 a inch.
type Figure struct {
	Name     string // file name without its ending
	Title    string
	Subtitle string
	Notes    []string // what the picture does not show

	entries []entry
	plot    *plot.Plot
	height  vg.Length // of the plot without its head
	svg     []byte    // drawn before
}

// entry is one line of the legend.
type entry struct {
	label string
	style style
	bar   bool // the series is bars
	mark  bool // no series: the mark of what is not valid
}

const (
	figureWidth = vg.Length(600) // points
	margin      = vg.Length(10)
	pngDPI      = 192 // twice the 96 of the nominal size: sharp on dense screens
)

// SVG draws the figure as an SVG document, which may also stand in a page as
// it is. The bytes are the figure's: a further call returns the same.
func (f *Figure) SVG() ([]byte, error) {
	if f.svg != nil {
		return f.svg, nil
	}
	w, h := f.size()
	c := &fitted{Canvas: vgsvg.New(w, h)}
	f.draw(draw.NewCanvas(c, w, h))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s as svg: %w", f.Name, err)
	}
	f.svg = f.finish(b.String(), c.widths)
	return f.svg, nil
}

// PNG draws the figure as a PNG of 1600 pixels' width.
func (f *Figure) PNG() ([]byte, error) {
	w, h := f.size()
	c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(pngDPI))
	f.draw(draw.NewCanvas(c, w, h))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s as png: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// fitted is an SVG canvas that notes how wide each text was laid out.
type fitted struct {
	*vgsvg.Canvas
	widths []vg.Length
}

// FillString implements vg.Canvas.
func (c *fitted) FillString(f font.Face, pt vg.Point, s string) {
	c.widths = append(c.widths, f.Width(s))
	c.Canvas.FillString(f, pt, s)
}

var (
	svgHead = regexp.MustCompile(`(?s)^.*?<svg width="([\d.]+)pt" height="([\d.]+)pt"`)
	svgText = regexp.MustCompile(`<text `)
)

// finish makes gonum's SVG stand on its own: texts keep the width they were
// laid out for whatever font a viewer has, it scales with its container, and
// it names itself for those who cannot see it.
func (f *Figure) finish(svg string, widths []vg.Length) []byte {
	i := 0
	svg = svgText.ReplaceAllStringFunc(svg, func(string) string {
		w := widths[i]
		i++
		return `<text textLength="` + strconv.FormatFloat(w.Points(), 'f', 2, 64) + `" lengthAdjust="spacingAndGlyphs" `
	})
	svg = strings.ReplaceAll(svg, "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;")
	svg = strings.ReplaceAll(svg, "font-variant:normal;", "")
	w, h := f.size()
	px := func(l vg.Length) string { return strconv.FormatFloat(l.Dots(96), 'f', 0, 64) }
	label := html.EscapeString(strings.TrimSpace(f.Title + ". " + f.Subtitle))
	head := fmt.Sprintf(`<svg role="img" aria-label="%s" width="%s" height="%s"`, label, px(w), px(h))
	return []byte(svgHead.ReplaceAllLiteralString(svg, head))
}

// styles of the head
func titleStyle() text.Style    { return textStyle(13, ink, true) }
func subtitleStyle() text.Style { return textStyle(9, muted, false) }
func legendStyle() text.Style   { return textStyle(9.5, ink, false) }

const (
	titleLine    = vg.Length(17)
	subtitleLine = vg.Length(12)
	legendLine   = vg.Length(15)
	swatch       = vg.Length(28)
	entryGap     = vg.Length(16)
)

// size is what the figure takes up; its head grows with the texts.
func (f *Figure) size() (w, h vg.Length) {
	h = f.height + 2*margin + 6
	h += titleLine * vg.Length(len(f.titleLines()))
	h += subtitleLine * vg.Length(len(f.subtitleLines()))
	h += legendLine * vg.Length(len(f.legendLines()))
	return figureWidth, h
}

func (f *Figure) titleLines() []string { return wrap(f.Title, titleStyle(), figureWidth-2*margin) }

func (f *Figure) subtitleLines() []string {
	var lines []string
	for _, s := range append([]string{f.Subtitle}, f.Notes...) {
		if s != "" {
			lines = append(lines, wrap(s, subtitleStyle(), figureWidth-2*margin)...)
		}
	}
	return lines
}

// legendLines breaks the entries into lines that fit.
func (f *Figure) legendLines() [][]entry {
	var lines [][]entry
	x := vg.Length(0)
	sty := legendStyle()
	for _, e := range f.entries {
		w := swatch + 5 + sty.Width(e.label) + entryGap
		if len(lines) == 0 || x+w > figureWidth-2*margin+entryGap {
			lines = append(lines, nil)
			x = 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		x += w
	}
	return lines
}

func (f *Figure) draw(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	left, y := c.Min.X+margin, c.Max.Y-margin
	put := func(sty text.Style, lines []string, height vg.Length) {
		for _, l := range lines {
			y -= height
			c.FillText(sty, vg.Point{X: left, Y: y + 3}, l)
		}
	}
	put(titleStyle(), f.titleLines(), titleLine)
	put(subtitleStyle(), f.subtitleLines(), subtitleLine)
	y -= 2
	sty := legendStyle()
	for _, l := range f.legendLines() {
		y -= legendLine
		x := left
		for _, e := range l {
			e.draw(&c, vg.Rectangle{Min: vg.Point{X: x, Y: y + 2}, Max: vg.Point{X: x + swatch, Y: y + legendLine - 3}})
			x += swatch + 5
			c.FillText(sty, vg.Point{X: x, Y: y + 4}, e.label)
			x += sty.Width(e.label) + entryGap
		}
	}
	f.plot.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: left, Y: c.Min.Y + margin},
		Max: vg.Point{X: c.Max.X - margin, Y: y - 4},
	}})
}

// draw shows the series' style in r.
func (e entry) draw(c *draw.Canvas, r vg.Rectangle) {
	if e.mark {
		drawMark(c, e.bar, r)
		return
	}
	mid := (r.Min.Y + r.Max.Y) / 2
	if e.bar {
		const half = barHeight / 2
		box := []vg.Point{{X: r.Min.X, Y: mid - half}, {X: r.Max.X, Y: mid - half}, {X: r.Max.X, Y: mid + half}, {X: r.Min.X, Y: mid + half}}
		c.FillPolygon(e.style.color, box)
		if e.style.color == paper {
			c.StrokeLines(draw.LineStyle{Color: ink, Width: 0.6}, append(box, box[0]))
		}
		c.DrawGlyphNoClip(e.style.onBar(), vg.Point{X: r.Min.X + 8, Y: mid})
		return
	}
	c.StrokeLine2(e.style.line(), r.Min.X, mid, r.Max.X, mid)
	if e.style.glyph != nil {
		c.DrawGlyphNoClip(e.style.marker(), vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: mid})
	}
}

// wrap breaks s so that no line is wider than width: after a "·" where there
// is one, else between words. What is too wide even so is elided.
func wrap(s string, sty text.Style, width vg.Length) []string {
	var words []string
	for _, part := range strings.SplitAfter(s, " ·") {
		part = strings.TrimSpace(part)
		if sty.Width(part) <= width {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	var lines []string
	line := ""
	for _, word := range words {
		word = elide(word, sty, width)
		switch {
		case line == "":
			line = word
		case sty.Width(line+" "+word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// elide takes out the middle of s until it fits into width.
func elide(s string, sty text.Style, width vg.Length) string {
	if sty.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for n := len(r) - 1; n > 1; n-- {
		head, tail := (n+1)/2, n/2
		if e := string(r[:head]) + "…" + string(r[len(r)-tail:]); sty.Width(e) <= width {
			return e
		}
	}
	return "…"
}
