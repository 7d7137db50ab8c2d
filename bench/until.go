package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"flightbench/results"
)

// MaxTime is how long a run with Until goes on where nothing else is said.
const MaxTime = 10 * time.Minute

// ParseUntil reads a width: "2%" is 0.02.
func ParseUntil(s string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case err != nil || math.IsNaN(v):
		return 0, fmt.Errorf("%q is no width of an interval: write a percentage, such as 2%%", s)
	case !percent:
		return 0, fmt.Errorf("%q has no unit: write %s%%", s, s)
	case v <= 0 || v > 100:
		return 0, fmt.Errorf("%q can not be reached or says nothing: use more than 0%% and at most 100%%, such as 2%%", s)
	}
	return v / 100, nil
}

// leastRounds is how many rounds p has in any case, if its time allows.
func (p Plan) leastRounds() int {
	if p.Until == 0 {
		return p.Repeat
	}
	return max(p.Repeat, results.IntervalRounds)
}

// CheckUntil refuses a MaxTime that leaves no room for an interval.
func (p Plan) CheckUntil() error {
	if p.Until == 0 {
		return nil
	}
	if p.MaxTime <= 0 {
		return fmt.Errorf("--max-time %v is no time: write 10m or 90s", p.MaxTime)
	}
	var round time.Duration
	for _, c := range p.Configs {
		round += Step{Config: c}.takes()
	}
	n, about := p.leastRounds(), func(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }
	switch {
	case round > p.MaxTime:
		return fmt.Errorf("--max-time %v is shorter than one round, which takes about %v: an interval takes %d rounds, so give --max-time %v, or measure less",
			p.MaxTime, about(round), n, about(time.Duration(n)*round))
	case time.Duration(n)*round > p.MaxTime && p.Repeat > results.IntervalRounds:
		return fmt.Errorf("--max-time %v has no room for the %d rounds of --repeat, which take about %v: give more time, or ask for fewer", p.MaxTime, n, about(time.Duration(n)*round))
	case time.Duration(n)*round > p.MaxTime:
		return fmt.Errorf("--max-time %v has no room for the %d rounds that an interval takes, about %v: give more time, or measure less", p.MaxTime, n, about(time.Duration(n)*round))
	}
	return nil
}

// restingRounds is how often a Config takes part whose interval is narrow
// enough while others' are not.
//
// Note: were they all measured in every round, one noisy Config among forty
// would take forty times its time. Were the narrow ones left out, their rounds
// would all lie early, and a comparison with what was measured later would
// take the machine's drift for a difference. One round in four costs little
// and keeps them in sight to the end.
const restingRounds = 4

// widths is how wide each Config's interval is by the trials of the first
// rounds, infinite without one; NaN for a Config that never gave a figure.
func (s *Rounds) widths(rounds int) []float64 {
	out := make([]float64, len(s.plan.Configs))
	for i, values := range s.values {
		var v []float64
		for _, r := range values {
			if r.round <= rounds {
				v = append(v, r.value)
			}
		}
		out[i] = results.MedianOf(v).Width()
		if len(v) == 0 {
			out[i] = math.NaN()
		}
	}
	return out
}

// members are the Configs of the next round, in its order; none where the run
// is over.
func (s *Rounds) members() []int {
	n := s.round + 1
	order := s.plan.Round(n)
	switch {
	case s.plan.Until == 0 && n > s.plan.Repeat:
		return nil
	case s.plan.Until == 0:
		return order
	case n > s.plan.leastRounds():
		order = s.wanting(order, n)
	}
	// Another round must end within the time; the first is measured in any case, and one that an interrupted run had begun.
	var takes time.Duration
	for _, i := range order {
		takes += s.left.trial(i)
	}
	if n > max(1, s.begun) && s.spent(s.round)+takes > s.plan.MaxTime {
		return nil
	}
	return order
}

// wanting leaves of order the Configs that round n needs: none where all are
// narrow enough.
func (s *Rounds) wanting(order []int, n int) []int {
	widths := s.widths(n - 1)
	var wide []int
	for _, i := range order {
		if widths[i] > s.plan.Until {
			wide = append(wide, i)
		}
	}
	if len(wide) > 0 && n%restingRounds == 0 {
		return order
	}
	return wide
}

// spent is how long the trials of the first rounds took.
func (s *Rounds) spent(rounds int) (d time.Duration) {
	for _, t := range s.took {
		if t.round <= rounds {
			d += duration(t.value)
		}
	}
	return d
}

// expected is how many trials each Config has still to come: noise averages
// out with the root of the repeats.
func (s *Rounds) expected() []int {
	counts := make([]int, len(s.plan.Configs))
	ahead := func(i, rounds int) {
		for r := s.round + 1; r <= rounds; r++ {
			if !s.done[TrialID(r, i)] {
				counts[i]++
			}
		}
	}
	for _, i := range s.order {
		if !s.done[TrialID(s.round, i)] {
			counts[i]++
		}
	}
	for i := range counts {
		ahead(i, s.plan.leastRounds())
	}
	if s.plan.Until == 0 {
		return counts
	}
	for i, w := range s.widths(math.MaxInt) {
		if n := len(s.values[i]); n >= s.plan.leastRounds() && w > s.plan.Until && !math.IsInf(w, 0) {
			need := float64(n) * (w / s.plan.Until) * (w / s.plan.Until)
			counts[i] = max(counts[i], int(math.Min(need, 1e6))+1-n)
		}
	}
	return counts
}

// Left cuts what is expected at the time that there is.
func (s *Rounds) Left() (trials int, d time.Duration) {
	for i, n := range s.expected() {
		trials += n
		d += time.Duration(n) * s.left.trial(i)
	}
	if s.plan.Until == 0 {
		return trials, d
	}
	if _, more := s.Next(); !more {
		return 0, 0
	}
	if rest := max(0, s.plan.MaxTime-s.spent(math.MaxInt)); d > rest {
		trials, d = int(float64(trials)*rest.Seconds()/d.Seconds()), rest
	}
	return max(1, trials), d
}
