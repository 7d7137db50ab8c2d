package capacity

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

func gates(t *testing.T, all ...string) (out []compare.Gate) {
	t.Helper()
	for _, s := range all {
		g, err := compare.ParseGate(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

// Servers whose capacity is arithmetic, on machines with neighbours: the
// answer is within 5 % in 9 of 10 tries, and within the time.
func TestTruth(t *testing.T) {
	peak := func(s simulated) (most float64) {
		for n := 1; n < 10_000; n++ {
			most = max(most, s.usl(n))
		}
		return most
	}
	usl := simulated{gamma: 100, alpha: 0.05, beta: 0.002}
	quiet := func(s simulated) simulated { return s }
	noisy := func(s simulated) simulated {
		s.jitter, s.bursts, s.burst, s.left = 0.05, 0.2, 0.1, 0.3
		if s.gamma > 0 { // a longer burst tips it over, and it is really able to do less
			s.burst = 0.03
		}
		return s
	}
	tries := simulations
	if n, err := strconv.Atoi(os.Getenv("FLIGHTBENCH_GROUND_TRUTH")); err == nil {
		tries = n
	}
	poisson := simulated{workers: 4, service: 0.01}
	for _, c := range []struct {
		name   string
		server simulated
		over   string
		slo    []string
		want   float64
		set    func(*Options)
	}{
		{name: "workers", server: simulated{workers: 4, service: 0.01}, over: "rps", want: 400},
		{name: "one worker", server: simulated{workers: 1, service: 0.005}, over: "rps", want: 200},
		{name: "many workers", server: simulated{workers: 64, service: 0.02, remembers: true}, over: "rps", want: 3200},
		{name: "workers, p99", server: simulated{workers: 4, service: 0.01, remembers: true}, over: "rps", slo: []string{"action.p99<=100ms"}, want: 400},
		{name: "workers, errors", server: simulated{workers: 8, service: 0.004}, over: "rps", slo: []string{"errors<=0.1%"}, want: 2000},
		{name: "slow workers", server: simulated{workers: 2, service: 0.05}, over: "rps", want: 40},
		{name: "token bucket", server: simulated{workers: 1, service: 0.01, body: 1e6}, over: "rate", want: 100e6},
		{name: "token bucket, large streams", server: simulated{workers: 1, service: 0.16, body: 16e6}, over: "rate", want: 100e6},
		{name: "usl", server: usl, over: "rps", want: peak(usl)},
		{name: "workers, streams", server: simulated{workers: 4, service: 0.01}, over: "concurrency", slo: []string{"action.p99<=100ms"}, want: 38.4},
		{name: "poisson, p99", server: poisson, over: "rps", slo: []string{"action.p99<=40ms"},
			set: func(o *Options) { o.Config.Arrival = bench.ArrivalPoisson }},
		{name: "capped", server: simulated{workers: 4, service: 0.01}, over: "rps", want: 400, set: func(o *Options) { o.From, o.To = 10, 1000 }},
	} {
		for _, n := range []struct {
			name string
			make func(simulated) simulated
		}{{"quiet", quiet}, {"noisy", noisy}} {
			if n.name == "noisy" && strings.HasPrefix(c.name, "poisson") {
				continue // bursts of 2 % of the time decide a p99, not the load
			}
			t.Run(c.name+", "+n.name, func(t *testing.T) {
				t.Parallel()
				o := options(c.over)
				o.Gates = gates(t, c.slo...)
				if c.set != nil {
					c.set(&o)
				}
				if err := o.Validate(); err != nil {
					t.Fatal(err)
				}
				good, in, trials, spent := 0, 0, 0, 0.0
				if o.Config.Arrival == bench.ArrivalPoisson {
					c.want = c.server.within(0.04)
				}
				far := ""
				for seed := range tries {
					s := n.make(c.server)
					a, _ := simulate(o, &s, uint64(seed))
					off := a.Load/c.want - 1
					if math.Abs(off) <= 0.05 {
						good++
					} else {
						far += fmt.Sprintf(" %d:%+.1f%%(%s)", seed, 100*off, a.Outcome)
					}
					if a.Low <= c.want*1.01 && a.High >= c.want*0.98 {
						in++
					}
					trials += a.Trials
					spent += a.Seconds
					if a.Seconds > o.MaxTime.Seconds()*1.1 || a.Outcome != results.CapacityFound {
						t.Errorf("seed %d: %s after %.0f s of %v: %s", seed, a.Outcome, a.Seconds, o.MaxTime, a.Lost)
					}
				}
				t.Logf(t.Name()+": %d of %d within 5 %%; low to high holds it %d; %d trials, %.0f s; far:%s", good, tries, in, trials/tries, spent/float64(tries), far)
				if good*10 < tries*9 {
					t.Errorf("only %d of %d within 5 %%", good, tries)
				}
			})
		}
	}
}

// What a search says where there is more to say than a load.
func TestOutcomes(t *testing.T) {
	workers := simulated{workers: 4, service: 0.01} // 400 a second
	for _, c := range []struct {
		name   string
		server func(*simulated)
		set    func(*Options)
		check  func(*testing.T, *results.Capacity)
	}{
		{"missed at the lowest load", nil, func(o *Options) { o.Gates = gates(t, "action.p99<=5ms") }, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityLowest || c.Load != 0 || !strings.Contains(c.Lines()[0], "times the limit") || !strings.Contains(c.Lines()[0], "ms already") {
				t.Errorf("%s: %q", c.Outcome, c.Lines()[0])
			}
		}},
		{"held at the highest", nil, func(o *Options) { o.To = 300 }, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityHighest || c.Load != 300 || len(c.Confirmed) != 1 || !strings.Contains(c.Lines()[0], "not the server's capacity") {
				t.Errorf("%s %v: %q", c.Outcome, c.Load, c.Lines()[0])
			}
		}},
		{"above the lowest allowed", nil, func(o *Options) { o.From = 500 }, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityLowest || c.Loads[0].Load != 500 || c.Loads[0].Missed < 3 {
				t.Errorf("%s: %q", c.Outcome, c.Lines()[0])
			}
		}},
		{"generator", func(s *simulated) { s.generator = 300 }, nil, func(t *testing.T, c *results.Capacity) {
			if c.LimitedBy != results.LimitGenerator || math.Abs(c.Load/300-1) > 0.05 {
				t.Errorf("%v, limited by %s: %s", c.Load, c.LimitedBy, c.Limit)
			}
		}},
		{"server", nil, nil, func(t *testing.T, c *results.Capacity) {
			if c.LimitedBy != results.LimitServer {
				t.Errorf("limited by %s: %s", c.LimitedBy, c.Limit)
			}
		}},
		{"dies and comes back", func(s *simulated) { s.diesAt, s.downFor = 350, 3 }, nil, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityFound || len(c.Deaths) == 0 || math.Abs(c.Load/350-1) > 0.05 || c.LimitedBy != results.LimitErrors || c.Deaths[0].Recovered < 3 {
				t.Errorf("%s %v, limited by %s, deaths %+v", c.Outcome, c.Load, c.LimitedBy, c.Deaths)
			}
		}},
		{"dies for good", func(s *simulated) { s.diesAt, s.downFor = 350, 1e6 }, nil, func(t *testing.T, c *results.Capacity) {
			if c.Load == 0 || c.Load > 350 || c.Load < 100 || len(c.Deaths) != 1 || c.Deaths[0].Recovered != 0 || c.Told || !strings.Contains(strings.Join(c.Lines(), " "), "did not come back") {
				t.Errorf("%s %v, deaths %+v: %q", c.Outcome, c.Load, c.Deaths, c.Lines())
			}
		}},
		{"dies for good within a window", func(s *simulated) { s.diesAt, s.downFor, s.amid = 350, 1e6, true }, nil, func(t *testing.T, c *results.Capacity) {
			last := c.Loads[len(c.Loads)-1]
			if c.Load == 0 || c.Load > 350 || len(c.Deaths) != 1 || !strings.Contains(c.Deaths[0].Error, "refused") || last.Missed != 1 || last.Excused != 0 || c.LimitedBy != results.LimitErrors {
				t.Errorf("%v, limited by %s, deaths %+v, %+v", c.Load, c.LimitedBy, c.Deaths, last)
			}
		}},
		{"hysteresis", func(s *simulated) { s.collapse = 0.5 }, nil, func(t *testing.T, c *results.Capacity) {
			if !c.Hysteresis.Found || math.Abs(c.Load/200-1) > 0.05 {
				t.Errorf("%v, hysteresis %+v", c.Load, c.Hysteresis)
			}
		}},
		{"no hysteresis", nil, nil, func(t *testing.T, c *results.Capacity) {
			if !c.Hysteresis.Tested || c.Hysteresis.Found || c.Hysteresis.Load == 0 || c.Hysteresis.After <= c.Hysteresis.Load {
				t.Errorf("hysteresis %+v", c.Hysteresis)
			}
		}},
		{"crowded on the way up", func(s *simulated) { s.crowded = [2]float64{3, 30} }, nil, func(t *testing.T, c *results.Capacity) {
			if math.Abs(c.Load/400-1) > 0.05 {
				t.Errorf("%v: %q", c.Load, c.Lines())
			}
		}},
		{"crowded throughout", func(s *simulated) { s.crowded = [2]float64{10, 1e6} }, nil, func(t *testing.T, c *results.Capacity) {
			if c.Load > 400 || c.Told || c.LimitedBy != results.LimitNeighbours || c.Hysteresis.Tested || !strings.HasPrefix(c.Lines()[0], "Capacity: at least ") || c.Sure() {
				t.Errorf("%v, limited by %s: %q", c.Load, c.LimitedBy, c.Lines())
			}
		}},
		{"unknown here", nil, func(o *Options) { o.Gates = gates(t, "first_batch.p99<=5ms") }, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityUntold || c.Trials != 1 || !strings.Contains(c.Lost, "first_batch") {
				t.Errorf("%s after %d trials: %s", c.Outcome, c.Trials, c.Lost)
			}
		}},
		{"unreachable", func(s *simulated) { s.up = 1e9 }, nil, func(t *testing.T, c *results.Capacity) {
			if c.Outcome != results.CapacityUntold || c.Trials != 1 || !strings.Contains(c.Lines()[0], "connection refused") {
				t.Errorf("%s after %d trials: %s", c.Outcome, c.Trials, c.Lines()[0])
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, o := workers, options("rps")
			if c.server != nil {
				c.server(&s)
			}
			if c.set != nil {
				c.set(&o)
			}
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			a, _ := simulate(o, &s, 1)
			t.Log(strings.Join(a.Lines(), "\n"))
			if a.Seconds > 1.2*o.MaxTime.Seconds() {
				t.Errorf("it took %.0f s", a.Seconds)
			}
			c.check(t, a)
		})
	}
}

// Where all above the answer was excused, that is what limited it.
func TestLimitExcused(t *testing.T) {
	trial := func(others float64) *results.Trial {
		return &results.Trial{Metrics: map[string]results.Metric{"others_cpu_share": {Value: others}}}
	}
	s := &Search{o: options("rps"), unloaded: trial(0), tries: []try{
		{load: 10, trial: trial(0.1), judgement: judgement{outcome: held}},
		{load: 20, trial: trial(0.9), judgement: judgement{outcome: excused, neighbours: true}},
	}}
	c := &results.Capacity{Outcome: results.CapacityFound, Load: 10, Unit: "calls/s"}
	if s.limit(c); c.LimitedBy != results.LimitNeighbours || !strings.Contains(c.Limit, "90 %") {
		t.Errorf("limited by %q: %s", c.LimitedBy, c.Limit)
	}
	c.Outcome, c.Load, c.Loads = results.CapacityUntold, 0, []results.CapacityLoad{{Load: 20}}
	if line := c.Lines()[0]; !strings.Contains(line, "no load from 20 calls/s on was found to hold") || !strings.Contains(line, "; limited by the server, or by other processes") {
		t.Error(line)
	}
}

// A link that is used up limits before the windows that wait for it do.
func TestLimitLink(t *testing.T) {
	for used, want := range map[float64]string{0.95: results.LimitNetwork, 0.5: results.LimitFlowControl} {
		o := options("rate")
		o.Config.Bandwidth = 125e6
		s := &Search{o: o, unloaded: &results.Trial{}, tries: []try{{load: 20, judgement: judgement{outcome: missed}, trial: &results.Trial{
			Metrics: map[string]results.Metric{results.WireRate: {Value: used * 125e6}, "time_share_flow_control": {Value: 0.9}}}}}}
		c := &results.Capacity{Outcome: results.CapacityFound, Load: 10}
		if s.limit(c); c.LimitedBy != want || want == results.LimitNetwork && !strings.Contains(c.Limit, "95 % of the 125 MB/s") {
			t.Errorf("of a link used to %v: limited by %q: %s", used, c.LimitedBy, c.Limit)
		}
	}
}

// An interrupted search goes on where it was: told the trials that are stored,
// it asks for what it would have asked for, and says on the way what it knows.
func TestResume(t *testing.T) {
	s := simulated{workers: 4, service: 0.01, jitter: 0.05, bursts: 0.2, burst: 0.1, left: 0.3}
	o := options("rps")
	want, trials := simulate(o, &s, 3)
	for _, n := range []int{0, 1, 4, 9, len(trials) - 1, len(trials)} {
		again := New(o)
		defer again.Stop()
		for _, trial := range trials[:n] {
			again.Add(trial)
		}
		if a := again.Answer(); n == 9 && (a.Outcome != results.CapacityFound || a.Load == 0) {
			t.Errorf("after %d trials it says %s %v", n, a.Outcome, a.Load)
		}
		if left, _ := again.Left(); (left > 0) != (n < len(trials)) {
			t.Errorf("after %d of %d trials %d are left", n, len(trials), left)
		}
		for _, trial := range trials[n:] {
			step, more := again.Next()
			if !more || step.ID != trial.ID || step.Config.Key() != trial.Config.Key() || step.Phase != trial.Phase {
				t.Fatalf("gone on with after %d trials: step %s %s, want %s %s", n, step.ID, step.Phase, trial.ID, trial.Phase)
			}
			again.Add(trial)
		}
		if got := again.Answer(); got.Load != want.Load || got.Low != want.Low || got.Trials != want.Trials {
			t.Errorf("gone on with after %d trials: %v, want %v", n, got.Load, want.Load)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Options)
		want string
	}{
		{"fine", func(*Options) {}, ""},
		{"axis", func(o *Options) { o.Over = "rows" }, "--over \"rows\" is unknown: use rps, rate, concurrency, connections"},
		{"bytes of calls", func(o *Options) { o.Over = "rate" }, "--over rate is of body bytes, and --op action:work moves none: use --over rps"},
		{"bounds", func(o *Options) { o.From, o.To = 500, 100 }, "--from 500 calls/s is not below --to 100 calls/s: leave one out, or swap them"},
		{"equal bounds", func(o *Options) { o.From, o.To = 100, 100 }, "--from 100 calls/s is not below --to 100 calls/s: leave one out, or swap them"},
		{"too much", func(o *Options) { o.To = 1e7 }, "--to 10,000,000 calls/s is more than the generator can make"},
		{"half a stream", func(o *Options) { o.Over, o.From = "concurrency", 1.5 }, "--from 1.5: concurrency are counted: use a whole number"},
		{"change", func(o *Options) { o.Gates = gates(t, "action.p99<=+5%") }, "limits a change, and there is nothing to compare with"},
		{"time", func(o *Options) { o.MaxTime = 5 * time.Second }, "--max-time 5s is too short to say anything: with trials of 1.00 s give at least 24s"},
		{"time for these trials", func(o *Options) { o.Config.Duration = 20 }, "--max-time 2m30s is too short to say anything: with trials of 20.0 s give at least 5m28s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options("rps")
			c.set(&o)
			if err := o.Validate(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
