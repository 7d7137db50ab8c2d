package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"flightbench/internal/target"
	"flightbench/results"
)

// opFunc is an operation of a test.
type opFunc func(ctx context.Context, s *slot) error

func (f opFunc) run(ctx context.Context, s *slot) error { return f(ctx, s) }

// idleTrial is a trial whose iterations are op: nothing is connected.
func idleTrial(tb testing.TB, slots, connections int, steps []Stretch, op opFunc) *trial {
	tb.Helper()
	tgt, err := target.Parse("grpc://127.0.0.1:1")
	if err != nil {
		tb.Fatal(err)
	}
	t := &trial{out: &results.Trial{}, config: &results.Config{Concurrency: slots, Connections: connections, Arrival: ArrivalConstant}, clock: clock{time.Now()}, op: op, opened: make(chan struct{})}
	if t.session, err = tgt.Open(target.Tuning{Transport: "direct"}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = t.session.Close() })
	t.recs = newRecorders(openMetrics([]metric{latStream}), slots, &t.window)
	for i := range slots {
		t.slots = append(t.slots, &slot{recorder: t.recs.all[i], t: t, index: i})
	}
	t.load = &load{steps: steps, pacer: NewPacer(steps, ArrivalConstant, 1)}
	t.window.end.Store(math.MaxInt64)
	return t
}

// samples are all that was recorded of m.
func (t *trial) samples(m metric) *hdrhistogram.Histogram {
	h := results.NewHistogram()
	for i := range t.recs.shards {
		for _, c := range t.recs.shards[i][m].drain(nil) {
			_ = h.RecordValues(histogramValue(c.index), int64(c.count))
		}
	}
	return h
}

// Each start goes to exactly one slot, over the connections in turn.
func TestOpenLoopStarts(t *testing.T) {
	const starts = 400
	tr := idleTrial(t, starts, 2, []Stretch{{From: 4000, To: 4000}}, func(_ context.Context, s *slot) error {
		s.ended(s.t.clock.now())
		return nil
	})
	tr.config.Total = starts
	if err := tr.open(t.Context(), tr.load.main(tr)); err != nil {
		t.Fatal(err)
	}
	var begun, ended int64
	byConn := make([]int64, 2)
	for i, s := range tr.slots {
		begun, ended = begun+s.starts.Load(), ended+s.ends.Load()
		byConn[i%2] += s.starts.Load()
	}
	if begun != starts || ended != starts || tr.load.missed != 0 || byConn[0] != byConn[1] {
		t.Errorf("%d begun, %d ended, %d missed, %v by connection, want %d", begun, ended, tr.load.missed, byConn, starts)
	}
	if n := tr.samples(latStream).TotalCount(); n != starts {
		t.Errorf("%d response times, want %d", n, starts)
	}
}

// Starts that no slot is free for wait: they are counted, their response times
// are from when they were due, and their service times are not.
func TestOpenLoopWaits(t *testing.T) {
	const starts, stall = 50, 500 * time.Millisecond
	first := true
	tr := idleTrial(t, 1, 1, []Stretch{{From: 1000, To: 1000}}, func(_ context.Context, s *slot) error {
		begun := s.t.clock.now()
		if first {
			first = false
			time.Sleep(stall)
		}
		s.ended(begun)
		return nil
	})
	tr.config.Total = starts
	if err := tr.open(t.Context(), tr.load.main(tr)); err != nil {
		t.Fatal(err)
	}
	response, service := tr.samples(latStream), tr.samples(latStream+fromActual)
	// 49 starts were due 1 to 49 ms after the first, and all waited for it.
	if got := tr.slots[0].delayed.Load(); got != starts-1 {
		t.Errorf("%d delayed, want %d", got, starts-1)
	}
	if got := time.Duration(response.Min()); got < stall-starts*time.Millisecond {
		t.Errorf("the least response time is %v: starts were not due when they should have been", got)
	}
	if got := time.Duration(service.ValueAtPercentile(50)); got > stall/4 {
		t.Errorf("the median service time is %v: it has the wait in it", got)
	}
	if tr.samples(latLateness).TotalCount() != 1 || tr.load.peak != 1 || tr.load.missed != 0 {
		t.Errorf("peak %d, missed %d", tr.load.peak, tr.load.missed)
	}
}

// A loop that is cut tells which starts of the window never came to their turn.
func TestOpenLoopIsCut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr := idleTrial(t, 1, 1, []Stretch{{From: 100000, To: 100000}}, func(ctx context.Context, s *slot) error {
		<-ctx.Done()
		return ctx.Err()
	})
	tr.window.end.Store(int64(time.Millisecond)) // 100 starts: 0 to 990 µs
	tr.load.pacer = NewPacer([]Stretch{{From: 100000, To: 100000, For: time.Millisecond}}, ArrivalConstant, 1)
	done := make(chan error, 1)
	go func() { done <- tr.open(ctx, tr.load.main(tr)) }()
	for tr.clock.now() < int64(300*time.Millisecond) {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if tr.load.missed != 99 || tr.slots[0].cut.Load() != 1 {
		t.Errorf("%d missed, %d cut, want 99 and 1", tr.load.missed, tr.slots[0].cut.Load())
	}
}

// An error that ends the trial ends the loop, and so does the first of all.
func TestOpenLoopFails(t *testing.T) {
	wrong := errors.New("wrong")
	tr := idleTrial(t, 100, 1, []Stretch{{From: 1, To: 1}}, func(context.Context, *slot) error { return wrong })
	if err := tr.open(t.Context(), tr.load.main(tr)); !errors.Is(err, wrong) {
		t.Errorf("%v, want %v", err, wrong)
	}
}

// The warm-up's starts end with the beginning of the window, and the window's
// are due from then on.
func TestWarmUpThenWindow(t *testing.T) {
	var due []int64
	tr := idleTrial(t, 1, 1, []Stretch{{From: 1000, To: 1000}}, nil)
	tr.op = opFunc(func(_ context.Context, s *slot) error {
		due = append(due, s.due)
		return nil
	})
	const begin = 20*int64(time.Millisecond) + 321
	tr.config.Warmup = 1
	legs := []func() leg{tr.load.warm(tr, never), tr.load.main(tr)}
	tr.config.Total = 10
	go func() {
		for tr.clock.now() < begin {
			time.Sleep(time.Millisecond)
		}
		tr.window.begin.Store(begin)
		close(tr.opened)
	}()
	if err := tr.open(t.Context(), legs...); err != nil {
		t.Fatal(err)
	}
	if len(due) <= 10 {
		t.Fatalf("%d starts: there was no warm-up", len(due))
	}
	least := int64(math.MaxInt64)
	for i, at := range due[len(due)-10:] {
		want := begin + int64(i)*int64(time.Millisecond)
		if at < want { // what lies between two readings of the clock is added
			t.Errorf("start %d of the window was due at %d, want %d", i, at, want)
		}
		least = min(least, at-want)
	}
	if least > int64(time.Millisecond)/2 {
		t.Errorf("no start of the window was due when it should have been: all %d ns later", least)
	}
}

func TestOpenMetrics(t *testing.T) {
	got := openMetrics([]metric{latFirstBatch, latBatchGap, latStream})
	want := []metric{latFirstBatch, latBatchGap, latStream, latLateness, latFirstBatch + fromActual, latStream + fromActual}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := metricNames[latStream+fromActual]; n != "stream_actual" {
		t.Errorf("name %q", n)
	}
}

// BenchmarkLateness tells how late starts are on a machine that does nothing
// else: at 50,000 a second p99 is to be 1 ms at most.
func BenchmarkLateness(b *testing.B) {
	for _, rate := range []float64{100, 1000, 10000, 50000} {
		b.Run(time.Duration(1e9/rate).String(), func(b *testing.B) {
			for b.Loop() {
				tr := idleTrial(b, 1000, 1, []Stretch{{From: rate, To: rate}}, func(_ context.Context, s *slot) error {
					s.ended(s.t.clock.now())
					return nil
				})
				tr.window.end.Store(tr.clock.now() + int64(2*time.Second))
				u, err := newUsageReader()
				if err != nil {
					b.Fatal(err)
				}
				before := u.read()
				if err := tr.open(b.Context(), tr.load.main(tr)); err != nil {
					b.Fatal(err)
				}
				h := tr.samples(latLateness)
				b.ReportMetric(float64(h.TotalCount())/2, "starts/s")
				b.ReportMetric(float64(h.ValueAtPercentile(50))/1e3, "p50-µs")
				b.ReportMetric(float64(h.ValueAtPercentile(99))/1e3, "p99-µs")
				b.ReportMetric(float64(h.Max())/1e3, "max-µs")
				b.ReportMetric(seconds(u.read().cpuNanos-before.cpuNanos)/2, "cores")
			}
		})
	}
}

// TestQueueKeepsWhatWaits has starts wait all the time, a few at once: those that
// have run are not kept.
func TestQueueKeepsWhatWaits(t *testing.T) {
	const waiting = 100
	tr := idleTrial(t, 1, 1, nil, nil)
	l := &openLoop{t: tr, ctx: t.Context(), free: make([][]*slot, 1), inbox: make([]chan int64, 1)}
	for at := range int64(100_000) {
		l.start(at)
		if at < waiting {
			continue
		}
		if got, more := l.next(tr.slots[0]); !more || got != at-waiting {
			t.Fatalf("start %d, %v, want %d", got, more, at-waiting)
		}
	}
	if got := cap(l.queue); got > 8*waiting || len(l.queue)-l.head != waiting {
		t.Errorf("room for %d starts is kept, %d wait, want %d", got, len(l.queue)-l.head, waiting)
	}
}
