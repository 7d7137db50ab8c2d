package main

import (
	"errors"
	"io"
	"testing"

	"flightbench/results"
)

// TestOutcome is the exit code of a run by what its trials are.
func TestOutcome(t *testing.T) {
	trial := func(op, status, verdict string) *results.Trial {
		return &results.Trial{ID: "1.1", Round: 1, Config: results.Config{Op: op}, Status: status, Verdict: verdict,
			Metrics: map[string]results.Metric{results.BodyRate: {Value: 1, Unit: "B/s"}}}
	}
	valid, bound := trial("get", results.StatusOK, results.VerdictValid), trial("get", results.StatusOK, results.VerdictGeneratorBound)
	rung := trial("ceiling:copy", results.StatusOK, results.VerdictValid)
	failed := trial("put", results.StatusFailed, results.VerdictIncomplete)
	for name, tt := range map[string]struct {
		trials []*results.Trial
		gates  []string
		want   int
	}{
		"valid":                        {[]*results.Trial{valid, bound}, nil, 0},
		"none valid":                   {[]*results.Trial{bound}, nil, exitNotValid},
		"none valid but a ceiling":     {[]*results.Trial{bound, rung}, nil, exitNotValid},
		"missed":                       {[]*results.Trial{valid}, []string{"body_bytes_per_second>=2B/s"}, exitMissed},
		"missed, but none valid":       {[]*results.Trial{bound}, []string{"body_bytes_per_second>=2B/s"}, exitNotValid},
		"one failed":                   {[]*results.Trial{valid, failed}, nil, exitFailed},
		"a gate that nothing can miss": {[]*results.Trial{valid}, []string{"stream.p99<=5ms"}, exitUsage},
	} {
		err := outcome(&results.Loaded{Trials: tt.trials}, tt.gates, io.Discard)
		var e *exitError
		if code := 0; errors.As(err, &e) {
			if code = e.code; code != tt.want {
				t.Errorf("%s: %v ends with %d, want %d", name, err, code, tt.want)
			}
		} else if tt.want != 0 {
			t.Errorf("%s: %v, want %d", name, err, tt.want)
		}
	}
}
