package capacity

import (
	"math"
	"slices"

	"flightbench/results"
)

// Answer is what the search has found so far. It may be asked at any time:
// that of a search which is not over names what is known by then.
func (s *Search) Answer() *results.Capacity {
	c := &results.Capacity{Over: s.o.Over, Unit: s.o.unit(), From: s.o.From, To: s.o.To, Outcome: s.outcome, Level: level, Told: s.told,
		Unloaded: s.objectives.alone, Hysteresis: s.hysteresis, Deaths: s.deaths, Confirmed: s.confirmed,
		Seconds: s.spent.Seconds(), Budget: s.o.maxTime().Seconds(), Trials: s.trials, Lost: s.lost}
	c.Objectives = s.stated()
	c.Loads = s.loads()
	if s.knee != nil {
		c.Low, c.High = s.knee.quantile(lower), s.knee.quantile(upper)
		if s.o.Open() { // a server that falls behind by less is taken for one that keeps up
			n := s.perSecond(c.Low) * s.o.window()
			c.Low *= 1 - s.objectives.tolerance(n, n/s.o.window())/n
		} else { // loads are counted
			c.Low, c.High = max(1, math.Floor(c.Low)), math.Ceil(c.High)
		}
	}
	if s.outcome == results.CapacityUntold || s.outcome == results.CapacityFound {
		c.Load = s.highest(c)
		c.Outcome = results.CapacityFound
		if c.Load == 0 {
			c.Outcome = results.CapacityUntold
		}
	} else if s.outcome == results.CapacityHighest {
		c.Load = s.answer
	}
	c.Hysteresis.Found = c.Hysteresis.Tested && s.since > 0 && c.Load < c.Hysteresis.Load
	s.limit(c)
	return c
}

// highest is the highest load that held: as confirmed, else the highest that
// the knee is as likely above as below, and that is below what longer trials
// found missed; 0 where none did. A load that held once and missed twice
// counts: what made it miss may be a neighbour, what made it hold is none.
func (s *Search) highest(c *results.Capacity) (load float64) {
	for _, f := range s.confirmed {
		if f.Held && !f.Above && f.Load == s.answer {
			return f.Load
		}
	}
	below := s.o.highest()
	if s.knee != nil {
		below = s.knee.quantile(0.5)
	}
	refuted := s.refuted()
	for _, l := range c.Loads {
		if l.Held > 0 && l.Load <= below && l.Load < refuted {
			load = l.Load
		}
	}
	return load
}

// refuted is the lowest load that a longer trial found missed, and that none
// since found to hold.
func (s *Search) refuted() float64 {
	lowest := math.Inf(1)
	for _, f := range s.confirmed {
		switch {
		case !f.Held:
			lowest = min(lowest, f.Load)
		case f.Load >= lowest:
			lowest = math.Inf(1)
		}
	}
	return lowest
}

// stated are the objectives as they are stored.
func (s *Search) stated() (all []results.Objective) {
	if s.o.Open() {
		all = append(all, results.Objective{Gate: results.KeepsUp, Why: "what is begun must end: at least 99 % of what is asked for is achieved"})
	}
	for i, g := range s.objectives.gates {
		o := results.Objective{Gate: g.String(), Figure: string(g.Figure), Limit: g.Limit}
		if s.defaults != nil {
			o.Why = s.defaults[i]
		}
		all = append(all, o)
	}
	return all
}

// loads gathers what was tried by load.
func (s *Search) loads() []results.CapacityLoad {
	of := map[float64][]try{}
	for _, t := range s.tries {
		of[t.load] = append(of[t.load], t)
	}
	all := []results.CapacityLoad{}
	for load, tries := range of {
		all = append(all, s.gather(load, tries))
	}
	slices.SortFunc(all, func(a, b results.CapacityLoad) int {
		if a.Load < b.Load {
			return -1
		}
		return 1
	})
	return all
}

func (s *Search) gather(load float64, tries []try) results.CapacityLoad {
	l := results.CapacityLoad{Load: load, Figures: map[string]results.Spread{}}
	var achieved, bytes []float64
	worst := map[string]int{}
	for _, t := range tries {
		l.Trials = append(l.Trials, t.trial.ID)
		switch t.outcome {
		case held:
			l.Held++
		case missed:
			l.Missed++
		case excused:
			l.Excused++
		}
		if t.objective != "" {
			if worst[t.objective]++; worst[t.objective] > worst[l.Worst] || l.Worst == "" {
				l.Worst = t.objective
			}
		}
		l.Asked = t.trial.Metrics[results.AskedRate].Value
		for _, name := range []string{results.AchievedRate, results.QueryRate, results.CallRate, results.StreamRate} {
			if m, ok := t.trial.Metrics[name]; ok {
				achieved = append(achieved, m.Value)
				break
			}
		}
		if m, ok := t.trial.Metrics[results.BodyRate]; ok {
			bytes = append(bytes, m.Value)
		}
	}
	l.Achieved, l.Bytes = results.SpreadOf(achieved), results.SpreadOf(bytes)
	for _, g := range s.objectives.gates {
		var values []float64
		for _, t := range tries {
			if m, ok := g.Figure.Of(t.trial); ok {
				values = append(values, m.Value)
			}
		}
		l.Figures[string(g.Figure)] = results.SpreadOf(values)
	}
	return l
}
