package h2

import (
	"sync/atomic"
	"time"
)

// budget bounds what a peer may have done that costs us and brings nothing: PING, SETTINGS, PRIORITY, RST_STREAM, empty
// frames, tiny window updates. It fills with time and with the data that moves either way, so that what belongs to
// traffic (a PING for every round trip, a window update for every frame) is never counted against it.
type budget struct {
	left  int
	spare int // payload bytes that are not worth a unit yet
	last  time.Time
	sent  *atomic.Int64 // payload bytes sent
}

const (
	budgetBurst  = 10_000
	budgetRate   = 1_000 // a second
	budgetReward = 1024  // payload bytes a unit; a DATA frame or message is at least one
)

func (b *budget) init(sent *atomic.Int64) { b.left, b.last, b.sent = budgetBurst, time.Now(), sent }

func (b *budget) earn(n, payload int) {
	b.spare += payload
	n += b.spare / budgetReward
	b.spare %= budgetReward
	b.left = min(b.left+n, budgetBurst)
}

func (b *budget) spend(n int) error {
	if b.left -= n; b.left >= 0 {
		return nil
	}
	now := time.Now()
	b.left += int(min(now.Sub(b.last).Seconds(), 3600) * budgetRate)
	b.last = now
	b.earn(0, int(b.sent.Swap(0)))
	if b.left < 0 {
		return calm("too many frames that carry nothing")
	}
	return nil
}

// rate is a token bucket: perSecond on average, five times that at once.
type rate struct {
	perSecond int
	left      float64
	last      time.Time
}

func (r *rate) take(now time.Time) bool {
	most := 5 * float64(r.perSecond)
	if r.last.IsZero() {
		r.left = most
	} else {
		r.left = min(most, r.left+now.Sub(r.last).Seconds()*float64(r.perSecond))
	}
	r.last = now
	r.left--
	return r.left >= 0
}
