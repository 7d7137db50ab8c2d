package results_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"flightbench/results"
)

// flightConfig is a results.Config that has a ladder.
func flightConfig(change func(*results.Config)) results.Config {
	c := results.Config{Target: "embedded", Op: "get", Transport: "direct", ServerTransport: "direct", TLS: "off", Workload: "perf", Rows: 1000, Distinct: 8, Batches: 64,
		Compression: "none", Decode: "count", Concurrency: 4, Connections: 2, Endpoints: 1, Duration: 1, Auth: "none", Location: "listed", Request: "flightbench", GOMAXPROCS: 2}
	if change != nil {
		change(&c)
	}
	return c
}

func ops(configs []results.Config) (out []string) {
	for _, c := range configs {
		out = append(out, strings.TrimPrefix(c.Op, results.RungPrefix))
	}
	return out
}

func TestRungs(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*results.Config)
		want   string
	}{
		"get":               {nil, "copy socket:get grpc:get encode decode"},
		"put":               {func(c *results.Config) { c.Op = "put" }, "copy socket:put grpc:put encode decode"},
		"ingest":            {func(c *results.Config) { c.Op = "ingest" }, "copy socket:put grpc:put encode decode"},
		"exchange":          {func(c *results.Config) { c.Op = "exchange" }, "copy socket:exchange grpc:exchange encode decode"},
		"tls":               {func(c *results.Config) { c.TLS = "mtls" }, "copy socket:get tls:get grpc:get encode decode"},
		"codec":             {func(c *results.Config) { c.Compression = "zstd:3" }, "copy socket:get grpc:get encode decode codec:get"},
		"codec of put":      {func(c *results.Config) { c.Op, c.Compression = "put", "lz4" }, "copy socket:put grpc:put encode decode codec:put"},
		"codec of exchange": {func(c *results.Config) { c.Op, c.Compression = "exchange", "lz4" }, "copy socket:exchange grpc:exchange encode decode codec:put codec:get"},
		"call":              {func(c *results.Config) { c.Op = "info" }, ""},
		"path":              {func(c *results.Config) { c.Path = "a/b" }, ""},
		"query":             {func(c *results.Config) { c.Op, c.SQL = "query", "SELECT 1" }, ""},
		"open loop":         {func(c *results.Config) { c.RPS = 10 }, ""},
		"canceled":          {func(c *results.Config) { c.CancelAfter = "3" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := flightConfig(tc.change)
			if got := strings.Join(ops(c.Rungs()), " "); got != tc.want {
				t.Errorf("rungs %q, want %q", got, tc.want)
			}
			if why := c.NoRungs(); (why == "") != (tc.want != "") {
				t.Errorf("there are none because %q", why)
			}
		})
	}
}

// What does not matter to a rung does not set it apart.
func TestRungsAreShared(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*results.Config)
		shared string
	}{
		"window":      {func(c *results.Config) { c.Window = 1 << 20 }, "copy socket:get encode decode"},
		"transport":   {func(c *results.Config) { c.Transport, c.ServerTransport = "grpc", "grpc" }, "copy socket:get encode decode"},
		"stock":       {func(c *results.Config) { c.Transport, c.ServerTransport = "stock", "stock" }, "copy socket:get"},
		"tls":         {func(c *results.Config) { c.TLS = "on" }, "copy socket:get encode decode"},
		"decode":      {func(c *results.Config) { c.Decode = "batch" }, "copy socket:get encode"},
		"put":         {func(c *results.Config) { c.Op, c.PutAck = "put", "last" }, "copy encode decode"},
		"acks":        {func(c *results.Config) { c.PutAck = "all" }, "copy socket:get grpc:get encode decode"},
		"target":      {func(c *results.Config) { c.Target = "other" }, "copy encode decode"},
		"connections": {func(c *results.Config) { c.Connections = 4 }, "copy encode decode"},
		"streams":     {func(c *results.Config) { c.Concurrency = 8 }, "socket:get"},
		"endpoints":   {func(c *results.Config) { c.Endpoints = 2 }, "socket:get"},
		"in order":    {func(c *results.Config) { c.Endpoints, c.Ordered = 2, true }, "copy socket:get grpc:get encode decode"},
		"rows":        {func(c *results.Config) { c.Rows = 5 }, ""},
		"compression": {func(c *results.Config) { c.Compression = "lz4" }, ""},
		"auth":        {func(c *results.Config) { c.Auth = "token" }, "copy encode decode"},
		"distance":    {func(c *results.Config) { c.RTT = 0.01 }, "copy encode decode"},
		"batches":     {func(c *results.Config) { c.Batches = 5 }, "copy encode decode"},
	} {
		t.Run(name, func(t *testing.T) {
			base := flightConfig(nil).Rungs()
			var shared []results.Config
			for _, r := range base {
				if slices.Contains(flightConfig(tc.change).Rungs(), r) {
					shared = append(shared, r)
				}
			}
			if got := strings.Join(ops(shared), " "); got != tc.shared {
				t.Errorf("shared %q, want %q", got, tc.shared)
			}
		})
	}
}

// trialOf is one that moved rate bytes a second.
func trialOf(c results.Config, round int, rate float64) *results.Trial {
	t := &results.Trial{ID: fmt.Sprintf("%d.%d", round, len(c.Op)), Round: round, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid, Metrics: map[string]results.Metric{}}
	t.Metrics[results.BodyRate] = results.Metric{Value: rate, Unit: "B/s", Better: "higher"}
	t.Metrics[results.ClientCPU] = results.Metric{Value: 0.25, Unit: "s/GB", Better: "lower"}
	return t
}

// ladderTrials are those of c and its rungs at the given rates in GB/s, in
// rounds of which each is slower than the one before: their ratios are not.
func ladderTrials(c results.Config, rates map[string]float64, rounds int) (out []*results.Trial) {
	for round := 1; round <= rounds; round++ {
		for _, x := range append([]results.Config{c}, c.Rungs()...) {
			if r, ok := rates[strings.TrimPrefix(x.Op, results.RungPrefix)]; ok {
				out = append(out, trialOf(x, round, r*1e9/float64(round)))
			}
		}
	}
	return out
}

func TestLadder(t *testing.T) {
	c := flightConfig(func(c *results.Config) { c.TLS = "on" })
	rates := map[string]float64{"copy": 10, "socket:get": 5, "tls:get": 2.5, "grpc:get": 2, "get": 1, "encode": 4, "decode": 100}
	ladders := results.Ladders(ladderTrials(c, rates, 3))
	if len(ladders) != 1 {
		t.Fatalf("%d ladders, want 1", len(ladders))
	}
	want := []struct {
		name         string
		share        float64
		chain        bool
		step, ofTime float64
	}{ // the median round is the second: all take twice the time of the first
		{"memory copy", 0.1, true, 0.2, 0.1},
		{"socket", 0.2, true, 0.2, 0.1},
		{"TLS", 0.4, true, 0.4, 0.2},
		{"gRPC", 0.5, true, 0.2, 0.1},
		{"DoGet", 1, true, 1, 0.5},
		{"encode", 0.25, false, 0, 0},
		{"decode", 0.01, false, 0, 0},
	}
	if len(ladders[0].Rungs) != len(want) {
		t.Fatalf("%d rungs, want %d", len(ladders[0].Rungs), len(want))
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	for i, r := range ladders[0].Rungs {
		w := want[i]
		if r.Name != w.name || r.Chain != w.chain || !near(r.Share.Median, w.share) || !near(r.Step, w.step) || !near(r.OfTime, w.ofTime) || r.Missing != "" {
			t.Errorf("rung %d is %s: share %v, chain %v, step %v, of the time %v, missing %q; want %+v", i, r.Name, r.Share.Median, r.Chain, r.Step, r.OfTime, r.Missing, w)
		}
	}
	const says = "DoGet moves 20 % of what the raw socket does; the largest step is what Flight and Arrow add to gRPC: 50 % of the time of a gigabyte."
	if got := ladders[0].Sentence(); got != says {
		t.Errorf("it says %q, want %q", got, says)
	}
}

// Rungs that the server does not have are named, and the chain closes over them.
func TestLadderLacksRungs(t *testing.T) {
	c := flightConfig(func(c *results.Config) { c.Distinct = 0 }) // a server that is not ours
	trials := ladderTrials(c, map[string]float64{"copy": 10, "get": 2, "encode": 4}, 2)
	for _, tr := range trials {
		if tr.Config.Op != "get" {
			tr.Config.Distinct = 8 // what the client found
		}
	}
	for _, r := range c.Rungs() {
		if _, way, _ := r.Rung(); way != "" {
			r.Batches, r.Distinct = 99, 8
			trials = append(trials, &results.Trial{ID: "1.9", Round: 1, Config: r, Status: results.StatusUnavailable, Error: "not available: no other end"})
		}
	}
	l := results.Ladders(trials)
	if len(l) != 1 {
		t.Fatalf("%d ladders, want 1", len(l))
	}
	missing := map[string]string{}
	for _, r := range l[0].Rungs {
		if r.Missing != "" {
			missing[r.Name] = r.Missing
		}
	}
	if missing["socket"] != "not available: no other end" || missing["gRPC"] != missing["socket"] || missing["decode"] != "not measured" || len(missing) != 3 {
		t.Errorf("missing: %v", missing)
	}
	const says = "DoGet moves 20 % of what a memory copy does; the largest step is what Flight, Arrow and gRPC add: 80 % of the time of a gigabyte."
	if got := l[0].Sentence(); got != says {
		t.Errorf("it says %q, want %q", got, says)
	}
	if p := results.TellLadders(trials, false); len(p.Notes) != 0 || len(p.Parts[0].Missing) != 3 {
		t.Errorf("notes %v, missing %v", p.Notes, p.Parts[0].Missing)
	}
}

// A rung may be as fast as Flight, or slower: it is told as it is.
func TestLadderWithoutSteps(t *testing.T) {
	c := flightConfig(nil)
	trials := ladderTrials(c, map[string]float64{"copy": 5, "socket:get": 4, "grpc:get": 5}, 2)
	trials = append(trials, trialOf(c, 1, 4.2e9), trialOf(c, 2, 1.95e9)) // of the socket 4 and 2
	l := results.Ladders(trials)[0]
	if s := l.Sentence(); !strings.HasPrefix(s, "DoGet moves as much as the raw socket does, as far as these rounds tell") {
		t.Errorf("it says %q", s)
	}
	p := l.Part()
	steps := map[string]string{}
	for _, row := range p.Rows {
		steps[row[0]] = row[4]
	}
	if steps["gRPC"] != "none" || steps["socket"] != "slower" {
		t.Errorf("a gRPC faster than the socket, and a socket slower than Flight: %v", steps)
	}
}

// The largest step is told only where the rounds agree that it is.
func TestLargestStep(t *testing.T) {
	c := flightConfig(nil)
	for name, tc := range map[string]struct {
		rates map[string][]float64 // GB/s by rounds
		want  string
	}{
		"clear":              {map[string][]float64{"copy": {10, 9}, "socket:get": {5, 5}, "grpc:get": {1.2, 1.3}, "get": {1, 1}}, "gRPC"},
		"rungs all over":     {map[string][]float64{"copy": {2.6, 4.6, 1.5}, "socket:get": {1.5, 4.4, 1.5}, "grpc:get": {4.2, 0.5, 3.9}, "get": {3.6, 4.2, 3.7}}, ""},
		"slower socket":      {map[string][]float64{"copy": {10}, "socket:get": {0.5}, "grpc:get": {1.2}, "get": {1}}, ""},
		"one of two is more": {map[string][]float64{"copy": {10, 10}, "socket:get": {2.6, 1.5}, "get": {1, 1}}, ""},
		"one step":           {map[string][]float64{"copy": {0.5}, "get": {1}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var trials []*results.Trial
			for _, x := range append([]results.Config{c}, c.Rungs()...) {
				for i, rate := range tc.rates[strings.TrimPrefix(x.Op, results.RungPrefix)] {
					trials = append(trials, trialOf(x, i+1, rate*1e9))
				}
			}
			l, got := results.Ladders(trials)[0], ""
			if r := l.Largest(); r != nil {
				got = r.Name
			}
			if got != tc.want || strings.Contains(l.Sentence(), "largest step") != (tc.want != "") {
				t.Errorf("it is %q, want %q; it says %q", got, tc.want, l.Sentence())
			}
		})
	}
}

func TestRungsAreNamedInWords(t *testing.T) {
	var got []string
	for _, r := range flightConfig(nil).Rungs() {
		got = append(got, r.Label([]string{"target", "op", "transport", "tls", "auth"}))
	}
	want := []string{"ceiling copy", "embedded · ceiling socket get · direct · TLS off · no auth", "embedded · ceiling grpc get · direct · TLS off · no auth", "ceiling encode", "ceiling decode"}
	if !slices.Equal(got, want) {
		t.Errorf("they are called %q, want %q", got, want)
	}
}

func TestNoLadder(t *testing.T) {
	c := flightConfig(nil)
	for name, trials := range map[string][]*results.Trial{
		"nothing":       nil,
		"no rungs":      {trialOf(c, 1, 1e9)},
		"no flight":     ladderTrials(c, map[string]float64{"copy": 10}, 1),
		"another's":     append(ladderTrials(flightConfig(func(c *results.Config) { c.Rows = 7 }), map[string]float64{"copy": 10}, 1), trialOf(c, 1, 1e9)),
		"failed flight": append(ladderTrials(c, map[string]float64{"copy": 10}, 1), &results.Trial{ID: "1.1", Config: c, Status: results.StatusFailed}),
	} {
		if l := results.Ladders(trials); len(l) != 0 {
			t.Errorf("%s: %d ladders", name, len(l))
		}
		var b bytes.Buffer
		if err := results.WriteLadders(&b, trials, 0); err != nil || b.Len() != 0 {
			t.Errorf("%s: printed %q (%v)", name, b.String(), err)
		}
	}
}

// results.Ladders stand below the table, which has none of their rungs.
func TestLadderText(t *testing.T) {
	rates := map[string]float64{"copy": 10.5, "socket:get": 5, "grpc:get": 2, "get": 1, "encode": 4, "decode": 100}
	one := ladderTrials(flightConfig(nil), rates, 6)
	var many []*results.Trial
	for _, rows := range []int64{10, 100, 1000, 10_000} {
		many = append(many, ladderTrials(flightConfig(func(c *results.Config) { c.Rows = rows }), rates, 2)...)
	}
	for name, trials := range map[string][]*results.Trial{"ladder": one, "ladders": many} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := results.WriteTable(&b, results.Run{Name: "ceiling"}, trials, 0); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", b.Bytes())
		})
	}
}
