package compare

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// machine makes up the figures of a noisy machine: each trial has lognormal
// noise with a part that all figures of the trial share, one in twenty is hit
// by something that makes it up to twice as slow, the machine drifts from
// round to round and within each, and the figures have noise of their own of
// different strength, with tails as heavy as Student's t at 3 degrees.
type machine struct {
	configs, figures int // figures of each of the configs
	noise, drift     float64
	calm             bool    // nothing is hit, and tails are those of a normal distribution
	lasting          bool    // the shared noise is that of the trial before by nine tenths
	bursts           float64 // how much slower trials are while a neighbour works, for three trials in ten on end
}

// measure makes up the logarithms of each figure, by round. Sides are
// measured in one random order in each round; effects are added to them.
func (m machine) measure(rng *rand.Rand, rounds int, effects ...float64) [][][]float64 {
	sides := make([][][]float64, len(effects))
	for s := range sides {
		sides[s] = make([][]float64, m.configs*m.figures)
		for i := range sides[s] {
			sides[s][i] = make([]float64, rounds)
		}
	}
	drift, slope, noise, works := 0.0, m.drift*rng.NormFloat64(), 0.0, false
	for r := range rounds {
		drift += m.drift*rng.NormFloat64() + slope
		for place, at := range rng.Perm(m.configs * len(effects)) {
			config, side := at/len(effects), at%len(effects)
			keep := 0.0
			if m.lasting {
				keep = 0.9
			}
			noise = keep*noise + math.Sqrt(1-keep*keep)*rng.NormFloat64()
			shared := drift + m.drift*float64(place)/float64(m.configs*len(effects)) + m.noise*0.7*noise
			if !m.calm && rng.IntN(20) == 0 {
				shared += rng.Float64() * math.Ln2
			}
			if m.bursts > 0 {
				if works = rng.Float64() < map[bool]float64{true: 0.7, false: 0.13}[works]; works {
					shared += m.bursts * (0.5 + rng.Float64())
				}
			}
			for f := range m.figures {
				own := rng.NormFloat64()
				if !m.calm {
					own = heavy(rng)
				}
				own *= m.noise * 0.7 * (0.5 + float64((f+m.figures/2)%m.figures)/float64(m.figures))
				sides[side][config*m.figures+f][r] = shared + own + effects[side]
			}
		}
	}
	return sides
}

// lead is the first figure of each config.
func (m machine) lead(i int) bool { return i%m.figures == 0 }

// heavy is Student's t with 3 degrees of freedom, scaled to a variance of 1.
func heavy(rng *rand.Rand) float64 {
	var chi float64
	for range 3 {
		z := rng.NormFloat64()
		chi += z * z
	}
	return rng.NormFloat64() / math.Sqrt(chi)
}

// chance runs n simulations and returns the share of those in which is holds.
func chance(n int, is func(*rand.Rand) bool) float64 {
	var wg sync.WaitGroup
	var yes atomic.Int64
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				if is(rand.New(rand.NewPCG(7, uint64(i)))) {
					yes.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(yes.Load()) / float64(n)
}

// judged makes the cells of a table from simulated logarithms, as measure does
// from trials, and decides them. leads tells which of them lead. Of paired ones
// those that are named are given their interval, which takes long; the others
// are so far as it takes to be found different where p says so.
func judged(old, new [][]float64, paired bool, detect float64, shuffles int, leads func(i int) bool, named ...int) []Cell {
	cells := make([]Cell, len(old))
	rows := make([][]float64, len(old))
	first := make([]bool, len(old))
	for i := range cells {
		cells[i] = Cell{Better: "lower"}
		a, b := exponentials(old[i]), exponentials(new[i])
		cells[i].Old.Values, cells[i].New.Values = a, b
		cells[i].Old.N, cells[i].New.N = len(a), len(b)
		rows[i], first[i] = cells[i].estimate(a, b, paired), leads(i)
	}
	p, families := inTurn(rows, first, func(rows [][]float64) []float64 {
		if paired {
			return pairedP(rows, shuffles)
		}
		return unpairedP(rows, len(old[0]), shuffles)
	})
	for i := range cells {
		cells[i].P = p[i]
		if paired {
			if at := median(rows[i]); slices.Contains(named, i) {
				cells[i].shift = testedShift(rows[i], shuffles)
			} else {
				cells[i].shift = shift{at: at, lo: at, hi: at}
			}
		}
		cells[i].decide(paired, detect, families[i])
	}
	return cells
}

func exponentials(logs []float64) []float64 {
	out := make([]float64, len(logs))
	for i, v := range logs {
		out[i] = math.Exp(v)
	}
	return out
}

func differs(c Cell) bool { return c.Outcome == Better || c.Outcome == Worse }

// simulations is how many comparisons of 40 figures the tests simulate, spread
// over the numbers of rounds from 3 to 20. With the race detector they take ten
// times as long, and find nothing else: they only share a counter.
var simulations = map[bool]int{false: 10_000, true: 1_000}[raceDetector]

// mostTries is how often a change of 5 % shall be found; of a tenth of the
// tries, three standard errors less.
var mostTries = map[bool]float64{false: 0.8, true: 0.63}[raceDetector]

// TestNoFalseDifferences holds the chance of any difference in a table at 5 %
// where there is none, whatever the noise and the rounds.
func TestNoFalseDifferences(t *testing.T) {
	m := machine{configs: 8, figures: 5, noise: 0.02, drift: 0.02}
	still := machine{configs: 8, figures: 5, noise: 0.02}
	oneRun := func(m machine) func(*rand.Rand, int) []Cell {
		return func(rng *rand.Rand, rounds int) []Cell {
			s := m.measure(rng, rounds, 0, 0)
			return judged(s[0], s[1], true, 0.05, 512, m.lead)
		}
	}
	for _, test := range []struct {
		name   string
		n      int
		most   float64
		tables func(rng *rand.Rand, rounds int) []Cell
	}{
		{"40 figures, hiccups", simulations, 0.05, oneRun(m)},
		{"9 figures, independent", simulations, 0.05, oneRun(machine{configs: 1, figures: 9, noise: 0.02, calm: true})},
		{"9 figures, lasting", simulations, 0.05, oneRun(machine{configs: 1, figures: 9, noise: 0.05, drift: 0.02, lasting: true})},
		{"9 figures, bursts", simulations, 0.05, oneRun(machine{configs: 1, figures: 9, noise: 0.02, bursts: 0.3})},
		{"40 figures, three values", simulations / 5, 0.05, func(rng *rand.Rand, rounds int) []Cell {
			s := m.measure(rng, rounds, 0, 0, 0)
			return judged(append(s[0], s[0]...), append(s[1], s[2]...), true, 0.05, 512, m.lead)
		}},
		// The rate of one of the configurations differs, which must not let more of the others pass.
		{"39 figures beside one that differs", simulations / 5, 0.05, func(rng *rand.Rand, rounds int) []Cell {
			m := machine{configs: 1, figures: 40, noise: 0.02, drift: 0.02}
			s := m.measure(rng, rounds, 0, 0)
			for r := range s[1][0] {
				s[1][0][r]++
			}
			return judged(s[0], s[1], true, 0.05, 512, m.lead)[1:]
		}},
		{"two runs on a still machine", simulations / 5, 0.05, func(rng *rand.Rand, rounds int) []Cell {
			return judged(still.measure(rng, rounds, 0)[0], still.measure(rng, rounds, 0)[0], false, 0.05, 512, m.lead)
		}},
		{"two runs, one going on drifting where the other ended", simulations / 5, 0.15, func(rng *rand.Rand, rounds int) []Cell {
			s := m.measure(rng, 2*rounds, 0)[0]
			var a, b [][]float64
			for _, row := range s {
				a, b = append(a, row[:rounds]), append(b, row[rounds:])
			}
			return judged(a, b, false, 0.05, 512, m.lead)
		}},
	} {
		got := chance(test.n, func(rng *rand.Rand) bool {
			return slices.ContainsFunc(test.tables(rng, 3+rng.IntN(18)), differs)
		})
		// What luck may add to a chance of exactly most: three standard errors.
		if limit := test.most + 3*math.Sqrt(test.most*(1-test.most)/float64(test.n)); got > limit {
			t.Errorf("%s: %.4f of %d comparisons without a difference show one, want at most %.4f", test.name, got, test.n, limit)
		}
		t.Logf("%s: %.2f %% of %d", test.name, 100*got, test.n)
	}
}

// TestIntervalsHold finds the true change in the intervals, and "no difference"
// only where there is none that matters.
func TestIntervalsHold(t *testing.T) {
	m := machine{configs: 1, figures: 1, noise: 0.02, drift: 0.02}
	for _, paired := range []bool{true, false} {
		m := m
		if !paired {
			m.drift = 0
		}
		n := simulations / 3
		held, lied := 0.0, 0.0
		held = chance(n, func(rng *rand.Rand) bool {
			effect := 0.1 * rng.NormFloat64()
			rounds := 7 + rng.IntN(14)
			s := m.measure(rng, rounds, 0, effect)
			c := judged(s[0], s[1], paired, 0.05, 64, m.lead, 0)[0]
			return *c.ChangeLow <= math.Expm1(effect) && math.Expm1(effect) <= *c.ChangeHigh
		})
		lied = chance(n, func(rng *rand.Rand) bool {
			s := m.measure(rng, 7+rng.IntN(14), 0, math.Log1p(0.06))
			return judged(s[0], s[1], paired, 0.05, 64, m.lead, 0)[0].Outcome == Same
		})
		if held < 0.93 {
			t.Errorf("paired %v: %.3f of the intervals hold the change, want 0.95, or 0.93 with outliers", paired, held)
		}
		if lied > 0.03 {
			t.Errorf("paired %v: %.3f of 6 %% changes are called no difference, want at most 0.03", paired, lied)
		}
		t.Logf("paired %v: held %.3f, lied %.4f", paired, held, lied)
	}
}

// TestFindsFivePercent finds a change of 5 % in four of five tries, given the
// rounds that docs/comparing.md states.
func TestFindsFivePercent(t *testing.T) {
	nine := func(noise float64) machine { return machine{configs: 1, figures: 9, noise: noise, drift: 0.02} }
	forty := func(noise float64) machine { return machine{configs: 8, figures: 5, noise: noise, drift: 0.02} }
	for _, test := range []struct {
		machine
		rounds, figure int  // where the change is looked for: 0 is the leading figure
		all            bool // and in the whole table, not in that alone
	}{
		{nine(0.005), 7, 0, false}, {nine(0.01), 7, 0, false}, {nine(0.02), 9, 0, false}, {nine(0.03), 13, 0, false}, {nine(0.05), 26, 0, false},
		{machine{configs: 1, figures: 9, noise: 0.02, calm: true}, 8, 0, false},
		{machine{configs: 1, figures: 9, noise: 0.05, drift: 0.02, calm: true, lasting: true}, 14, 0, true},
		{machine{configs: 1, figures: 9, noise: 0.02, bursts: 0.2}, 35, 0, true},
		{forty(0.005), 10, 0, false}, {forty(0.01), 11, 0, false}, {forty(0.02), 14, 0, false}, {forty(0.03), 20, 0, false},
		{nine(0.005), 10, 1, false}, {nine(0.01), 11, 1, false}, {nine(0.02), 16, 1, false}, {nine(0.03), 28, 1, false},
		{nine(0.02), 12, 1, true}, {forty(0.02), 22, 1, false}, {forty(0.02), 15, 1, true},
	} {
		got := chance(simulations/20, func(rng *rand.Rand) bool {
			s := test.measure(rng, test.rounds, 0, 0)
			for i, row := range s[1] {
				for r := range row {
					if test.all || i == test.figure {
						row[r] += math.Log1p(0.05)
					}
				}
			}
			return judged(s[0], s[1], true, 0.05, 512, test.lead)[test.figure].Outcome == Worse
		})
		t.Logf("%+v, %d rounds, figure %d, all %v: %.2f", test.machine, test.rounds, test.figure, test.all, got)
		if got < mostTries {
			t.Errorf("%+v, %d rounds, figure %d, all %v: a change of 5 %% is found in %.2f, want at least 0.80", test.machine, test.rounds, test.figure, test.all, got)
		}
	}
}

// TestMoreRoundsAreEnough adds to pilots that cannot tell as many rounds as
// they ask for.
func TestMoreRoundsAreEnough(t *testing.T) {
	m := machine{configs: 1, figures: 9, noise: 0.02, drift: 0.02}
	for _, figure := range []int{0, 1} {
		var pilots, total atomic.Int64
		got := chance(simulations/20, func(rng *rand.Rand) bool {
			s := m.measure(rng, 8, 0, 0)
			pilot := judged(s[0], s[1], true, 0.05, 512, m.lead, figure)[figure]
			if pilot.Outcome != Unknown {
				return true
			}
			pilots.Add(1)
			total.Add(int64(8 + pilot.MoreRounds))
			s = m.measure(rng, 8+pilot.MoreRounds, 0, 0)
			for r := range s[1][figure] {
				s[1][figure][r] += math.Log1p(0.05)
			}
			return judged(s[0], s[1], true, 0.05, 512, m.lead)[figure].Outcome == Worse
		})
		t.Logf("figure %d: found %.3f, %d pilots, %.1f rounds", figure, got, pilots.Load(), float64(total.Load())/float64(pilots.Load()))
		if got < mostTries {
			t.Errorf("figure %d: a change of 5 %% is found in %.2f after as many rounds as asked for, want at least 0.80", figure, got)
		}
	}
}
