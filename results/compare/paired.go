package compare

import (
	"math"

	"flightbench/results"
)

// Paired is how far a figure moved from one set of trials to another, by the
// rounds that measured both.
type Paired struct {
	Rounds int     // that have a figure above 0 on both sides
	Change float64 // fraction of old: the median of the means of two rounds' ratios; NaN without a round
	Low    float64 // of its 95 % interval; -1 below 6 rounds
	High   float64 // +Inf below 6 rounds
	Spread float64 // standard deviation of the logarithms of the ratios, without those that stick out; NaN below 2 rounds
	P      float64 // of Wilcoxon's signed-rank test, of both sides, of this figure alone; 1 without a round
}

// PairTrials compares f in old and in new, where trials of the same Round are
// a pair. What the machine does to a whole round cancels. Trials that have no
// such figure count for nothing, and so do those that failed.
func PairTrials(f Figure, old, new []*results.Trial) Paired {
	old, new = counting(old), counting(new)
	rounds := roundsOf(old, new)
	a, _, _ := series(old, f, rounds)
	b, _, _ := series(new, f, rounds)
	var ratios []float64
	for i := range rounds {
		if a[i] > 0 && b[i] > 0 { // not NaN
			ratios = append(ratios, math.Log(b[i]/a[i]))
		}
	}
	if len(ratios) == 0 {
		return Paired{Change: math.NaN(), Low: -1, High: math.Inf(1), Spread: math.NaN(), P: 1}
	}
	s := pairedShift(ratios)
	return Paired{Rounds: len(ratios), Change: math.Expm1(s.at), Low: math.Expm1(s.lo), High: math.Expm1(s.hi),
		Spread: deviation(ratios), P: signedRankP(clipped(ratios))}
}

// signedRankP is the p of both sides of Wilcoxon's signed-rank test. The
// statistic is the number of means of two values that are above 0; one that
// is 0 counts half.
func signedRankP(values []float64) float64 {
	w := 0.0
	for i, a := range values {
		for _, b := range values[i:] {
			switch m := a + b; {
			case m > 0:
				w++
			case m == 0:
				w += 0.5
			}
		}
	}
	counts := signedRankCounts(len(values))
	w = math.Max(w, float64(len(counts)-1)-w)
	var total, beyond float64
	for sum, n := range counts {
		total += n
		if float64(sum) >= math.Floor(w) {
			beyond += n
		}
	}
	return math.Min(1, 2*beyond/total)
}

// Sides compares two sets of trials of one run that were measured in the same
// rounds, whatever their Configs differ in.
func Sides(old, new []*results.Trial, o Options) (*Comparison, error) {
	if err := o.Validate(2); err != nil {
		return nil, err
	}
	p := pairing{from: "old", to: "new", old: results.Group{Trials: counting(old)}, new: results.Group{Trials: counting(new)}}
	for _, g := range []*results.Group{&p.old, &p.new} {
		if len(g.Trials) > 0 {
			g.Config = g.Trials[0].Config
		}
	}
	c := &Comparison{By: o.By, Paired: true, Old: Side{Name: p.from}, New: Side{Name: p.to}}
	return c, c.compare([]pairing{p}, o)
}

// counting are the trials whose figures count.
func counting(trials []*results.Trial) (out []*results.Trial) {
	for _, t := range trials {
		if counts(t) {
			out = append(out, t)
		}
	}
	return out
}
