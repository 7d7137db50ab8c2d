package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/model"
	"flightbench/results/planning"
)

// maxCurves is how many curves of a run that searched for no capacity are
// drawn.
const maxCurves = 4

// curves draws what came of rising loads: throughput by load, with the law
// that fits, and latency by throughput.
func (d *drawer) curves() error {
	curves := planning.Curves(d.run)
	if len(curves) > maxCurves {
		d.note("Capacity: %d curves of %d are drawn", maxCurves, len(curves))
		curves = curves[:maxCurves]
	}
	for _, c := range curves {
		cd := newCurveDrawer(c)
		f := cd.throughput()
		if d.others != "" {
			f.Notes = append(f.Notes, d.others)
		}
		d.add(f)
		for _, name := range cd.latencies() {
			d.add(cd.latency(name))
		}
	}
	return nil
}

// curveDrawer draws one Curve.
type curveDrawer struct {
	*planning.Curve
	unit     string // of throughput
	scale    float64
	subtitle string
	joined   []planning.Load // what is drawn
}

func newCurveDrawer(c *planning.Curve) *curveDrawer {
	most := 0.0
	for _, l := range c.Loads {
		most = max(most, l.Rate(c.Kind).Max)
	}
	cd := &curveDrawer{Curve: c, joined: c.Joined()}
	cd.unit, cd.scale = c.Kind.Unit(most)
	var groups []results.Group
	repeats := 0
	for _, l := range cd.joined {
		repeats = max(repeats, len(l.Trials))
		groups = append(groups, results.Group{Config: l.Trials[0].Config, Trials: l.Trials})
	}
	if repeats > 1 {
		cd.subtitle = "medians, whiskers from least to greatest · "
	}
	if len(cd.joined) < len(c.Loads) {
		cd.subtitle += "loads within 4 % of each other are one point · "
	}
	cd.subtitle += results.Common(groups, []string{c.Over})
	return cd
}

// ofOver is the load's axis in words.
func (c *curveDrawer) ofOver() string { return results.AxisLabel(c.Over) }

// logarithmic tells whether loads are drawn on a log2 scale: counts that
// differ much.
func (c *curveDrawer) logarithmic() bool {
	return !c.Open() && c.Loads[len(c.Loads)-1].Load >= 16*c.Loads[0].Load
}

// x is where a load is drawn.
func (c *curveDrawer) x(load float64) float64 {
	if c.logarithmic() {
		return math.Log2(load)
	}
	return load / c.loadScale()
}

// loadScale is what a load is divided by on a linear axis.
func (c *curveDrawer) loadScale() float64 {
	if c.Over != "rate" {
		return 1
	}
	_, scale := results.ByteRate(c.Loads[len(c.Loads)-1].Load)
	return scale
}

// throughput draws what was done by load.
func (c *curveDrawer) throughput() *Figure {
	f := &Figure{Name: "capacity-throughput", Title: "Throughput by load", Subtitle: c.subtitle}
	p := newPlot()
	measured := &curve{style: styles[0], markers: true}
	top, most := 0.0, c.Loads[len(c.Loads)-1].Load
	for _, l := range c.joined {
		s := scaled(l.Rate(c.Kind), c.scale)
		measured.xy = append(measured.xy, plotter.XY{X: c.x(l.Load), Y: s.Median})
		measured.spread = append(measured.spread, s)
		measured.doubt = append(measured.doubt, l.Doubtful())
		top = max(top, s.Max)
	}
	p.Add(grid{horizontal: true})
	answer := c.answer(p, f)
	f.entries = append(f.entries, entry{label: "measured", style: measured.style})
	if c.USL != nil {
		reach := c.reach()
		band, inside, beyond := c.law(reach)
		p.Add(band, inside, beyond)
		for _, pt := range slices.Concat(inside.xy, beyond.xy) {
			top = max(top, pt.Y)
		}
		top = max(top, min(band.top(), 1.5*top))
		f.entries = append(f.entries, entry{label: "USL fit, with its 95 % band", style: inside.style}, entry{label: "extrapolated", style: beyond.style})
		p.Add(upright{at: c.x(most), label: "data end here", style: quiet})
		if peak := c.USL.Peak.Value; peak <= reach {
			f.Notes = append(f.Notes, fmt.Sprintf("The fit's peak is %s at a load of %s.", c.Kind.FormatRate(c.USL.Top.Value), results.FormatNumber(peak)))
		}
		most = reach
	}
	if !c.Open() {
		f.Notes = append(f.Notes, c.Notes...)
	}
	ticks, end := linearTicks(1.05*top, 7)
	if c.Open() {
		asked := c.asked(end)
		p.Add(asked)
		f.entries = append(f.entries, entry{label: "asked for", style: asked.style})
	}
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, end, plot.ConstantTicks(ticks)
	p.Y.Label.Text = c.unit
	if c.Kind == results.KindStreams {
		p.Y.Label.Text += " of Arrow IPC bodies"
	}
	c.loadAxis(p, most)
	c.floors(p, end)
	p.Add(answer...)
	p.Add(measured.dots(c.USL != nil)...)
	f.explain(slices.Contains(measured.doubt, true), false)
	f.plot, f.height = p, 280
	return f
}

// dots is c itself, or where alone is set each of its points without a line to
// the next: another line says what lies between.
func (c *curve) dots(alone bool) (ps []plot.Plotter) {
	if !alone {
		return []plot.Plotter{c}
	}
	for i := range c.xy {
		ps = append(ps, &curve{style: c.style, xy: c.xy[i : i+1], spread: c.spread[i : i+1], doubt: c.doubt[i : i+1], markers: true})
	}
	return ps
}

// loadAxis lays the axis of loads up to most.
func (c *curveDrawer) loadAxis(p *plot.Plot, most float64) {
	p.X.Label.Text = c.ofOver()
	if !c.logarithmic() {
		if c.Over == "rate" {
			unit, _ := results.ByteRate(c.Loads[len(c.Loads)-1].Load)
			p.X.Label.Text = "asked " + unit
		} else if c.Kind != results.KindStreams {
			p.X.Label.Text = "asked " + map[*results.Kind]string{results.KindCalls: "calls/s", results.KindQueries: "queries/s"}[c.Kind]
			if !c.Open() {
				p.X.Label.Text = c.ofOver()
			}
		}
		ticks, end := linearTicks(c.x(most), 8)
		p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(c.x(most)*1.02, min(end, c.x(most)*1.1)), plot.ConstantTicks(ticks)
		return
	}
	p.X.Label.Text += ", log scale"
	least := c.Loads[0].Load
	values := []float64{least}
	for v := math.Exp2(math.Floor(math.Log2(least)) + 1); v <= most*1.001; v *= 2 {
		values = append(values, v)
	}
	p.X.Tick.Marker = plot.ConstantTicks(valueTicks(values, func(v float64) string { return results.FormatInteger(int64(v)) }, p.X.Tick.Label, 500))
	p.X.Min, p.X.Max = math.Log2(least), math.Log2(most)+0.1
}

// reach is up to which load the USL is drawn: twice the data, or a little
// beyond the peak where that is at most four times as far.
func (c *curveDrawer) reach() float64 {
	most := c.USL.Most
	if peak := 1.3 * c.USL.Peak.Value; peak > 2*most && peak < 4*most {
		return peak
	}
	return 2 * most
}

// law is the USL up to a load: its band, the curve within the data, and beyond.
func (c *curveDrawer) law(reach float64) (*band, *curve, *curve) {
	b := &band{color: styles[1].color}
	inside := &curve{style: style{color: styles[1].color}}
	beyond := &curve{style: style{color: styles[1].color, dashes: styles[1].dashes}}
	const steps = 160
	first := c.x(c.USL.Least)
	for i := range steps + 1 {
		x := first + (c.x(reach)-first)*float64(i)/steps
		n := x * c.loadScale()
		if c.logarithmic() {
			n = math.Exp2(x)
		}
		pt := plotter.XY{X: x, Y: c.USL.At(n) / c.scale}
		low, high := c.USL.Band(n)
		b.add(x, low/c.scale, high/c.scale)
		if n <= c.USL.Most*1.0001 {
			inside.xy = append(inside.xy, pt)
		} else {
			beyond.xy = append(beyond.xy, pt)
		}
	}
	if len(beyond.xy) > 0 {
		beyond.xy = append(plotter.XYs{inside.xy[len(inside.xy)-1]}, beyond.xy...)
	}
	return b, inside, beyond
}

// asked is the line on which everything that is asked for is done, up to top.
func (c *curveDrawer) asked(top float64) *curve {
	per := c.PerStart() / c.scale
	if c.Over == "rate" {
		per = 1 / c.scale
	}
	most := min(c.Loads[len(c.Loads)-1].Load, top/per)
	return &curve{style: quiet, xy: plotter.XYs{{X: 0, Y: 0}, {X: c.x(most), Y: most * per}}}
}

// answer shades the interval of the capacity that was found. What it returns
// marks the capacity itself, above other lines.
func (c *curveDrawer) answer(p *plot.Plot, f *Figure) []plot.Plotter {
	a := c.Capacity
	if a == nil || !a.Tells() {
		return nil
	}
	label := "holds " + a.Format(a.Load)
	if a.Outcome == results.CapacityHighest {
		label = "still holds " + a.Format(a.Load)
	}
	if a.Outcome == results.CapacityFound && a.Low > 0 && a.High > a.Low {
		p.Add(stripe{from: c.x(a.Low), to: c.x(a.High), color: styles[2].color})
		low, high := a.Low, a.High
		if !c.Open() { // streams are whole
			low, high = math.Floor(low), math.Ceil(high)
		}
		f.Notes = append(f.Notes, fmt.Sprintf("Shaded: where an objective begins to be missed, %s to %s.", a.Format(low), a.Format(high)))
	}
	return []plot.Plotter{upright{at: c.x(a.Load), label: label, style: found, high: true}}
}

// floors draws objectives on throughput itself.
func (c *curveDrawer) floors(p *plot.Plot, end float64) {
	if c.Capacity == nil {
		return
	}
	for _, o := range c.Capacity.Objectives {
		if y := o.Limit / c.scale; o.Figure == c.Kind.Rate && y < end {
			p.Add(level{at: y, label: "objective " + o.Gate, right: true})
		}
	}
}

// latencies are those of which there is a picture: those with an objective, or
// else the one that stands for an operation.
func (c *curveDrawer) latencies() (names []string) {
	if c.Capacity != nil {
		for _, o := range c.Capacity.Objectives {
			if name, _, ok := cutFigure(o.Figure); ok && !slices.Contains(names, name) {
				names = append(names, c.named(name))
			}
		}
	}
	if len(names) == 0 && c.Latency != "" {
		names = append(names, c.Latency)
	}
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return !slices.ContainsFunc(c.Loads, func(l planning.Load) bool { return l.Figure(name, results.P50).N > 0 })
	})
}

// named is the latency that "call" stands for.
func (c *curveDrawer) named(name string) string {
	if name == "call" {
		return cmp.Or(c.Latency, name)
	}
	return name
}

// queueAt is the fitted queue's mean latency, in nanoseconds, at a throughput.
func (c *curveDrawer) queueAt(q *model.Queue, throughput float64) (mean, low, high float64) {
	rate := throughput * c.scale / c.PerStart()
	low, high = q.Band(rate)
	return q.At(rate) * 1e9, low * 1e9, high * 1e9
}
