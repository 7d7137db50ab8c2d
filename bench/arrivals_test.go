package bench

import (
	"testing"

	"flightbench/results"
)

// TestArrivalsOfRounds: each round draws arrivals of its own, which all its
// Configs share.
func TestArrivalsOfRounds(t *testing.T) {
	third := func(round int, c results.Config) float64 {
		tr := &trial{out: &results.Trial{Round: round}, config: &c}
		return NewPacer([]Stretch{{From: 1, To: 1}}, ArrivalPoisson, tr.arrivalSeed()).event(2)
	}
	one, other := results.Config{Seed: 1, RPS: 10}, results.Config{Seed: 1, RPS: 20}
	if a, b := third(1, one), third(2, one); a == b {
		t.Errorf("rounds 1 and 2 both begin their third start at %v", a)
	}
	if a, b := third(2, one), third(2, other); a != b {
		t.Errorf("two Configs of a round begin their third start at %v and %v", a, b)
	}
	if a, b := third(1, one), third(1, results.Config{Seed: 2}); a == b {
		t.Errorf("seeds 1 and 2 both begin the third start at %v", a)
	}
}
