package bench

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxCancels is how many cancellations are remembered. A server of ours
// remembers 4,096; those in flight need not be the last ones named.
const maxCancels = 1 << 14

// cancels remembers when the last calls were canceled, until the server tells
// when their handlers saw that. Safe for concurrent use.
type cancels struct {
	nonce    string // of this trial's names
	named    atomic.Int64
	measured atomic.Int64 // streams that were canceled in the window
	seen     int64        // of them those whose handlers told when they saw it; not for concurrent use
	last     []atomic.Pointer[cancellation]
}

type cancellation struct{ call, at int64 } // at is on the trial's clock

func newCancels(nonce string) *cancels {
	return &cancels{nonce: nonce, last: make([]atomic.Pointer[cancellation], maxCancels)}
}

// name gives a call its number, from 1, and the name by which it is told.
func (c *cancels) name() (number int64, name string) {
	number = c.named.Add(1)
	return number, strconv.FormatInt(number, 10) + "-" + c.nonce
}

// strike notes that a call was canceled.
func (c *cancels) strike(number, at int64) {
	c.last[number%maxCancels].Store(&cancellation{number, at})
}

// at is when the call of that name was canceled.
func (c *cancels) at(name string) (at int64, ok bool) {
	digits, found := strings.CutSuffix(name, "-"+c.nonce)
	number, err := strconv.ParseInt(digits, 10, 64)
	if !found || err != nil || number < 1 {
		return 0, false
	}
	p := c.last[number%maxCancels].Load()
	if p == nil || p.call != number {
		return 0, false
	}
	return p.at, true
}

// takeCancels asks a server of ours which handlers have seen the cancellations
// of the window, and records how long that took them. The server forgets them.
func (t *trial) takeCancels(ctx context.Context) {
	if t.cancelAfter == (cancelAfter{}) || !t.local || t.gone || t.window.begin.Load() == math.MaxInt64 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	seen, err := t.control.cancelled(ctx)
	if err != nil {
		t.warnOnce("cancelled", fmt.Sprintf("the server does not tell when it saw cancellations: %v", err))
		return
	}
	zero := t.clock.base.UnixNano()
	for _, s := range seen {
		if at, ok := t.cancels.at(s.ID); ok && t.window.holds(at) {
			t.slots[0].sample(latCancelSeen, s.Seen-zero-at)
			t.cancels.seen++
		}
	}
}

// collectCancels takes what is left after the last stream: handlers that have
// not seen their cancellation yet are waited for.
func (t *trial) collectCancels(ctx context.Context) {
	if t.cancelAfter == (cancelAfter{}) || !t.local || t.gone || t.cancels.measured.Load() == 0 {
		return
	}
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	_, _ = t.control.idleStats(waiting) // takeCancels tells what is wrong
	t.takeCancels(ctx)
	t.sampler.late()
	if all := t.cancels.measured.Load(); t.cancels.seen < all {
		t.warn(fmt.Sprintf("cancel_seen is of %d of the %d cancellations: the others came before or after their handlers, or are not remembered (a server keeps the last 4096)", t.cancels.seen, all))
	}
}
