package tune

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// walk is the search under way.
type walk struct {
	*Search
	yield func(bench.Step) bool

	best    results.Config
	sweeps  []*sweep
	reports map[string]*results.Knob // by field
	notes   []string

	spreads []float64 // of the races so far: the noise

	round  int
	count  int // trials gone through
	search int // of them in races
	spent  time.Duration
	units  int // of spent, in the length of a race's trial
	todo   int // trials of the present part that are sure to come
	passed int // sweeps of this pass that are done

	defaults          []*results.Trial // of races
	base, recommended *candidate       // of the confirmation
	stage             string
	silent            int    // the last rounds of which every trial failed
	stop              string // why the search cannot go on
}

// The parts of the search, as a Step's Phase has them.
const (
	phaseRace    = "race"
	phaseWorth   = "worth"
	phaseConfirm = "confirm"
	phaseEnd     = ""
)

// errEnded ends a walk that is gone on with no more.
var errEnded = errors.New("the search was ended")

// candidate is a Config in a race.
type candidate struct {
	config results.Config
	label  string // of what sets it apart
	rank   int    // how far from the defaults, for ties
	trials []*results.Trial
}

// newWalk is at the search's begin.
func (s *Search) newWalk() *walk {
	w := &walk{Search: s, best: s.o.Configs[0], reports: map[string]*results.Knob{}, stage: phaseRace}
	w.sweeps = s.makeSweeps()
	for _, k := range s.knobs {
		w.reports[k.field] = &results.Knob{Field: k.field, Default: k.values[0], Against: k.values[0], Verdict: results.KnobUnraced, Values: []results.KnobValue{}}
	}
	return w
}

// steps goes through the search, and asks yield for each trial that it does
// not have when it is needed. Once yield returns true it must be there.
func (w *walk) steps(yield func(bench.Step) bool) {
	w.yield = yield
	for _, part := range []func() error{w.races, w.worths, w.confirm} {
		if err := part(); err != nil || w.stop != "" {
			return
		}
	}
	w.stage = phaseEnd
}

// maxSilent is how many rounds in succession may fail as a whole: each has the
// settings that are best so far.
const maxSilent = 2

// measure is a round of the candidates in random order. Its error is that the
// search is over: w.stop may say why.
func (w *walk) measure(phase string, field []*candidate, factor int) error {
	w.round++
	failed := 0
	order := rand.New(rand.NewPCG(w.o.Seed, uint64(w.round))).Perm(len(field))
	for _, i := range order {
		c := field[i]
		id := fmt.Sprintf("%s-%d.%d", phase, w.round, i+1)
		if w.trials[id] == nil && !w.yield(bench.Step{Config: longer(c.config, factor), ID: id, Round: w.round, Phase: phase, Takes: w.takes(factor)}) {
			return errEnded
		}
		t := w.trials[id]
		c.trials = append(c.trials, t)
		if t.Status == results.StatusFailed {
			failed++
		}
		w.count++
		if c.config == w.o.Configs[0] && factor == 1 {
			w.defaults = append(w.defaults, t)
		}
		w.todo--
		if phase == phaseRace {
			w.search++
		}
		w.units += factor
		w.spent += seconds(t.Took)
	}
	if w.silent++; failed < len(field) {
		w.silent = 0
	}
	if w.silent == maxSilent {
		w.stop = "the server no longer answers: " + field[0].failure()
		return errEnded
	}
	return nil
}

// longer is c with a window of factor times the length.
func longer(c results.Config, factor int) results.Config {
	c.Duration *= float64(factor)
	c.Total *= int64(factor)
	return c
}

// overhead is what a trial takes beside its window and warm-up, before there
// are some to learn from.
const overhead = 200 * time.Millisecond

// takes is how long a trial lasts whose window is factor times that of a race.
func (w *walk) takes(factor int) time.Duration {
	c := w.o.Configs[0]
	if c.Total > 0 {
		if w.units > 0 {
			return w.spent / time.Duration(w.units) * time.Duration(factor)
		}
		return time.Duration(factor) * (time.Second + overhead)
	}
	window, over := seconds(c.Duration), overhead
	if w.count > 0 {
		over = max(0, (w.spent-time.Duration(w.units)*window)/time.Duration(w.count)-seconds(c.Warmup))
	}
	return time.Duration(factor)*window + seconds(c.Warmup) + over
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// reserve is the time that setting back and confirming take.
func (w *walk) reserve() time.Duration {
	back := 1 + max(2, len(w.changed(w.best)))
	return time.Duration(worthRounds*back)*w.takes(1) + 2*confirmRounds*w.takes(confirmFactor)
}

// affords tells whether so many trials of a race may be made, and what comes
// after it.
func (w *walk) affords(trials int) bool {
	return w.spent+time.Duration(trials)*w.takes(1)+w.reserve() <= w.o.MaxTime
}

// ahead estimates what is to come.
func (w *walk) ahead() (trials int, d time.Duration) {
	take := w.takes(1)
	trials = max(w.todo, 1)
	d = time.Duration(trials) * take
	switch w.stage {
	case phaseConfirm:
		return trials, time.Duration(trials) * w.takes(confirmFactor)
	case phaseRace:
		for _, sw := range w.sweeps[min(w.passed+1, len(w.sweeps)):] {
			trials += screenRounds * len(sw.values)
			d += time.Duration(screenRounds*len(sw.values)) * take
		}
		trials += worthRounds*3 + 2*confirmRounds
		d += w.reserve()
	default:
		trials += 2 * confirmRounds
		d += 2 * confirmRounds * w.takes(confirmFactor)
	}
	return trials, d
}

// changed are the knobs in which c differs from the defaults.
func (w *walk) changed(c results.Config) (fields []string) {
	for _, k := range w.knobs {
		if v, _ := c.Axis(k.field); v != k.values[0] {
			fields = append(fields, k.field)
		}
	}
	return fields
}

// with is c with the values, and whether that can be measured.
func with(c results.Config, set map[string]string) (results.Config, bool) {
	for field, value := range set {
		if bench.Set(&c, field, value) != nil {
			return c, false
		}
	}
	return c, valid(c)
}

// valid tells whether the knobs of c may be set so together. What a plan has
// blanked in c, because its operation does not heed it, is no matter.
func valid(c results.Config) bool {
	d := bench.DefaultConfig()
	d.Transport, d.MaxMessage = c.Transport, c.MaxMessage
	if c.Workload != "" {
		d.Workload, d.Rows, d.BatchBytes, d.Compression, d.Distinct = c.Workload, c.Rows, c.BatchBytes, c.Compression, c.Distinct
	}
	d.Concurrency, d.Connections = c.Concurrency, c.Connections
	d.Window, d.ConnWindow, d.ReadBuffer, d.WriteBuffer, d.MaxFrame = c.Window, c.ConnWindow, c.ReadBuffer, c.WriteBuffer, c.MaxFrame
	return bench.Validate(d) == nil
}

// failure says what is wrong with c's trials, "" where nothing is: one failed,
// or two moved too little to tell anything.
func (c *candidate) failure() string {
	incomplete := 0
	for _, t := range c.trials {
		if t.Status == results.StatusFailed {
			return "failed: " + strings.SplitN(t.Error, "\n", 2)[0]
		}
		if t.Verdict != results.VerdictIncomplete {
			continue
		}
		if incomplete++; incomplete == 2 {
			return "incomplete: " + strings.Join(slices.Concat(t.Evidence, t.Warnings), "; ")
		}
	}
	return ""
}

// told are c's trials whose figures count.
func (c *candidate) told() (told []*results.Trial) {
	for _, t := range c.trials {
		if t.Status == results.StatusOK && t.Verdict != results.VerdictIncomplete {
			told = append(told, t)
		}
	}
	return told
}

// misses are the objectives that c's trials miss, by their medians.
func (w *walk) misses(c *candidate) (missed []compare.Judgement, of []compare.Gate) {
	for _, g := range w.o.SLO {
		j, err := g.JudgeTrials(c.trials)
		if err == nil && j.Status == compare.GateMissed {
			missed, of = append(missed, j), append(of, g)
		}
	}
	return missed, of
}

func (w *walk) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(w.notes, n) {
		w.notes = append(w.notes, n)
	}
}
