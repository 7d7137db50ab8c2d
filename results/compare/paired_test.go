package compare

import (
	"fmt"
	"math"
	"testing"

	"flightbench/results"
)

// ratedTrials have the rates, one a round; 0 is a trial that failed.
func ratedTrials(rates ...float64) (trials []*results.Trial) {
	for i, r := range rates {
		t := &results.Trial{ID: fmt.Sprint(i), Round: i + 1, Status: results.StatusOK, Verdict: results.VerdictValid,
			Metrics: map[string]results.Metric{results.BodyRate: {Value: r, Unit: "B/s", Better: "higher"}}}
		if r == 0 {
			t.Status = results.StatusFailed
		}
		trials = append(trials, t)
	}
	return trials
}

func TestPairTrials(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new []float64
		rounds   int
		change   float64
		p        float64
		finite   bool
	}{
		{"nothing", nil, nil, 0, math.NaN(), 1, false},
		{"one round", []float64{10}, []float64{12}, 1, 0.2, 1, false},
		{"five say the same", []float64{10, 10, 10, 10, 10}, []float64{12, 12, 12, 12, 12}, 5, 0.2, 2.0 / 32, false},
		{"six are an interval", []float64{10, 20, 10, 20, 10, 20}, []float64{12, 24, 12, 24, 12, 24}, 6, 0.2, 2.0 / 64, true},
		{"one against five, by more than they", []float64{10, 10, 10, 10, 10, 10}, []float64{11, 11, 11, 11, 11, 8}, 6, 0.1, 0.4375, true},
		{"alike", []float64{10, 10, 10, 10}, []float64{10, 10, 10, 10}, 4, 0, 1, false},
		{"a failed trial is no round", []float64{10, 0, 10}, []float64{20, 20, 20}, 2, 1, 0.5, false},
	} {
		got := PairTrials(results.BodyRate, ratedTrials(tt.old...), ratedTrials(tt.new...))
		if got.Rounds != tt.rounds || math.Abs(got.Change-tt.change) > 1e-9 || math.IsNaN(got.Change) != math.IsNaN(tt.change) || math.Abs(got.P-tt.p) > 1e-9 ||
			(got.Low > -1 && !math.IsInf(got.High, 1)) != tt.finite {
			t.Errorf("%s: %+v, want %d rounds, change %v, p %v, an interval: %v", tt.name, got, tt.rounds, tt.change, tt.p, tt.finite)
		}
	}
}

// TestSidesArePaired expects the rounds, which differ more than the sides, to
// cancel, though the sides' Configs differ in two fields.
func TestSidesArePaired(t *testing.T) {
	old, new := ratedTrials(10, 40, 20, 80, 30, 60, 25, 90), ratedTrials(11, 44, 22, 88, 33, 66, 27.5, 99)
	for _, n := range new {
		n.Config.Rows, n.Config.Window = 5, 7
	}
	c, err := Sides(old, new, Options{Figures: []Figure{results.BodyRate}, Detect: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	if cell := c.Pairs[0].Cells[0]; cell.Outcome != Better || math.Abs(*cell.Change-0.1) > 1e-9 || cell.Rounds != 8 {
		t.Errorf("%+v, want better by 10 %% in 8 rounds", cell)
	}
	if _, err := Sides(ratedTrials(0, 0), new, Options{Detect: 0.05}); err == nil {
		t.Error("a side without a trial that ended well is compared")
	}
}
