// Package tune searches for the settings of a Flight client and server that
// are best for an objective: which batch size, windows, buffers, codec and
// connections, what each of them is worth, and whether all of it is more than
// luck. It measures nothing: a [Search] is a bench.Schedule.
//
// The search has three parts. It races the values of one knob after another,
// all else as in the best so far: all values take turns, in rounds of random
// order, what is no better after a few is dropped, and only what a rank test
// calls better takes the place of the best. Knobs are raced again as long as
// something else has changed since. Then each setting that differs from the
// defaults is set back by itself, in fresh rounds: what costs nothing is given
// up. What is left is held against the defaults once more, in fresh and longer
// rounds: they alone say what is gained, since a winner of many races owes
// some of what it won by to luck.
package tune

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// Options say what is searched for. Configs, Objective, MaxTime and Detect
// must be set.
type Options struct {
	// Configs are the defaults and, after them, those that differ from the
	// defaults in one knob each: the values that it may take.
	Configs   []results.Config
	Objective compare.Figure
	Better    string         // "higher" or "lower" of Objective
	SLO       []compare.Gate // on figures themselves, that the recommended settings must meet
	MaxTime   time.Duration  // of all trials; the last ones are not cut short
	Detect    float64        // a difference of less, as a fraction, does not matter
	Seed      uint64         // of the order within a round
}

// How many rounds each part takes.
const (
	screenRounds  = 3 // of all values of a knob; from then on what looks no better is dropped
	raceRounds    = 6 // with which a rank test can tell two values apart
	longRounds    = 10
	worthRounds   = 8
	confirmRounds = 8 // at least
	maxConfirm    = 20
	confirmFactor = 2 // times as long as the others is a trial that confirms
)

// raceP is below which a value counts as better, at each of the two looks at
// a race: all of raceRounds agree. As only one side counts, a value that is
// alike is taken for better in one race of 32 at most.
const raceP = 1.0 / 32

// Knobs are the Config fields that may be raced, in the order in which they
// are: first how much may be on its way, without which nothing else matters,
// then what it is made of.
var Knobs = []string{"window", "conn_window", "concurrency", "connections", "rows", "batch_bytes", "max_frame", "read_buffer", "write_buffer", "compression"}

// together are the knobs of which one does little without the other: a
// stream's window counts only as far as its connection's lets it, and a
// connection carries a stream at least.
var together = [][2]string{{"concurrency", "connections"}, {"window", "conn_window"}}

// Search is a bench.Schedule that ends with an answer. Trials may be told in
// any order, before or after they are asked for. Not for concurrent use.
type Search struct {
	o      Options
	knobs  []knob
	trials map[string]*results.Trial // by id

	walk  *walk
	step  bench.Step // that the walk waits for
	going bool       // there is such a step
	pull  func() (bench.Step, bool)
	end   func()
}

// knob is a Config field and its values, as in results.Config.Axis.
type knob struct {
	field  string
	values []string // the first is the default
}

// New checks o. Its error names what to change.
func New(o Options) (*Search, error) {
	if len(o.Configs) == 0 {
		return nil, errors.New("there are no settings to begin with")
	}
	if !(o.Detect > 0 && o.Detect < 1) {
		return nil, fmt.Errorf("--detect %v: want a change between 0 and 1, such as 0.05 for 5 %%", o.Detect)
	}
	for _, g := range o.SLO {
		if g.Relative {
			return nil, fmt.Errorf("--slo %s limits a change: an objective is a value, such as %s%s5ms", g, g.Figure, g.Op)
		}
	}
	if o.Configs[0].Open() && o.Better == "higher" && strings.HasSuffix(string(o.Objective), "_per_second") {
		return nil, fmt.Errorf("--maximize %s: an open loop (--rps, --rate, --schedule) asks for a rate, which no setting raises: leave that out, or look for less with --minimize, such as batch_gap.p99", o.Objective)
	}
	s := &Search{o: o, trials: map[string]*results.Trial{}}
	var err error
	if s.knobs, err = knobsOf(o.Configs); err != nil {
		return nil, err
	}
	s.walk = s.newWalk()
	if need := s.leastTime(); o.MaxTime < need {
		return nil, fmt.Errorf("--max-time %v is too little to say anything about %s: give %v at least, fewer --knobs or values, or a shorter --duration",
			o.MaxTime, countOf(len(s.knobs), "knob"), need)
	}
	return s, nil
}

// knobsOf reads the knobs and their values from configs.
func knobsOf(configs []results.Config) ([]knob, error) {
	base := configs[0]
	var knobs []knob
	for _, c := range configs[1:] {
		var differ []string
		for _, f := range bench.Fields() {
			a, _ := base.Axis(f)
			if b, _ := c.Axis(f); a != b {
				differ = append(differ, f)
			}
		}
		for _, whole := range []string{"target", "op"} { // others follow from it
			if slices.Contains(differ, whole) {
				differ = []string{whole}
			}
		}
		switch {
		case len(differ) == 1 && slices.Contains(Knobs, differ[0]):
		case len(differ) == 1:
			return nil, fmt.Errorf("several values of --%s: that is no knob; name one, and use `flightbench run` and compare to tell several apart", flagName(differ[0]))
		default:
			return nil, fmt.Errorf("a point differs from the first one in %s: give values to each knob by itself (in a suite, design: one-at-a-time)", strings.Join(differ, ", "))
		}
		i := slices.IndexFunc(knobs, func(k knob) bool { return k.field == differ[0] })
		if i < 0 {
			v, _ := base.Axis(differ[0])
			knobs, i = append(knobs, knob{differ[0], []string{v}}), len(knobs)
		}
		v, _ := c.Axis(differ[0])
		knobs[i].values = append(knobs[i].values, v)
	}
	if len(knobs) == 0 {
		return nil, errors.New("no knob has a second value: there is nothing to tune; give one several, such as --rows 65536,4096,16384")
	}
	slices.SortFunc(knobs, func(a, b knob) int { return slices.Index(Knobs, a.field) - slices.Index(Knobs, b.field) })
	return knobs, nil
}

// leastTime is the time that a first look at every knob takes, and a confirmation.
func (s *Search) leastTime() time.Duration {
	w := s.walk
	d := w.reserve()
	for _, sw := range w.sweeps {
		d += time.Duration(screenRounds*len(sw.values)) * w.takes(1)
	}
	d += (raceRounds - screenRounds) * 2 * w.takes(1) // of one knob that seems to matter
	return d.Round(time.Second) + time.Second
}

// Next implements bench.Schedule.
func (s *Search) Next() (bench.Step, bool) {
	for s.pull == nil || s.going && s.trials[s.step.ID] != nil {
		if s.pull == nil {
			s.pull, s.end = iter.Pull(s.walk.steps)
		}
		s.step, s.going = s.pull()
	}
	return s.step, s.going
}

// Add implements bench.Schedule.
func (s *Search) Add(t *results.Trial) { s.trials[t.ID] = t }

// Left implements bench.Schedule.
func (s *Search) Left() (trials int, d time.Duration) {
	if s.pull != nil || len(s.trials) > 0 {
		if _, more := s.Next(); !more {
			return 0, 0
		}
	}
	return s.walk.ahead()
}

// Answer ends the search and returns what is known by now.
func (s *Search) Answer() *results.Tuning {
	if _, more := s.Next(); more {
		s.end()
		s.going = false
	}
	return s.walk.answer()
}

func flagName(field string) string { return strings.ReplaceAll(field, "_", "-") }

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// gain is how much better new is than old, as the logarithm of their ratio.
func gain(p compare.Paired, better string) float64 {
	if better == "lower" {
		return -math.Log1p(p.Change)
	}
	return math.Log1p(p.Change)
}
