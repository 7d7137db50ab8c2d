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
// together, each by the latency that stands for it. Of an open loop the
// response time, from when a stream was due, and the service time, from when it
// began, are in one picture.
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
				names[name] = names[name] || l.Count > 0 && name != call && !isService(t, name)
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
		errs = append(errs, d.latency(spectrum{"calls", "latency-calls", "call to end of answer", results.Group.CallLatency}, groups))
	}
	for name, groups := range calls {
		if len(calls) == 1 {
			errs = append(errs, d.latency(spectrum{words(name), "latency-call-" + fileName(name), results.LatencyDoc(name), one(name)}, groups))
		}
	}
	for _, name := range results.InOrder(set, results.Latencies) {
		errs = append(errs, d.latency(spectrum{words(name), "latency-" + fileName(name), results.LatencyDoc(name), one(name)}, set[name]))
	}
	return errors.Join(errs...)
}

// isService tells whether the latency is the service time of another one of t.
func isService(t *results.Trial, name string) bool {
	of, ok := strings.CutSuffix(name, results.FromActual)
	return ok && t.Latencies[of].Count > 0
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// spectrum is a latency of groups by percentile.
type spectrum struct {
	title, file, doc string
	of               func(results.Group) string // its name, which each kind of call has its own of
}

// pairSeries is how many series a picture tells apart that draws two lines for each.
const pairSeries = 4

// latency draws s, of an open loop as pairs of response and service time.
func (d *drawer) latency(s spectrum, from []results.Group) error {
	var closed, open []results.Group
	response, service := map[string]plotter.XYs{}, map[string]plotter.XYs{}
	var errs []error
	for _, g := range from {
		h, err := d.merged(g, s.of(g))
		actual, err2 := d.merged(g, s.of(g)+results.FromActual)
		errs = append(errs, err, err2)
		if h.TotalCount() == 0 {
			continue
		}
		response[g.Config.Key()] = percentiles(h)
		if actual.TotalCount() == 0 {
			closed = append(closed, g)
			continue
		}
		service[g.Config.Key()] = percentiles(actual)
		open = append(open, g)
	}
	d.spectra(s, closed, response, nil)
	s.file = "spectrum" + strings.TrimPrefix(s.file, "latency")
	s.doc = "response time: from when a stream was due; service time: from when it began; what lies between is waiting"
	d.spectra(s, open, response, service)
	return errors.Join(errs...)
}

// spectra draws the curves of groups, and where service has them the service
// times beside.
func (d *drawer) spectra(s spectrum, groups []results.Group, response, service map[string]plotter.XYs) {
	axes := results.Varying(groups)
	what, limit := "Latency by percentile: "+s.title, maxSeries
	if service != nil {
		what, limit = "Response and service time: "+s.title, pairSeries
	}
	for _, f := range d.facets(what, compare.ByAxis(groups, "", axes), axes, limit) {
		head := strings.Replace(f.head, ": ", " · ", 1)
		merged := ""
		if len(f.Series[0].Groups[0].Measured()) > 1 {
			merged = "repeats merged"
		}
		fig := &Figure{
			Name: s.file + f.file, Title: what + head, Notes: f.notes,
			Subtitle: f.subtitle(s.doc, merged), entries: f.entries(false),
		}
		var cs []*curve
		for i, ser := range f.Series {
			key := ser.Groups[0].Config.Key()
			c := &curve{style: styles[i], xy: response[key], smooth: true}
			cs = append(cs, c)
			if service != nil {
				c.style.dashes = nil
				thin := c.style
				thin.dashes, thin.width = dotted, 1
				cs = append(cs, &curve{style: thin, xy: service[key], smooth: true})
			}
		}
		if service != nil {
			fig.entries = pairEntries(fig.entries)
		}
		fig.laySpectra(cs)
		d.add(fig)
	}
}

// pairEntries is the legend of series, of which lines tell response from
// service time.
func pairEntries(series []entry) []entry {
	line := style{color: styles[0].color, glyph: styles[0].glyph}
	if len(series) > 0 {
		line = style{color: ink}
	}
	thin := line
	thin.dashes, thin.width = dotted, 1
	es := []entry{{label: "response time", style: line}, {label: "service time", style: thin}}
	for _, e := range series {
		e.style.dashes = nil
		es = append(es, e)
	}
	return es
}

// laySpectra makes the figure one of curves by percentile.
func (f *Figure) laySpectra(cs []*curve) {
	p := newPlot()
	lo, hi, right := math.Inf(1), math.Inf(-1), 100.0 // 1/(1-p) of the widest
	for _, c := range cs {
		for _, pt := range c.xy {
			lo, hi, right = math.Min(lo, pt.Y), math.Max(hi, pt.Y), math.Max(right, math.Pow(10, pt.X))
		}
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
	f.plot, f.height = p, 270
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
