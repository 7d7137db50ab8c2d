package results_test

import (
	"bytes"
	"testing"

	"flightbench/results"
)

func at(v float64) *float64 { return &v }

// tuned is an answer with each kind of knob.
func tuned() *results.Tuning {
	base := results.Config{Op: "get", Transport: "direct", Workload: "perf", Rows: 65536, Concurrency: 2, Connections: 1, Compression: "none"}
	best := base
	best.Rows, best.Window, best.WriteBuffer = 16384, 4<<20, 1<<20
	lost := func(v, low, high float64, outcome string) *results.KnobValue {
		return &results.KnobValue{Gain: at(v), Low: at(low), High: at(high), Rounds: 8, Outcome: outcome}
	}
	return &results.Tuning{
		Objective: results.BodyRate, Better: "higher", Detect: 0.05, Outcome: results.TuningImproved, Base: base, Best: best, Seconds: 291.4, Budget: 300,
		Settings: []results.Setting{{Field: "window", Value: "4194304", Was: "0"}, {Field: "rows", Value: "16384", Was: "65536"}, {Field: "write_buffer", Value: "1048576", Was: "0"}},
		Gain:     &results.TuningChange{Metric: results.BodyRate, Unit: "B/s", Better: "higher", Old: 1.1e9, New: 1.9e9, Change: at(0.73), Low: at(0.6), High: at(0.81), Rounds: 12, Word: "better"},
		Effects: []results.TuningChange{
			{Metric: "batch_gap.p99", Unit: "ns", Better: "lower", Old: 9.1e6, New: 2.2e6, Change: at(-0.76), Low: at(-0.8), High: at(-0.7), Rounds: 12, Word: "better"},
			{Metric: results.ServerCPU, Unit: "s/GB", Better: "lower", Old: 0.5, New: 0.51, Change: at(0.02), Rounds: 12, Word: "same"}},
		Knobs: []results.Knob{
			{Field: "window", Verdict: results.KnobMatters, Default: "0", Best: "4194304", Against: "0", Worth: lost(-0.4, -0.5, -0.3, "worse")},
			{Field: "rows", Verdict: results.KnobMatters, Default: "65536", Best: "16384", Against: "65536", Worth: &results.KnobValue{Outcome: "missed", Reason: "first_batch.p99<=5ms: 7 ms"}},
			{Field: "write_buffer", Verdict: results.KnobKept, Default: "0", Best: "1048576", Against: "0", Worth: lost(-0.01, -0.04, 0.02, "same")},
			{Field: "concurrency", Verdict: results.KnobSame, Default: "2", Best: "2", Against: "2", Values: []results.KnobValue{{Value: "4", Gain: at(0.01), Outcome: "same"}, {Value: "1", Gain: at(-0.4), Outcome: "worse"}}},
			{Field: "read_buffer", Verdict: results.KnobSame, Default: "0", Best: "0", Against: "0", Values: []results.KnobValue{{Value: "65536", Gain: at(0.002), Outcome: "same"}}},
			{Field: "max_frame", Verdict: results.KnobBest, Default: "0", Best: "0", Against: "0", Values: []results.KnobValue{{Value: "16384", Gain: at(-0.3), Outcome: "worse"}, {Value: "1048576", Outcome: "failed", Reason: "refused"}}},
			{Field: "connections", Verdict: results.KnobNone, Default: "1", Best: "1", Against: "1"},
			{Field: "compression", Verdict: results.KnobUnraced, Default: "none", Best: "none", Against: "none"},
		},
		Notes: []string{"the time was up before --compression could be raced: raise --max-time to go on"},
	}
}

// TestTuningGolden compares what is said of answers of each kind with a golden
// file.
func TestTuningGolden(t *testing.T) {
	defaults, none, missed, failed := tuned(), tuned(), tuned(), tuned()
	candidate := defaults.Best
	defaults.Outcome, defaults.Best, defaults.Settings, defaults.Candidate = results.TuningDefaults, defaults.Base, nil, &candidate
	defaults.Gain.Change, defaults.Gain.Low, defaults.Gain.High, defaults.Gain.Word = at(0.02), at(-0.03), at(0.06), "unknown"
	none.Outcome, none.Best, none.Settings, none.Gain = results.TuningDefaults, none.Base, nil, nil
	missed.Outcome, missed.Judgements = results.TuningMissed, []results.TuningJudgement{{Gate: "first_batch.p99<=5ms", Status: "missed", Text: "7 ms (median of 12)"}}
	failed.Outcome, failed.Failed = results.TuningFailed, "the defaults cannot be measured: refused"
	unfinished := tuned()
	unfinished.Outcome, unfinished.Gain = results.TuningUnfinished, nil
	var b bytes.Buffer
	for _, a := range []*results.Tuning{tuned(), defaults, none, missed, failed, unfinished} {
		if err := a.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	golden(t, "tuning.txt", b.Bytes())
}
