package bench

import (
	"context"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"flightbench/results"
)

// interval is what was counted inside the window until, or between, samples.
type interval struct {
	bytes                  results.Bytes
	rows, batches, streams int64
	starts, ends           int64 // iterations of an open loop
}

func (i interval) minus(j interval) interval {
	i.bytes.Logical -= j.bytes.Logical
	i.bytes.Body -= j.bytes.Body
	i.bytes.Wire -= j.bytes.Wire
	i.rows -= j.rows
	i.batches -= j.batches
	i.streams -= j.streams
	i.starts -= j.starts
	i.ends -= j.ends
	return i
}

// sample is the state of the trial at one moment of its clock.
type sample struct {
	at           int64
	totals       interval // Wire counts from connect on, the rest inside the window
	wholeBody    int64
	wholeStreams int64
	usage        usage
	cells        [metricCount + 1]int // where each metric's cells begin in sampler.cells, and their end
}

// mostIntervals is how many intervals a trial has at most: of a day each is of
// minutes. What is kept does not grow with the samples, nor with the time.
const mostIntervals = 720

// sampler takes samples at the window's begin, at each interval and at its end.
type sampler struct {
	stride  int // ticks to an interval: 1, and twice as many whenever there would be too many intervals
	ticks   int // of the last interval
	clock   clock
	recs    *recorders
	wire    func() (read, written int64)
	usage   *usageReader
	samples []sample
	cells   []cell
	scratch []cell
	peakRSS int64
}

func newSampler(c clock, recs *recorders, wire func() (int64, int64), u *usageReader) *sampler {
	return &sampler{stride: 1, clock: c, recs: recs, wire: wire, usage: u, samples: make([]sample, 0, 256), cells: make([]cell, 0, 1<<16), scratch: make([]cell, 0, 1<<12)}
}

// take appends a sample. At the window's begin nothing was recorded yet, so the
// first sample's cells are empty.
func (s *sampler) take() *sample {
	p := sample{at: s.clock.now(), usage: s.usage.read()}
	p.totals = s.recs.totals()
	read, written := s.wire()
	p.totals.bytes.Wire = read + written
	w := s.recs.whole()
	p.wholeBody, p.wholeStreams = w.Body, w.Streams
	s.peakRSS = max(s.peakRSS, p.usage.rss)
	return s.add(p)
}

// late adds the latencies that were recorded since the last sample, as if they
// had been there then.
func (s *sampler) late() { s.add(s.samples[len(s.samples)-1]) }

// add appends p with the latencies recorded since the last sample.
func (s *sampler) add(p sample) *sample {
	for m := range metricCount {
		p.cells[m] = len(s.cells)
		if s.recs.shards[0][m] != nil {
			for i := range s.recs.shards {
				s.cells = s.recs.shards[i][m].drain(s.cells)
			}
			s.cells = s.cells[:p.cells[m]+len(united(s.cells[p.cells[m]:]))]
		}
	}
	p.cells[metricCount] = len(s.cells)
	s.samples = append(s.samples, p)
	return &s.samples[len(s.samples)-1]
}

// every takes a sample each d, and calls seen with the last two, until ctx ends.
func (s *sampler) every(ctx context.Context, d time.Duration, seen func(before, now *sample)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.tick(seen)
		}
	}
}

// tick takes a sample, and lets it go on where the last interval is not whole.
func (s *sampler) tick(seen func(before, now *sample)) {
	now := s.take()
	seen(&s.samples[len(s.samples)-2], now)
	if s.ticks > 0 {
		s.join(len(s.samples)-2, 2)
	}
	s.ticks = (s.ticks + 1) % s.stride
	if len(s.samples) > mostIntervals && s.ticks == 0 {
		s.join(1, 2)
		s.stride *= 2
	}
}

// join makes one sample of each n from the i-th on: what was recorded in their
// intervals together, and what the last of them says.
func (s *sampler) join(i, n int) {
	joined, end := s.samples[:i], s.samples[i].cells[0]
	for group := range slices.Chunk(s.samples[i:], n) {
		p := group[len(group)-1]
		s.scratch = s.scratch[:0]
		for m := range metricCount {
			from := len(s.scratch)
			for _, q := range group {
				s.scratch = append(s.scratch, s.cells[q.cells[m]:q.cells[m+1]]...)
			}
			s.scratch = s.scratch[:from+len(united(s.scratch[from:]))]
			p.cells[m] = end + from
		}
		p.cells[metricCount] = end + len(s.scratch)
		end += copy(s.cells[end:], s.scratch) // in place: what is joined is no longer than its parts
		joined = append(joined, p)
	}
	s.samples, s.cells = joined, s.cells[:end]
}

// united sorts cells by index, in place, and adds up those of the same.
func united(cells []cell) []cell {
	slices.SortFunc(cells, func(a, b cell) int { return int(a.index - b.index) })
	out := cells[:0]
	for _, c := range cells {
		if n := len(out); n > 0 && out[n-1].index == c.index {
			out[n-1].count += c.count
		} else {
			out = append(out, c)
		}
	}
	return out
}

// histogram adds the cells of metric m in samples (from, to] to a new one.
func (s *sampler) histogram(m metric, from, to int) *hdrhistogram.Histogram {
	h := results.NewHistogram()
	for _, p := range s.samples[from+1 : to+1] {
		for _, c := range s.cells[p.cells[m]:p.cells[m+1]] {
			// Every cell came from an index in range, so this cannot fail.
			_ = h.RecordValues(histogramValue(c.index), int64(c.count))
		}
	}
	return h
}

// p99 is the 99th percentile of m in the interval that ends with to, 0 where
// there was no sample. It costs no histogram: it runs beside the measurement.
func (s *sampler) p99(m metric, to *sample) int64 {
	cells := s.cells[to.cells[m]:to.cells[m+1]] // ascending
	var total, above int64
	for _, c := range cells {
		total += int64(c.count)
	}
	for _, c := range slices.Backward(cells) {
		if above += int64(c.count); above*100 >= total {
			return histogramValue(c.index)
		}
	}
	return 0
}

// span is an interval of the window: what was counted in samples (from, to],
// and its length on the trial's clock.
type span struct {
	from, to   int
	start, end int64
}

// spans cuts the window [begin, end) at the samples. The last sample comes a
// moment after the end; one taken in the last half period before it is no cut,
// since the rates of an interval of microseconds say nothing.
func (s *sampler) spans(begin, end int64, period time.Duration) []span {
	last := len(s.samples) - 1
	out := []span{{from: 0, to: last, start: begin, end: end}}
	for i := 1; i < last && s.samples[i].at < end-int64(period)/2; i++ {
		now := &out[len(out)-1]
		now.to, now.end = i, s.samples[i].at
		out = append(out, span{from: i, to: last, start: now.end, end: end})
	}
	return out
}

// timeline turns spans of the window that starts at begin into intervals, and
// returns with them the histograms behind their latencies, by metric.
func (s *sampler) timeline(spans []span, begin int64) ([]results.Interval, map[metric]*results.Encoded) {
	out := make([]results.Interval, 0, len(spans))
	hists := map[metric]*results.Encoded{}
	for _, m := range s.recs.used {
		hists[m] = &results.Encoded{}
	}
	for _, p := range spans {
		d := s.samples[p.to].totals.minus(s.samples[p.from].totals)
		iv := results.Interval{
			Start: seconds(p.start - begin), Seconds: seconds(p.end - p.start),
			Bytes: d.bytes, Rows: d.rows, Batches: d.batches, Streams: d.streams,
			Latencies: map[string]results.Latency{},
		}
		for _, m := range s.recs.used {
			h := s.histogram(m, p.from, p.to)
			if h.TotalCount() == 0 {
				continue
			}
			iv.Latencies[metricNames[m]] = results.Summarise(h, 0, 0)
			hists[m].Intervals = append(hists[m].Intervals, results.IntervalHistogram{Start: iv.Start, Seconds: iv.Seconds,
				Make: func() *hdrhistogram.Histogram { return s.histogram(m, p.from, p.to) }})
		}
		out = append(out, iv)
	}
	return out, hists
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
