package bench

import (
	"time"

	"flightbench/results"
)

// What a trial takes before there are others to learn from: beside its warm-up
// and its window, and in place of a window that ends with its streams.
const (
	typicalOverhead = 200 * time.Millisecond
	typicalTotal    = time.Second
)

// Estimate is how long the plan takes, at least where it has Until, and each
// trial of a Config, from what these ask for. guessed is how many trials end
// with their streams, whose time is not known.
func (p Plan) Estimate() (d time.Duration, each []time.Duration, guessed int) {
	e := newEstimator(p)
	for i, c := range p.Configs {
		each = append(each, e.trial(i))
		d += time.Duration(p.leastRounds()) * each[i]
		if c.Total > 0 {
			guessed += p.leastRounds()
		}
	}
	return d, each, guessed
}

// estimator tells how long a trial takes, from what trials took so far. Time
// is an argument.
type estimator struct {
	plan  Plan
	own   []spell
	over  spell // what trials took beside their warm-up and window
	whole spell // what all trials took
}

// spell is a sum of times.
type spell struct {
	sum time.Duration
	n   int
}

func (s *spell) add(d time.Duration) { s.sum, s.n = s.sum+d, s.n+1 }

// mean is or where there is nothing to average.
func (s spell) mean(or time.Duration) time.Duration {
	if s.n == 0 {
		return or
	}
	return s.sum / time.Duration(s.n)
}

func newEstimator(p Plan) *estimator { return &estimator{plan: p, own: make([]spell, len(p.Configs))} }

// asked is what c says that a trial takes at least.
func asked(c results.Config) time.Duration { return duration(c.Warmup) + duration(c.Duration) }

// trial is how long one of the Config i is expected to take.
func (e *estimator) trial(i int) time.Duration {
	c := e.plan.Configs[i]
	or := asked(c) + e.over.mean(typicalOverhead)
	if c.Total > 0 {
		or = e.whole.mean(or + typicalTotal)
	}
	return e.own[i].mean(or)
}

// end notes what a trial of the Config i took. What failed says nothing of
// the others.
func (e *estimator) end(i int, took time.Duration, failed bool) {
	e.own[i].add(took)
	if failed {
		return
	}
	e.whole.add(took)
	if c := e.plan.Configs[i]; c.Total == 0 {
		e.over.add(max(0, took-asked(c)))
	}
}

// underWay is what is left of whole, of which a trial that takes takes has
// passed behind it: late, it takes nothing from those that follow.
func underWay(whole, takes, passed time.Duration) time.Duration {
	return whole - min(whole, takes, max(0, passed))
}
