package tune

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// simulated is a server whose rate is a function of the settings, on a machine
// with noise: lognormal, half of it shared by the trials of a round, and one
// trial in twenty up to twice as slow.
type simulated struct {
	rate  func(results.Config) float64 // B/s; 0 fails
	noise float64
	rng   *rand.Rand
	round int
	mood  float64
}

func (m *simulated) trial(s bench.Step) *results.Trial {
	if s.Round != m.round {
		m.round, m.mood = s.Round, m.mood+0.02*m.rng.NormFloat64()
	}
	took := s.Config.Duration + s.Config.Warmup + 0.2
	t := &results.Trial{ID: s.ID, Round: s.Round, Phase: s.Phase, Config: s.Config, Status: results.StatusOK, Verdict: results.VerdictValid, Took: took}
	rate := m.rate(s.Config)
	if rate == 0 {
		t.Status, t.Error = results.StatusFailed, "refused"
		return t
	}
	rate *= math.Exp(m.mood + m.noise*m.rng.NormFloat64())
	if m.rng.Float64() < 0.05 {
		rate /= 1 + m.rng.Float64()
	}
	t.Metrics = map[string]results.Metric{results.BodyRate: {Value: rate, Unit: "B/s", Better: "higher"},
		results.ServerCPU: {Value: 1e9 / rate, Unit: "s/GB", Better: "lower"}}
	return t
}

// run tunes against m until the search ends, and returns it with the number
// of trials.
func (m *simulated) run(t testing.TB, o Options) (*Search, int) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		step, ok := s.Next()
		if !ok {
			return s, n
		}
		if n > 2000 {
			t.Fatal("the search does not end")
		}
		s.Add(m.trial(step))
	}
}

// star is the base and its departures.
func star(t testing.TB, axes ...bench.Axis) []results.Config {
	t.Helper()
	c := bench.DefaultConfig()
	c.Duration, c.Warmup = 0.6, 0.2
	configs, err := bench.Matrix{Base: c, Axes: axes, OneAtATime: true}.Expand()
	if err != nil {
		t.Fatal(err)
	}
	return configs
}

var everyKnob = []bench.Axis{
	{Name: "rows", Values: []string{"65536", "4096", "16384", "262144"}},
	{Name: "concurrency", Values: []string{"2", "1", "4", "8"}},
	{Name: "connections", Values: []string{"1", "2"}},
	{Name: "window", Values: []string{"0", "1Mi", "4Mi", "16Mi"}},
	{Name: "conn_window", Values: []string{"0", "1Mi", "4Mi", "16Mi"}},
	{Name: "max_frame", Values: []string{"0", "16Ki", "1Mi"}},
	{Name: "read_buffer", Values: []string{"0", "64Ki", "1Mi"}},
	{Name: "write_buffer", Values: []string{"0", "64Ki", "1Mi"}},
	{Name: "compression", Values: []string{"none", "lz4", "zstd"}},
}

func options(t testing.TB, seed uint64) Options {
	return Options{Configs: star(t, everyKnob...), Objective: results.BodyRate, Better: "higher", MaxTime: 5 * time.Minute, Detect: 0.05, Seed: seed}
}

// planted is a server with a best batch size and a window below which it
// starves: each batch costs it a fixed time, each byte a time that grows with
// batches that leave the cache, and a stream waits a round trip for each
// window, the connection's or its own.
func planted(c results.Config) float64 { return starving(c, 64<<10) }

// balanced is planted with default windows that allow just what the default
// batches do: neither is better alone.
func balanced(c results.Config) float64 { return starving(c, 1530e3) }

func starving(c results.Config, window int64) float64 {
	const batch, perByte, trip = 200e-6, 0.5e-9, 2e-3
	bytes := float64(c.Rows) * 32
	perBatch := batch + bytes*perByte
	if bytes > 600e3 {
		perBatch += (bytes - 600e3) * 2 * perByte
	}
	for _, w := range []int64{c.Window, c.ConnWindow} {
		if w == 0 {
			w = window
		}
		perBatch = max(perBatch, bytes*trip/float64(w))
	}
	return bytes / perBatch
}

// seeds is how many searches a simulation has: scripts/tune-truth.sh asks for
// more than each test of the package needs.
var seeds = func() int {
	if os.Getenv("FLIGHTBENCH_GROUND_TRUTH") != "" {
		return 200
	}
	return 50
}()

// TestFindsThePlantedOptimum wants, in nine of ten searches or more, settings
// that are within 5 % of the best there are, and the gain confirmed.
func TestFindsThePlantedOptimum(t *testing.T) {
	best := 0.0
	for _, rows := range []int64{65536, 4096, 16384, 262144} {
		c := bench.DefaultConfig()
		c.Rows, c.Window, c.ConnWindow = rows, 16<<20, 16<<20
		best = max(best, planted(c))
	}
	for _, tt := range []struct {
		name  string
		rate  func(results.Config) float64
		noise float64
	}{{"starving", planted, 0.03}, {"starving", planted, 0.1}, {"balanced", balanced, 0.03}, {"balanced", balanced, 0.1}} {
		found, most, sum := 0, 0.0, 0
		seen := map[string]int{}
		for seed := range seeds {
			m := &simulated{rate: tt.rate, noise: tt.noise, rng: rand.New(rand.NewPCG(uint64(seed), 1))}
			s, n := m.run(t, options(t, uint64(seed)))
			a := s.Answer()
			most, sum = max(most, a.Seconds), sum+n
			if a.Outcome == results.TuningImproved && tt.rate(a.Best) >= 0.95*best {
				found++
			}
			seen[fmt.Sprint(a.Outcome, " ", a.Settings)]++
		}
		t.Logf("%s, noise %v: %d of %d, %d trials on average, %.0f s at most", tt.name, tt.noise, found, seeds, sum/seeds, most)
		if found < seeds*9/10 {
			t.Errorf("%s, noise %v: found in %d of %d, want 90 %%: %v", tt.name, tt.noise, found, seeds, seen)
		}
		if most > 330 {
			t.Errorf("%s, noise %v: took %.0f s, and was given 300", tt.name, tt.noise, most)
		}
	}
}

// TestRecommendsTheDefaults wants the defaults where nothing matters.
func TestRecommendsTheDefaults(t *testing.T) {
	for _, noise := range []float64{0.03, 0.1} {
		kept := 0
		for seed := range seeds {
			m := &simulated{rate: func(results.Config) float64 { return 1e9 }, noise: noise, rng: rand.New(rand.NewPCG(uint64(seed), 2))}
			s, _ := m.run(t, options(t, uint64(seed)))
			if a := s.Answer(); a.Outcome == results.TuningDefaults && len(a.Settings) == 0 && a.Best == a.Base {
				kept++
			}
		}
		t.Logf("noise %v: %d of %d", noise, kept, seeds)
		if kept < seeds*95/100 {
			t.Errorf("noise %v: the defaults in %d of %d, want 95 %%", noise, kept, seeds)
		}
	}
}

// TestIsAFunctionOfItsTrials resumes a search after each tenth trial, told in
// another order, and wants the same steps and answer.
func TestIsAFunctionOfItsTrials(t *testing.T) {
	m := &simulated{rate: planted, noise: 0.05, rng: rand.New(rand.NewPCG(5, 5))}
	o := options(t, 3)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var told []*results.Trial
	for {
		step, ok := s.Next()
		if again, _ := s.Next(); again != step {
			t.Fatalf("Next is %+v and then %+v", step, again)
		}
		if len(told)%10 == 0 {
			o, _ := New(o)
			for _, t := range slices.Backward(told) {
				o.Add(t)
			}
			if got, ok2 := o.Next(); got != step || ok2 != ok {
				t.Fatalf("after %d trials a resumed search goes on with %+v, not %+v", len(told), got, step)
			}
		}
		if !ok {
			break
		}
		told = append(told, m.trial(step))
		s.Add(told[len(told)-1])
	}
	if len(told) < 50 {
		t.Fatalf("only %d trials", len(told))
	}
}

// TestObjectives covers what else may be asked for.
func TestObjectives(t *testing.T) {
	gate, err := compare.ParseGate("body_bytes_per_second>=500MB/s")
	if err != nil {
		t.Fatal(err)
	}
	rows := bench.Axis{Name: "rows", Values: []string{"65536", "4096", "16384"}}
	by := func(rates map[int64]float64) func(results.Config) float64 {
		return func(c results.Config) float64 { return rates[c.Rows] }
	}
	for _, tt := range []struct {
		name    string
		rates   map[int64]float64
		o       Options
		outcome string
		rows    int64
	}{
		{"more is better", map[int64]float64{65536: 1e9, 4096: 5e8, 16384: 2e9}, Options{}, results.TuningImproved, 16384},
		{"less CPU is better", map[int64]float64{65536: 1e9, 4096: 2e9, 16384: 5e8}, Options{Objective: results.ServerCPU, Better: "lower"}, results.TuningImproved, 4096},
		{"one is refused", map[int64]float64{65536: 1e9, 4096: 0, 16384: 1e9}, Options{}, results.TuningDefaults, 65536},
		{"the defaults are refused", map[int64]float64{65536: 0, 4096: 1e9, 16384: 1e9}, Options{}, results.TuningFailed, 65536},
		{"less CPU within a limit", map[int64]float64{65536: 1e9, 4096: 4e8, 16384: 1.5e9}, Options{SLO: []compare.Gate{gate}}, results.TuningImproved, 16384},
		{"the defaults miss a limit", map[int64]float64{65536: 4e8, 4096: 3e8, 16384: 9e8}, Options{SLO: []compare.Gate{gate}}, results.TuningImproved, 16384},
		{"all miss a limit", map[int64]float64{65536: 2e8, 4096: 1e8, 16384: 2e8}, Options{SLO: []compare.Gate{gate}}, results.TuningMissed, 65536},
		{"no such figure", map[int64]float64{65536: 1e9, 4096: 1e9, 16384: 1e9}, Options{Objective: "put_ack.p99", Better: "lower"}, results.TuningFailed, 65536},
	} {
		o := tt.o
		o.Configs, o.MaxTime, o.Detect = star(t, rows), 3*time.Minute, 0.05
		if o.Objective == "" {
			o.Objective, o.Better = results.BodyRate, "higher"
		}
		m := &simulated{rate: by(tt.rates), noise: 0.02, rng: rand.New(rand.NewPCG(9, 9))}
		s, n := m.run(t, o)
		a := s.Answer()
		if a.Outcome != tt.outcome || a.Best.Rows != tt.rows {
			t.Errorf("%s: %s with %d rows after %d trials, want %s with %d: %v %v %+v", tt.name, a.Outcome, a.Best.Rows, n, tt.outcome, tt.rows, a.Failed, a.Notes, a.Knobs)
		}
		if left, d := s.Left(); left != 0 || d != 0 {
			t.Errorf("%s: %d trials, %v left at the end", tt.name, left, d)
		}
	}
}

// TestServerDies wants a search that ends soon, and recommends nothing, where
// the server is gone in the middle of it.
func TestServerDies(t *testing.T) {
	for _, last := range []int{20, 60, 150} {
		n := 0
		m := &simulated{noise: 0.03, rng: rand.New(rand.NewPCG(4, 4)), rate: func(c results.Config) float64 {
			if n++; n > last {
				return 0
			}
			return planted(c)
		}}
		s, trials := m.run(t, options(t, 1))
		if a := s.Answer(); a.Outcome != results.TuningFailed || !strings.Contains(a.Failed, "no longer answers") || len(a.Settings) > 0 {
			t.Errorf("after %d trials: %s, %q, %v", last, a.Outcome, a.Failed, a.Settings)
		}
		if trials > last+25 {
			t.Errorf("%d trials of a server that was gone after %d", trials, last)
		}
	}
}

// TestLimits wants the defaults where what wins keeps a limit in races alone
// and the defaults keep it always, and where nothing keeps it what is nearest.
func TestLimits(t *testing.T) {
	gate, err := compare.ParseGate("batch_gap.p99<=5ms")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                  string
		gain                  float64
		base, raced, confirms int64 // p99 of the defaults, and of 4,096 rows
		outcome, says         string
		rows                  int64
	}{
		{"kept in races alone", 2, 4e6, 4e6, 6e6, results.TuningDefaults, "misses an objective that they meet", 65536},
		{"kept by none", 1, 20e6, 8e6, 8e6, results.TuningMissed, "the nearest: --rows 4096", 4096},
		{"kept", 1, 20e6, 4e6, 4e6, results.TuningImproved, "Recommended: --rows 4096", 4096},
	} {
		m := &simulated{noise: 0.02, rng: rand.New(rand.NewPCG(6, 6)), rate: func(c results.Config) float64 { return map[int64]float64{65536: 1e9, 4096: 1e9 * tt.gain}[c.Rows] }}
		s, err := New(Options{Configs: star(t, bench.Axis{Name: "rows", Values: []string{"65536", "4096"}}), Objective: results.BodyRate, Better: "higher",
			SLO: []compare.Gate{gate}, MaxTime: 3 * time.Minute, Detect: 0.05})
		if err != nil {
			t.Fatal(err)
		}
		for step, ok := s.Next(); ok; step, ok = s.Next() {
			tr, p99 := m.trial(step), tt.base
			if step.Config.Rows == 4096 {
				p99 = map[bool]int64{true: tt.confirms, false: tt.raced}[step.Phase == phaseConfirm]
			}
			tr.Latencies = map[string]results.Latency{"batch_gap": {Count: 1000, P99: p99}}
			s.Add(tr)
		}
		if a := s.Answer(); a.Outcome != tt.outcome || a.Best.Rows != tt.rows || !strings.Contains(a.Lines()[0], tt.says) {
			t.Errorf("%s: %s, %v", tt.name, a.Outcome, a.Lines())
		}
	}
}

// TestRefuses wants what cannot be searched told before anything is measured.
func TestRefuses(t *testing.T) {
	two := options(t, 1)
	two.Configs = star(t, bench.Axis{Name: "rows", Values: []string{"65536", "4096"}})
	product, err := bench.Matrix{Base: bench.DefaultConfig(), Axes: []bench.Axis{{Name: "rows", Values: []string{"65536", "4096"}}, {Name: "window", Values: []string{"0", "1Mi"}}}}.Expand()
	if err != nil {
		t.Fatal(err)
	}
	change, err := compare.ParseGate("first_batch.p99<=+5%")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.MaxTime = 10 * time.Second }, "--max-time 10s is too little to say anything about 1 knob: give "},
		{func(o *Options) { o.Configs = o.Configs[:1] }, "no knob has a second value"},
		{func(o *Options) { o.Configs = product }, "design: one-at-a-time"},
		{func(o *Options) { o.Configs = star(t, bench.Axis{Name: "headers", Values: []string{"0", "10"}}) }, "--headers: that is no knob"},
		{func(o *Options) { o.Detect = 0 }, "--detect"},
		{func(o *Options) { o.Configs = slices.Clone(o.Configs); o.Configs[0].Rate = 1e9 }, "asks for a rate, which no setting raises"},
		{func(o *Options) { o.SLO = []compare.Gate{change} }, "--slo first_batch.p99<=+5% limits a change"},
	} {
		o := two
		tt.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New said %v, want %q", err, tt.want)
		}
	}
	if _, err := New(two); err != nil {
		t.Error(err)
	}
}

// TestEndsEarly wants what is known of an interrupted search.
func TestEndsEarly(t *testing.T) {
	m := &simulated{rate: planted, noise: 0.03, rng: rand.New(rand.NewPCG(1, 1))}
	s, err := New(options(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if n, d := s.Left(); n < 50 || d > 5*time.Minute || d < time.Minute {
		t.Errorf("%d trials, %v left at the begin", n, d)
	}
	for range 100 {
		step, _ := s.Next()
		s.Add(m.trial(step))
	}
	a := s.Answer()
	if a.Outcome != results.TuningUnfinished || a.Best.Window == 0 || a.Gain != nil || a.Knobs[len(a.Knobs)-1].Verdict != results.KnobUnraced {
		t.Errorf("after 100 trials: %+v", a)
	}
	if _, ok := s.Next(); ok {
		t.Error("the search goes on after its answer")
	}
}
