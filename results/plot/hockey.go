package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
)

// cutFigure parts "first_batch.p99"; ok is false for a metric.
func cutFigure(figure string) (latency, percentile string, ok bool) {
	return strings.Cut(figure, ".")
}

// latency draws percentiles of a latency by throughput, in the order of the
// loads, with the objectives on it.
func (c *curveDrawer) latency(name string) *Figure {
	f := &Figure{Name: "capacity-latency-" + fileName(name), Title: "Latency by throughput: " + words(name), Subtitle: c.subtitle}
	if doc := results.LatencyDoc(name); doc != "" {
		f.Subtitle = doc + " · " + f.Subtitle
	}
	p := newPlot()
	p.Add(grid{horizontal: true, vertical: true})
	lo, hi, right := math.Inf(1), math.Inf(-1), 0.0
	var lines []*curve
	for i, line := range []struct {
		label string
		of    func(results.Latency) float64
	}{{"p50", results.P50}, {"p99", results.P99}} {
		k := &curve{style: styles[i], markers: true}
		for _, l := range c.joined {
			s := l.Figure(name, line.of)
			if s.N == 0 {
				continue
			}
			rate := l.Rate(c.Kind).Median / c.scale
			k.xy = append(k.xy, plotter.XY{X: rate, Y: logged(s.Median)})
			k.spread = append(k.spread, results.Spread{N: s.N, Median: logged(s.Median), Min: logged(s.Min), Max: logged(s.Max)})
			k.doubt = append(k.doubt, l.Doubtful())
			lo, hi, right = min(lo, s.Min), max(hi, s.Max), max(right, rate)
		}
		f.entries = append(f.entries, entry{label: line.label, style: k.style})
		lines = append(lines, k)
	}
	objectives := c.objectives(name)
	for _, o := range objectives {
		lo, hi = min(lo, o.Limit), max(hi, o.Limit)
	}
	least, most := roundDown(max(lo, 1)), roundUp(max(hi, 1))
	if least >= most {
		most = roundUp(least * 1.5)
	}
	p.Y.Min, p.Y.Max = math.Log10(least), math.Log10(most)
	ticks, end := linearTicks(right, 8)
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(right*1.04, min(end, right*1.1)), plot.ConstantTicks(ticks)
	if c.Open() && name == c.Latency {
		c.queue(p, f)
		f.Notes = append(f.Notes, c.Notes...)
	}
	for _, o := range objectives {
		p.Add(level{at: math.Log10(o.Limit), label: "objective " + o.Gate})
	}
	c.answerThroughput(p)
	unsteady := turns(lines[0].xy) > 2
	for _, k := range lines {
		p.Add(k.dots(unsteady)...)
	}
	if unsteady {
		f.Notes = append(f.Notes, "No line is drawn from load to load: throughput scatters too much to rise or fall with it.")
	}
	p.Y.Min, p.Y.Max = math.Log10(least), math.Log10(most) // what was added stretched them
	p.X.Min, p.X.Max = 0, max(right*1.04, min(end, right*1.1))
	p.Y.Tick.Marker = plot.ConstantTicks(latencyTicks(least, most))
	p.Y.Label.Text = "latency, log scale"
	p.X.Label.Text = "throughput, " + c.unit
	f.explain(slices.ContainsFunc(lines, func(k *curve) bool { return slices.Contains(k.doubt, true) }), false)
	f.plot, f.height = p, 290
	return f
}

// turns counts how often x turns round along the points.
func turns(xy plotter.XYs) (n int) {
	for i := 2; i < len(xy); i++ {
		if (xy[i].X-xy[i-1].X)*(xy[i-1].X-xy[i-2].X) < 0 {
			n++
		}
	}
	return n
}

func logged(ns float64) float64 { return math.Log10(max(ns, 1)) }

// objectives are those on the latency.
func (c *curveDrawer) objectives(name string) (on []results.Objective) {
	if c.Capacity == nil {
		return nil
	}
	for _, o := range c.Capacity.Objectives {
		if of, _, ok := cutFigure(o.Figure); ok && c.named(of) == name && o.Limit > 0 {
			on = append(on, o)
		}
	}
	return on
}

// queue draws the mean that the fitted queue has.
func (c *curveDrawer) queue(p *plot.Plot, f *Figure) {
	q := c.Queue
	if q == nil {
		return
	}
	const steps = 200
	b := &band{color: styles[2].color}
	inside, beyond := &curve{style: style{color: styles[2].color}}, &curve{style: style{color: styles[2].color, dashes: styles[2].dashes}}
	from, to := q.Least*c.PerStart()/c.scale, min(q.Capacity.Value*c.PerStart()/c.scale, p.X.Max)
	for i := range steps {
		x := from + (to-from)*float64(i)/steps
		mean, low, high := c.queueAt(q, x)
		if n := len(b.low); math.IsNaN(mean) || math.Log10(mean) > p.Y.Max || n > 0 && logged(low) < b.low[n-1].Y {
			break // so close to capacity the band says nothing
		}
		b.add(x, logged(low), min(logged(high), p.Y.Max))
		line := inside
		if x > q.Most*c.PerStart()/c.scale {
			line = beyond
		}
		line.xy = append(line.xy, plotter.XY{X: x, Y: math.Log10(mean)})
	}
	if len(inside.xy) == 0 {
		return
	}
	p.Add(b, inside)
	f.entries = append(f.entries, entry{label: "mean by the " + q.Name() + " fit, with its 95 % band", style: inside.style})
	if len(beyond.xy) > 0 {
		p.Add(beyond)
		f.entries = append(f.entries, entry{label: "extrapolated", style: beyond.style})
	}
	f.Notes = append(f.Notes, fmt.Sprintf("The fit is a queue of %s workers of %s a request, which would be full at %s.",
		results.FormatNumber(q.Workers.Value), results.FormatSeconds(q.Time.Value), c.Kind.FormatRate(q.Capacity.Value*c.PerStart())))
}

// answerThroughput marks what was done at the capacity.
func (c *curveDrawer) answerThroughput(p *plot.Plot) {
	a := c.Capacity
	if a == nil || !a.Tells() {
		return
	}
	for _, l := range c.Loads {
		if l.Load == a.Load {
			p.Add(upright{at: l.Rate(c.Kind).Median / c.scale, label: "holds " + a.Format(a.Load), style: found, high: true})
			return
		}
	}
}
