package results

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// simulate is a run of configs in rounds whose rates are 1 with the noise
// that draw gives for a Config and round, as a fraction.
func simulate(configs, rounds int, draw func(config, round int) float64) []Group {
	var trials []*Trial
	for r := 1; r <= rounds; r++ {
		for c := range configs {
			trials = append(trials, &Trial{ID: fmt.Sprintf("%d.%d", r, c+1), Round: r, Status: StatusOK, Verdict: VerdictValid, Config: Config{Op: "get", Rows: int64(c + 1)},
				Metrics: map[string]Metric{BodyRate: {Value: 1e9 * (1 + draw(c, r)), Unit: "B/s", Better: "higher"}}})
		}
	}
	return GroupTrials(trials)
}

func (d Drifts) any() bool {
	for _, g := range d.Groups {
		if g != nil {
			return true
		}
	}
	return d.Machine != nil
}

// TestDriftsOfNoise has the chance of a false alarm anywhere in a run be 5 % at
// most, give or take what 200 tries leave open, whatever the noise looks like.
func TestDriftsOfNoise(t *testing.T) {
	const tries = 200
	limit := int(.05*tries + 2*math.Sqrt(tries*.05*.95))
	normal := func(rng *rand.Rand) float64 { return .03 * rng.NormFloat64() }
	for name, draw := range map[string]func(*rand.Rand) float64{
		"normal": normal,
		"hiccups": func(rng *rand.Rand) float64 {
			v := normal(rng)
			if rng.IntN(10) == 0 {
				v -= .4
			}
			return v
		},
		"two speeds":       func(rng *rand.Rand) float64 { return .1*float64(rng.IntN(2)) + .01*rng.NormFloat64() },
		"of whole rounds":  nil,
		"exactly the same": func(*rand.Rand) float64 { return 0 },
	} {
		for _, size := range []struct{ configs, rounds int }{{1, 6}, {1, 12}, {8, 10}, {2, 30}} {
			rng := rand.New(rand.NewPCG(11, uint64(size.configs)))
			found := 0
			for range tries {
				whole := map[int]float64{}
				groups := simulate(size.configs, size.rounds, func(c, r int) float64 {
					if draw != nil {
						return draw(rng)
					}
					if _, ok := whole[r]; !ok {
						whole[r] = normal(rng)
					}
					return whole[r] + normal(rng)/3
				})
				if FindDrifts(groups).any() {
					found++
				}
			}
			t.Logf("%s, %d Configs in %d rounds: %d of %d", name, size.configs, size.rounds, found, tries)
			if found > limit {
				t.Errorf("%s, %d Configs in %d rounds: %d of %d are false alarms, want at most %d", name, size.configs, size.rounds, found, tries, limit)
			}
		}
	}
}

// TestDriftsFound finds what is there, and sizes it.
func TestDriftsFound(t *testing.T) {
	const sigma = .02
	for _, tt := range []struct {
		name            string
		configs, rounds int
		moved           func(c, r int) float64
		check           func(d Drifts) bool
		least           int // of 100
	}{
		{"a step of 3 sigma", 1, 14, func(c, r int) float64 { return -3 * sigma * step(r, 8) },
			func(d Drifts) bool {
				g := d.Groups[0]
				return g != nil && g.Change < -sigma && (g.Kind == DriftTrend || g.Round >= 7 && g.Round <= 9)
			}, 90},
		{"a step of 3 sigma in one Config of six", 6, 20, func(c, r int) float64 { return 3 * sigma * step(r, 11) * step(3-c, 3) },
			func(d Drifts) bool { return d.Groups[0] != nil && d.Groups[0].Change > sigma }, 90},
		{"the machine by 3 sigma", 12, 10, func(c, r int) float64 { return -3 * sigma * step(r, 5) },
			func(d Drifts) bool {
				return d.Machine != nil && d.Machine.Kind == DriftStep && d.Machine.Round == 5 && math.Abs(d.Machine.Change+3*sigma) < sigma && d.Machine.Configs == 12
			}, 90},
		{"a trend of 4 sigma", 1, 20, func(c, r int) float64 { return -4 * sigma * float64(r-1) / 19 },
			func(d Drifts) bool { return d.Groups[0] != nil && math.Abs(d.Groups[0].Change+4*sigma) < 2*sigma }, 90},
	} {
		rng := rand.New(rand.NewPCG(21, 22))
		found := 0
		for range 100 {
			if tt.check(FindDrifts(simulate(tt.configs, tt.rounds, func(c, r int) float64 { return tt.moved(c, r) + sigma*rng.NormFloat64() }))) {
				found++
			}
		}
		t.Logf("%s: %d of 100", tt.name, found)
		if found < tt.least {
			t.Errorf("%s was found in %d of 100 runs, want %d", tt.name, found, tt.least)
		}
	}
}

// step is 1 from at on.
func step(r, at int) float64 {
	if r >= at {
		return 1
	}
	return 0
}

// TestDriftsOfFew says nothing of what cannot be told, and does not fail.
func TestDriftsOfFew(t *testing.T) {
	groups := simulate(2, 30, func(c, r int) float64 { return .5 * step(r, 16) })
	groups[0].Trials = groups[0].Trials[:5]    // too few
	for _, tr := range groups[1].Trials[3:9] { // rounds that it sat out, or failed in
		tr.Status = StatusFailed
	}
	d := FindDrifts(append(groups, Group{}))
	if d.Groups[0] != nil || d.Groups[2] != nil || d.Machine != nil || d.Groups[1] == nil || d.Groups[1].Round != 16 {
		t.Errorf("%+v", d)
	}
	for _, tr := range groups[1].Trials {
		tr.Config.RPS = 5
		tr.Latencies = map[string]Latency{"stream": {Count: 9, P50: int64(1e6 * (1 + .5*step(tr.Round, 16)))}}
	}
	if d := FindDrifts(groups).Groups[1]; d == nil || math.Abs(d.Change-.5) > 1e-3 || d.String() != "the median latency rose by 50 % from round 16 on" {
		t.Errorf("of a latency: %v", d)
	}
}

// TestDriftsOfGaps takes rounds as they come: of a search they have gaps, and a
// damaged file may say any number.
func TestDriftsOfGaps(t *testing.T) {
	groups := simulate(1, 20, func(c, r int) float64 { return .5*step(r, 11) + .001*float64(r%3) })
	for _, tr := range groups[0].Trials {
		tr.Round *= 1e8
	}
	if d := FindDrifts(groups).Groups[0]; d == nil || d.Kind != DriftStep || d.Round != 11e8 {
		t.Errorf("%+v", d)
	}
}

func TestDriftText(t *testing.T) {
	for want, d := range map[string]*Drift{
		"the rate fell by 12 % from round 7 on":                                  {Metric: BodyRate, Kind: DriftStep, Round: 7, Change: -.123},
		"the rate rose steadily, by 1.5 % from the first round to the last":      {Metric: BodyRate, Kind: DriftTrend, Change: .015},
		"all configurations together became slower by 6.0 % from round 3 on":     {Kind: DriftStep, Round: 3, Change: -.06},
		"all configurations together became faster steadily, by 10 % from the f": {Kind: DriftTrend, Change: .1},
	} {
		if got := d.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// BenchmarkDrifts looks at a large run.
func BenchmarkDrifts(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	groups := simulate(200, 30, func(int, int) float64 { return .03 * rng.NormFloat64() })
	for b.Loop() {
		FindDrifts(groups)
	}
}
