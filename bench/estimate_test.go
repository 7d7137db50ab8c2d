package bench

import (
	"testing"
	"time"

	"flightbench/results"
)

// TestEstimate follows a plan through its trials.
func TestEstimate(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	c := DefaultConfig() // 0.5 s of warm-up, 1.5 s of window
	slow, some := c, c
	slow.Duration = 9.5
	some.Duration, some.Total = 0, 4
	p := Plan{Configs: []results.Config{c, slow, some}, Repeat: 2, Done: map[string]bool{"1.2": true}}
	d, each, guessed := p.Estimate()
	if want := 2*2200*ms + 10200*ms + 2*1700*ms; d != want || guessed != 2 || len(each) != 3 || each[1] != 10200*ms {
		t.Errorf("the plan takes %v with %d guesses, want %v and 2", d, guessed, want)
	}
	e := newEstimator(p)
	for _, step := range []struct {
		i      int
		passed time.Duration // of the trial that began
		want   time.Duration // of the rest then
		took   time.Duration // the whole trial
		failed bool
		after  time.Duration // what is left then
	}{
		{0, 0, 2*2200*ms + 10200*ms + 2*1700*ms, 3 * s, false, 3*s + 11*s + 2*3*s}, // an overhead of 1 s
		{2, 4 * s, 3*s + 11*s + 3*s, 5 * s, false, 3*s + 11*s + 5*s},               // late already
		{1, s, 3*s + 11*s + 5*s - s, 100 * ms, true, 3*s + 5*s},                    // failed, and said nothing of overheads
		{0, 3 * s, 5 * s, 3 * s, false, 5 * s},                                     // as long as it was in the first round
		{2, 0, 5 * s, 7 * s, false, 0},
	} {
		e.begin(step.i)
		if got := e.within(step.i, step.passed); got != step.want {
			t.Errorf("Config %d after %v: %v are left, want %v", step.i, step.passed, got, step.want)
		}
		e.end(step.i, step.took, step.failed)
		if got := e.remaining(); got != step.after {
			t.Errorf("Config %d ended after %v: %v are left, want %v", step.i, step.took, got, step.after)
		}
	}
}
