package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"flightbench/results"
)

// maxPaces is how many configurations have a picture of their pace.
const maxPaces = 6

// maxTimes is how many points a line over time has; more intervals are joined.
const maxTimes = 150

// paces draws what open loops asked for against what they began and what
// ended well, over time: of each configuration the repeat of median rate.
func (d *drawer) paces() error {
	var groups []results.Group
	for _, g := range d.groups {
		if slices.ContainsFunc(middle(g).Timeline, func(iv results.Interval) bool { return iv.Pace != nil }) {
			groups = append(groups, g)
		}
	}
	axes := results.Varying(groups)
	left := ""
	if len(groups) > maxPaces {
		left = fmt.Sprintf("%d of %d configurations are drawn. trials.jsonl holds the timeline of each.", maxPaces, len(groups))
		groups = spread(groups, maxPaces)
	}
	for _, g := range groups {
		d.pace(g, axes, left)
	}
	return nil
}

// pace draws g, which axes tell from the others. left is what is told of those
// that are not drawn.
func (d *drawer) pace(g results.Group, axes []string, left string) {
	names := []string{"asked", "started", "ended well"}
	fig := &Figure{Name: "pace", Title: "Pace of the open loop"}
	if label := g.Config.Label(axes); label != "" {
		fig.Title += ": " + label
	}
	fig.Name += "-" + fileName(g.Config.Label(axes))
	t := middle(g)
	xy := paceOf(t.Timeline)
	p := newPlot()
	p.Add(grid{horizontal: true})
	top, end := 0.0, 0.0
	for i, line := range xy {
		sty := []style{{color: ink, dashes: []vg.Length{5, 3}, width: 1.1}, styles[0], styles[1]}[i]
		fig.entries = append(fig.entries, entry{label: names[i], style: sty})
		p.Add(&curve{style: sty, xy: line, smooth: sty.glyph != nil})
		for _, pt := range line {
			top, end = math.Max(top, pt.Y), math.Max(end, pt.X)
		}
	}
	for _, iv := range t.Timeline {
		end = math.Max(end, iv.Start+iv.Seconds)
	}
	ticks, ymax := linearTicks(top, 6)
	p.Y.Min, p.Y.Max = 0, ymax
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Label.Text = "streams a second"
	ticks, _ = linearTicks(end, 10)
	p.X.Min, p.X.Max = 0, end
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = "seconds since the window began"
	fig.Subtitle = achieved(g) + medianRepeat(g) + doubt(g)
	if left != "" {
		fig.Notes = []string{left}
	}
	fig.plot, fig.height = p, 190
	d.add(fig)
}

// achieved says how much of what was asked for g did.
func achieved(g results.Group) string {
	asked, got := g.Metric(results.AskedRate), g.Metric(results.AchievedRate)
	if asked.N == 0 || got.N == 0 {
		return "asked and achieved rates over time"
	}
	text := fmt.Sprintf("%s streams/s asked for, %s achieved", results.FormatNumber(asked.Median), results.FormatNumber(got.Median))
	if n := g.Metric("missed_starts").Max; n > 0 {
		text += fmt.Sprintf(" · up to %s starts never came to their turn", results.FormatInteger(int64(n)))
	}
	return text
}

// medianRepeat says which of g's trials stands for it in a picture.
func medianRepeat(g results.Group) string {
	if len(g.Measured()) < 2 {
		return ""
	}
	return fmt.Sprintf(" · the one of %d repeats with the median rate", len(g.Measured()))
}

// middle is the measured trial of g with the median rate.
func middle(g results.Group) *results.Trial {
	return typical(g, quantity{kind: g.Kind()})
}

// paceOf are asked, started and ended rates over the middle of intervals, of
// which neighbours are joined until few enough are left.
func paceOf(timeline []results.Interval) (lines [3]plotter.XYs) {
	var ivs []results.Interval
	for _, iv := range timeline {
		if iv.Pace != nil && iv.Seconds > 0 {
			ivs = append(ivs, iv)
		}
	}
	n := (len(ivs) + maxTimes - 1) / maxTimes
	for len(ivs) > 0 {
		part := ivs[:min(n, len(ivs))]
		ivs = ivs[len(part):]
		var seconds float64
		var sums [3]float64
		for _, iv := range part {
			seconds += iv.Seconds
			for i, v := range []float64{iv.Pace.Asked, iv.Pace.Started, iv.Pace.Ended} {
				sums[i] += v * iv.Seconds
			}
		}
		for i, sum := range sums {
			lines[i] = append(lines[i], plotter.XY{X: part[0].Start + seconds/2, Y: sum / seconds})
		}
	}
	return lines
}

// spread is n of s, the first and the last among them; all where there are
// fewer.
func spread[T any](s []T, n int) []T {
	if len(s) <= n || n < 2 {
		return s[:min(n, len(s))]
	}
	kept := make([]T, n)
	for i := range n {
		kept[i] = s[i*(len(s)-1)/(n-1)]
	}
	return kept
}
