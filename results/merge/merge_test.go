package merge_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
	"flightbench/results/merge"
)

var start = time.Date(2025, time.March, 4, 5, 6, 7, 0, time.UTC)

// generator makes up a run of one trial: a window of n intervals of a second
// that began so long after start, with perSecond batches of 1 kB in each and a
// histogram of one batch_gap for each of them.
func generator(host string, after time.Duration, n int, perSecond int64, change ...func(*results.Trial)) (results.Run, []*results.Trial) {
	c := resultstest.Config()
	c.Target, c.Rows, c.Duration, c.Concurrency, c.Connections = "grpc://db:1", 32, float64(n), 2, 1
	t := &results.Trial{ID: "1.1", Round: 1, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid, Started: start.Add(after), Seconds: float64(n),
		Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{}, Errors: map[string]int64{"Unavailable": 1},
		Whole:  results.Whole{Batches: int64(n)*perSecond + 7, Streams: 3},
		Server: &results.Peer{PID: 42, Version: "v1", Body: 1 << 40, CPUSeconds: 9}}
	gaps := &results.Encoded{}
	all := results.NewHistogram()
	for s := range n {
		iv := results.Interval{Start: float64(s), Seconds: 1, Batches: perSecond, Rows: 32 * perSecond, Streams: 1,
			Bytes: results.Bytes{Logical: 900 * perSecond, Body: 1000 * perSecond, Wire: 1100 * perSecond}}
		h := results.NewHistogram()
		// The value tells the interval: its second of the wall clock, in milliseconds.
		if err := h.RecordValues(1e6*int64(after.Seconds()+float64(s)+1), perSecond); err != nil {
			panic(err)
		}
		all.Merge(h)
		iv.Latencies = map[string]results.Latency{"batch_gap": results.Summarise(h, 0, 0)}
		t.Timeline = append(t.Timeline, iv)
		gaps.Intervals = append(gaps.Intervals, results.IntervalHistogram{Start: iv.Start, Seconds: 1, Histogram: h})
		t.Batches, t.Rows, t.Streams = t.Batches+iv.Batches, t.Rows+iv.Rows, t.Streams+1
		t.Bytes.Body += iv.Bytes.Body
	}
	t.Latencies["batch_gap"] = results.Summarise(all, 0, 0)
	t.Hists = map[string]*results.Encoded{"batch_gap": gaps}
	for name, m := range map[string]results.Metric{
		results.BodyRate: {Value: float64(1000 * perSecond), Unit: "B/s", Better: "higher"}, results.BatchRate: {Value: float64(perSecond), Unit: "batches/s", Better: "higher"},
		results.ClientCPU: {Value: float64(perSecond) / 100, Unit: "s/GB", Better: "lower"}, results.ServerCPU: {Value: 0.5, Unit: "s/GB", Better: "lower"},
		"client_peak_rss_bytes": {Value: 1e6, Unit: "B", Better: "lower"}, "client_cpu_share": {Value: float64(perSecond) / 1000, Unit: "1", Better: "lower"},
	} {
		t.Metrics[name] = m
	}
	for _, f := range change {
		f(t)
	}
	run := resultstest.Run(1)
	run.Environment.Hostname, run.Started = host, t.Started
	return run, []*results.Trial{t}
}

// store is a generator's run, read back from its directory.
func store(t *testing.T, run results.Run, trials []*results.Trial) *results.Loaded {
	return resultstest.Store(t, run, trials)
}

// merged merges runs of one trial into one.
func merged(t *testing.T, runs ...*results.Loaded) (*results.Trial, *merge.Merge) {
	t.Helper()
	m, err := merge.New(runs)
	if err != nil {
		t.Fatal(err)
	}
	var all []*results.Trial
	if err := m.Trials(func(tr *results.Trial) error { all = append(all, tr); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("%d trials, want 1", len(all))
	}
	return all[0], m
}

// TestArithmetic merges 10 s of 100 batches/s with 10 s of 300 that began
// 2.5 s later: 7.5 s in common, of which the first has whole intervals for 7 s
// (from its fourth on) and the second for 7 (its last is cut by half).
func TestArithmetic(t *testing.T) {
	warn := func(text string) func(*results.Trial) {
		return func(t *results.Trial) { t.Warnings = []string{text} }
	}
	bound := func(t *results.Trial) {
		t.Verdict, t.Evidence, t.Config.Seed, t.Config.Concurrency = results.VerdictGeneratorBound, []string{"busy"}, 5, 6
	}
	aRun, aTrials := generator("a", 0, 10, 100, warn("slow disk"))
	bRun, bTrials := generator("b", 2500*time.Millisecond, 10, 300, warn("the server counted 1 rows, the client 2: another client may use this server"), bound)
	got, m := merged(t, store(t, aRun, aTrials), store(t, bRun, bTrials))

	if want := start.Add(2500 * time.Millisecond); !got.Started.Equal(want) || got.Seconds != 7.5 {
		t.Errorf("the window is %v + %v s, want %v + 7.5 s", got.Started, got.Seconds, want)
	}
	if want := int64(7*100 + 7*300); got.Batches != want || got.Rows != 32*want || got.Bytes != (results.Bytes{Logical: 900 * want, Body: 1000 * want, Wire: 1100 * want}) {
		t.Errorf("%d batches, %d rows, %+v, want %d batches", got.Batches, got.Rows, got.Bytes, want)
	}
	for name, want := range map[string]float64{
		results.BodyRate: 400_000, results.BatchRate: 400, // 100 + 300
		results.ClientCPU:       (1*1e6 + 3*3e6) / 4e6, // by bytes: 1.0 s/GB of 1 MB and 3.0 of 3 MB
		results.ServerCPU:       0.5,                   // once
		"client_peak_rss_bytes": 2e6,                   // of both
		"client_cpu_share":      0.3,                   // the worst
	} {
		if v := got.Metrics[name].Value; math.Abs(v-want) > 1e-9*want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if l := got.Latencies["batch_gap"]; l.Count != 2800 || l.Min < 3e6-2048 || l.Min > 3e6 || l.Max < 10e6 || l.Max > 10e6+8192 {
		t.Errorf("batch_gap of %d samples from %d to %d, want 2800 from 3 ms, of b's first interval, to 10 ms, of a's last", l.Count, l.Min, l.Max)
	}
	if got.Config.Concurrency != 8 || got.Config.Connections != 2 || got.Config.GOMAXPROCS != 16 || got.Server.CPUSeconds != 9 || got.Whole.Batches != 1007+3007 || got.Errors["Unavailable"] != 2 {
		t.Errorf("%+v, %+v, %+v, %v", got.Config, got.Server, got.Whole, got.Errors)
	}
	if got.Verdict != results.VerdictGeneratorBound || !slices.Equal(got.Evidence, []string{"b: busy"}) || !slices.Equal(got.Warnings, []string{"a: slow disk"}) {
		t.Errorf("%s %q %q", got.Verdict, got.Evidence, got.Warnings)
	}
	checkSlots(t, got, 400)
	r := m.Run()
	if len(r.Parts) != 2 || r.Parts[1].Name != "b" || r.Parts[1].Offset != 2.5 || math.Abs(r.Parts[0].Cut-0.3) > 1e-9 || r.Environment.Hostname != "a + b" || r.Environment.Cores != 16 || r.Environment.CPU != aRun.Environment.CPU {
		t.Errorf("header %+v", r)
	}
	if notes := strings.Join(m.Notes(), "\n"); !strings.Contains(notes, "up to 2.50 s apart") || !strings.Contains(notes, "30.0 % of a, 30.0 % of b") {
		t.Errorf("notes %s", notes)
	}
}

// checkSlots expects each slot of the timeline to hold the rate of all
// generators, and the histograms to add up to the trial's.
func checkSlots(t *testing.T, got *results.Trial, rate float64) {
	t.Helper()
	end, samples := got.Timeline[0].Start, int64(0)
	for _, iv := range got.Timeline {
		if r := float64(iv.Batches) / iv.Seconds; math.Abs(r-rate) > 2 || math.Abs(iv.Start-end) > 1e-9 {
			t.Errorf("%v batches/s from %v to %v, want %v from %v", r, iv.Start, iv.Start+iv.Seconds, rate, end)
		}
		end = iv.Start + iv.Seconds
		samples += iv.Latencies["batch_gap"].Count
	}
	h, _ := got.Hists["batch_gap"].Merged()
	if n := got.Latencies["batch_gap"].Count; samples != n || h.TotalCount() != n {
		t.Errorf("%d samples in the timeline and %d in the histograms, want %d", samples, h.TotalCount(), n)
	}
	if len(got.Timeline) < 5 || end > got.Seconds+1e-9 {
		t.Errorf("%d slots that end at %v, want those of 7.5 s", len(got.Timeline), end)
	}
}

// TestStored writes a merged run and merges that with a third one.
func TestStored(t *testing.T) {
	var runs []*results.Loaded
	for i, host := range []string{"a", "b", "c"} {
		run, trials := generator(host, time.Duration(i)*time.Second, 20, 100)
		runs = append(runs, store(t, run, trials))
	}
	two, m := merged(t, runs[0], runs[1])
	again := store(t, m.Run(), []*results.Trial{two})
	if len(again.Run.Parts) != 2 || len(again.Warnings) != 0 {
		t.Errorf("read back: %+v, %q", again.Run.Parts, again.Warnings)
	}
	if _, err := merge.New([]*results.Loaded{again, runs[0]}); err == nil || !strings.Contains(err.Error(), "hold the same run, which a began at 2025-03-04T05:06:07Z") {
		t.Errorf("%v, want the part that would count twice", err)
	}
	stepwise, _ := merged(t, again, runs[2])
	once, _ := merged(t, runs...)
	for _, got := range []*results.Trial{stepwise, once} {
		if v := got.Metrics[results.BatchRate].Value; math.Abs(v-300) > 0.5 {
			t.Errorf("%v batches/s, want 300", v)
		}
		if got.Latencies["batch_gap"].Count != 3*18*100 || got.Config.Concurrency != 6 {
			t.Errorf("%d samples at %d streams, want %d at 6", got.Latencies["batch_gap"].Count, got.Config.Concurrency, 3*18*100)
		}
	}
}

func TestFailedPart(t *testing.T) {
	aRun, aTrials := generator("a", 0, 10, 100)
	bRun, bTrials := generator("b", 0, 10, 100, func(t *results.Trial) {
		*t = results.Trial{ID: "1.1", Round: 1, Config: t.Config, Status: results.StatusFailed, Verdict: results.VerdictIncomplete, Error: "refused", Started: t.Started}
	})
	got, _ := merged(t, store(t, aRun, aTrials), store(t, bRun, bTrials))
	if got.Status != results.StatusFailed || got.Verdict != results.VerdictIncomplete || got.Error != "b: refused" || len(got.Metrics) != 0 || got.Batches != 0 {
		t.Errorf("%+v, want a failed trial that measured nothing", got)
	}
}

// TestMetricsLeftOut expects what cannot be merged to be named.
func TestMetricsLeftOut(t *testing.T) {
	put := func(name string) func(*results.Trial) {
		return func(t *results.Trial) { t.Metrics[name] = results.Metric{Value: 1, Unit: "1", Better: "lower"} }
	}
	aRun, aTrials := generator("a", 0, 10, 100, put("zz_unknown"), put("tcp_retransmits"))
	bRun, bTrials := generator("b", 0, 10, 100, put("zz_unknown"))
	got, _ := merged(t, store(t, aRun, aTrials), store(t, bRun, bTrials))
	if want := "not merged, since a part lacks it or there is no rule for it: tcp_retransmits, zz_unknown"; !slices.Contains(got.Warnings, want) || len(got.Metrics) != 6 {
		t.Errorf("warnings %q, %d metrics", got.Warnings, len(got.Metrics))
	}
}

// TestServerOfOthers expects CPU that was divided by one generator's bytes to
// be divided by those of both.
func TestServerOfOthers(t *testing.T) {
	foreign := func(t *results.Trial) { t.Server = nil }
	aRun, aTrials := generator("a", 0, 10, 100, foreign)
	bRun, bTrials := generator("b", 0, 10, 300, foreign, func(t *results.Trial) { delete(t.Metrics, results.ServerCPU) })
	got, _ := merged(t, store(t, aRun, aTrials), store(t, bRun, bTrials))
	if v := got.Metrics[results.ServerCPU].Value; math.Abs(v-0.125) > 1e-9 || !slices.Contains(got.Approximate, results.ServerCPU) {
		t.Errorf("server CPU is %v s/GB, approximate %q, want a quarter of 0.5", v, got.Approximate)
	}
}

func TestRefused(t *testing.T) {
	change := func(f func(*results.Trial)) []func(*results.Trial) { return []func(*results.Trial){f} }
	for name, c := range map[string]struct {
		after  time.Duration
		change []func(*results.Trial)
		want   string
	}{
		"windows apart": {6 * time.Second, nil, "round 1: the windows of a (05:06:07.000 to 05:06:17.000) and b (05:06:13.000 to 05:06:23.000) have 4.00 s in common, less than half of a's 10.0 s: have the generators begin at the same time"},
		"no overlap":    {time.Hour, nil, "have 0 ns in common"},
		"another target": {0, change(func(t *results.Trial) { t.Config.Target = "grpc://db:2" }),
			"a configuration of a is not in b: target is grpc://db:1 in a and grpc://db:2 in b; generators that are merged run the same ones, against the same target"},
		"other rows":      {0, change(func(t *results.Trial) { t.Config.Rows = 64 }), "rows is 32 in a and 64 in b"},
		"its own server":  {0, change(func(t *results.Trial) { t.Config.Target = "embedded" }), "measured a server that it started itself"},
		"two servers":     {0, change(func(t *results.Trial) { t.Server.PID = 43 }), "a and b measured two servers (processes 42 and 43)"},
		"no such round":   {0, change(func(t *results.Trial) { t.Round = 2 }), "no round of a configuration is in all runs"},
		"coarse timeline": {0, change(func(t *results.Trial) { t.Timeline = t.Timeline[:3] }), "the timeline of b has 3.00 s of whole intervals within the common window of 10.0 s"},
		"lost histograms": {0, change(func(t *results.Trial) { t.Hists = nil }), "holds 0 samples of batch_gap of trial 1.1, which measured 1000"},
	} {
		aRun, aTrials := generator("a", 0, 10, 100)
		bRun, bTrials := generator("b", c.after, 10, 100, c.change...)
		m, err := merge.New([]*results.Loaded{store(t, aRun, aTrials), store(t, bRun, bTrials)})
		if err == nil {
			err = m.Trials(func(*results.Trial) error { return nil })
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	run, trials := generator("a", 0, 10, 100)
	l := store(t, run, trials)
	for want, runs := range map[string][]*results.Loaded{"one run is nothing to merge": {l}, "hold the same run": {l, l}} {
		if _, err := merge.New(runs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestPairing pairs two Configs that differ in concurrency alone, by their
// order, and leaves out a round that one generator did not come to.
func TestPairing(t *testing.T) {
	several := func(host string, streams ...int) *results.Loaded {
		var run results.Run
		var all []*results.Trial
		for i, n := range streams {
			for round := 1; round <= 2; round++ {
				if host == "b" && i == 1 && round == 2 {
					continue
				}
				var ts []*results.Trial
				run, ts = generator(host, time.Duration(20*(2*i+round))*time.Second, 10, 100, func(t *results.Trial) {
					t.ID, t.Round, t.Config.Concurrency = fmt.Sprintf("%d.%d", round, i+1), round, n
				})
				all = append(all, ts...)
			}
		}
		return store(t, run, all)
	}
	m, err := merge.New([]*results.Loaded{several("a", 1, 4), several("b", 2, 8)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := m.Trials(func(t *results.Trial) error {
		got = append(got, fmt.Sprintf("%s:%d", t.ID, t.Config.Concurrency))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1.1:3", "2.1:3", "1.2:12"}; !slices.Equal(got, want) {
		t.Errorf("merged %q, want %q", got, want)
	}
	if r := m.Run(); r.Parts[0].Left != 1 || r.Parts[1].Left != 0 || m.Status() != results.StatusPartial {
		t.Errorf("%d and %d left out, %s, want 1, 0, partial", r.Parts[0].Left, r.Parts[1].Left, m.Status())
	}
	if notes := strings.Join(m.Notes(), "\n"); !strings.Contains(notes, "1 of 2 rounds of a, 4 streams are left out: other runs lack them") {
		t.Errorf("notes: %s", notes)
	}
}
