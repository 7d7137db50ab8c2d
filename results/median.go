package results

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Confidence is that of every interval of a median.
const Confidence = 0.95

// IntervalRounds is how many repeats an interval of a median takes: with fewer
// the least and the greatest value hold it less often than Confidence.
const IntervalRounds = 6

// Median is that of repeats, with the interval that holds the true one with
// Confidence, whatever their distribution (order statistics; benchmath's
// AssumeNothing). It is the median of what the machine did in that time: a
// drift that all repeats share is not in it.
type Median struct {
	N         int
	At        float64
	Low, High float64 // infinite with fewer than IntervalRounds
}

// MedianOf summarises values; the zero Median where there is none.
func MedianOf(values []float64) Median {
	if len(values) == 0 {
		return Median{}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), Confidence)
	if len(values) < IntervalRounds { // one side may be told of 5
		s.Lo, s.Hi = math.Inf(-1), math.Inf(1)
	}
	return Median{len(values), s.Center, s.Lo, s.Hi}
}

// Bounded tells whether there are enough repeats for an interval.
func (m Median) Bounded() bool { return m.N > 0 && !math.IsInf(m.Low, 0) && !math.IsInf(m.High, 0) }

// Width is half the interval as a fraction of the median, 0.02 for ±2 %;
// infinite where there is no interval.
func (m Median) Width() float64 {
	switch {
	case !m.Bounded():
		return math.Inf(1)
	case m.High == m.Low:
		return 0
	}
	return (m.High - m.Low) / 2 / math.Abs(m.At)
}

// FormatWidth prints a width: ±2.1 %.
func FormatWidth(w float64) string {
	if math.IsInf(w, 0) || math.IsNaN(w) {
		return "–"
	}
	if w >= 0.0995 {
		return fmt.Sprintf("±%.0f %%", w*100)
	}
	return fmt.Sprintf("±%.1f %%", w*100)
}

// Primary is the figure that a trial is measured by first, as Figure names it
// in a comparison: its rate, or of an open loop, whose rate is asked for, the
// median of the latency that its users wait for. ok is false where t has none.
func (t *Trial) Primary() (name string, m Metric, ok bool) {
	if !t.Config.Open() {
		name = t.Kind().Rate
		m, ok = t.Metrics[name]
		return name, m, ok && m.finite()
	}
	name = "stream"
	switch t.Kind() {
	case KindQueries:
		name = "query"
	case KindCalls:
		name = Group{Trials: []*Trial{t}}.CallLatency()
	}
	l, ok := t.Latencies[name]
	return name + ".p50", Metric{float64(l.P50), "ns", "lower"}, ok && l.Count > 0
}

// primary is the series of the group's primary figure, by round, and its name.
func (g Group) primary() (trials []*Trial, values []float64, name string, unit Metric) {
	for _, t := range g.Measured() {
		if n, m, ok := t.Primary(); ok && t.Status == StatusOK {
			trials, values, name, unit = append(trials, t), append(values, m.Value), n, m
		}
	}
	return trials, values, name, unit
}

// Primary is the median of the group's primary figure and its name; "" where
// no trial that ended ok has it.
func (g Group) Primary() (name string, m Median) {
	_, values, name, _ := g.primary()
	return name, MedianOf(values)
}

// Interval is the median of a metric over the measured trials with its
// interval.
func (g Group) Interval(metric string) Median {
	var v []float64
	for _, t := range g.Measured() {
		if m, ok := t.Metrics[metric]; ok && m.finite() {
			v = append(v, m.Value)
		}
	}
	return MedianOf(v)
}
