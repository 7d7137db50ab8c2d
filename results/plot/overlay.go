package plot

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/compare"
)

// maxOverlays is how many pictures one comparison is drawn in.
const maxOverlays = 40

// binWidth is that of the bars of a histogram on an axis of log10.
const binWidth = 0.025

// Overlays draws the histograms of the compared latencies, those of both sides
// of a configuration over each other. Notes tell what is not drawn; an error
// is a histogram that could not be read. Old and new may be one run.
func Overlays(c *compare.Comparison, old, new *results.Loaded) (figures []*Figure, notes []string, err error) {
	d := &drawer{run: old}
	after := &drawer{run: new}
	var errs []error
	missing, left := 0, 0
	for _, p := range c.Pairs {
		for _, name := range latenciesOf(p) {
			if len(d.figures) == maxOverlays {
				left++
				continue
			}
			was, is := p.Trials()
			a, err := d.merged(results.Group{Trials: was}, name)
			b, err2 := after.merged(results.Group{Trials: is}, name)
			errs = append(errs, err, err2)
			if a.TotalCount() == 0 || b.TotalCount() == 0 {
				missing++
				continue
			}
			d.add(overlay(p, name, a, b))
		}
	}
	if missing > 0 {
		d.note("%d latencies have no histograms on both sides and are not drawn: only run directories hold them", missing)
	}
	if left > 0 {
		d.note("%d of %d latencies are drawn; compare fewer configurations, or name latencies with --metrics, to see the others", maxOverlays, maxOverlays+left)
	}
	return d.figures, append(d.notes, after.notes...), errors.Join(errs...)
}

// WriteOverlays draws Overlays into dir as SVG. Other files in dir stay.
func WriteOverlays(dir string, c *compare.Comparison, old, new *results.Loaded) (notes []string, err error) {
	figures, notes, err := Overlays(c, old, new)
	if merr := os.MkdirAll(dir, 0o755); merr != nil {
		return notes, fmt.Errorf("draw histograms: %w", merr)
	}
	errs := []error{err}
	for _, f := range figures {
		svg, err := f.SVG()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name+".svg"), svg, 0o644)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return notes, fmt.Errorf("draw histograms: %w", err)
	}
	return append(notes, fmt.Sprintf("%d histograms are drawn in %s", len(figures), dir)), nil
}

// latenciesOf are the latencies among the cells of p.
func latenciesOf(p compare.Pair) []string {
	var names []string
	for _, cell := range p.Cells {
		name, _, ok := strings.Cut(string(cell.Figure), ".")
		if name == "call" {
			was, _ := p.Trials()
			name = results.Group{Trials: was}.CallLatency()
		}
		if ok && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// overlay draws the shares of the samples of two histograms over each other.
func overlay(p compare.Pair, name string, old, new *hdrhistogram.Histogram) *Figure {
	fig := &Figure{Name: fileName("overlay " + name + " " + p.Name()), Title: "Latency histogram: " + words(name) + " · " + p.Name(), height: 230}
	parts := []string{results.LatencyDoc(name), "all rounds together"}
	pl := newPlot()
	top := 0.0
	pl.Add(grid{horizontal: true, vertical: true})
	low, high := math.Inf(1), math.Inf(-1)
	for i, h := range []*hdrhistogram.Histogram{old, new} {
		label := []string{p.From, p.To}[i]
		fig.entries = append(fig.entries, entry{style: styles[i], label: fmt.Sprintf("%s: p50 %s, p99 %s, %s samples", label,
			results.FormatNanoseconds(float64(h.ValueAtQuantile(50))), results.FormatNanoseconds(float64(h.ValueAtQuantile(99))), results.FormatInteger(h.TotalCount()))})
		c := &curve{style: styles[i], xy: steps(h)}
		for _, pt := range c.xy {
			top, low, high = math.Max(top, pt.Y), math.Min(low, pt.X), math.Max(high, pt.X)
		}
		pl.Add(c)
	}
	min, max := roundDown(math.Pow(10, low)), roundUp(math.Pow(10, high))
	pl.X.Min, pl.X.Max = math.Log10(min), math.Log10(max)
	pl.X.Tick.Marker = plot.ConstantTicks(latencyTicks(min, max))
	pl.X.Label.Text = "latency, log scale"
	pl.Y.Min, pl.Y.Max = 0, top*1.05
	pl.Y.Label.Text = fmt.Sprintf("%% of samples, by steps of %.1f %%", 100*(math.Pow(10, binWidth)-1))
	fig.Subtitle = strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
	fig.plot = pl
	return fig
}

// steps is the outline of h: x is log10 of nanoseconds, y percent of samples in
// a bin of binWidth.
func steps(h *hdrhistogram.Histogram) plotter.XYs {
	shares := map[int]float64{}
	first, last := math.MaxInt, math.MinInt
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		mid := math.Max(float64(b.From)/2+float64(b.To)/2, 1)
		bin := int(math.Floor(math.Log10(mid) / binWidth))
		shares[bin] += 100 * float64(b.Count) / float64(h.TotalCount())
		first, last = min(first, bin), max(last, bin)
	}
	xy := plotter.XYs{{X: float64(first) * binWidth, Y: 0}}
	for bin := first; bin <= last; bin++ {
		x := float64(bin) * binWidth
		xy = append(xy, plotter.XY{X: x, Y: shares[bin]}, plotter.XY{X: x + binWidth, Y: shares[bin]})
	}
	return append(xy, plotter.XY{X: float64(last+1) * binWidth, Y: 0})
}
