package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

// timelines draws each quantity that the run has over time.
func (d *drawer) timelines() error {
	for _, q := range quantities {
		d.timeline(q)
	}
	return nil
}

// timeline draws q within the window, a line per configuration: that of the
// repeat with the median rate.
func (d *drawer) timeline(q quantity) {
	var groups []results.Group
	lines := map[string]plotter.XYs{}
	most := 0
	q, from := q.of(d)
	for _, g := range from {
		if xy := rates(typical(g, q), q); len(xy) > 0 {
			groups = append(groups, g)
			lines[g.Config.Key()] = xy
			most = max(most, len(g.Measured()))
		}
	}
	axes := results.Varying(groups)
	which := ""
	if most > 1 {
		which = "of each configuration the repeat of median rate"
	}
	for _, f := range d.facets(q.timeline, compare.ByAxis(groups, "", axes), axes, maxSeries) {
		fig := &Figure{Name: q.timelineFile + f.file, Title: q.timeline + f.head, Notes: f.notes, Subtitle: f.subtitle(which), entries: f.entries(false)}
		p := newPlot()
		top, end := 0.0, 0.0
		var cs []*curve
		for i, s := range f.Series {
			c := &curve{style: styles[i], xy: lines[s.Groups[0].Config.Key()], smooth: true}
			for _, pt := range c.xy {
				top = math.Max(top, pt.Y)
			}
			for _, iv := range typical(s.Groups[0], q).Timeline {
				end = math.Max(end, iv.Start+iv.Seconds)
			}
			cs = append(cs, c)
		}
		p.Add(grid{horizontal: true})
		for _, c := range cs {
			p.Add(c)
		}
		ticks, ymax := linearTicks(top, 6)
		p.Y.Min, p.Y.Max = 0, ymax
		p.Y.Tick.Marker = plot.ConstantTicks(ticks)
		p.Y.Label.Text = q.label
		ticks, _ = linearTicks(end, 10)
		p.X.Min, p.X.Max = 0, end
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		p.X.Label.Text = "seconds since the window began"
		fig.plot, fig.height = p, 230
		d.add(fig)
	}
}

// typical is the trial of g whose rate is the median, the lower one of two.
func typical(g results.Group, q quantity) *results.Trial {
	trials := g.Measured()
	best := trials[0]
	median := g.Metric(q.kind.Rate).Median
	for _, t := range trials[1:] {
		if math.Abs(t.Metrics[q.kind.Rate].Value-median) < math.Abs(best.Metrics[q.kind.Rate].Value-median) {
			best = t
		}
	}
	return best
}

// rates are q over the middle of each interval.
func rates(t *results.Trial, q quantity) plotter.XYs {
	var xy plotter.XYs
	for _, iv := range t.Timeline {
		if iv.Seconds <= 0 {
			continue
		}
		xy = append(xy, plotter.XY{X: iv.Start + iv.Seconds/2, Y: float64(q.perInterval(iv)) / iv.Seconds / q.scale})
	}
	return xy
}
