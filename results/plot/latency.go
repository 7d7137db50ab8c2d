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

// latencies draws each latency by percentile, repeats merged.
func (d *drawer) latencies() error {
	set := map[string]bool{}
	for _, g := range d.groups {
		for _, t := range g.Measured() {
			for name, l := range t.Latencies {
				if l.Count > 0 {
					set[name] = true
				}
			}
		}
	}
	var errs []error
	for _, name := range results.InOrder(set, results.Latencies) {
		errs = append(errs, d.latency(name))
	}
	return errors.Join(errs...)
}

func (d *drawer) latency(name string) error {
	var groups []results.Group
	curves := map[string]plotter.XYs{}
	var errs []error
	for _, g := range d.groups {
		h, err := d.merged(g, name)
		if err != nil {
			errs = append(errs, err)
		}
		if h.TotalCount() > 0 {
			groups = append(groups, g)
			curves[g.Config.Key()] = percentiles(h)
		}
	}
	axes := results.Varying(groups)
	words := strings.ReplaceAll(name, "_", " ")
	what := fmt.Sprintf("Latency by percentile: %s", words)
	doc := results.LatencyDoc(name)
	for _, f := range d.facets(what, compare.ByAxis(groups, "", axes), axes, maxSeries) {
		head := strings.Replace(f.head, ": ", " · ", 1)
		merged := ""
		if len(f.Series[0].Groups[0].Measured()) > 1 {
			merged = "repeats merged"
		}
		fig := &Figure{
			Name: "latency-" + fileName(name) + f.file, Title: what + head, Notes: f.notes,
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
