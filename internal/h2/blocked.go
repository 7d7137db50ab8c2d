package h2

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Blocked is how long the calls of a context were blocked, see [WithBlocked].
// The zero value is ready for use, by any number of calls at a time.
type Blocked struct {
	Receiving Meter // RecvMsg waited for the peer
	Sending   Meter // SendMsg waited for a window, or for room in the socket
}

type blockedKey struct{}

// WithBlocked has the calls that are made with the context it returns add to b.
//
// A receiver that waits while the connection's reader is at work does not wait
// for the peer: that time is this side's own, and not in b. Nor is that of a
// sender while others of its connection are writing, nor what TLS waits for to
// write.
func WithBlocked(ctx context.Context, b *Blocked) context.Context {
	return context.WithValue(ctx, blockedKey{}, b)
}

// BlockedOf is what [WithBlocked] gave the context, or nil.
func BlockedOf(ctx context.Context) *Blocked {
	b, _ := ctx.Value(blockedKey{}).(*Blocked)
	return b
}

// Meter sums the lengths of waits, those under way included.
type Meter struct {
	mu      sync.Mutex
	over    int64 // of waits that are over
	pending int64 // minus the sum of when those under way began
	n       int64 // of them
}

var epoch = time.Now()

// Nanos is the clock of Meters.
func Nanos() int64 { return int64(time.Since(epoch)) }

// Enter begins a wait.
func (m *Meter) Enter(now int64) {
	m.mu.Lock()
	m.pending -= now
	m.n++
	m.mu.Unlock()
}

// Begin is Enter now; what it returns is for End.
func (m *Meter) Begin() (began int64) {
	began = Nanos()
	m.Enter(began)
	return began
}

// Leave ends a wait that began at began and counts for so many nanoseconds.
func (m *Meter) Leave(began, counts int64) {
	m.mu.Lock()
	m.pending += began
	m.n--
	m.over += counts
	m.mu.Unlock()
}

// End is Leave of a wait that counts in full.
func (m *Meter) End(began int64) { m.Leave(began, Nanos()-began) }

// Total is how many nanoseconds were waited until now.
func (m *Meter) Total(now int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over + m.pending + m.n*now
}

// idleClock counts how long a goroutine was idle. One goroutine begins and
// ends, any may read. It is one word, so that what is read is consistent: twice
// the idle time when busy; when idle, twice that less the moment it began, and 1.
type idleClock struct{ v atomic.Int64 }

func (c *idleClock) begin(now int64) { c.v.Store((c.v.Load()>>1-now)<<1 | 1) }

func (c *idleClock) end(now int64) {
	if v := c.v.Load(); v&1 == 1 {
		c.v.Store((v>>1 + now) << 1)
	}
}

// ended ends it if it was begun, and reads no clock otherwise.
func (c *idleClock) ended() {
	if c.v.Load()&1 == 1 {
		c.end(Nanos())
	}
}

func (c *idleClock) total(now int64) int64 {
	v := c.v.Load()
	if v&1 == 1 {
		return v>>1 + now
	}
	return v >> 1
}

// waitReady waits until something has come. mu is held.
func (st *stream) waitReady() {
	if st.times == nil {
		st.cond.Wait()
		return
	}
	began := Nanos()
	idle := st.c.s.idle.total(began)
	st.times.Receiving.Enter(began)
	st.cond.Wait()
	now := Nanos()
	st.times.Receiving.Leave(began, min(now-began, max(0, st.c.s.idle.total(now)-idle)))
}

// waitWindow waits on sendCond for a window. c.w.mu is held.
func (st *stream) waitWindow() {
	if st.times == nil {
		st.sendCond.Wait()
		return
	}
	began := st.times.Sending.Begin()
	st.sendCond.Wait()
	st.times.Sending.End(began)
}

// waitTurn waits on cond until others of the connection have written: for the
// peer only as long as they do. c.w.mu is held.
func (st *stream) waitTurn(cond *sync.Cond) {
	if st.times == nil {
		cond.Wait()
		return
	}
	full := &st.c.s.full
	began := st.times.Sending.Begin()
	before := full.total(began)
	cond.Wait()
	now := Nanos()
	st.times.Sending.Leave(began, min(now-began, max(0, full.total(now)-before)))
}
