package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
)

// tried are settings that a search measured, by the medians of their trials.
type tried struct {
	config         results.Config
	rate, p99, cpu float64
	front          int // its number among those that no other is better than in all, from 1; 0: it is none of them
}

// leastTried is from how many trials on settings are drawn.
const leastTried = 3

// paretoLatencies are those that one waits for, the nearest to each batch first.
var paretoLatencies = []string{"put_ack", "exchange", "batch_gap", "query", "first_batch", "stream", "call"}

// tunings draws what a search for settings tried: latency and CPU time by
// throughput, with those numbered that nothing beats in all three.
func (d *drawer) tunings() error {
	t := d.run.Run.Tuning
	if t == nil {
		return nil
	}
	groups := results.GroupTrials(results.WithoutRungs(d.run.Trials))
	rate, latency, cpu := paretoFigures(t, groups)
	points := triedSettings(groups, rate, latency, cpu)
	number(points)
	if len(points) < 2 {
		return nil
	}
	fig := &Figure{Name: "tuning-latency", Title: "What was tried: latency by throughput"}
	d.pareto(fig, t, points, results.ByteRate, rate, "p99 of "+strings.ReplaceAll(latency, "_", " ")+", log scale", func(p tried) float64 { return p.p99 }, results.FormatNanoseconds)
	fig = &Figure{Name: "tuning-cpu", Title: "What was tried: CPU time by throughput"}
	d.pareto(fig, t, points, results.ByteRate, rate, strings.ReplaceAll(strings.TrimSuffix(cpu, "_cpu_seconds_per_gigabyte"), "_", " ")+" CPU seconds per GB, log scale",
		func(p tried) float64 { return p.cpu }, results.FormatNumber)
	return nil
}

// ofTuning are the groups that the other figures of a search for settings are
// of: the longest trials of the defaults and of what it took for best.
func (d *drawer) ofTuning(t *results.Tuning, groups []results.Group) (of []results.Group) {
	ends := []results.Config{t.Base, t.Best}
	if t.Candidate != nil {
		ends[1] = *t.Candidate
	}
	for i, end := range ends {
		best := -1
		for j, g := range groups {
			if departure(t, g.Config) == departure(t, end) && (best < 0 || g.Config.Duration > groups[best].Config.Duration) {
				best = j
			}
		}
		if best >= 0 && (i == 0 || departure(t, end) != departure(t, ends[0])) {
			of = append(of, groups[best])
		}
	}
	if of == nil {
		return groups
	}
	d.others = "The run's other figures are of its longest trials of the defaults and of what the search took for best; trials.jsonl holds the rest."
	return of
}

// paretoFigures are what the settings are compared by.
func paretoFigures(t *results.Tuning, groups []results.Group) (rate, latency, cpu string) {
	rate, cpu = results.BodyRate, results.ClientCPU
	if strings.HasSuffix(t.Objective, "bytes_per_second") {
		rate = t.Objective
	}
	for _, g := range groups {
		if g.Metric(results.ServerCPU).N > 0 {
			cpu = results.ServerCPU
		}
	}
	i := slices.IndexFunc(paretoLatencies, func(name string) bool {
		return slices.ContainsFunc(groups, func(g results.Group) bool { return g.Latency(name, results.P99).N > 0 })
	})
	if i >= 0 {
		latency = paretoLatencies[i]
	}
	return rate, latency, cpu
}

// triedSettings joins trials that differ in their length alone: those that
// confirm are longer.
func triedSettings(groups []results.Group, rate, latency, cpu string) []tried {
	var order []results.Config
	of := map[results.Config][]*results.Trial{}
	for _, g := range groups {
		c := g.Config
		c.Duration, c.Total = 0, 0
		if of[c] == nil {
			order = append(order, c)
		}
		of[c] = append(of[c], g.Measured()...)
	}
	var points []tried
	for _, c := range order {
		g := results.Group{Config: c, Trials: of[c]}
		r, l, u := g.Metric(rate), g.Latency(latency, results.P99), g.Metric(cpu)
		if len(of[c]) >= leastTried && r.N > 0 && l.N > 0 && u.N > 0 && r.Median > 0 && l.Median > 0 && u.Median > 0 {
			points = append(points, tried{config: c, rate: r.Median, p99: l.Median, cpu: u.Median})
		}
	}
	return points
}

// number numbers the points that no other is as good as in all and better
// than in one, by their rate.
func number(points []tried) {
	slices.SortStableFunc(points, func(a, b tried) int { return cmp.Compare(b.rate, a.rate) })
	n := 0
	for i := range points {
		a := &points[i]
		if !slices.ContainsFunc(points, func(b tried) bool {
			return b != *a && b.rate >= a.rate && b.p99 <= a.p99 && b.cpu <= a.cpu && (b.rate > a.rate || b.p99 < a.p99 || b.cpu < a.cpu)
		}) {
			n++
			a.front = n
		}
	}
}

// departure names what sets c apart from the defaults.
func departure(t *results.Tuning, c results.Config) string {
	var parts []string
	for _, k := range t.Knobs {
		if a, _ := c.Axis(k.Field); a != k.Default {
			parts = append(parts, c.Phrase(k.Field))
		}
	}
	if len(parts) == 0 {
		return "the defaults"
	}
	return strings.Join(parts, " · ")
}

// pareto draws one of the figures.
func (d *drawer) pareto(fig *Figure, t *results.Tuning, points []tried, unitOf func(float64) (string, float64), rate, yLabel string, of func(tried) float64, format func(float64) string) {
	most, lo, hi := points[0].rate, math.Inf(1), 0.0
	for _, p := range points {
		lo, hi = min(lo, of(p)), max(hi, of(p))
	}
	unit, scale := unitOf(most)
	p := newPlot()
	p.Add(grid{horizontal: true, vertical: true})
	others, front := &dots{style: style{color: muted, glyph: hollow{}}}, &dots{style: styles[0]}
	base, best := &dots{style: styles[1]}, &dots{style: styles[2]}
	for _, pt := range points {
		into := others
		switch same := func(c results.Config) bool { return departure(t, c) == departure(t, pt.config) }; {
		case t.Best != t.Base && same(t.Best):
			into = best
		case same(t.Base):
			into = base
		case pt.front > 0:
			into = front
		}
		text := ""
		if pt.front > 0 {
			text = strconv.Itoa(pt.front)
			fig.Notes = append(fig.Notes, fmt.Sprintf("%d: %s.", pt.front, departure(t, pt.config)))
		}
		into.xy = append(into.xy, plotter.XY{X: pt.rate / scale, Y: math.Log10(of(pt))})
		into.labels = append(into.labels, text)
	}
	for _, s := range []struct {
		label string
		*dots
	}{{"another is as good or better in all three", others}, {"no other is", front}, {"the defaults", base}, {"recommended", best}} {
		if len(s.xy) > 0 {
			p.Add(s.dots)
			fig.entries = append(fig.entries, entry{label: s.label, style: s.style})
		}
	}
	ticks, end := linearTicks(most/scale, 8)
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(end, most/scale*1.03), plot.ConstantTicks(ticks)
	p.Y.Min, p.Y.Max = math.Log10(lo/1.15), math.Log10(hi*1.15)
	p.Y.Tick.Marker = logTicks(lo/1.15, hi*1.15, format)
	p.X.Label.Text, p.Y.Label.Text = strings.ReplaceAll(strings.TrimSuffix(rate, "_bytes_per_second"), "_", " ")+" rate, "+unit, yLabel
	fig.Subtitle = "medians of settings with 3 trials or more · numbered: no other is better in throughput, p99 and CPU time together"
	fig.plot, fig.height = p, 280
	d.add(fig)
}

// logTicks are 1, 2 and 5 times the powers of ten, with the values of a
// logarithmic axis.
func logTicks(lo, hi float64, format func(float64) string) plot.ConstantTicks {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= lo && v <= hi {
				ticks = append(ticks, plot.Tick{Value: math.Log10(v), Label: format(v)})
			}
		}
	}
	return ticks
}

// dots are points without a line, each with its label.
type dots struct {
	style  style
	xy     plotter.XYs
	labels []string
}

// DataRange implements plot.DataRanger.
func (s *dots) DataRange() (xmin, xmax, ymin, ymax float64) { return plotter.XYRange(s.xy) }

// Plot implements plot.Plotter.
func (s *dots) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := textStyle(9, ink, true)
	for i, pt := range s.xy {
		at := vg.Point{X: x(pt.X), Y: y(pt.Y)}
		c.DrawGlyphNoClip(s.style.marker(), at)
		c.FillText(sty, vg.Point{X: at.X + 5, Y: at.Y + 4}, s.labels[i])
	}
}
