package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
)

const (
	maxHeats   = 6  // configurations that have a picture
	heatTimes  = 60 // columns of a picture at most; more intervals are joined
	heatBins   = 45 // cells of a column at most
	heatLevels = 7  // shades: samples in decades, the last of 10^6 and more
)

// heats draws how the latency of the fastest and of the slowest configuration
// of each operation was distributed over time; where there are few, of all.
func (d *drawer) heats() error {
	var groups []results.Group
	for _, g := range d.groups {
		if heatLatency(g) != "" {
			groups = append(groups, g)
		}
	}
	axes := results.Varying(groups)
	left := ""
	if len(groups) > maxHeats {
		chosen := extremes(groups)
		if len(chosen) > maxHeats {
			chosen = spread(chosen, maxHeats)
		}
		left = fmt.Sprintf("%d of %d configurations are drawn: of each operation the one of the highest rate and the one of the highest p99. latency.hlog holds all.", len(chosen), len(groups))
		groups = chosen
	}
	var errs []error
	for _, g := range groups {
		errs = append(errs, d.heat(g, axes, left))
	}
	return errors.Join(errs...)
}

// heatLatency is the latency that says most of g over time: in an open loop a
// response time, which holds what waited.
func heatLatency(g results.Group) string {
	names := g.Latencies()
	if g.Config.Open() && g.Kind() == results.KindStreams {
		names = append([]string{"stream"}, names...)
	}
	for _, name := range names {
		if g.Latency(name, results.P50).N > 0 {
			return name
		}
	}
	return ""
}

// extremes are, of each operation, the group of the highest rate and the one of
// the highest p99, in the order of groups.
func extremes(groups []results.Group) []results.Group {
	type most struct{ rate, slow int }
	of := map[string]*most{}
	for i, g := range groups {
		m := of[g.Config.Op]
		if m == nil {
			of[g.Config.Op] = &most{i, i}
			continue
		}
		if fast := groups[m.rate]; g.Metric(g.Kind().Rate).Median > fast.Metric(fast.Kind().Rate).Median {
			m.rate = i
		}
		if slow := groups[m.slow]; g.Latency(heatLatency(g), results.P99).Median > slow.Latency(heatLatency(slow), results.P99).Median {
			m.slow = i
		}
	}
	var out []results.Group
	for i, g := range groups {
		if m := of[g.Config.Op]; m.rate == i || m.slow == i {
			out = append(out, g)
		}
	}
	return out
}

// heat draws the repeat of g with the median rate. left is what is told of
// others that are not drawn.
func (d *drawer) heat(g results.Group, axes []string, left string) error {
	t, name := middle(g), heatLatency(g)
	h, err := d.heatOf(t, name)
	if err != nil || h.cells == nil {
		return err
	}
	fig := &Figure{Name: "heat-" + fileName(name), Title: "Latency over time: " + words(name)}
	if label := g.Config.Label(axes); label != "" {
		fig.Title += " · " + label
		fig.Name += "-" + fileName(label)
	}
	doc := results.LatencyDoc(name)
	if g.Config.Open() {
		doc = "response time, from when a stream was due"
	}
	fig.Subtitle = doc + medianRepeat(g) + doubt(g)
	steps := h.steps()
	if left != "" {
		fig.Notes = []string{left}
	}
	for level, from := range steps {
		label := results.FormatInteger(from) + " or more"
		if level == 0 {
			label += " samples"
		}
		fig.entries = append(fig.entries, entry{label: label, style: style{color: shade(level, len(steps)), glyph: nothing{}}, bar: true})
	}
	median, tail := style{color: ink, width: 1.2}, style{color: ink, width: 1.2, dashes: []vg.Length{4, 2.5}}
	fig.entries = append(fig.entries, entry{label: "p50", style: median}, entry{label: "p99", style: tail})
	p := newPlot()
	p.Add(grid{horizontal: true}, h, &curve{style: median, xy: h.p50}, &curve{style: tail, xy: h.p99})
	min, max := roundDown(math.Pow(10, h.low)), roundUp(math.Pow(10, h.high))
	p.Y.Min, p.Y.Max = math.Log10(min), math.Log10(max)
	p.Y.Tick.Marker = plot.ConstantTicks(latencyTicks(min, max))
	p.Y.Label.Text = "latency, log scale"
	end := h.starts[len(h.starts)-1] + h.width
	ticks, _ := linearTicks(end, 10)
	p.X.Min, p.X.Max = 0, end
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = "seconds since the window began"
	fig.plot, fig.height = p, 230
	d.add(fig)
	return nil
}

// heat is a latency over time: how many samples lie in each cell.
type heat struct {
	width     float64         // of a column, seconds
	bin       float64         // height of a cell, log10 of nanoseconds
	starts    []float64       // of each column
	cells     []map[int]int64 // of each column, samples by bin
	p50, p99  plotter.XYs     // of each column, log10 of nanoseconds
	low, high float64         // of all, log10 of nanoseconds
	most      int64           // samples in one cell
}

// heatOf reads the intervals of a latency of t one at a time, joined to at most
// heatTimes columns. Its cells are nil where there is none.
func (d *drawer) heatOf(t *results.Trial, name string) (*heat, error) {
	end, least, greatest := 0.0, math.Inf(1), math.Inf(-1)
	err := d.run.EachHistogram(t, name, func(iv results.IntervalHistogram) {
		end = math.Max(end, iv.Start+iv.Seconds)
		least, greatest = math.Min(least, logOf(float64(iv.Histogram.Min()))), math.Max(greatest, logOf(float64(iv.Histogram.Max())))
	})
	if err != nil || end <= 0 {
		return &heat{}, err
	}
	h := &heat{bin: 0.05, low: math.Inf(1), high: math.Inf(-1)}
	for (greatest-least)/h.bin > heatBins {
		h.bin *= 2
	}
	per := intervalLength(t)
	h.width = per * math.Ceil(end/per/heatTimes)
	var sum *hdrhistogram.Histogram
	column := -1
	flush := func() {
		if sum != nil && sum.TotalCount() > 0 {
			h.column(float64(column)*h.width, sum)
		}
	}
	err = d.run.EachHistogram(t, name, func(iv results.IntervalHistogram) {
		if c := int((iv.Start + iv.Seconds/2) / h.width); c != column {
			flush()
			column, sum = c, results.NewHistogram()
		}
		sum.Merge(iv.Histogram)
	})
	flush()
	if err != nil {
		return &heat{}, fmt.Errorf("trial %s: %w", t.ID, err)
	}
	return h, nil
}

// intervalLength is that of t's timeline, in seconds; those of one differ by
// how late a timer was.
func intervalLength(t *results.Trial) float64 {
	longest := 0.0
	for _, iv := range t.Timeline {
		longest = math.Max(longest, iv.Seconds)
	}
	if longest <= 0 {
		return 1
	}
	if rounded := math.Round(longest*100) / 100; rounded > 0 {
		return rounded
	}
	return longest
}

// column adds one that begins at start.
func (h *heat) column(start float64, sum *hdrhistogram.Histogram) {
	cells := map[int]int64{}
	for _, b := range sum.Distribution() {
		if b.Count == 0 {
			continue
		}
		bin := int(math.Floor(logOf(float64(b.From)/2+float64(b.To)/2) / h.bin))
		cells[bin] += b.Count
		h.most = max(h.most, cells[bin])
		h.low, h.high = math.Min(h.low, float64(bin)*h.bin), math.Max(h.high, float64(bin+1)*h.bin)
	}
	h.starts, h.cells = append(h.starts, start), append(h.cells, cells)
	at := func(q float64) plotter.XY {
		return plotter.XY{X: start + h.width/2, Y: logOf(float64(sum.ValueAtQuantile(q)))}
	}
	h.p50, h.p99 = append(h.p50, at(50)), append(h.p99, at(99))
}

func logOf(ns float64) float64 { return math.Log10(math.Max(ns, 1)) }

// steps are the least samples of a cell of each shade: decades, or with few
// samples halves of them.
func (h *heat) steps() []int64 {
	steps := []int64{1, 3, 10, 30, 100, 300, 1000}
	if h.most >= 3000 {
		steps = []int64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}
	}
	n := slices.IndexFunc(steps, func(from int64) bool { return from > h.most })
	if n < 0 {
		return steps
	}
	return steps[:n]
}

// shade is that of the level among so many: a colour that lets the paper
// through, so that it does in the dark, too.
func shade(level, levels int) color.NRGBA {
	c := rgb(0x0072b2)
	c.A = uint8(255 * (0.18 + 0.62*float64(level)/float64(max(levels-1, 1))))
	return c
}

// Plot implements plot.Plotter. Cells of one shade are one path, and those
// above each other one rectangle, which keeps an SVG small.
func (h *heat) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	steps := append(h.steps(), math.MaxInt64)
	levels := len(steps) - 1
	for level := range levels {
		var path vg.Path
		for i, cells := range h.cells {
			var bins []int
			for bin, n := range cells {
				if n >= steps[level] && n < steps[level+1] {
					bins = append(bins, bin)
				}
			}
			slices.Sort(bins)
			for len(bins) > 0 {
				n := 1
				for n < len(bins) && bins[n] == bins[0]+n {
					n++
				}
				left, right := x(h.starts[i]), x(h.starts[i]+h.width)
				low, high := y(float64(bins[0])*h.bin), y(float64(bins[0]+n)*h.bin)
				path.Move(vg.Point{X: left, Y: low})
				path.Line(vg.Point{X: right, Y: low})
				path.Line(vg.Point{X: right, Y: high})
				path.Line(vg.Point{X: left, Y: high})
				path.Close()
				bins = bins[n:]
			}
		}
		if len(path) > 0 {
			c.SetColor(shade(level, levels))
			c.Fill(path)
		}
	}
}
