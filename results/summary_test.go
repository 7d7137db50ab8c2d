package results_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

// drifting is a run of enough rounds, in which one Config became slower.
func drifting() []*results.Trial {
	trials := resultstest.Matrix(12, resultstest.Ops("get", "put"), resultstest.Rows(4096, 65536))
	for _, t := range trials {
		if t.Config.Op == "get" && t.Config.Rows == 4096 && t.Round >= 7 {
			m := t.Metrics[results.BodyRate]
			m.Value *= .7
			t.Metrics[results.BodyRate] = m
		}
	}
	return trials
}

// untilRun is the header of a run of trials that was to go on until ±5 %.
func untilRun(trials []*results.Trial, status string) results.Run {
	run := resultstest.Run(len(trials))
	run.Status, run.Plan = status, &results.Plan{Repeat: 1, Until: .05, MaxSeconds: 90}
	return run
}

// TestTableIntervals has intervals where there are rounds enough, the drift,
// and what ended the run.
func TestTableIntervals(t *testing.T) {
	for name, tt := range map[string]struct {
		run    results.Run
		trials []*results.Trial
	}{
		"intervals": {untilRun(drifting(), results.StatusComplete), drifting()},
		"open":      {untilRun(nil, results.StatusComplete), resultstest.OpenLoop(8, []float64{100, 2000})},
	} {
		var b bytes.Buffer
		if err := results.WriteTable(&b, tt.run, tt.trials, 0); err != nil {
			t.Fatal(err)
		}
		golden(t, "table-"+name+".txt", b.Bytes())
	}
}

// TestUntilNotes says what ended a run, and what was not reached.
func TestUntilNotes(t *testing.T) {
	steady := func(rounds int) []*results.Trial {
		trials := resultstest.Matrix(rounds, resultstest.Ops("get", "put"))
		for _, tr := range trials {
			m := tr.Metrics[results.BodyRate]
			m.Value = 1e9 + float64(tr.Round)*1e6
			tr.Metrics[results.BodyRate] = m
		}
		return trials
	}
	wide := steady(8)
	for _, tr := range wide {
		if tr.Config.Op == "put" {
			m := tr.Metrics[results.BodyRate]
			m.Value *= 1 + .5*float64(tr.Round%2)
			tr.Metrics[results.BodyRate] = m
		}
	}
	failed := steady(6)
	for _, tr := range failed {
		if tr.Config.Op == "put" {
			tr.Status, tr.Metrics, tr.Latencies = results.StatusFailed, nil, nil
		}
	}
	nothing := steady(6)[:1]
	nothing[0].Status, nothing[0].Metrics, nothing[0].Latencies = results.StatusFailed, nil, nil
	rungs := steady(8) // what ran on for a ceiling
	copied, plain := rungs[0].Config, rungs[0].Config
	copied.Op, plain.Op = "ceiling:copy", "ceiling:socket:get"
	for i := range 8 {
		rungs = append(rungs, &results.Trial{ID: fmt.Sprintf("%d.3", i+1), Round: i + 1, Config: copied, Status: results.StatusOK, Verdict: results.VerdictValid,
			Metrics: map[string]results.Metric{results.BodyRate: {Value: 1e9 * float64(1+i%2), Unit: "B/s", Better: "higher"}}})
		rungs = append(rungs, &results.Trial{ID: fmt.Sprintf("%d.4", i+1), Round: i + 1, Config: plain, Status: results.StatusUnavailable})
	}
	for _, tt := range []struct {
		name, status, ended, want string
		trials                    []*results.Trial
		wide                      int
	}{
		{"narrow", results.StatusComplete, results.EndedNarrow, "note: --until 5.0 % ended it after 8 rounds: every interval is that narrow", steady(8), 0},
		{"time", results.StatusComplete, results.EndedTime, "warning: --max-time 1m30s ended it after 8 rounds, before --until 5.0 % was reached: another round did not fit. What remained: put ±20 %", wide, 1},
		{"interrupted", results.StatusPartial, results.EndedInterrupted, "warning: interrupted after 8 rounds, before --until 5.0 % was reached. What remained: put ±20 %", wide, 1},
		{"early", results.StatusPartial, results.EndedInterrupted, "What remained: get (3 rounds, an interval takes 6); put (3 rounds", steady(3), 2},
		{"nothing", results.StatusComplete, results.EndedNarrow, "warning: the run ended after 1 round, without --until 5.0 %: nothing was measured", nothing, 1},
		{"ceiling", results.StatusComplete, results.EndedTime, "What remained: ceiling copy ±33 %", rungs, 1},
		{"failed", results.StatusComplete, results.EndedNarrow, "warning: --until 5.0 % ended it after 6 rounds: every interval is that narrow but for put (nothing was measured)", failed, 1},
	} {
		run := untilRun(tt.trials, tt.status)
		var b bytes.Buffer
		if err := results.WriteTable(&b, run, tt.trials, 0); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), tt.want) {
			t.Errorf("%s: no %q in\n%s", tt.name, tt.want, &b)
		}
		if u := results.SummaryOf(run, tt.trials).Until; u.Ended != tt.ended || u.Wide != tt.wide {
			t.Errorf("%s: %+v, want %s with %d wide", tt.name, u, tt.ended, tt.wide)
		}
	}
}

// TestSummaryJSON reads of the Document what the table says.
func TestSummaryJSON(t *testing.T) {
	trials := drifting()
	var b bytes.Buffer
	if err := results.WriteJSON(&b, untilRun(trials, results.StatusComplete), trials); err != nil {
		t.Fatal(err)
	}
	var d results.Document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	s := d.Summary
	if len(s.Configs) != 4 || s.Drift != nil || s.Until == nil || s.Until.Asked != .05 {
		t.Fatalf("%+v", s)
	}
	for i, c := range s.Configs {
		slowed := i == 0
		if len(c.Trials) != 12 || c.N != 12 || c.Metric != results.BodyRate || *c.Low > *c.Median || *c.High < *c.Median || c.Confidence != .95 {
			t.Errorf("%+v", c)
		}
		if (c.Drift != nil) != slowed || (c.Verdict == results.VerdictValid) == slowed || slowed && c.Drift.Round != 7 {
			t.Errorf("%s: verdict %s, drift %+v", c.Trials[0], c.Verdict, c.Drift)
		}
	}
	few := results.SummaryOf(resultstest.Run(4), trials[:4]).Configs[0]
	if few.Low != nil || few.High != nil || few.Median == nil || few.Drift != nil {
		t.Errorf("of one round: %+v", few)
	}
	if none := results.SummaryOf(resultstest.Run(0), nil); len(none.Configs) != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}

// TestNotesMerge has texts that differ in numbers alone be one, with the range
// of each.
func TestNotesMerge(t *testing.T) {
	trials := resultstest.Matrix(3)
	for i, w := range []string{"1,430 streams/s were asked for and 942 achieved", "1,910 streams/s were asked for and 1,020.5 achieved", "950 streams/s were asked for and 940 achieved"} {
		trials[i].Warnings = []string{w}
	}
	var b bytes.Buffer
	if err := results.WriteTable(&b, resultstest.Run(3), trials, 0); err != nil {
		t.Fatal(err)
	}
	if want := "warning: 950–1,910 streams/s were asked for and 940–1,020.5 achieved\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, &b)
	}
}

// TestNotesMergeSigned tells a range of changes so that no dash looks like a sign.
func TestNotesMergeSigned(t *testing.T) {
	trials := resultstest.Matrix(3)
	for i, w := range []string{"differs by -58 % at a-1", "differs by +60 % at a-1", "differs by -91 % at a-1"} {
		trials[i].Warnings = []string{w}
	}
	var b bytes.Buffer
	if err := results.WriteTable(&b, resultstest.Run(3), trials, 0); err != nil {
		t.Fatal(err)
	}
	if want := "warning: differs by -91 … +60 % at a-1\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, &b)
	}
}

// TestIncomplete tells of a run that grew past what was planned no more than it
// knows.
func TestIncomplete(t *testing.T) {
	run := results.Run{Planned: 12}
	for n, want := range map[int]string{7: "7 of 12 planned trials are stored", 15: "the run is not complete: 15 trials are stored"} {
		if got := run.Incomplete(n); !strings.HasSuffix(got, want) {
			t.Errorf("%d trials: %q, want %q", n, got, want)
		}
	}
}
