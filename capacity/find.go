package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// ramp doubles the load from where it certainly holds until an objective is
// missed, and halves it from there where it does not hold. What was missed
// while other processes used this machine is the server's limit only if twice
// the load is missed, too.
func (f *finder) ramp() bool {
	load, top := f.first(), f.o.highest()
	low, high, doubted := 0.0, 0.0, 0.0 // held, missed
	for high == 0 {
		did, ok := f.attempt(PhaseRamp, load, 2)
		switch {
		case !ok:
			return f.settle(low)
		case !did && doubted == 0 && low > 0 && load < top && f.tries[len(f.tries)-1].neighbours:
			doubted, load = load, f.o.round(min(2*load, top))
			continue
		case !did && doubted > 0:
			high = doubted
		case !did:
			high = load
		case load == top:
			return f.bounded(load)
		default:
			low, load, doubted = load, f.o.round(min(2*load, top)), 0
		}
	}
	for down := high; low == 0; {
		if down <= f.floor() || f.hopeless() {
			return f.lowest()
		}
		down = f.o.round(max(down/2, f.floor()))
		did, ok := f.attempt(PhaseRamp, down, 1)
		if !ok {
			return f.settle(0)
		}
		if did {
			low = down
		}
	}
	return f.comeDown(low, high)
}

// hopeless tells whether half of all streams miss an objective where there is
// only one at a time.
func (f *finder) hopeless() bool {
	return slices.ContainsFunc(f.objectives.gates, func(g compare.Gate) bool {
		name, _, of := strings.Cut(string(g.Figure), ".")
		if name == "call" {
			name = f.objectives.alone.Latency
		}
		return of && float64(f.unloaded.Latencies[name].P50) > g.Limit
	})
}

// first is the load that the way up begins with: a quarter of what one stream
// after another gets, which hardly overloads a server.
func (f *finder) first() float64 {
	u := f.objectives.alone
	load := 1.0
	switch f.o.Over {
	case "rps":
		load = u.Rate / 4
	case "rate":
		load = u.Rate * u.Body / 4
	}
	if f.o.From > 0 {
		load = f.o.From
	}
	if f.o.To > 0 { // a way up has three steps at least
		load = min(load, max(f.o.From, f.o.To/4))
	}
	return f.o.round(load)
}

// floor is the lowest load that is tried: --from, or what gives a window too
// few streams to judge.
func (f *finder) floor() float64 {
	switch u := f.objectives.alone; {
	case f.o.From > 0:
		return f.o.From
	case f.o.Over == "rps":
		return min(f.first(), 10/(4*f.o.window()))
	case f.o.Over == "rate":
		return min(f.first(), 10/(4*f.o.window())*u.Body)
	}
	return 1
}

// attempt tries a load until it holds, at most so many times: far below the
// knee a miss is chance. At the lowest load it takes one more to give up.
func (f *finder) attempt(phase string, load float64, times int) (did, ok bool) {
	window := f.sized(max(f.o.window()/2, leastWindow), load)
	if load <= f.floor() {
		times++
	}
	for range times {
		if !f.affords(window, 0) {
			return false, false
		}
		if did, ok = f.try(phase, load, window); did || !ok {
			return did, ok
		}
		if last := f.tries[len(f.tries)-1]; last.died || last.again {
			return false, true // hardly by chance
		}
	}
	return false, true
}

// lowest ends the search where no load holds.
func (f *finder) lowest() bool {
	f.outcome, f.told = results.CapacityLowest, true
	return false
}

// bounded ends the search where the highest load that is allowed holds, if it
// does for long.
func (f *finder) bounded(load float64) bool {
	f.answer = load
	did, ok := f.confirm(load, PhaseConfirm)
	if ok && !did { // it is about there
		f.learn(load/2, load*aboveBy)
		return true
	}
	f.outcome, f.told = results.CapacityHighest, did
	return false
}

// settle ends the way up without a miss, or without one that held.
func (f *finder) settle(low float64) bool {
	if low > 0 {
		f.outcome, f.answer = results.CapacityFound, low
	}
	return false
}

// learn begins to learn where the knee is, by all that was tried so far.
func (f *finder) learn(low, high float64) {
	f.knee = newKnee(low, high)
	for _, t := range f.tries[f.since:] {
		f.tell(t)
	}
}

// comeDown tries again, after the overload of the way up, what held before it.
// Where that is missed now, what was tried before says nothing of the server
// that is there now: it is forgotten, and lower loads are tried.
func (f *finder) comeDown(low, high float64) bool {
	before := len(f.tries)
	did, ok := f.attempt(PhaseDown, low, 2)
	if !ok {
		return f.settle(low)
	}
	f.hysteresis.Tested, f.hysteresis.Load = did || !f.tries[len(f.tries)-1].neighbours, low
	if did {
		f.learn(low/2, min(2*high, max(f.o.highest(), high)))
		return true
	}
	f.since = before
	for !did {
		if low <= f.floor() {
			return f.lowest()
		}
		high, low = low, f.o.round(max(low/2, f.floor()))
		if did, ok = f.attempt(PhaseDown, low, 1); !ok {
			return f.settle(0)
		}
	}
	f.learn(low/2, 2*high)
	return true
}

// narrowDown tries where the knee most likely is until that is known, and
// confirms the answer. What contradicts it there is told like all else, and
// the search goes on.
func (f *finder) narrowDown() {
	f.outcome = results.CapacityFound
	for n := 1; ; n++ {
		var ok bool
		f.told, ok = f.narrow()
		f.answer = f.o.round(f.knee.quantile(safe))
		if !ok || n > mostConfirm || !f.affords(f.long(), 0) {
			return
		}
		did, ok := f.confirm(f.answer, PhaseConfirm)
		if !ok {
			return
		}
		if !did {
			continue
		}
		above := f.above()
		if above == f.answer || f.kills(above) || !f.affords(f.long(), 0) {
			return
		}
		if did, ok = f.confirm(above, PhaseAbove); !did || !ok {
			return
		}
	}
}

// kills tells whether the server went away at that load, or below it.
func (f *finder) kills(load float64) bool {
	return slices.ContainsFunc(f.deaths, func(d results.Death) bool { return d.Load <= load })
}

// above is a load above the answer, or the answer where none is allowed.
func (f *finder) above() float64 {
	if above := f.o.round(f.answer * aboveBy); above > f.answer || f.o.Open() {
		return above
	}
	return min(f.answer+1, f.o.highest())
}

// narrow tries loads until the interval of the knee is narrow. It is not told
// where the time is up before it is; ok is false where the search is over.
func (f *finder) narrow() (told, ok bool) {
	for f.widen(); !f.narrowed(); f.widen() {
		load := f.o.round(f.knee.next())
		window := f.sized(f.o.window(), load)
		if !f.affords(window, f.reserve()) {
			return false, true
		}
		if _, ok := f.try(PhaseNarrow, load, window); !ok {
			return false, false
		}
	}
	return true, true
}

// widen learns anew between wider bounds where the knee may well be beyond the
// upper one: a miss that set it was chance.
func (f *finder) widen() {
	top := math.Exp(f.knee.logs[len(f.knee.logs)-1])
	if most := f.o.highest(); top < most && f.knee.quantile(0.75) > 0.9*top {
		f.learn(math.Exp(f.knee.logs[0]), min(4*top, most))
	}
}

// narrowed tells whether the knee's interval is as narrow as is asked for, or
// as loads that are counted can be.
func (f *finder) narrowed() bool {
	low, high := f.knee.quantile(lower), f.knee.quantile(upper)
	return high/low <= precision || !f.o.Open() && math.Ceil(high)-math.Floor(low) <= 1
}

// confirm tries load for longer.
func (f *finder) confirm(load float64, phase string) (did, ok bool) {
	if did, ok = f.try(phase, load, f.long()); !ok {
		return did, ok
	}
	t := f.tries[len(f.tries)-1]
	if !did && t.neighbours {
		t.text += fmt.Sprintf(", while other processes used %.0f %% of this machine's CPU", 100*t.trial.Metrics["others_cpu_share"].Value)
	}
	f.confirmed = append(f.confirmed, results.Confirmation{Trial: t.trial.ID, Load: load, Seconds: t.trial.Seconds, Held: did, Above: phase == PhaseAbove, Text: t.text})
	return did, ok
}
