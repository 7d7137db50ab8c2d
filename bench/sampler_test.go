package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"flightbench/internal/wire"
)

// TestSpans cuts windows of 1,000 ns at samples of a period of 100 ns.
func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []int64 // the first is before the begin at 10, the last after the end at 1010
		ends    []int64
	}{
		{"no sample between", []int64{5, 1012}, []int64{1010}},
		{"samples between", []int64{5, 400, 700, 1012}, []int64{400, 700, 1010}},
		{"one at the very end", []int64{5, 400, 1009, 1012}, []int64{400, 1010}},
		{"one after the end", []int64{5, 400, 1011, 1012}, []int64{400, 1010}},
		{"one in the last half period", []int64{5, 955, 965, 1012}, []int64{955, 1010}},
	} {
		s := &sampler{}
		for _, at := range tt.samples {
			s.samples = append(s.samples, sample{at: at})
		}
		got := s.spans(10, 1010, 100*time.Nanosecond)
		start, from := int64(10), 0
		for i, p := range got {
			if p.start != start || p.from != from || i < len(tt.ends) && p.end != tt.ends[i] {
				t.Errorf("%s: span %d is %+v, want it from %d (sample %d) to one of %v", tt.name, i, p, start, from, tt.ends)
			}
			start, from = p.end, p.to
		}
		if len(got) != len(tt.ends) || start != 1010 || from != len(tt.samples)-1 {
			t.Errorf("%s: %+v, want ends %v and every sample", tt.name, got, tt.ends)
		}
	}
}

// TestLongTrialKeepsLittle samples a trial of hours: what is kept is bounded,
// whatever was recorded, and nothing of it is lost.
func TestLongTrialKeepsLittle(t *testing.T) {
	const slots, perTick = 64, 100
	u, err := newUsageReader()
	if err != nil {
		t.Fatal(err)
	}
	var w window
	w.end.Store(math.MaxInt64)
	recs := newRecorders([]metric{latBatchGap, latStream}, slots, &w)
	s := newSampler(clock{time.Now()}, recs, func() (int64, int64) { return 0, 0 }, u)
	s.take()
	rng := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for tick := 1; tick <= 6*mostIntervals; tick++ {
		for range perTick {
			r := &recs.all[rng.IntN(slots)]
			r.batch(1, wire.Sizes{Rows: 2})
			r.sample(latBatchGap, int64(rng.Float64()*1e8)) // some 12,000 values to an HDR histogram
		}
		recs.all[0].sample(latStream, 1e6)
		s.tick(func(before, now *sample) {
			if n := now.totals.minus(before.totals).batches; n != perTick {
				t.Fatalf("tick %d: %d batches since the last, want %d", tick, n, perTick)
			}
			if p := s.p99(latStream, now); p > 1e6 || p < 999_000 {
				t.Fatalf("tick %d: p99 %d, want that of this tick alone", tick, p)
			}
		})
		if n := len(s.samples) - 1; n > mostIntervals || n < min(tick, mostIntervals/2) {
			t.Fatalf("tick %d: %d intervals", tick, n)
		}
		if tick == 2*mostIntervals {
			kept = cap(s.cells)
		}
	}
	s.take()
	if grown := float64(cap(s.cells)) / float64(kept); grown > 3 || s.stride != 8 {
		t.Errorf("memory grew %.1ffold over thrice the time, stride %d", grown, s.stride)
	}
	for m, want := range map[metric]int64{latBatchGap: 6 * mostIntervals * perTick, latStream: 6 * mostIntervals} {
		if got := s.histogram(m, 0, len(s.samples)-1).TotalCount(); got != want {
			t.Errorf("%s: %d samples in the whole, want %d", metricNames[m], got, want)
		}
	}
	s.samples[0].at = 0
	last := len(s.samples) - 1
	lines, hists := s.timeline(s.spans(0, s.samples[last].at, time.Nanosecond), 0)
	var batches, gaps int64
	for _, iv := range lines {
		batches += iv.Batches
	}
	for _, iv := range hists[latBatchGap].Intervals {
		gaps += iv.Make().TotalCount()
	}
	if want := int64(6 * mostIntervals * perTick); batches != want || gaps != want {
		t.Errorf("%d batches and %d gaps in %d intervals, want %d", batches, gaps, len(lines), want)
	}
}

// TestUnited adds up the cells of the same index.
func TestUnited(t *testing.T) {
	got := united([]cell{{5, 1}, {9, 2}, {5, 3}, {1, 1}, {9, 1}})
	if want := []cell{{1, 1}, {5, 4}, {9, 3}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
