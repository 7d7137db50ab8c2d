package planning

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flightbench/results"
)

var update = flag.Bool("update", false, "write the golden files")

func TestParseDemand(t *testing.T) {
	good := map[string]Demand{
		"25GB/s": {25e9, "B/s"}, " 2.5 TB/s ": {2.5e12, "B/s"}, "1GiB/s": {1 << 30, "B/s"}, "200Gbit/s": {25e9, "B/s"}, "1e3B/s": {1000, "B/s"},
		"500/s": {500, "/s"}, "2k/s": {2000, "/s"}, "500 streams/s": {500, "streams/s"}, "2k queries/s": {2000, "queries/s"}, "1call/s": {1, "calls/s"},
		".5/s": {0.5, "/s"},
	}
	for s, want := range good {
		if d, err := ParseDemand(s); err != nil || math.Abs(d.Rate/want.Rate-1) > 1e-12 || d.Unit != want.Unit {
			t.Errorf("%q is %v, %v; want %v", s, d, err, want)
		}
	}
	for _, s := range []string{"", "25", "25GB", "GB/s", "25 gb/s", "-1GB/s", "0/s", "0GB/s", "1e999B/s", "25GB/m", "3 GB streams/s", "3 k GB/s", "2 k /s/s", "NaN/s", "5 furlongs/s"} {
		if d, err := ParseDemand(s); err == nil || !strings.Contains(err.Error(), "write 25GB/s") {
			t.Errorf("%q is %v, %v; want an error that says what to write", s, d, err)
		}
	}
}

func TestParseUtilisation(t *testing.T) {
	for s, want := range map[string]float64{"70%": 0.7, "0.7": 0.7, " 100 % ": 1, "1": 1, "0.5%": 0.005} {
		if v, err := ParseUtilisation(s); err != nil || math.Abs(v-want) > 1e-12 {
			t.Errorf("%q is %g, %v; want %g", s, v, err, want)
		}
	}
	for _, s := range []string{"", "70", "0", "0%", "-5%", "101%", "NaN", "half", "Inf%"} {
		if v, err := ParseUtilisation(s); err == nil {
			t.Errorf("%q is %g, want an error", s, v)
		}
	}
}

// searched is what a search over a rate of streams of 10 MB left: trials at
// five rates, three each, of a server that holds 300 to 330 streams a second.
func searched() (*results.Capacity, []*results.Trial) {
	c := &results.Capacity{
		Over: "rps", Unit: "streams/s", Outcome: results.CapacityFound, Load: 320, Low: 300, High: 330, Level: 0.95, Told: true, LimitedBy: results.LimitServerCPU,
		Objectives: []results.Objective{{Gate: "first_batch.p99<=50ms", Figure: "first_batch.p99", Limit: 50e6}, {Gate: results.KeepsUp}},
		Unloaded:   results.Unloaded{Latency: "stream", Rate: 90, Body: 10e6},
	}
	var trials []*results.Trial
	for _, rps := range []float64{50, 100, 200, 320, 340} {
		l := results.CapacityLoad{Load: rps, Asked: rps, Achieved: results.Spread{N: 3, Median: rps, Min: rps * 0.99, Max: rps * 1.01}}
		l.Bytes = results.Spread{N: 3, Median: rps * 10e6, Min: rps * 9.9e6, Max: rps * 10.1e6}
		for i := range 3 {
			v := rps * (1 + 0.01*float64(i-1))
			m := func(value float64, unit string) results.Metric { return results.Metric{Value: value, Unit: unit} }
			t := &results.Trial{ID: fmt.Sprintf("%d.%g", i+1, rps), Round: i + 1, Status: results.StatusOK, Verdict: results.VerdictValid,
				Config: results.Config{Op: "get", Transport: "direct", Workload: "perf", Rows: 65536, Connections: 4, Concurrency: 10000, RPS: rps, Arrival: "poisson", Request: "flightbench"},
				Metrics: map[string]results.Metric{
					results.BodyRate: m(v*10e6, "B/s"), results.StreamRate: m(v, "streams/s"), results.WireRate: m(v*10.1e6, "B/s"),
					results.ServerCPU: m(0.25+0.01*float64(i), "s/GB"), "peak_streams_in_flight": m(math.Round(v/10), "streams"),
					"server_rss_bytes": m(50e6+2e6*math.Round(v/10)+1e5*float64(i), "B"), "client_peak_rss_bytes": m(80e6, "B"),
				}}
			trials = append(trials, t)
			l.Trials = append(l.Trials, t.ID)
		}
		c.Loads = append(c.Loads, l)
	}
	return c, trials
}

func TestFor(t *testing.T) {
	cases := map[string]struct {
		change             func(*results.Capacity)
		demand             string
		utilisation        float64
		n, least, most     float64
		each, capacity     float64
		unit, assumption   string
		noAssumption, note string
	}{
		"bytes of a rate of streams": {nil, "25GB/s", 0.7, 12, 11, 12, 25e9 / 12, 3.2e9, "B/s", "A stream is of 10.0 MB", "generator", ""},
		"of what the run counts":     {nil, "1000/s", 0.5, 7, 7, 7, 1000. / 7, 320, "streams/s", "linearly", "A stream is", ""},
		"exactly one":                {nil, "224/s", 0.7, 1, 1, 2, 224, 320, "streams/s", "linearly", "", ""},
		"all of it":                  {nil, "640/s", 1, 2, 2, 3, 320, 320, "streams/s", "linearly", "", ""},
		"bits":                       {nil, "8Gbit/s", 0.7, 1, 1, 1, 1e9, 3.2e9, "B/s", "linearly", "", ""},
		"the bound held":             {func(c *results.Capacity) { c.Outcome, c.High = results.CapacityHighest, 0 }, "25GB/s", 0.7, 12, 1, 12, 25e9 / 12, 3.2e9, "B/s", "fewer may do", "", ""},
		"the generator's limit":      {func(c *results.Capacity) { c.LimitedBy = results.LimitGenerator }, "25GB/s", 0.7, 12, 11, 12, 25e9 / 12, 3.2e9, "B/s", "The generator was the limit", "", ""},
		"not told":                   {func(c *results.Capacity) { c.Told = false }, "25GB/s", 0.7, 12, 11, 12, 25e9 / 12, 3.2e9, "B/s", "ended before", "", ""},
		"over a rate of bytes":       {func(c *results.Capacity) { scaleLoads(c, "rate", 1e7) }, "25GB/s", 0.7, 12, 11, 12, 25e9 / 12, 3.2e9, "B/s", "linearly", "A stream is", ""},
		"streams of a rate of bytes": {func(c *results.Capacity) { scaleLoads(c, "rate", 1e7) }, "1000 streams/s", 0.5, 7, 7, 7, 1000. / 7, 320, "streams/s", "A stream is of 10.0 MB", "", ""},
		"over streams in flight":     {func(c *results.Capacity) { c.Over, c.Unit = "concurrency", "streams" }, "25GB/s", 0.7, 12, 12, 12, 25e9 / 12, 3.2e9, "B/s", "what it moved with 320 streams", "", ""},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			c, trials := searched()
			if k.change != nil {
				k.change(c)
			}
			d, err := ParseDemand(k.demand)
			if err != nil {
				t.Fatal(err)
			}
			p, err := For(c, trials, d, k.utilisation)
			if err != nil {
				t.Fatal(err)
			}
			if p.Servers.Value != k.n || p.Servers.Low != k.least || p.Servers.High != k.most || p.Spare.Value != k.n+1 {
				t.Errorf("servers are %v, with one to spare %v; want %g (%g to %g)", p.Servers, p.Spare, k.n, k.least, k.most)
			}
			if math.Abs(p.Each/k.each-1) > 1e-9 || math.Abs(p.Capacity.Value/k.capacity-1) > 1e-9 || p.Demand.Unit != k.unit {
				t.Errorf("each carries %g of %g %s, want %g of %g %s", p.Each, p.Capacity.Value, p.Demand.Unit, k.each, k.capacity, k.unit)
			}
			all := strings.Join(p.Assumptions, "\n")
			if !strings.Contains(all, k.assumption) || k.noAssumption != "" && strings.Contains(all, k.noAssumption) {
				t.Errorf("assumptions should have %q and not %q:\n%s", k.assumption, k.noAssumption, all)
			}
		})
	}
}

// scaleLoads makes c one over another field, whose loads are times the old.
func scaleLoads(c *results.Capacity, over string, times float64) {
	c.Over, c.Unit = over, "B/s"
	c.Load, c.Low, c.High = c.Load*times, c.Low*times, c.High*times
	for i := range c.Loads {
		c.Loads[i].Load *= times
	}
}

// TestNeeds checks the arithmetic of what is needed beside servers.
func TestNeeds(t *testing.T) {
	c, trials := searched()
	p, err := For(c, trials, Demand{25e9, "B/s"}, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string]Need{}
	for _, n := range p.Needs {
		needs[n.Name] = n
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got/want-1) > 0.01 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("network", needs["network"].Total.Value, 25e9*8*1.01)
	near("network of a server", needs["network"].Each.Value, 25e9*8*1.01/12)
	near("cores", needs["server cores"].Total.Value, 25*0.26)
	near("most cores", needs["server cores"].Total.High, 25*0.27)
	near("streams", needs["streams"].Each.Value, 32)
	near("memory", needs["server memory"].Each.Value, 50e6+64e6+1e5)
	near("memory of a stream", needs["server memory per stream"].Each.Value, 2e6)
	if n := needs["server memory per connection"]; n.Each != nil || !strings.Contains(n.Note, "3 different loads") {
		t.Errorf("memory of a connection is %v: all trials had as many", n)
	}

	for _, tr := range trials {
		delete(tr.Metrics, results.ServerCPU)
		delete(tr.Metrics, "server_rss_bytes")
		delete(tr.Metrics, results.WireRate)
	}
	if p, err = For(c, trials, Demand{25e9, "B/s"}, 0.7); err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Needs[:2] {
		if n.Total != nil || !strings.Contains(n.Note, " did not ") {
			t.Errorf("%s is %v, want that it is not known", n.Name, n)
		}
	}
}

func TestForRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*results.Capacity, []*results.Trial) (*results.Capacity, []*results.Trial)
		demand Demand
		share  float64
		none   bool
		want   string
	}{
		"no search":   {func(*results.Capacity, []*results.Trial) (*results.Capacity, []*results.Trial) { return nil, nil }, Demand{1, "/s"}, 0.7, true, "flightbench capacity"},
		"lowest":      {outcome(results.CapacityLowest), Demand{1, "/s"}, 0.7, true, "lowest load"},
		"untold":      {outcome(results.CapacityUntold), Demand{1, "/s"}, 0.7, true, "too little"},
		"no trials":   {func(c *results.Capacity, _ []*results.Trial) (*results.Capacity, []*results.Trial) { return c, nil }, Demand{1, "/s"}, 0.7, true, "no trial"},
		"other unit":  {nil, Demand{5, "queries/s"}, 0.7, false, "measured streams/s"},
		"no bytes":    {calls, Demand{5e9, "B/s"}, 0.7, false, "moved no batches"},
		"utilisation": {nil, Demand{5, "/s"}, 1.5, false, "150 %"},
	}
	for name, k := range cases {
		c, trials := searched()
		if k.change != nil {
			c, trials = k.change(c, trials)
		}
		p, err := For(c, trials, k.demand, k.share)
		if err == nil || errors.Is(err, ErrNoCapacity) != k.none || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: %v, %v; want an error with %q", name, p, err, k.want)
		}
	}
}

func outcome(o string) func(*results.Capacity, []*results.Trial) (*results.Capacity, []*results.Trial) {
	return func(c *results.Capacity, ts []*results.Trial) (*results.Capacity, []*results.Trial) {
		c.Outcome, c.Load = o, 0
		return c, ts
	}
}

// calls makes the run one of calls.
func calls(c *results.Capacity, ts []*results.Trial) (*results.Capacity, []*results.Trial) {
	for i := range c.Loads {
		c.Loads[i].Bytes = results.Spread{}
	}
	for _, t := range ts {
		t.Config.Op = "info"
		t.Metrics = map[string]results.Metric{results.CallRate: {Value: t.Config.RPS, Unit: "calls/s"}}
	}
	return c, ts
}

func TestPrint(t *testing.T) {
	c, trials := searched()
	p, err := For(c, trials, Demand{25e9, "B/s"}, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Print(&b, "table"); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "plan.txt")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the table differs from %s:\n%s", golden, b.String())
	}

	c.Outcome = results.CapacityHighest // an interval without an end
	if p, err = For(c, trials, Demand{25e9, "B/s"}, 0.7); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := p.Print(&b, "json"); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Capacity, Servers struct{ Value, Low, High *float64 }
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Capacity.High != nil || *back.Servers.Value != 12 || *back.Servers.Low != 1 {
		t.Errorf("read back %+v from\n%s", back, b.String())
	}
	if err := p.Print(&b, "csv"); err == nil {
		t.Error("csv was printed")
	}
}

// TestUncountable wants a plan in numbers that one can read, however large the
// demand is.
func TestUncountable(t *testing.T) {
	c, trials := searched()
	p, err := For(c, trials, Demand{1e29, "B/s"}, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.text(); strings.Contains(s, "-9,") || !strings.Contains(s, "e+19") {
		t.Errorf("it says\n%s", s)
	}
}
