package bench

import (
	"context"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// times are where the calls of a slot spent their time, on target.Nanos. What
// a call does at a time counts once: an exchange sends and receives, so its
// time counts twice, and of a put what it receives counts only once all is sent.
type times struct {
	calls   target.Meter   // the calls' own time
	both    target.Blocked // of calls that receive
	sending target.Blocked // of those that send alone: Receiving is not read
	tails   target.Meter   // waiting for the server once all is sent
}

// callBegins has a call of ctx counted; began is for its end.
func (s *slot) callBegins(ctx context.Context) (_ context.Context, began int64) {
	b := &s.times.both
	if k := s.t.kind.name; k == OpPut || k == OpIngest {
		b = &s.times.sending
	}
	return target.WithBlocked(ctx, b), s.times.calls.Begin()
}

// shares is where the time of a trial's streams went, in nanoseconds.
type shares struct{ calls, waiting, sending, flight int64 }

// whereTimeWent sums the times of all slots until now.
func (t *trial) whereTimeWent(now int64) (sum shares) {
	for _, s := range t.slots {
		m := &s.times
		sum.calls += m.calls.Total(now)
		sum.waiting += m.both.Receiving.Total(now) + m.tails.Total(now)
		sum.sending += m.both.Sending.Total(now) + m.sending.Sending.Total(now)
	}
	if t.load != nil {
		sum.flight = t.load.flight.Total(now)
	}
	return sum
}

// reportTimes tells where the time of the window's streams went, and that of
// an open loop's slots without a stream. Shares that are not the transport's
// own word are told as approximations.
func (t *trial) reportTimes(put putMetric) {
	a, b := t.began.times, t.ended.times
	calls := float64(b.calls - a.calls)
	if calls <= 0 {
		return
	}
	active := 1.0 // share of the time of the slots in use that a stream was in flight
	if t.load != nil {
		active = min(1, float64(b.flight-a.flight)/(float64(t.ended.nanos-t.began.nanos)*float64(max(1, t.load.peak))))
	}
	waiting := active * min(1, float64(b.waiting-a.waiting)/calls)
	sending := min(active-waiting, active*float64(b.sending-a.sending)/calls)
	put(results.TimeWaiting, waiting, "1", "lower")
	put(results.TimeFlow, sending, "1", "lower")
	put(results.TimeBusy, active-waiting-sending, "1", "lower")
	put(results.TimeIdle, 1-active, "1", "lower")
	if !t.exactTimes() {
		t.out.Approximate = append(t.out.Approximate, results.TimeWaiting, results.TimeFlow, results.TimeBusy)
	}
}

// exactTimes tells whether the shares are the transport's own word: of grpc-go
// they are the time inside RecvMsg and SendMsg, which do work, too, and direct
// does not know what its writes below TLS wait for.
func (t *trial) exactTimes() bool {
	return t.transport == wire.Direct && (t.target.TLS == nil || !t.kind.sends())
}
