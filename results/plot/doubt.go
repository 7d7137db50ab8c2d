package plot

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
	"flightbench/results/compare"
)

// What is not valid is marked in every picture: points are crossed out, bars
// are hatched, and lines say it in the legend.
const (
	crossedOut = "crossed out: not valid"
	hatched    = "hatched: not valid"
)

// doubtful tells whether a trial of g is not valid.
func doubtful(g results.Group) bool { return g.Verdict() != results.VerdictValid }

// doubt is what is told of g beside its name, "" where it is valid.
func doubt(g results.Group) string {
	if !doubtful(g) {
		return ""
	}
	return " (" + g.Verdict() + ")"
}

// cross crosses a point out.
func cross(c *draw.Canvas, pt vg.Point) {
	const r = glyphRadius * 1.9
	l := draw.LineStyle{Color: ink, Width: 1.3}
	c.StrokeLine2(l, pt.X-r, pt.Y-r, pt.X+r, pt.Y+r)
	c.StrokeLine2(l, pt.X-r, pt.Y+r, pt.X+r, pt.Y-r)
}

// hatch takes slanting stripes out of the bar r.
func hatch(c *draw.Canvas, r vg.Rectangle) {
	const pitch, width = vg.Length(6), vg.Length(2.4)
	h := r.Max.Y - r.Min.Y
	var p vg.Path
	for x := r.Min.X - h; x < r.Max.X; x += pitch {
		// The stripe runs from (x, bottom) to (x+h, top); what lies outside of the bar is cut off.
		lo, hi := max(x, r.Min.X), min(x+h, r.Max.X)
		if hi-lo < width {
			continue
		}
		p.Move(vg.Point{X: lo, Y: r.Min.Y + lo - x})
		p.Line(vg.Point{X: hi - width, Y: r.Min.Y + hi - width - x})
		p.Line(vg.Point{X: hi, Y: r.Min.Y + hi - width - x})
		p.Line(vg.Point{X: min(lo+width, r.Max.X), Y: r.Min.Y + lo - x})
		p.Close()
	}
	if len(p) > 0 {
		c.SetColor(paper)
		c.Fill(p)
	}
}

// drawMark shows in r how points, or bars, are marked that are not valid.
func drawMark(c *draw.Canvas, bar bool, r vg.Rectangle) {
	mid := (r.Min.Y + r.Max.Y) / 2
	if !bar {
		cross(c, vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: mid})
		return
	}
	box := vg.Rectangle{Min: vg.Point{X: r.Min.X, Y: mid - barHeight/2}, Max: vg.Point{X: r.Max.X, Y: mid + barHeight/2}}
	c.FillPolygon(muted, []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}})
	hatch(c, box)
}

// explain adds a line about marks to the legend where one is used.
func (f *Figure) explain(used, bar bool) {
	if !used {
		return
	}
	label := crossedOut
	if bar {
		label = hatched
	}
	f.entries = append(f.entries, entry{label: label, bar: bar, mark: true})
}

// doubtOf is doubt of the series' one group; "" for a series of several, whose
// points are marked.
func doubtOf(s compare.Series) string {
	if len(s.Groups) != 1 {
		return ""
	}
	return doubt(s.Groups[0])
}
