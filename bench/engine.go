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
	Trial, Trials int // from 1
	Round         int // from 1
	Config        results.Config
	Phase         string        // setup, warmup, measure; ended, once a trial
	Remaining     time.Duration // how long the rest of the run takes, by what its trials took so far
	Elapsed       time.Duration // since the window began
	Rate          float64       // in the last interval, in Unit
	Unit          string        // B/s of bodies, or calls/s
	Latency       string        // the metric that P99 is of
	P99           int64         // ns in the last interval, 0 where there was no sample
}

// Runner runs plans. The zero value but for Targets is ready for use.
// Not for concurrent use.
type Runner struct {
	Targets Targets
	Observe func(Progress) // may be nil; called from several goroutines, one at a time
	cache   cache
}

// Run executes the plan and hands each trial to done as it ends. A failed
// trial does not end the run; a canceled ctx does, after the partial trial was
// handed over, and is returned, as is an error of done.
func (r *Runner) Run(ctx context.Context, p Plan, done func(*results.Trial) error) error {
	defer r.cache.release()
	n, trials, left := 0, p.Trials(), newEstimator(p)
	for round := 1; round <= p.Repeat; round++ {
		for _, i := range p.Round(round) {
			n++
			if p.Done[TrialID(round, i)] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			observe := func(p Progress, remaining time.Duration) {
				if r.Observe != nil {
					p.Trial, p.Trials, p.Round, p.Remaining = n, trials, round, remaining
					r.Observe(p)
				}
			}
			left.begin(i)
			t := r.trial(ctx, p.Configs[i], func(p Progress) { observe(p, left.within(i, time.Since(began))) })
			t.ID, t.Round = TrialID(round, i), round
			left.end(i, time.Since(began), t.Status == results.StatusFailed)
			observe(Progress{Config: t.Config, Phase: "ended"}, left.remaining())
			if err := done(t); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// trial runs one Config. Whatever goes wrong is in the Trial.
func (r *Runner) trial(ctx context.Context, c results.Config, observe func(Progress)) *results.Trial {
	out := &results.Trial{Config: c, Status: results.StatusOK, Errors: map[string]int64{}, Started: time.Now()}
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
	tgt, err := r.Targets.Resolve(ctx, *t.config)
	if err != nil {
		return err
	}
	if err := t.connect(ctx, tgt); err != nil {
		return err
	}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	return t.measure(ctx)
}
