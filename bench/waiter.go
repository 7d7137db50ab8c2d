package bench

import (
	"context"
	"runtime"
	"time"
)

// closely is how far before its moment a waiter stops trusting the runtime's
// timers: while nothing else runs they are rounded up to 1 ms.
const closely = 1500 * time.Microsecond

// leastSleep bounds what waking up costs: at more than 5,000 starts a second
// several are handed out at once, up to so much late.
const leastSleep = 200 * time.Microsecond

// waiter waits for moments of a clock.
//
// Note: to spin until the moment would be more exact, and would take a core
// from the streams, of which there may be two.
type waiter struct {
	ctx   context.Context
	over  <-chan struct{} // ends a wait early; nil: never
	timer *time.Timer
}

func newWaiter(ctx context.Context, over <-chan struct{}) *waiter {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &waiter{ctx: ctx, over: over, timer: t}
}

func (w *waiter) stop() { w.timer.Stop() }

// until returns when c has come to at, or false before.
func (w *waiter) until(c clock, at int64) bool {
	for first := true; ; first = false {
		left := time.Duration(at - c.now())
		switch {
		case left <= 0:
			return true
		case left > closely || !sleepsClosely:
			if left > closely && sleepsClosely {
				left -= closely
			}
			w.timer.Reset(left)
			select {
			case <-w.timer.C:
			case <-w.over:
				return false
			case <-w.ctx.Done():
				return false
			}
		case first: // what was handed out must not wait for this goroutine's processor
			runtime.Gosched()
		default:
			if w.ended() {
				return false
			}
			sleep(max(left, leastSleep))
		}
	}
}

func (w *waiter) ended() bool {
	select {
	case <-w.over:
		return true
	case <-w.ctx.Done():
		return true
	default:
		return false
	}
}
