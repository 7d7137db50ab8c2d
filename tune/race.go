package tune

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// sweep is a knob's values, or those of two that do little without each
// other, to be raced with all else as in the best so far.
type sweep struct {
	fields  []string
	values  []map[string]string // by field; the first is the default
	racedAt results.Config      // the best after the last race
}

// maxPasses bounds how often the knobs are gone through: two values may win
// against each other in turn.
const maxPasses = 4

func (s *Search) makeSweeps() (sweeps []*sweep) {
	values := map[string][]string{}
	for _, k := range s.knobs {
		sw := &sweep{fields: []string{k.field}}
		for _, v := range k.values {
			sw.values = append(sw.values, map[string]string{k.field: v})
		}
		sweeps = append(sweeps, sw)
		values[k.field] = k.values
		for _, pair := range together {
			a, b := values[pair[0]], values[pair[1]]
			if k.field != pair[1] || a == nil {
				continue
			}
			sw := &sweep{fields: pair[:], values: []map[string]string{{pair[0]: a[0], pair[1]: b[0]}}}
			for _, v := range a[1:] {
				sw.values = append(sw.values, map[string]string{pair[0]: v, pair[1]: v})
			}
			sweeps = append(sweeps, sw)
		}
		if sw := withLargest(k, values, "window", "conn_window"); k.field == "rows" && sw != nil {
			sweeps = append(sweeps, sw)
		}
	}
	return sweeps
}

// withLargest are the values of k, each with the largest of the other fields'
// that are knobs; nil where none is.
//
// Note: where a window and a batch size each allow about as much as the other,
// neither is better alone.
func withLargest(k knob, values map[string][]string, others ...string) *sweep {
	sw := &sweep{fields: []string{k.field}}
	largest := map[string]string{}
	for _, f := range others {
		if values[f] == nil {
			continue
		}
		sw.fields = append(sw.fields, f)
		largest[f] = slices.MaxFunc(values[f], func(a, b string) int {
			x, _ := strconv.ParseInt(a, 10, 64) // as Config.Axis prints them
			y, _ := strconv.ParseInt(b, 10, 64)
			return cmp.Compare(x, y)
		})
	}
	for _, v := range k.values {
		set := maps.Clone(largest)
		set[k.field] = v
		sw.values = append(sw.values, set)
	}
	if len(sw.fields) == 1 {
		return nil
	}
	return sw
}

// races goes through the knobs until none has to be raced again, or the time
// is up.
func (w *walk) races() error {
	for pass := 1; pass <= maxPasses; pass++ {
		raced := false
		for i, sw := range w.sweeps {
			w.passed = i
			if sw.racedAt == w.best {
				continue
			}
			field := w.field(sw)
			if len(field) > 1 {
				if !w.affords(screenRounds * len(field)) {
					w.note("the time was up before %s could be raced%s: raise --max-time to go on", strings.Join(names(sw.fields), " with "),
						map[bool]string{true: " again, though other settings had changed since"}[pass > 1])
					continue
				}
				if err := w.race(sw, field); err != nil || w.stop != "" {
					return err
				}
				raced = true
			}
			sw.racedAt = w.best
		}
		if !raced {
			return nil
		}
	}
	return nil
}

func names(fields []string) (out []string) {
	for _, f := range fields {
		out = append(out, "--"+flagName(f))
	}
	return out
}

// field is the best so far and what the sweep would make of it.
func (w *walk) field(sw *sweep) []*candidate {
	field := []*candidate{{config: w.best}}
	for rank, set := range sw.values {
		c, ok := with(w.best, set)
		if !ok || slices.ContainsFunc(field, func(o *candidate) bool { return o.config == c }) {
			continue
		}
		field = append(field, &candidate{config: c, label: label(sw.fields, set), rank: rank})
	}
	return field
}

func label(fields []string, set map[string]string) string {
	var values []string
	for _, f := range fields {
		values = append(values, set[f])
	}
	return strings.Join(values, ",")
}

// race finds the best of the field, whose first is the best so far.
func (w *walk) race(sw *sweep, field []*candidate) error {
	all, against := field, w.best
	w.todo = screenRounds * len(field)
	for n := 1; n <= longRounds && len(field) > 1; n++ {
		if err := w.measure(phaseRace, field, 1); err != nil {
			return err
		}
		if w.stop = w.hopeless(field[0]); w.stop != "" {
			return nil
		}
		field = slices.DeleteFunc(slices.Clone(field), func(c *candidate) bool { return c != all[0] && c.failure() != "" })
		if n < screenRounds {
			continue
		}
		field = w.promising(field)
		if n == raceRounds && w.decided(field) {
			break
		}
		if n == screenRounds || n == raceRounds {
			w.todo = map[int]int{screenRounds: raceRounds - n, raceRounds: longRounds - n}[n] * len(field)
			if len(field) > 1 && !w.affords(w.todo) {
				break
			}
		}
	}
	if c := w.winner(all); c != nil {
		w.best = c.config
	}
	for _, c := range all[1:] {
		if _, p := c.aheadOf(all[0], w.o.Objective, w.o.Better); p.Rounds >= screenRounds {
			w.spreads = append(w.spreads, p.Spread)
		}
	}
	w.report(sw, all, against)
	return nil
}

// hopeless says why nothing can be told by what the defaults measured in the
// first race, "" while something may.
func (w *walk) hopeless(c *candidate) string {
	if len(c.trials) != w.round {
		return "" // a later race
	}
	told := c.told()
	if why := c.failure(); why != "" && len(told) == 0 {
		if strings.HasPrefix(why, "incomplete") {
			why += "; a longer --duration may do"
		}
		return "the defaults cannot be measured: " + why
	}
	if len(told) != 1 {
		return ""
	}
	if _, ok := w.o.Objective.Of(told[0]); !ok {
		return "the trials have no " + string(w.o.Objective) + ": choose another objective"
	}
	for _, g := range w.o.SLO {
		if _, err := g.JudgeTrials(told); err != nil {
			return err.Error()
		}
	}
	return ""
}

// aim is what the challengers of c must be better at: the objective, or while
// c misses a limit, what that limits.
func (w *walk) aim(c *candidate) (f compare.Figure, better string, missed bool) {
	if _, of := w.misses(c); len(of) > 0 {
		return of[0].Figure, of[0].Figure.Better(), true
	}
	return w.o.Objective, w.o.Better, false
}

// ahead of b is a by so much, in logarithms, in f.
func (a *candidate) aheadOf(b *candidate, f compare.Figure, better string) (by float64, p compare.Paired) {
	p = compare.PairTrials(f, b.trials, a.trials)
	if p.Rounds == 0 {
		return math.Inf(-1), p
	}
	return gain(p, better), p
}

// promising drops what seems no better than the best so far by what matters or
// what luck does easily, what is clearly behind another, and what misses a
// limit that the best so far meets.
func (w *walk) promising(field []*candidate) []*candidate {
	f, better, missed := w.aim(field[0])
	least := w.least(field)
	keep := field[:1:1]
	var top *candidate
	most := math.Inf(-1)
	for _, c := range field[1:] {
		_, of := w.misses(c)
		by, _ := c.aheadOf(field[0], f, better)
		if (by > least && (missed || len(of) == 0)) || missed && len(of) == 0 {
			keep = append(keep, c)
			if by > most {
				top, most = c, by
			}
		}
	}
	return slices.DeleteFunc(keep, func(c *candidate) bool {
		if c == field[0] || c == top || missed {
			return false
		}
		behind, _ := top.aheadOf(c, f, better)
		return behind > 4*math.Log1p(w.o.Detect)
	})
}

// least is how far ahead a challenger must seem to stay in the race: half of
// what matters, or half of what two trials of a round differ by.
func (w *walk) least(field []*candidate) float64 {
	return math.Max(math.Log1p(w.o.Detect)/2, w.noise(field)/2)
}

// noise is the standard deviation of the logarithms of ratios within a round,
// by the median of the races so far and of the challengers in field.
func (w *walk) noise(field []*candidate) float64 {
	spreads := slices.Clone(w.spreads)
	for _, c := range field[min(1, len(field)):] {
		if _, p := c.aheadOf(field[0], w.o.Objective, w.o.Better); p.Rounds >= screenRounds {
			spreads = append(spreads, p.Spread)
		}
	}
	if len(spreads) == 0 {
		return 0
	}
	slices.Sort(spreads)
	return spreads[len(spreads)/2]
}

// decided tells whether further rounds would not change who wins the race: what
// leads it is better by the test, or nothing but the best so far is left.
func (w *walk) decided(field []*candidate) bool {
	f, better, missed := w.aim(field[0])
	most, proven := math.Inf(-1), true
	for _, c := range field[1:] {
		if by, p := c.aheadOf(field[0], f, better); by > most {
			most, proven = by, p.P <= raceP
		}
	}
	return missed || proven
}

// winner is what takes the place of the first of all, nil where nothing does.
// Of those that differ by less than what matters, the nearest to the default.
func (w *walk) winner(all []*candidate) *candidate {
	f, better, missed := w.aim(all[0])
	type entry struct {
		*candidate
		by float64
	}
	var able []entry
	enter := func(f compare.Figure, better string, may func(*candidate, compare.Paired) bool) {
		for _, c := range all[1:] {
			by, p := c.aheadOf(all[0], f, better)
			if c.failure() == "" && p.Rounds >= raceRounds && may(c, p) {
				able = append(able, entry{c, by})
			}
		}
	}
	meets := func(c *candidate) bool { _, of := w.misses(c); return len(of) == 0 }
	if missed {
		enter(w.o.Objective, w.o.Better, func(c *candidate, _ compare.Paired) bool { return meets(c) })
	}
	if len(able) == 0 {
		enter(f, better, func(c *candidate, p compare.Paired) bool {
			return p.P <= raceP && gain(p, better) > 0 && (missed || meets(c))
		})
	}
	if len(able) == 0 {
		return nil
	}
	most := slices.MaxFunc(able, func(a, b entry) int { return cmp.Compare(a.by, b.by) }).by
	able = slices.DeleteFunc(able, func(e entry) bool { return e.by < most-math.Log1p(w.o.Detect) })
	return slices.MinFunc(able, func(a, b entry) int { return a.rank - b.rank }).candidate
}

// report keeps how the values of a knob did.
func (w *walk) report(sw *sweep, all []*candidate, against results.Config) {
	if len(sw.fields) > 1 {
		return
	}
	k := w.reports[sw.fields[0]]
	k.Against, _ = against.Axis(sw.fields[0])
	k.Values = []results.KnobValue{}
	for _, c := range all[1:] {
		k.Values = append(k.Values, w.valueOf(c, all[0]))
	}
}

// valueOf is how c did against the best so far.
func (w *walk) valueOf(c, best *candidate) results.KnobValue {
	v := valueBy(compare.PairTrials(w.o.Objective, best.trials, c.trials), w.o.Better)
	v.Value = c.label
	by, _ := c.aheadOf(best, w.o.Objective, w.o.Better)
	missed, _ := w.misses(c)
	switch why := c.failure(); {
	case why != "":
		v.Outcome, v.Reason = "failed", why
	case len(missed) > 0:
		v.Outcome, v.Reason = compare.GateMissed, missed[0].Gate+": "+missed[0].Text
	case v.Outcome == compare.Same && v.Rounds >= screenRounds && v.Rounds < raceRounds && by < -2*math.Max(math.Log1p(w.o.Detect), w.noise(nil)):
		v.Outcome = compare.Worse // by far more than matters and than noise: it was given up before a test could say so
	}
	return v
}

// valueBy is p in the direction that is better.
func valueBy(p compare.Paired, better string) results.KnobValue {
	v := results.KnobValue{Rounds: p.Rounds, Outcome: compare.Same}
	if p.Rounds == 0 {
		return v
	}
	at, low, high := p.Change, p.Low, p.High
	if better == "lower" { // a gain is more for the same
		at, low, high = -p.Change/(1+p.Change), -p.High/(1+p.High), -p.Low/(1+p.Low)
	}
	v.Gain = &at
	if p.Rounds >= raceRounds && !math.IsInf(p.High, 1) {
		v.Low, v.High = &low, &high
	}
	if p.P <= alpha {
		v.Outcome = compare.Worse
		if at > 0 {
			v.Outcome = compare.Better
		}
	}
	return v
}

// alpha is the chance of a difference where there is none, in setting back and
// in confirming.
const alpha = 0.05
