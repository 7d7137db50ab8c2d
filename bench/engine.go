// Package bench is the load engine: it runs Configs against Flight servers and
// returns Trials. It prints nothing and knows no flags.
package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// Targets finds the server that a Config is measured against, starting it if
// need be. Its error is the trial's.
type Targets interface {
	Resolve(ctx context.Context, c results.Config) (target.Target, error)
}

// Progress is where a run stands.
type Progress struct {
	Trial, Trials int // from 1; Trials is an estimate where the Schedule's is
	Round         int // from 1
	Config        results.Config
	Search        string        // the Step's Phase
	Phase         string        // rest, setup, warmup, measure; ended, once a trial
	Remaining     time.Duration // how long the rest of the run takes, by what its trials took so far
	Elapsed       time.Duration // since the window began
	Rate          float64       // in the last interval, in Unit
	Unit          string        // B/s of bodies, or calls/s
	Latency       string        // the metric that P99 is of
	P99           int64         // ns in the last interval, 0 where there was no sample
}

// Runner runs the trials that a Schedule asks for. The zero value but for
// Targets is ready for use. Not for concurrent use.
type Runner struct {
	Targets Targets
	Observe func(Progress) // may be nil; called from several goroutines, one at a time
	Before  int            // trials of the run that were stored before; Progress counts them
	cache   cache
}

// Run executes what s asks for and hands each trial to done as it ends, after
// s was told. A failed trial does not end the run; a canceled ctx does, after
// the partial trial was handed over, and is returned, as is an error of done.
func (r *Runner) Run(ctx context.Context, s Schedule, done func(*results.Trial) error) error {
	defer r.cache.release()
	for n := r.Before + 1; ; n++ {
		step, ok := s.Next()
		if err := ctx.Err(); err != nil || !ok {
			return err
		}
		t, err := r.step(ctx, s, step, n)
		if err != nil {
			return err
		}
		if err := done(t); err != nil {
			return err
		}
	}
}

// step runs the nth trial, which step asks for, and tells s its outcome.
func (r *Runner) step(ctx context.Context, s Schedule, step Step, n int) (*results.Trial, error) {
	left, remaining := s.Left()
	began := time.Now().Add(step.Rest)
	observe := func(p Progress) {
		if r.Observe != nil {
			p.Trial, p.Trials, p.Round, p.Search, p.Remaining = n, n+left-1, step.Round, step.Phase, remaining
			r.Observe(p)
		}
	}
	whole := remaining
	within := func(p Progress) {
		remaining = underWay(whole, step.takes(), time.Since(began))
		observe(p)
	}
	if step.Rest > 0 {
		within(Progress{Config: step.Config, Phase: "rest"})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(step.Rest):
		}
	}
	t := r.trial(ctx, step, within)
	t.Took = time.Since(began).Seconds()
	if t.Status != results.StatusPartial {
		s.Add(t)
		left, remaining = s.Left()
		left++ // this one
	}
	observe(Progress{Config: t.Config, Phase: "ended"})
	return t, nil
}

// trial runs step. Whatever goes wrong is in the Trial.
func (r *Runner) trial(ctx context.Context, step Step, observe func(Progress)) *results.Trial {
	out := &results.Trial{ID: step.ID, Round: step.Round, Phase: step.Phase, Config: step.Config, Status: results.StatusOK, Errors: map[string]int64{}, Started: time.Now()}
	t := &trial{out: out, config: &out.Config, clock: clock{time.Now()}, cache: &r.cache, nonce: rand.Text(), opened: make(chan struct{})}
	t.observe = observe
	t.progress("setup", nil, nil)
	if err := t.run(ctx, r); err != nil {
		t.fail(ctx, err)
	} else if ctx.Err() != nil {
		out.Status = results.StatusPartial
	} else if err := t.failures.lost(len(t.slots), t.moved); err != nil {
		t.fail(ctx, err)
	}
	t.after = t.peer(ctx)
	t.close() // before the sockets' counts are read: closing writes, too
	t.report()
	t.conceal()
	return out
}

// conceal takes out of the result what a server repeats of our secrets.
func (t *trial) conceal() {
	t.out.Error = t.target.Conceal(t.out.Error)
	for i, w := range t.out.Warnings {
		t.out.Warnings[i] = t.target.Conceal(w)
	}
}

// reach connects to the server, where there need be one.
func (t *trial) reach(ctx context.Context, at Targets) error {
	if t.kind.alone {
		t.standAlone()
		return nil
	}
	tgt, err := at.Resolve(ctx, *t.config)
	if err != nil {
		return err
	}
	return t.connect(ctx, tgt)
}

func (t *trial) run(ctx context.Context, r *Runner) (err error) {
	if t.kind, err = kindOf(t.config.Op); err != nil {
		return err
	}
	if t.cancelAfter, err = parseCancelAfter(t.config.CancelAfter); err != nil {
		return err
	}
	if t.cancelAfter != (cancelAfter{}) {
		t.cancels = newCancels(t.nonce)
	}
	t.transport = wire.Transport(t.config.Transport)
	if t.usage, err = newUsageReader(); err != nil {
		return fmt.Errorf("read the process's own usage: %w", err)
	}
	if err := t.reach(ctx, r.Targets); err != nil {
		return err
	}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	return t.measure(ctx)
}
