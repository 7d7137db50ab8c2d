package capacity

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// Phases of a search, as its trials are stamped with them.
const (
	PhaseUnloaded = "unloaded" // one stream at a time
	PhaseRamp     = "ramp"     // up by a factor of two
	PhaseDown     = "down"     // what held on the way up, after the overload
	PhaseNarrow   = "narrow"   // where the knee most likely is
	PhaseConfirm  = "confirm"  // longer, at the answer
	PhaseAbove    = "above"    // longer, above the answer
	PhaseRecover  = "recover"  // one stream at a time, until the server serves it again
)

// Search is a bench.Schedule that looks for the highest load at which every
// objective is met: up by factors of two until one is missed, down again to
// see whether what held before still does, then to where the knee most likely
// is, until that is known within a few percent, and at last longer trials at
// the answer and above it.
//
// Note: the way through these is written as one function (find), which hands
// out a Step, and goes on with its trial. What it does depends on nothing but
// the trials, so that it can be gone through again with stored ones.
type Search struct {
	o    Options
	next func() (bench.Step, bool)
	stop func()

	step  bench.Step // handed out, and without its trial so far
	known bool       // step is one
	last  *results.Trial

	objectives objectives
	defaults   []string // why each gate is there, where they are DefaultGates
	unloaded   *results.Trial
	tries      []try
	knee       *knee
	spent      time.Duration
	trials     int
	excuses    int  // trials in a row that were excused
	bound      bool // the generator's limit was accepted as the one that is found

	outcome    string
	answer     float64 // as confirmed, or to be confirmed; 0: none yet
	told       bool
	confirmed  []results.Confirmation
	hysteresis results.Hysteresis
	deaths     []results.Death
	since      int    // of tries, the first after what was forgotten
	lost       string // why the search could not go on
	misused    bool   // because of an objective that this operation does not have
}

// try is a trial at a load.
type try struct {
	load  float64
	phase string
	trial *results.Trial
	again bool // it was missed after trials that were excused
	judgement
}

// New begins a search. o must be valid. Stop it when it is not asked any more.
func New(o Options) *Search {
	s := &Search{o: o, objectives: objectives{gates: o.Gates, open: o.Open(), bytes: o.Over == "rate"}}
	s.next, s.stop = iter.Pull(func(yield func(bench.Step) bool) {
		s.find(func(step bench.Step) bool { return yield(step) })
	})
	return s
}

// Stop ends the search with what it knows.
func (s *Search) Stop() { s.stop() }

// Misused tells whether the search ended at once for an objective that the
// operation does not have; the Answer's Lost says which.
func (s *Search) Misused() bool { return s.misused }

// Next is a method of bench.Schedule.
func (s *Search) Next() (bench.Step, bool) {
	if !s.known {
		s.step, s.known = s.next()
	}
	return s.step, s.known
}

// Add is a method of bench.Schedule. A trial that is not that of Next is none
// of this search, and not told.
func (s *Search) Add(t *results.Trial) {
	if step, more := s.Next(); more && step.ID == t.ID {
		s.last, s.known = t, false
	}
}

// Left is a method of bench.Schedule.
func (s *Search) Left() (trials int, d time.Duration) {
	each := seconds(s.o.window() + s.o.Config.Warmup + overhead)
	left := max(0, s.o.maxTime()-s.spent)
	if _, more := s.Next(); !more {
		return 0, 0
	}
	if s.knee != nil {
		bits := math.Log2(math.Log(s.knee.quantile(upper)/s.knee.quantile(lower)) / math.Log(precision))
		left = min(left, time.Duration(2*max(0, bits))*each+s.reserve())
	}
	return max(1, int(left/each)), max(left, each)
}

const (
	overhead  = 0.3   // seconds of a trial beside what its Config asks for
	precision = 1.05  // of the interval's ends, when it is narrow enough
	level     = 0.95  // of the interval
	lower     = 0.025 // its ends
	upper     = 0.975
	aboveBy   = 1.1 // the trial above the answer
	// The answer is where the knee is hardly below, so that it holds.
	safe = 0.1

	maxExcuses  = 2
	mostConfirm = 3                // times that an answer is tried to be confirmed
	patience    = 30 * time.Second // with a server that went away
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// find is the search. It ends early where measure does.
func (s *Search) find(yield func(bench.Step) bool) {
	measure := func(phase string, load float64, c results.Config, rest time.Duration) bool {
		s.trials++
		step := bench.Step{Config: c, ID: fmt.Sprintf("%d.1", s.trials), Round: s.trials, Phase: phase, Rest: rest}
		if !yield(step) {
			return false
		}
		s.spent += rest + took(s.last)
		return true
	}
	f := &finder{Search: s, measure: measure}
	s.outcome = results.CapacityUntold
	if !f.unload() || !f.ramp() {
		return
	}
	f.narrowDown()
}

// took is how long t lasted in all.
func took(t *results.Trial) time.Duration {
	if t.Took > 0 {
		return seconds(t.Took)
	}
	return seconds(t.Config.Warmup + t.Seconds + overhead)
}

// finder is a Search with the means to measure. Its methods return false where
// the search is over.
type finder struct {
	*Search
	measure func(phase string, load float64, c results.Config, rest time.Duration) bool
}

// unload measures one stream at a time, by which loads and windows are sized.
func (f *finder) unload() bool {
	c := f.o.alone()
	c.Duration = leastWindow
	for _, total := range []int64{0, 3} { // a window, or where that is too short for a stream, three of them
		if c.Total = total; total > 0 {
			c.Duration = 0
		}
		if !f.measure(PhaseUnloaded, 0, c, 0) {
			return false
		}
		if t := f.last; t.Status == results.StatusFailed {
			f.lost = t.Error
			return false
		} else if u := unloaded(t); u.P50 > 0 && u.Rate > 0 {
			f.unloaded, f.objectives.alone = t, u
			return f.setObjectives()
		}
	}
	f.lost = "not one stream ended: there is nothing to measure a load by"
	return false
}

// unloaded is what t, of one stream at a time, says.
func unloaded(t *results.Trial) (u results.Unloaded) {
	g := results.Group{Trials: []*results.Trial{t}}
	for _, u.Latency = range []string{g.CallLatency(), "query", "stream"} {
		if u.Latency != "" && t.Latencies[u.Latency].Count > 0 {
			break
		}
	}
	u.P50 = float64(t.Latencies[u.Latency].P50)
	streams := float64(t.Streams)
	if n := t.Latencies["info"].Count; n > 0 && !g.OfCalls() { // an iteration of get may read several endpoints
		streams = float64(n)
	}
	if t.Seconds > 0 && streams > 0 {
		u.Rate, u.Body = streams/t.Seconds, float64(t.Bytes.Body)/streams
	}
	return u
}

// setObjectives takes the default ones where none are asked for, and refuses
// those on a figure that this operation does not have.
func (f *finder) setObjectives() bool {
	if len(f.o.Gates) == 0 {
		gates, why, err := DefaultGates(f.objectives.alone)
		if err != nil {
			f.lost = err.Error()
			return false
		}
		f.objectives.gates, f.defaults = gates, why
		return true
	}
	for _, g := range f.o.Gates {
		if openFigure(g.Figure) && f.o.Open() {
			continue // one stream at a time has none
		}
		if _, err := g.JudgeTrials([]*results.Trial{f.unloaded}); err != nil {
			f.lost, f.misused = strings.Replace(err.Error(), "gate ", "--slo ", 1), true
			return false
		}
	}
	return true
}

// openFigure tells whether only trials of an open loop have f.
func openFigure(f compare.Figure) bool {
	s := string(f)
	return strings.HasPrefix(s, "asked_") || strings.HasPrefix(s, "achieved_") || strings.HasSuffix(s, "_starts") || strings.HasPrefix(s, "peak_streams") ||
		strings.HasPrefix(s, "lateness.") || strings.Contains(s, results.FromActual+".")
}

// try measures a load until that has an outcome: what is excused is repeated.
// A miss is followed by streams one at a time, until the server is as it was.
func (f *finder) try(phase string, load, window float64) (did, ok bool) {
	for {
		c := f.o.at(load)
		c.Duration = window
		if !f.measure(phase, load, c, 0) {
			return false, false
		}
		t := try{load: load, phase: phase, trial: f.last, judgement: f.objectives.judge(f.last)}
		if own := t.generator && !t.neighbours; t.outcome == excused && (f.excuses == maxExcuses || own && f.bound) {
			t.outcome, t.again = missed, true
			f.bound = f.bound || own
		}
		f.tries = append(f.tries, t)
		if t.outcome == held {
			f.excuses = 0
			f.tell(t)
			return true, true
		}
		ok = f.recover(&t)
		if f.tries[len(f.tries)-1] = t; !ok {
			f.tell(t)
			return false, false
		}
		if t.outcome == missed {
			f.excuses = 0
			f.tell(t)
			return false, true
		}
		if f.excuses++; !f.affords(window, f.reserve()) {
			f.excuses = 0
			return false, true // not told: nobody knows
		}
	}
}

// tell has the knee learn of t. That a server went away is hardly chance, and
// not to be seen often.
func (s *Search) tell(t try) {
	times := 1
	if t.died {
		times = 3
	}
	for range times {
		if s.knee != nil && t.outcome != excused {
			s.knee.tell(t.load, t.outcome == held)
		}
	}
}

// recover waits until the server serves one stream after another again, as
// what is left of an overload would be blamed on the next load. A server that
// serves none went away at t, whoever else used this machine then.
func (f *finder) recover(t *try) bool {
	c := f.o.alone()
	c.Total, c.Duration, c.Warmup = 3, 0, 0
	began, rest := f.spent, time.Duration(0)
	why := t.trial.Error
	var up float64
	for {
		if !f.measure(PhaseRecover, 0, c, rest) {
			return false
		}
		if f.last.Status != results.StatusFailed && f.last.Whole.Streams > 0 {
			if up = (f.spent - began).Seconds(); !t.died {
				return f.recovered(*t, up)
			}
			break
		}
		if f.last.Status == results.StatusFailed && gone(f.last) && !t.died {
			t.died, t.outcome, t.again, why = true, missed, false, f.last.Error
		}
		if rest = min(max(2*rest, time.Second), 8*time.Second); f.spent+rest-began > patience {
			break
		}
	}
	f.deaths = append(f.deaths, results.Death{Load: t.load, Error: why, Recovered: up})
	if up == 0 {
		f.lost = fmt.Sprintf("the server went away at %s and did not come back within %v", f.format(t.load), patience)
	}
	return up > 0 && f.recovered(*t, up)
}

// recovered keeps how long the server took after the greatest overload.
func (f *finder) recovered(t try, seconds float64) bool {
	if t.load >= f.hysteresis.After {
		f.hysteresis.After, f.hysteresis.Recover = t.load, seconds
	}
	return true
}

// affords tells whether a trial and what is reserved fit into the budget.
func (s *Search) affords(window float64, reserve time.Duration) bool {
	return s.spent+seconds(window+s.o.Config.Warmup+overhead)+reserve <= s.o.maxTime()
}

// reserve is what the trials at the end take.
func (s *Search) reserve() time.Duration {
	return 2 * seconds(s.long()+s.o.Config.Warmup+overhead)
}

// long is the window of what confirms the answer.
func (s *Search) long() float64 { return 2 * s.sized(s.o.window(), s.answer) }

// sized is window, or as long as it takes for enough streams to be judged.
func (s *Search) sized(window, load float64) float64 {
	if s.o.Config.Duration > 0 {
		return s.o.Config.Duration
	}
	if n := s.perSecond(load); n > 0 {
		return min(max(window, enoughStreams/n), 4*window)
	}
	return window
}

// perSecond is how many streams a second a load is, of a closed loop at least.
func (s *Search) perSecond(load float64) float64 {
	switch u := s.objectives.alone; {
	case s.o.Over == "rps":
		return load
	case s.o.Over == "rate" && u.Body > 0:
		return load / u.Body
	default:
		return u.Rate
	}
}

// enoughStreams make a 99th percentile, and a backlog of a few percent.
const enoughStreams = 150

func (s *Search) format(load float64) string { return s.o.format(load) }
