package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// simulated are Configs of a trial of 2 s each, whose rates deviate by so many
// parts of 1.
func simulated(noise ...float64) (p Plan) {
	for i := range noise {
		c := DefaultConfig()
		c.Rows = int64(i + 1)
		p.Configs = append(p.Configs, c)
	}
	p.Repeat, p.Seed, p.MaxTime = 1, 7, 10*time.Minute
	return p
}

// drive runs what s asks for until nothing is left or stop says so. It returns
// the trials.
func drive(s Schedule, noise []float64, rng *rand.Rand, stop func(n int) bool) (trials []*results.Trial) {
	for !stop(len(trials)) {
		step, ok := s.Next()
		if again, _ := s.Next(); again.ID != step.ID {
			panic("Next is not the same when it is called again")
		}
		if !ok {
			break
		}
		sigma := noise[step.Config.Rows-1]
		t := &results.Trial{ID: step.ID, Round: step.Round, Config: step.Config, Status: results.StatusOK, Took: 2,
			Metrics: map[string]results.Metric{results.BodyRate: {Value: 1e9 * (1 + sigma*rng.NormFloat64())}}}
		if math.IsInf(sigma, 0) {
			t.Status, t.Metrics = results.StatusFailed, nil
		}
		trials = append(trials, t)
		s.Add(t)
	}
	return trials
}

func unending(int) bool { return false }

// rounds counts the trials of each Config, and is the last round.
func roundsOf(p Plan, trials []*results.Trial) (each []int, last int) {
	each = make([]int, len(p.Configs))
	for _, t := range trials {
		each[t.Config.Rows-1]++
		last = max(last, t.Round)
	}
	return each, last
}

func TestUntil(t *testing.T) {
	for _, tt := range []struct {
		name    string
		noise   []float64
		until   float64
		repeat  int
		maxTime time.Duration
		check   func(each []int, last int, widths []float64) bool
	}{
		{"quiet: as soon as there is an interval", []float64{.001, .001}, .02, 1, time.Hour,
			func(each []int, last int, w []float64) bool {
				return last == results.IntervalRounds && each[0] == 6 && each[1] == 6
			}},
		{"no fewer than --repeat", []float64{.001}, .02, 9, time.Hour,
			func(each []int, last int, w []float64) bool { return last == 9 }},
		{"noisy: until it is narrow", []float64{.05, .05}, .02, 1, time.Hour,
			func(each []int, last int, w []float64) bool { return last > 12 && w[0] <= .02 && w[1] <= .02 }},
		{"time is over first", []float64{.05, .05}, .001, 1, 50 * time.Second, // 12 rounds of 4 s, and not a 13th
			func(each []int, last int, w []float64) bool { return last == 12 && w[0] > .001 }},
		{"the narrow one rests, and stays in sight", []float64{.001, .1}, .02, 1, time.Hour,
			func(each []int, last int, w []float64) bool {
				return last > 30 && each[1] == last && each[0] > 6+(last-6)/4-2 && each[0] < 6+(last-6)/4+2 && w[0] <= .02 && w[1] <= .02
			}},
		{"one that fails does not hold the others up", []float64{.001, math.Inf(1)}, .02, 1, time.Hour,
			func(each []int, last int, w []float64) bool { return last == 6 && math.IsNaN(w[1]) }},
	} {
		p := simulated(tt.noise...)
		p.Until, p.Repeat, p.MaxTime = tt.until, tt.repeat, tt.maxTime
		s := p.Schedule()
		trials := drive(s, tt.noise, rand.New(rand.NewPCG(1, 2)), unending)
		each, last := roundsOf(p, trials)
		if w := s.widths(last); !tt.check(each, last, w) {
			t.Errorf("%s: %d rounds, trials of each %v, widths %v", tt.name, last, each, w)
		}
		if n, d := s.Left(); n != 0 || d != 0 {
			t.Errorf("%s: %d trials and %v are left at the end", tt.name, n, d)
		}
	}
}

// TestUntilCovers stops when the interval is narrow, which is when luck made it
// so, too: what it promises must still hold nearly as often as it says.
func TestUntilCovers(t *testing.T) {
	const tries = 500
	held := 0
	rng := rand.New(rand.NewPCG(3, 4))
	for range tries {
		noise := []float64{.03}
		p := simulated(noise...)
		p.Until, p.MaxTime = .02, time.Hour
		trials := drive(p.Schedule(), noise, rng, unending)
		_, m := results.Group{Config: p.Configs[0], Trials: trials}.Primary()
		if m.Low <= 1e9 && 1e9 <= m.High {
			held++
		}
	}
	t.Logf("%d of %d", held, tries)
	if held < tries*90/100 {
		t.Errorf("%d of %d intervals hold the true rate, want at least 90 %%", held, tries)
	}
}

// TestUntilResumes interrupts a run everywhere: told the stored trials, a new
// Schedule asks for the rest of those that there would have been.
func TestUntilResumes(t *testing.T) {
	noise := []float64{.001, .06, .02}
	p := simulated(noise...)
	p.Until, p.MaxTime = .03, 3*time.Minute
	ids := func(trials []*results.Trial) (out []string) {
		for _, t := range trials {
			out = append(out, t.ID)
		}
		return out
	}
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(5, 6)) }
	whole := drive(p.Schedule(), noise, rng(), unending)
	if len(whole) < 30 {
		t.Fatalf("only %d trials", len(whole))
	}
	for cut := range whole {
		s, r := p.Schedule(), rng()
		stored := drive(s, noise, r, func(n int) bool { return n == cut })
		again := p.Schedule()
		for _, tr := range stored {
			again.Add(tr)
		}
		if got := append(ids(stored), ids(drive(again, noise, r, unending))...); !slices.Equal(got, ids(whole)) {
			t.Errorf("after %d trials it goes on with %v, not with %v", cut, got[cut:], ids(whole)[cut:])
		}
	}
}

// TestUntilResumesItsLastRound has a run go on with the round that it was in:
// that trials took longer than expected does not leave the round in pieces.
func TestUntilResumesItsLastRound(t *testing.T) {
	p := simulated(.05, .05)
	p.Until, p.MaxTime = .001, 28*time.Second // when the 7th round is expected to end
	s := p.Schedule()
	var stored []*results.Trial
	for {
		step, ok := s.Next()
		if !ok {
			break
		}
		took := 2.0
		if step.Round == 7 {
			took = 3.5
		}
		tr := &results.Trial{ID: step.ID, Round: step.Round, Config: step.Config, Status: results.StatusOK, Took: took,
			Metrics: map[string]results.Metric{results.BodyRate: {Value: 1e9 + 1e8*float64(step.Round%3)}}}
		s.Add(tr)
		stored = append(stored, tr)
	}
	if len(stored) != 14 {
		t.Fatalf("%d trials, want 7 rounds of 2", len(stored))
	}
	again := p.Schedule()
	for _, tr := range stored[:13] {
		again.Add(tr)
	}
	if step, ok := again.Next(); !ok || step.ID != stored[13].ID {
		t.Errorf("it goes on with %q, %v, not with %s", step.ID, ok, stored[13].ID)
	}
}

// TestUntilEstimates has the estimate come near, and never beyond the time.
func TestUntilEstimates(t *testing.T) {
	noise := []float64{.05, .05}
	p := simulated(noise...)
	p.Until, p.MaxTime = .02, 10*time.Minute
	s := p.Schedule()
	if n, d := s.Left(); n != 12 || d != 12*2200*time.Millisecond {
		t.Errorf("at first %d trials in %v, want the 12 that an interval takes", n, d)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	early := drive(s, noise, rng, func(n int) bool { return n == 24 })
	guess, _ := s.Left()
	rest := drive(s, noise, rng, unending)
	if guess < len(rest)/3 || guess > len(rest)*3 {
		t.Errorf("after %d trials %d were expected, and %d came", len(early), guess, len(rest))
	}
	p.Until, p.MaxTime = .0001, 100*time.Second
	s = p.Schedule()
	drive(s, noise, rng, func(n int) bool { return n == 24 })
	if n, d := s.Left(); d != 52*time.Second || n != 26 {
		t.Errorf("%d trials in %v are left of 100 s after 48, want 26 in 52 s", n, d)
	}
}

func TestUntilRefuses(t *testing.T) {
	for s, want := range map[string]string{"0%": "more than 0%", "-1%": "more than 0%", "101%": "at most 100%", "2": "write 2%", "": "no width", "two%": "no width", "NaN%": "no width", "%": "no width"} {
		if _, err := ParseUntil(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--until %q: %v, want %q", s, err, want)
		}
	}
	if v, err := ParseUntil("2.5 %"); v != .025 || err != nil {
		t.Errorf("2.5 %% is %v, %v", v, err)
	}
	for _, tt := range []struct {
		maxTime time.Duration
		repeat  int
		want    string
	}{
		{-time.Second, 1, "is no time"},
		{4 * time.Second, 1, "shorter than one round, which takes about 5s: an interval takes 6 rounds, so give --max-time 27s"},
		{20 * time.Second, 3, "no room for the 6 rounds that an interval takes, about 27s"},
		{30 * time.Second, 8, "no room for the 8 rounds of --repeat"},
		{27 * time.Second, 1, ""},
	} {
		p := simulated(.1, .1)
		p.Until, p.MaxTime, p.Repeat = .02, tt.maxTime, tt.repeat
		if err := p.CheckUntil(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("--max-time %v with %d rounds: %v, want %q", tt.maxTime, tt.repeat, err, tt.want)
		}
	}
}
