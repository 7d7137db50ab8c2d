package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"flightbench/internal/target"
	"flightbench/results"
)

// measure runs the streams through warm-up and window.
func (t *trial) measure(ctx context.Context) error {
	t.window.begin.Store(math.MaxInt64)
	t.window.end.Store(math.MaxInt64)
	if t.before == nil && t.target.PID == 0 {
		t.listener = t.target.Listener(ctx)
	}
	if t.config.Total > 0 {
		return t.measureTotal(ctx)
	}
	return t.measureDuration(ctx)
}

// measureTotal runs streams for the warm-up, lets them end, and then measures
// exactly Total streams.
func (t *trial) measureTotal(ctx context.Context) error {
	if t.config.Warmup > 0 {
		until := t.clock.now() + int64(duration(t.config.Warmup))
		t.progress("warmup", nil, nil)
		if err := t.warmUp(ctx, until); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	var begun atomic.Int64
	stop := t.startWindow(ctx)
	var err error
	if t.load != nil {
		err = t.open(ctx, t.load.main(t))
	} else {
		err = t.streams(ctx, func() bool { return begun.Add(1) <= t.config.Total })
	}
	t.window.end.Store(t.clock.now())
	stop()
	t.end, t.processEnd = t.peer(ctx), t.process()
	t.collectCancels(ctx)
	return err
}

// measureDuration measures a window of fixed length in a steady flow of
// streams, and cuts those that are under way at its end.
func (t *trial) measureDuration(ctx context.Context) error {
	flow, cut := context.WithCancel(ctx)
	defer cut()
	done := make(chan error, 1)
	go func() { done <- t.flow(flow) }()
	wait := func(d time.Duration) (error, bool) {
		select {
		case err := <-done:
			return err, true
		case <-time.After(d):
			return nil, false
		}
	}
	t.progress("warmup", nil, nil)
	if err, ended := wait(duration(t.config.Warmup)); ended {
		return err
	}
	stop := t.startWindow(ctx)
	t.window.end.Store(t.window.begin.Load() + int64(duration(t.config.Duration)))
	err, ended := wait(time.Duration(t.window.end.Load() - t.clock.now()))
	if ended {
		t.window.end.Store(min(t.window.end.Load(), t.clock.now()))
	}
	t.takeCancels(ctx) // or those that come until the streams are cut would take their place
	stop()
	t.end, t.processEnd = t.peer(ctx), t.process()
	if !ended {
		cut()
		err = <-done
	}
	t.collectCancels(ctx)
	return err
}

// startWindow opens the window and starts the sampler; the function it returns
// stops the sampler with a last sample.
func (t *trial) startWindow(ctx context.Context) (stop func()) {
	t.begin, t.processBegin = t.peer(ctx), t.process()
	t.began = t.look()
	t.sampler.take()
	t.window.begin.Store(t.clock.now())
	close(t.opened)
	t.out.Started = time.Now()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var sampling sync.WaitGroup
	sampling.Go(func() {
		t.sampler.every(ctx, t.interval(), func(a, b *sample) { t.progress("measure", a, b) })
	})
	return func() {
		cancel()
		sampling.Wait()
		t.sampler.take()
		t.ended = t.look()
	}
}

// interval is the timeline's: twenty to a trial, but 0.1 s at least and 1 s at
// most.
func (t *trial) interval() time.Duration {
	if t.config.Total > 0 {
		return 250 * time.Millisecond
	}
	return min(max(duration(t.config.Duration)/20, 100*time.Millisecond), time.Second)
}

// peer asks the server for its counts, nil where it is not ours or is gone. A
// server that has failed to answer once is not waited for again.
func (t *trial) peer(ctx context.Context) *results.Peer {
	if t.before == nil || t.gone {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	p, err := t.control.stats(ctx)
	switch {
	case err != nil:
	case p == nil:
		err = errors.New("it tells none any more")
	case p.PID != t.told.PID || p.CPUSeconds < t.told.CPUSeconds || p.Streams < t.told.Streams:
		err = errors.New("it was started anew during the trial")
	}
	if err != nil {
		t.gone = true
		t.warn(fmt.Sprintf("the server's counts are missing: %v", err))
		return nil
	}
	t.told = p
	return p
}

// process reads what the server's process has used, nil where it is not known.
func (t *trial) process() *target.Usage {
	if t.target.PID == 0 {
		return nil
	}
	u, err := target.ProcessUsage(t.target.PID)
	if err != nil {
		t.warn(fmt.Sprintf("the server's CPU and memory are missing: %v", err))
		return nil
	}
	return &u
}

// streams runs every slot until more is false or ctx ends. An iteration that
// fails is counted; the error returned is what ended the trial.
func (t *trial) streams(ctx context.Context, more func() bool) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range t.slots {
		g.Go(func() error {
			for gctx.Err() == nil && more() {
				good, err := t.iterate(gctx, s, len(t.slots))
				if err != nil {
					return err
				}
				if !good {
					t.failures.pause(gctx)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	return t.failures.all()
}

// iterate runs s, one of so many slots, once. It tells whether that went well;
// the error is what ends the trial.
func (t *trial) iterate(ctx context.Context, s *slot, slots int) (good bool, err error) {
	err = t.session.Do(ctx, func(ctx context.Context) error { return t.op.run(ctx, s) })
	switch {
	case err == nil:
		t.failures.succeed()
		return true, nil
	case ctx.Err() != nil:
		s.cut.Add(1)
		return false, nil
	}
	first := !s.failed
	s.failed = true
	return false, t.failures.fail(err, first, slots, t.moved)
}

// moved counts the batches that came from the server, or its acknowledgements
// of those that went there: what is sent may be on its way to nobody.
func (t *trial) moved() int64 {
	w := t.recs.whole()
	if t.kind.sends() && t.kind.name != OpExchange {
		return w.Acks
	}
	return w.Batches
}
