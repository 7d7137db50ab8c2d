package bench

import (
	"strconv"
	"strings"
	"time"

	"flightbench/results"
)

// Rounds is the Schedule of a Plan: each round has every Config once, in an
// order that the seed decides.
type Rounds struct {
	plan  Plan
	done  map[string]bool
	round int   // under way, from 1; 0 before the first
	order []int // of the Configs in it
	left  *estimator
}

// Schedule is p's; trials of an interrupted run are told it by Add.
func (p Plan) Schedule() *Rounds {
	return &Rounds{plan: p, done: map[string]bool{}, left: newEstimator(p)}
}

func (s *Rounds) Next() (Step, bool) {
	for {
		for _, i := range s.order {
			if id := TrialID(s.round, i); !s.done[id] {
				return Step{Config: s.plan.Configs[i], ID: id, Round: s.round, Takes: s.left.trial(i)}, true
			}
		}
		if s.round >= s.plan.Repeat {
			return Step{}, false
		}
		s.round++
		s.order = s.plan.Round(s.round)
	}
}

func (s *Rounds) Add(t *results.Trial) {
	_, i, ok := parseTrialID(t.ID)
	if !ok || i >= len(s.plan.Configs) || s.done[t.ID] {
		return // none of the plan's: results.Resume refuses those
	}
	s.done[t.ID] = true
	s.left.begin(i)
	if t.Took > 0 {
		s.left.end(i, duration(t.Took), t.Status == results.StatusFailed)
	}
}

func (s *Rounds) Left() (trials int, d time.Duration) {
	for _, n := range s.left.left {
		trials += n
	}
	return trials, s.left.remaining()
}

// parseTrialID is the opposite of TrialID.
func parseTrialID(id string) (round, i int, ok bool) {
	a, b, _ := strings.Cut(id, ".")
	round, err := strconv.Atoi(a)
	place, err2 := strconv.Atoi(b)
	return round, place - 1, err == nil && err2 == nil && round > 0 && place > 0
}
