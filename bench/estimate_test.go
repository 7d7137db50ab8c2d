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
	p := Plan{Configs: []results.Config{c, slow, some}, Repeat: 2}
	d, each, guessed := p.Estimate()
	if want := 2*2200*ms + 2*10200*ms + 2*1700*ms; d != want || guessed != 2 || len(each) != 3 || each[1] != 10200*ms {
		t.Errorf("the plan takes %v with %d guesses, want %v and 2", d, guessed, want)
	}
	plan := p.Schedule()
	plan.Add(&results.Trial{ID: "1.2", Status: results.StatusOK}) // of an older flightbench, which did not tell what it took
	for _, step := range []struct {
		id     string
		passed time.Duration // of the trial that began
		want   time.Duration // of the rest then
		took   time.Duration // the whole trial
		failed bool
		after  time.Duration // what is left then
	}{
		{"1.1", 0, 2*2200*ms + 10200*ms + 2*1700*ms, 3 * s, false, 3*s + 11*s + 2*3*s}, // an overhead of 1 s
		{"1.3", 4 * s, 3*s + 11*s + 3*s, 5 * s, false, 3*s + 11*s + 5*s},               // late already
		{"2.2", s, 3*s + 11*s + 5*s - s, 100 * ms, true, 3*s + 5*s},                    // failed, and said nothing of overheads
		{"2.1", 3 * s, 5 * s, 3 * s, false, 5 * s},                                     // as long as it was in the first round
		{"2.3", 0, 5 * s, 7 * s, false, 0},
	} {
		_, i, _ := parseTrialID(step.id)
		_, whole := plan.Left()
		if got := underWay(whole, plan.left.trial(i), step.passed); got != step.want {
			t.Errorf("%s after %v: %v are left, want %v", step.id, step.passed, got, step.want)
		}
		tr := &results.Trial{ID: step.id, Status: results.StatusOK, Took: step.took.Seconds()}
		if step.failed {
			tr.Status = results.StatusFailed
		}
		plan.Add(tr)
		if _, got := plan.Left(); got != step.after {
			t.Errorf("%s ended after %v: %v are left, want %v", step.id, step.took, got, step.after)
		}
	}
	if step, ok := plan.Next(); ok {
		t.Errorf("%+v is left of a plan whose trials are all told", step)
	}
}
