package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

// timeline draws the throughput within the window, a line per configuration:
// that of the repeat with the median rate.
func (d *drawer) timeline() {
	var groups []results.Group
	lines := map[string]plotter.XYs{}
	most := 0
	for _, g := range d.groups {
		if xy := rates(typical(g)); len(xy) > 0 {
			groups = append(groups, g)
			lines[g.Config.Key()] = xy
			most = max(most, len(g.Measured()))
		}
	}
	axes := results.Varying(groups)
	which := ""
	if most > 1 {
		which = "of each configuration the repeat of median throughput"
	}
	const what = "Throughput over time"
	for _, f := range d.facets(what, compare.ByAxis(groups, "", axes), axes, maxSeries) {
		fig := &Figure{Name: "timeline" + f.file, Title: what + f.head, Notes: f.notes, Subtitle: f.subtitle(which), entries: f.entries(false)}
		p := newPlot()
		top, end := 0.0, 0.0
		var cs []*curve
		for i, s := range f.Series {
			c := &curve{style: styles[i], xy: lines[s.Groups[0].Config.Key()], smooth: true}
			for _, pt := range c.xy {
				top = math.Max(top, pt.Y)
			}
			for _, iv := range typical(s.Groups[0]).Timeline {
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
		p.Y.Label.Text = rateLabel
		ticks, _ = linearTicks(end, 10)
		p.X.Min, p.X.Max = 0, end
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		p.X.Label.Text = "seconds since the window began"
		fig.plot, fig.height = p, 230
		d.add(fig)
	}
}

// typical is the trial of g whose rate is the median, the lower one of two.
func typical(g results.Group) *results.Trial {
	trials := g.Measured()
	best := trials[0]
	median := g.Metric(results.BodyRate).Median
	for _, t := range trials[1:] {
		if math.Abs(t.Metrics[results.BodyRate].Value-median) < math.Abs(best.Metrics[results.BodyRate].Value-median) {
			best = t
		}
	}
	return best
}

// rates are GB/s over the middle of each interval.
func rates(t *results.Trial) plotter.XYs {
	var xy plotter.XYs
	for _, iv := range t.Timeline {
		if iv.Seconds <= 0 {
			continue
		}
		xy = append(xy, plotter.XY{X: iv.Start + iv.Seconds/2, Y: float64(iv.Bytes.Body) / iv.Seconds / 1e9})
	}
	return xy
}
