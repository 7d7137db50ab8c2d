package bench

import (
	"context"
	"math"
	"sync"

	"golang.org/x/sync/errgroup"
)

// leg is a stretch of an open loop with one pacer.
type leg struct {
	pacer  *Pacer
	origin int64           // of the pacer's time, on the trial's clock
	end    func() int64    // no start is due from then on
	total  int64           // most starts; 0: no limit
	over   <-chan struct{} // ends it early; nil: never
}

// openLoop hands starts to slots when they are due, whatever became of those
// before. A start that finds every slot busy waits for one: it is counted as
// delayed, its response times are from when it was due, and those after it are
// due when they are due.
//
// Note: to drop such starts would leave the worst response times out, and to
// wait with the pacer would slow the load down with the server: both make a
// server that stalls look better than its users find it.
type openLoop struct {
	t     *trial
	group *errgroup.Group
	ctx   context.Context

	mu     sync.Mutex
	free   [][]*slot // idle ones by connection, those last used on top: they are warm
	idle   int       // all of free
	turn   int       // connection that the next start prefers
	queue  []int64   // starts that wait for a slot, by when they were due
	head   int       // of queue
	closed bool      // no more starts come
	used   int       // slots that have had a start
	inbox  []chan int64
	peak   int // most slots busy at a time
}

// open runs legs, one after another, and returns when the streams that they
// began have ended, or ctx has.
func (t *trial) open(ctx context.Context, legs ...func() leg) error {
	l := &openLoop{t: t, free: make([][]*slot, t.config.Connections), inbox: make([]chan int64, len(t.slots)), idle: len(t.slots)}
	for i := len(t.slots) - 1; i >= 0; i-- {
		c := i % t.config.Connections
		l.free[c] = append(l.free[c], t.slots[i])
	}
	l.group, l.ctx = errgroup.WithContext(ctx)
	l.group.Go(func() error {
		defer l.close()
		for _, next := range legs {
			if !l.pace(next()) {
				break
			}
		}
		return nil
	})
	err := l.group.Wait()
	t.load.peak = max(t.load.peak, l.peak)
	t.load.missed += l.missed()
	if err != nil || ctx.Err() != nil {
		return err
	}
	return t.failures.all()
}

// pace hands out the starts of g; false means that the loop has ended.
func (l *openLoop) pace(g leg) bool {
	w := newWaiter(l.ctx, g.over)
	defer w.stop()
	for n := int64(0); g.total == 0 || n < g.total; n++ {
		due, _, more := g.pacer.Pace(0, n)
		at := g.origin + int64(due)
		if end := g.end(); !more || at >= end {
			// The window, not the last start, ends the leg.
			return w.until(l.t.clock, end) || l.ctx.Err() == nil
		}
		if !w.until(l.t.clock, at) {
			if l.ctx.Err() == nil {
				return true
			}
			l.skip(g, n)
			return false
		}
		l.start(at)
	}
	return true
}

// skip queues the starts of g from n on that were due by now, where the trial
// ended before they could be made: they are missed.
func (l *openLoop) skip(g leg, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for now := l.t.clock.now(); g.total == 0 || n < g.total; n++ {
		due, _, more := g.pacer.Pace(0, n)
		at := g.origin + int64(due)
		if !more || at >= g.end() || at > now {
			return
		}
		l.queue = append(l.queue, at)
	}
}

// start gives a start that was due at at to a free slot, or lets it wait.
func (l *openLoop) start(at int64) {
	l.mu.Lock()
	if l.idle == 0 {
		l.queue = append(l.queue, at)
		l.mu.Unlock()
		return
	}
	c := l.turn % len(l.free)
	l.turn++
	for len(l.free[c]) == 0 {
		c = (c + 1) % len(l.free)
	}
	last := len(l.free[c]) - 1
	s := l.free[c][last]
	l.free[c] = l.free[c][:last]
	l.idle--
	l.peak = max(l.peak, len(l.t.slots)-l.idle)
	in := l.inbox[s.index]
	fresh := in == nil
	if fresh {
		in = make(chan int64, 1)
		l.inbox[s.index] = in
		l.used++
	}
	in <- at
	l.mu.Unlock()
	if fresh {
		l.group.Go(func() error { return l.work(s, in) })
	}
}

// work runs the starts that s is given.
func (l *openLoop) work(s *slot, in <-chan int64) error {
	defer func() { s.paced = false }()
	for at := range in {
		for waited := false; ; waited = true {
			if err := l.run(s, at, waited); err != nil {
				return err
			}
			var more bool
			if at, more = l.next(s); !more {
				break
			}
		}
	}
	return nil
}

// run is one iteration that was due at at; waited says that no slot was free.
func (l *openLoop) run(s *slot, at int64, waited bool) error {
	now := l.t.clock.now()
	s.paced, s.due = true, at
	if s.window.holds(now) {
		s.starts.Add(1)
		if !waited {
			s.sample(latLateness, now-at)
		} else if s.window.holds(at) {
			s.delayed.Add(1)
		}
	}
	l.mu.Lock()
	used := l.used
	l.mu.Unlock()
	began := l.t.load.flight.Begin()
	good, err := l.t.iterate(l.ctx, s, used)
	l.t.load.flight.End(began)
	if good && s.window.holds(l.t.clock.now()) {
		s.ends.Add(1)
	}
	return err
}

// next is the start that has waited longest; without one s is free.
func (l *openLoop) next(s *slot) (at int64, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() == nil && l.head < len(l.queue) {
		at = l.queue[l.head]
		if l.head++; 2*l.head >= len(l.queue) { // those that have run take no memory
			l.queue, l.head = l.queue[:copy(l.queue, l.queue[l.head:])], 0
		}
		return at, true
	}
	c := s.index % len(l.free)
	l.free[c] = append(l.free[c], s)
	if l.idle++; l.closed {
		close(l.inbox[s.index])
		l.inbox[s.index] = nil
	}
	return 0, false
}

// close lets the slots go once what waits has run.
func (l *openLoop) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, slots := range l.free {
		for _, s := range slots {
			if in := l.inbox[s.index]; in != nil {
				close(in)
				l.inbox[s.index] = nil
			}
		}
	}
}

// missed counts the starts of the window that waited until its end and never
// found a slot.
func (l *openLoop) missed() (n int64) {
	for _, at := range l.queue[l.head:] {
		if l.t.window.holds(at) {
			n++
		}
	}
	return n
}

// never is the end of a leg that has none.
func never() int64 { return math.MaxInt64 }
