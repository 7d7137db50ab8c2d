package report_test

import (
	"fmt"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
	"flightbench/results/report"
)

// of are trials whose rates, time shares and verdicts are those given, a round each.
func of(op string, rates []float64, change ...func(*results.Trial)) []*results.Trial {
	var trials []*results.Trial
	for i, r := range rates {
		c := resultstest.Config()
		c.Op, c.Target = op, "server"
		t := &results.Trial{ID: fmt.Sprintf("%d.1", i+1), Round: i + 1, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid,
			Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{}}
		t.Metrics[results.BodyRate] = results.Metric{Value: r, Unit: "B/s", Better: "higher"}
		for _, f := range change {
			f(t)
		}
		trials = append(trials, t)
	}
	return trials
}

func metric(name string, v float64) func(*results.Trial) {
	return func(t *results.Trial) { t.Metrics[name] = results.Metric{Value: v} }
}

func config(set func(*results.Config)) func(*results.Trial) {
	return func(t *results.Trial) { set(&t.Config) }
}

// shares are those of the time: waiting, flow control, busy, idle.
func shares(v ...float64) func(*results.Trial) {
	return func(t *results.Trial) {
		for i, name := range []string{results.TimeWaiting, results.TimeFlow, results.TimeBusy, results.TimeIdle} {
			metric(name, v[i])(t)
		}
	}
}

func bound(t *results.Trial) {
	t.Verdict, t.Evidence = results.VerdictGeneratorBound, []string{"client CPU 1.95 of 2 cores"}
}

// paced makes t one of an open loop.
func paced(asked, achieved float64) func(*results.Trial) {
	return func(t *results.Trial) {
		t.Config.RPS = asked
		metric(results.AskedRate, asked)(t)
		metric(results.AchievedRate, achieved)(t)
		t.Latencies["stream"] = results.Latency{Count: 1000, P50: 1_000_000, P99: 9_000_000}
	}
}

func TestInWords(t *testing.T) {
	seven := []float64{2.0e9, 2.1e9, 2.2e9, 2.3e9, 2.4e9, 2.5e9, 2.6e9}
	cores := func(client, server float64) func(*results.Trial) {
		return func(t *results.Trial) {
			gb := t.Metrics[results.BodyRate].Value / 1e9
			metric(results.ClientCPU, client/gb)(t)
			metric(results.ServerCPU, server/gb)(t)
		}
	}
	for _, c := range []struct {
		name              string
		trials            []*results.Trial
		fast, limit, sure string // what each sentence says
	}{
		{"nothing", nil, "Nothing was measured.", "Nothing was measured.", "No trial is stored"},
		{"one trial", of("get", []float64{2.5e9}), "Get reaches 2.50 GB/s (one trial).", "Not known", "The one trial is valid; each configuration was measured once, so nothing tells how much it would vary"},
		{"few rounds", of("get", []float64{2e9, 2.2e9}), "Get reaches 2.10 GB/s (median of 2 rounds).", "Not known", "Both trials are valid; 2 rounds are too few for a 95 % interval of a median, which takes 6; rates of a configuration lie up to 9.5 % apart"},
		{"an interval", of("get", seven), "Get reaches 2.30 GB/s (95 % interval 2.00 to 2.60).", "Not known", "All 7 trials are valid; over 7 rounds the 95 % intervals of the medians are ±13 %"},
		{"the best of each operation", append(append(of("get", []float64{2e9}), of("get", []float64{3e9}, config(func(c *results.Config) { c.Concurrency = 8 }))...), of("put", []float64{1e9})...),
			"Get reaches 3.00 GB/s (one trial) at 8 streams; put reaches 1.00 GB/s (one trial)", "Get and put: not known", "All 3 trials are valid"},
		{"waiting", of("get", seven, shares(0.9, 0, 0.1, 0), cores(0.5, 1)), "", "The network or the server (90 % of the time of streams went into waiting for data, the client used 0.500 cores and the server 1.00).", ""},
		{"estimated", of("get", seven, shares(0.9, 0, 0.1, 0), func(t *results.Trial) { t.Approximate = []string{results.TimeWaiting} }), "", "(about 90 % of the time", ""},
		{"flow control", of("put", seven, shares(0.2, 0.7, 0.1, 0)), "", "The receiver or its window, by flow control (70 %", ""},
		{"busy", of("get", seven, shares(0.2, 0.1, 0.7, 0)), "", "The client, which was busy (70 %", ""},
		{"short of CPU", of("put", seven, shares(0, 0.2, 0.8, 0), cores(0.6, 0.5), metric("client_cpu_wait_seconds", 1.2), func(t *results.Trial) { t.Seconds = 1 }), "",
			"CPU time, which the client had to wait for on this machine (it used 0.600 cores and waited for 1.20 more).", ""},
		{"nothing most", of("get", seven, shares(0.4, 0.3, 0.3, 0)), "", "No one thing (waiting for data 40 %, flow control 30 %, busy in the client 30 %)", ""},
		{"a shared machine", of("get", seven, shares(0.9, 0, 0.1, 0), cores(4, 3), config(func(c *results.Config) { c.Target = "embedded" })), "", "This machine's CPU, which client and server share (the client used 4.00 cores and the server 3.00, of 8)", ""},
		{"causes", append(of("get", seven, shares(0.9, 0, 0.1, 0)), of("put", seven, shares(0.2, 0.7, 0.1, 0))...), "", "Get: the network or the server (90 % of the time of streams went into waiting for data); put: the receiver", ""},
		{"bound", of("get", seven, shares(0.9, 0, 0.1, 0), bound), "Get reaches at least 2.30 GB/s", "The generator, not the server (client CPU 1.95 of 2 cores).",
			"Not to be believed as it stands: no trial is valid (7 generator-bound), because of: client CPU 1.95 of 2 cores"},
		{"bound in part", append(of("get", []float64{2e9}), of("put", []float64{1e9}, bound)...), "Get reaches 2.00 GB/s (one trial); put reaches at least 1.00 GB/s", "Get: not known",
			"Not all of it is to be believed: 1 of 2 trials are not valid (1 generator-bound), because of: client CPU"},
		{"keeps up", append(of("get", []float64{1e9}, paced(100, 100), shares(0.4, 0, 0.1, 0.5)), of("get", []float64{1e9}, paced(300, 299), shares(0.3, 0, 0.1, 0.6))...),
			"Get keeps up with 300 streams/s asked for, 1.00 GB/s, response time of a stream p50 1.00 ms and p99 9.00 ms.", "Nothing, the load that was asked for left time to spare (no stream was in flight for 60 % of the slots' time)", ""},
		{"does not keep up", of("get", []float64{1e9}, paced(900, 300), shares(0.9, 0, 0.1, 0)), "Get does not keep up: of 900 streams/s asked for 300 are achieved", "The network or the server", ""},
		{"a base", resultstest.FeatureCosts(3), "at the base, and of what departs from it zstd costs most: 49 % of that rate is left", "Get and info: ", "All 66 trials"},
		{"targets", append(of("get", seven, config(func(c *results.Config) { c.Target = "old" })), of("get", []float64{4e9, 4.2e9, 4.4e9, 4.6e9, 4.8e9, 5e9, 5.2e9}, config(func(c *results.Config) { c.Target = "fast" }))...),
			"Fast and old: old is slower: -50.0 % (95 % interval -50.0 … -50.0), 2.30 GB/s against 4.60 GB/s.", "", ""},
		{"too few for targets", append(of("get", []float64{1e9}, config(func(c *results.Config) { c.Target = "old" })), of("get", []float64{1e9}, config(func(c *results.Config) { c.Target = "new" }))...),
			"one cannot tell (+5 rounds), 1.00 GB/s against 1.00 GB/s", "", ""},
		{"nothing moved", of("get", []float64{0, 0}), "Get reaches 0", "", "2 rounds are too few for a 95 % interval of a median, which takes 6; the hypervisor"},
		{"mostly nothing moved", of("get", []float64{0, 0, 0, 0, 0, 0, 1e9}), "Get reaches 0", "", ""},
		{"words of others", of("get\x1b[31m", []float64{1e9}), "Get [31m reaches", "", ""},
	} {
		w := report.InWords(&results.Loaded{Run: resultstest.Run(len(c.trials)), Trials: c.trials})
		for _, s := range []struct{ what, got, want string }{{"fast", w.Fast, c.fast}, {"limit", w.Limit, c.limit}, {"sure", w.Sure, c.sure}} {
			if !strings.Contains(s.got, s.want) {
				t.Errorf("%s: %s: got %q, want %q in it", c.name, s.what, s.got, s.want)
			}
			if strings.Contains(s.got, "NaN") || strings.Contains(s.got, "%!") || !strings.HasSuffix(s.got, ".") {
				t.Errorf("%s: %s: %q is no sentence", c.name, s.what, s.got)
			}
		}
		if n := strings.Count(w.String(), "\n"); n != 3 {
			t.Errorf("%s: %d lines", c.name, n)
		}
	}
}

// A run that lacks trials says so, and so does a machine that was taken away.
func TestSureOfTheRun(t *testing.T) {
	l := &results.Loaded{Run: resultstest.Run(9), Trials: of("get", []float64{1e9, 1e9})}
	l.Run.Environment.StealShare = 0.08
	if s := report.InWords(l).Sure; !strings.Contains(s, "7 of 9 planned trials are missing") || !strings.Contains(s, "the hypervisor took 8.0 % of the CPU time") {
		t.Error(s)
	}
}

// Where ceilings were measured, the sentence says how far from them Flight is.
func TestWordsOfCeilings(t *testing.T) {
	trials := of("get", []float64{1e9}, shares(0.9, 0, 0.1, 0))
	for i, c := range trials[0].Config.Rungs() {
		rung := of(c.Op, []float64{4e9}, func(t *results.Trial) { t.Config = c })[0]
		rung.ID = fmt.Sprintf("1.%d", i+2)
		trials = append(trials, rung)
	}
	w := report.InWords(&results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials})
	if !strings.Contains(w.Limit, "DoGet moves 25 % of what the raw socket does") || strings.Contains(w.Fast, "eiling") {
		t.Errorf("got %q and %q", w.Fast, w.Limit)
	}
}

// The answer of a search is the first sentence of its run.
func TestWordsOfSearches(t *testing.T) {
	trials := of("get", []float64{1e9}, paced(400, 400), shares(0.9, 0, 0.1, 0))
	capacity, tuning := resultstest.Run(1), resultstest.Run(1)
	capacity.Capacity = &results.Capacity{Over: "rps", Unit: "streams/s", Outcome: results.CapacityFound, Load: 412, Low: 412, High: 430, Level: 0.95, Limit: "the CPU of the server",
		Confirmed: []results.Confirmation{{Held: true}, {Held: false}, {Above: true}}}
	tuning.Tuning = &results.Tuning{Objective: results.BodyRate, Better: "higher", Outcome: results.TuningDefaults}
	for _, c := range []struct {
		run         results.Run
		fast, limit string
		sure        string
	}{
		{capacity, "Capacity: 412 streams/s is the highest load that met every objective", "The CPU of the server.",
			"The 95 % interval is 412 streams/s to 430 streams/s; 1 of 2 longer trials at the answer held; 1 of 1 trials are valid."},
		{tuning, tuning.Tuning.Lines()[0], "The network or the server", "The one trial is valid"},
	} {
		w := report.InWords(&results.Loaded{Run: c.run, Trials: trials})
		if !strings.HasPrefix(w.Fast, strings.TrimSuffix(c.fast, ".")) || !strings.HasPrefix(w.Limit, c.limit) || !strings.HasPrefix(w.Sure, c.sure) {
			t.Errorf("got %q, %q and %q", w.Fast, w.Limit, w.Sure)
		}
	}
}
