package plot

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

// latencies draws each latency by percentile, repeats merged. Calls are drawn
// together, each by the latency that stands for it.
func (d *drawer) latencies() error {
	set := map[string][]results.Group{}
	calls := map[string][]results.Group{}
	for _, g := range d.groups {
		call := g.CallLatency()
		if call != "" {
			calls[call] = append(calls[call], g)
		}
		names := map[string]bool{}
		for _, t := range g.Measured() {
			for name, l := range t.Latencies {
				names[name] = names[name] || l.Count > 0 && name != call
			}
		}
		for name, has := range names {
			if has {
				set[name] = append(set[name], g)
			}
		}
	}
	var errs []error
	one := func(name string) func(results.Group) string { return func(results.Group) string { return name } }
	if len(calls) > 1 {
		var groups []results.Group
		for _, g := range d.groups { // in their order
			if g.CallLatency() != "" {
				groups = append(groups, g)
			}
		}
		errs = append(errs, d.latency("calls", "latency-calls", "call to end of answer", groups, results.Group.CallLatency))
	}
	for name, groups := range calls {
		if len(calls) == 1 {
			errs = append(errs, d.latency(words(name), "latency-call-"+fileName(name), results.LatencyDoc(name), groups, one(name)))
		}
	}
	for _, name := range results.InOrder(set, results.Latencies) {
		errs = append(errs, d.latency(words(name), "latency-"+fileName(name), results.LatencyDoc(name), set[name], one(name)))
	}
	return errors.Join(errs...)
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// latency draws the latency of groups that of names for each.
func (d *drawer) latency(title, file, doc string, from []results.Group, of func(results.Group) string) error {
	var groups []results.Group
	curves := map[string]plotter.XYs{}
	var errs []error
	for _, g := range from {
		h, err := d.merged(g, of(g))
		if err != nil {
			errs = append(errs, err)
		}
		if h.TotalCount() > 0 {
			groups = append(groups, g)
			curves[g.Config.Key()] = percentiles(h)
		}
	}
	axes := results.Varying(groups)
	what := "Latency by percentile: " + title
	for _, f := range d.facets(what, compare.ByAxis(groups, "", axes), axes, maxSeries) {
		head := strings.Replace(f.head, ": ", " · ", 1)
		merged := ""
		if len(f.Series[0].Groups[0].Measured()) > 1 {
			merged = "repeats merged"
		}
		fig := &Figure{
			Name: file + f.file, Title: what + head, Notes: f.notes,
			Subtitle: f.subtitle(doc, merged), entries: f.entries(false),
		}
		p := newPlot()
		lo, hi, right := math.Inf(1), math.Inf(-1), 100.0 // 1/(1-p) of the widest
		var cs []*curve
		for i, s := range f.Series {
			c := &curve{style: styles[i], xy: curves[s.Groups[0].Config.Key()], smooth: true}
			for _, pt := range c.xy {
				lo, hi, right = math.Min(lo, pt.Y), math.Max(hi, pt.Y), math.Max(right, math.Pow(10, pt.X))
			}
			cs = append(cs, c)
		}
		p.Add(grid{horizontal: true, vertical: true})
		for _, c := range cs {
			p.Add(c)
		}
		p.X.Min, p.X.Max = 0, math.Log10(right)
		p.X.Tick.Marker = plot.ConstantTicks(percentileTicks(right))
		p.X.Label.Text = "percentile of samples, log scale of 1/(1−p)"
		min, max := roundDown(math.Pow(10, lo)), roundUp(math.Pow(10, hi))
		if min >= max {
			max = roundUp(min * 1.5)
		}
		p.Y.Min, p.Y.Max = math.Log10(min), math.Log10(max)
		p.Y.Tick.Marker = plot.ConstantTicks(latencyTicks(min, max))
		p.Y.Label.Text = "latency, log scale"
		fig.plot, fig.height = p, 270
		d.add(fig)
	}
	return errors.Join(errs...)
}

// merged adds the histograms of all measured trials of g up.
func (d *drawer) merged(g results.Group, name string) (*hdrhistogram.Histogram, error) {
	sum := results.NewHistogram()
	var dropped int64
	for _, t := range g.Measured() {
		err := d.run.EachHistogram(t, name, func(iv results.IntervalHistogram) { dropped += sum.Merge(iv.Histogram) })
		if err != nil {
			return sum, fmt.Errorf("trial %s: %w", t.ID, err)
		}
	}
	if dropped > 0 {
		d.note("latency %s: %d samples lie out of range and are in no plot", name, dropped)
	}
	return sum, nil
}

// percentiles is h on the scale of HdrHistogram: x is log10 of 1/(1-p), y log10
// of nanoseconds. The last point is the maximum, at the resolution the count
// allows.
func percentiles(h *hdrhistogram.Histogram) plotter.XYs {
	total := float64(h.TotalCount())
	var xy plotter.XYs
	for _, b := range h.CumulativeDistributionWithTicks(10) {
		x := math.Log10(math.Max(math.Min(1/(1-b.Quantile/100), total), 1))
		y := math.Log10(math.Max(float64(b.ValueAt), 1))
		if n := len(xy); n > 0 && xy[n-1].X == x {
			xy[n-1].Y = math.Max(xy[n-1].Y, y)
			continue
		}
		xy = append(xy, plotter.XY{X: x, Y: y})
	}
	return xy
}
