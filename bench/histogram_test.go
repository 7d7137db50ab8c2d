package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"flightbench/internal/wire"
	"flightbench/results"
)

// TestHistogramMatchesLibrary compares indices and values with
// hdrhistogram-go's own, over the whole range.
func TestHistogramMatchesLibrary(t *testing.T) {
	ours, theirs := newHistogram(), results.NewHistogram()
	rng := rand.New(rand.NewPCG(1, 2))
	values := []int64{0, 1, 999, 1_000, 1_023, 1_024, 1 << 19, 1<<20 - 1, 1 << 20, 1<<20 + 1, results.LatencyMax}
	for range 100_000 {
		values = append(values, int64(math.Exp(rng.Float64()*math.Log(float64(results.LatencyMax)))))
	}
	for _, v := range values {
		ours.record(v)
		if err := theirs.RecordValue(v); err != nil {
			t.Fatalf("RecordValue(%d): %v", v, err)
		}
	}
	copied := results.NewHistogram()
	for _, c := range ours.drain(nil) {
		if err := copied.RecordValues(histogramValue(c.index), int64(c.count)); err != nil {
			t.Fatalf("index %d: %v", c.index, err)
		}
	}
	if !copied.Equals(theirs) {
		t.Errorf("the counts differ from hdrhistogram-go's:\n ours   %+v\n theirs %+v", results.Summarise(copied, 0, 0), results.Summarise(theirs, 0, 0))
	}
	if rest := ours.drain(nil); len(rest) != 0 {
		t.Errorf("%d cells are left after a drain", len(rest))
	}
}

func TestHistogramOutOfRange(t *testing.T) {
	h := newHistogram()
	for _, ns := range []int64{-5, 0, 999, 1000, results.LatencyMax, results.LatencyMax + 1, math.MaxInt64} {
		h.record(ns)
	}
	if below, above := h.below.Load(), h.above.Load(); below != 3 || above != 2 {
		t.Errorf("below, above = %d, %d, want 3, 2", below, above)
	}
	var n uint32
	for _, c := range h.drain(nil) {
		n += c.count
	}
	if n != 5 {
		t.Errorf("%d samples are in the histogram, want 5: those below are, those above are not", n)
	}
}

// TestRecorderDoesNotAllocate covers every call of the path of a batch.
func TestRecorderDoesNotAllocate(t *testing.T) {
	var w window
	w.end.Store(math.MaxInt64)
	r := &newRecorders([]metric{latInfo, latFirstBatch, latBatchGap, latStream}, 1, &w).all[0]
	now := int64(1)
	if n := testing.AllocsPerRun(1000, func() {
		now += 12_345
		r.batch(now, wire.Sizes{Rows: 1, Body: 2, Logical: 3})
		r.latency(latBatchGap, now, now-12_345)
	}); n != 0 {
		t.Errorf("recording a batch allocates %v times", n)
	}
}

// TestWindowIsCutExactly records at the edges of the window.
func TestWindowIsCutExactly(t *testing.T) {
	var w window
	w.begin.Store(100)
	w.end.Store(200)
	rs := newRecorders([]metric{latInfo, latFirstBatch, latBatchGap, latStream}, 2, &w)
	for _, now := range []int64{99, 100, 150, 199, 200} {
		for i := range rs.all {
			rs.all[i].batch(now, wire.Sizes{Rows: 10, Body: 20, Logical: 5})
			rs.all[i].stream(now)
			rs.all[i].latency(latStream, now, now-50)
		}
	}
	got := rs.totals()
	want := interval{bytes: results.Bytes{Logical: 30, Body: 120}, rows: 60, batches: 6, streams: 6}
	if got != want {
		t.Errorf("inside the window: %+v, want %+v", got, want)
	}
	if whole := rs.whole(); whole.Batches != 10 || whole.Rows != 100 || whole.Body != 200 || whole.Streams != 10 {
		t.Errorf("in all: %+v, want 10 batches of 100 rows in 200 bytes, 10 streams", whole)
	}
	var n uint32
	for i := range rs.shards {
		for _, c := range rs.shards[i][latStream].drain(nil) {
			n += c.count
		}
	}
	if n != 6 {
		t.Errorf("%d latencies, want 6", n)
	}
}

func BenchmarkRecorder(b *testing.B) {
	var w window
	w.end.Store(math.MaxInt64)
	r := &newRecorders([]metric{latInfo, latFirstBatch, latBatchGap, latStream}, 1, &w).all[0]
	b.ReportAllocs()
	ns := int64(1)
	for b.Loop() {
		ns = (ns*1103515245 + 12345) & (1<<24 - 1)
		r.latency(latBatchGap, ns, 0)
	}
}

// BenchmarkRecorderBatch is all that a received batch costs: its counts, its
// latency and the clock.
func BenchmarkRecorderBatch(b *testing.B) {
	var w window
	w.end.Store(math.MaxInt64)
	r := &newRecorders([]metric{latInfo, latFirstBatch, latBatchGap, latStream}, 1, &w).all[0]
	c := clock{}
	b.ReportAllocs()
	for b.Loop() {
		now := c.now()
		r.batch(now, wire.Sizes{Rows: 65536, Body: 2 << 20, Logical: 2 << 20})
		r.latency(latBatchGap, now, now-100_000)
	}
}
