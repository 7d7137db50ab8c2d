package bench

import (
	"strconv"
	"strings"

	"flightbench/results"
)

// Rounds is the Schedule of a Plan: each round has every Config once, in an
// order that the seed decides. With Plan.Until rounds are added until every
// interval is that narrow, or MaxTime has no room for another.
type Rounds struct {
	plan   Plan
	done   map[string]bool
	round  int   // under way, from 1; 0 before the first
	begun  int   // the last of which a trial is known
	order  []int // of the Configs in it
	over   bool
	values [][]ofRound // of each Config, its primary figure
	took   []ofRound   // seconds of each trial
	left   *estimator
}

type ofRound struct {
	round int
	value float64
}

// Schedule is p's; trials of an interrupted run are told it by Add.
func (p Plan) Schedule() *Rounds {
	return &Rounds{plan: p, done: map[string]bool{}, values: make([][]ofRound, len(p.Configs)), left: newEstimator(p)}
}

func (s *Rounds) Next() (Step, bool) {
	for !s.over {
		for _, i := range s.order {
			if id := TrialID(s.round, i); !s.done[id] {
				return Step{Config: s.plan.Configs[i], ID: id, Round: s.round, Takes: s.left.trial(i)}, true
			}
		}
		order := s.members()
		if s.over = len(order) == 0; !s.over {
			s.round++
			s.order = order
		}
	}
	return Step{}, false
}

func (s *Rounds) Add(t *results.Trial) {
	round, i, ok := parseTrialID(t.ID)
	if !ok || i >= len(s.plan.Configs) || s.done[t.ID] {
		return // none of the plan's: results.Resume refuses those
	}
	s.done[t.ID], s.begun = true, max(s.begun, round)
	if _, m, ok := t.Primary(); ok && t.Status == results.StatusOK {
		s.values[i] = append(s.values[i], ofRound{round, m.Value})
	}
	if t.Took > 0 {
		s.took = append(s.took, ofRound{round, t.Took})
		s.left.end(i, duration(t.Took), t.Status == results.StatusFailed)
	}
}

// parseTrialID is the opposite of TrialID.
func parseTrialID(id string) (round, i int, ok bool) {
	a, b, _ := strings.Cut(id, ".")
	round, err := strconv.Atoi(a)
	place, err2 := strconv.Atoi(b)
	return round, place - 1, err == nil && err2 == nil && round > 0 && place > 0
}
