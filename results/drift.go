package results

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Drift is a change of a figure over the rounds of a run that is more than the
// noise from round to round.
type Drift struct {
	Metric  string  `json:"metric"`          // the primary figure; "" of all Configs together
	Kind    string  `json:"kind"`            // step, trend
	Round   int     `json:"round,omitempty"` // of a step: the first one after it
	Change  float64 `json:"change"`          // a fraction: of the level before the step, or from the first round to the last; of all Configs together how much faster they became
	P       float64 `json:"p"`               // how often noise alone would show as much anywhere in the run
	Configs int     `json:"configs"`         // that it is of
}

// The kinds of Drift.
const (
	DriftStep  = "step"
	DriftTrend = "trend"
)

const (
	driftRounds   = 6    // fewer show no drift that luck could not
	driftAlpha    = 0.05 // chance of any false alarm in a run
	driftLeast    = 0.01 // a change that is less is not worth telling
	driftUnstable = 0.05 // one that is more makes a median say little
	driftShuffles = 999  // so that p may be as small as 1/1000
	driftTogether = 3    // Configs that it takes to tell the machine's drift from their own
)

// Drifts are those of a run.
type Drifts struct {
	Machine *Drift   // of all Configs together, each relative to its own median; nil where there is none
	Groups  []*Drift // of each group beside the machine's; nil where there is none
}

// FindDrifts looks for a change point and a trend in the primary figure of
// each group over the rounds, and in what all groups have in common. The
// chance that it finds anything in a run whose rounds differ by noise alone
// is 5 %, however many groups there are: rounds change places at random, in all
// groups at once, and only what few such shuffles exceed anywhere counts
// (Westfall and Young's maxT, as in package compare).
//
// The test of a change point is the greatest difference between the means
// before and after (Worsley, JASA 74, 1979), that of a trend the correlation
// with time; outliers are drawn in first. The size of a trend is Theil and
// Sen's, that of a step the ratio of medians.
//
// Note: Mann and Kendall's and Pettitt's tests use ranks alone. Corrected for
// the number of groups, ranks of ten rounds cannot show a step of any size.
func FindDrifts(groups []Group) Drifts {
	out := Drifts{Groups: make([]*Drift, len(groups))}
	all := make([]series, len(groups))
	rounds := roundsOf(groups)
	for i, g := range groups {
		all[i] = seriesOf(g, rounds)
	}
	alpha := driftAlpha
	if common, n := commonOf(all); n >= driftTogether {
		alpha /= 2 // there are two families of tests
		if d := findDrifts([]series{common}, alpha)[0]; d != nil {
			d.Configs, out.Machine = n, d
			for i := range all {
				all[i] = all[i].less(common)
			}
		}
	}
	for i, d := range findDrifts(all, alpha) {
		if d != nil {
			d.Configs, out.Groups[i] = 1, d
			_, _, name, m := groups[i].primary()
			d.Metric = name
			if m.Better == "lower" {
				d.Change = 1/(1+d.Change) - 1
			}
		}
	}
	out.number(rounds)
	return out
}

// roundsOf are the rounds that a trial of groups is of, in order.
func roundsOf(groups []Group) (rounds []int) {
	seen := map[int]bool{}
	for _, g := range groups {
		for _, t := range g.Trials {
			seen[t.Round] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// number has the steps of d, found by place in rounds, be at those rounds.
func (d Drifts) number(rounds []int) {
	for _, f := range append(slices.Clone(d.Groups), d.Machine) {
		if f != nil && f.Kind == DriftStep {
			f.Round = rounds[f.Round]
		}
	}
}

// series is the logarithm of how fast a group was by round, NaN where a round
// does not have it; nil where too few have.
type series []float64

func seriesOf(g Group, rounds []int) series {
	s := make(series, len(rounds))
	for r := range s {
		s[r] = math.NaN()
	}
	trials, values, _, m := g.primary()
	sign := 1.0
	if m.Better == "lower" { // less of it is faster, and all series shall say how fast
		sign = -1
	}
	for i, t := range trials {
		if values[i] <= 0 {
			return nil
		}
		place, _ := slices.BinarySearch(rounds, t.Round)
		s[place] = sign * math.Log(values[i])
	}
	if len(s.present()) < driftRounds {
		return nil
	}
	return s
}

// present are the values that there are.
func (s series) present() []float64 { return slices.DeleteFunc(slices.Clone(s), math.IsNaN) }

// less is s relative to common.
func (s series) less(common series) series {
	if s == nil {
		return nil
	}
	out := make(series, len(s))
	for r := range s {
		out[r] = s[r] - common[r] // NaN where either is
	}
	if len(out.present()) < driftRounds {
		return nil
	}
	return out
}

// commonOf is the median, by round, of where the series lie relative to their
// own medians; n is how many there are.
func commonOf(all []series) (common series, n int) {
	var own []series
	for _, s := range all {
		if s != nil {
			m := make(series, len(s))
			for r := range m {
				m[r] = SpreadOf(s.present()).Median
			}
			own = append(own, s.less(m))
		}
	}
	if len(own) == 0 {
		return nil, 0
	}
	common = make(series, len(own[0]))
	for r := range common {
		var at []float64
		for _, s := range own {
			if !math.IsNaN(s[r]) {
				at = append(at, s[r])
			}
		}
		common[r] = math.NaN()
		if len(at) >= driftTogether {
			common[r] = SpreadOf(at).Median
		}
	}
	if len(common.present()) < driftRounds {
		return nil, 0
	}
	return common, len(own)
}

// findDrifts tests all series together.
func findDrifts(all []series, alpha float64) []*Drift {
	out := make([]*Drift, len(all))
	var scores []series
	rounds := 0
	for _, s := range all {
		if scored := s.scores(); scored != nil {
			scores = append(scores, scored)
			rounds = len(s)
		}
	}
	if len(scores) == 0 {
		return out
	}
	order := make([]int, rounds)
	for r := range order {
		order[r] = r
	}
	greatest := make([]float64, driftShuffles)
	rng := rand.New(rand.NewPCG(1, 2))
	for k := range greatest {
		rng.Shuffle(rounds, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range scores {
			step, trend, _ := s.test(order)
			greatest[k] = max(greatest[k], step, trend)
		}
	}
	slices.Sort(greatest)
	inTime := slices.Sorted(slices.Values(order))
	for i, s := range all {
		scored := s.scores()
		if scored == nil {
			continue
		}
		step, trend, at := scored.test(inTime)
		p := func(of float64) float64 {
			below, _ := slices.BinarySearch(greatest, of*(1-1e-9))
			return float64(1+len(greatest)-below) / float64(1+len(greatest))
		}
		if d := s.describe(at, p(step) <= alpha, p(trend) <= alpha); d != nil && math.Abs(d.Change) >= driftLeast {
			d.P = p(map[string]float64{DriftStep: step, DriftTrend: trend}[d.Kind])
			out[i] = d
		}
	}
	return out
}

// scores are s about its mean, with outliers drawn in to three deviations, and
// the sum of squares 1; nil where all values are equal.
func (s series) scores() series {
	values := s.present()
	if len(values) < driftRounds {
		return nil
	}
	mid := SpreadOf(values).Median
	var sizes []float64
	for _, v := range values {
		sizes = append(sizes, math.Abs(v-mid))
	}
	limit := 3 * 1.4826 * SpreadOf(sizes).Median // 1.4826 for a normal distribution
	if limit == 0 {                              // most are equal
		limit = math.Inf(1)
	}
	out, sum := make(series, len(s)), 0.0
	for r, v := range s {
		out[r] = min(max(v-mid, -limit), limit)
		if !math.IsNaN(v) {
			sum += out[r]
		}
	}
	mean, squares := sum/float64(len(values)), 0.0
	for r, v := range out {
		out[r] = v - mean
		if !math.IsNaN(v) {
			squares += out[r] * out[r]
		}
	}
	if squares < 1e-18 {
		return nil
	}
	for r := range out {
		out[r] /= math.Sqrt(squares)
	}
	return out
}

// test is how far the scores, taken in order, speak for a step and for a
// trend, about as a normal variable where there is none; at is the place in
// order at which the step would be.
func (s series) test(order []int) (step, trend float64, at int) {
	n, times, squares := 0, 0.0, 0.0
	for place, r := range order {
		if !math.IsNaN(s[r]) {
			n, times, squares = n+1, times+float64(place), squares+float64(place)*float64(place)
		}
	}
	mean := times / float64(n)
	sum, seen := 0.0, 0
	for place, r := range order {
		v := s[r]
		if math.IsNaN(v) {
			continue
		}
		if seen >= 2 && seen <= n-2 { // a step that one round is alone behind may be its hiccup
			if d := math.Abs(sum) * math.Sqrt(float64(n)/float64(seen*(n-seen))); d > step {
				step, at = d, place
			}
		}
		sum, seen = sum+v, seen+1
		trend += v * (float64(place) - mean)
	}
	scale := math.Sqrt(float64(n - 1))
	return step * scale, math.Abs(trend) / math.Sqrt(squares-times*mean) * scale, at
}

// describe sizes what was found: where both a step, whose Round is the place at,
// and a trend were, that which leaves less unexplained.
func (s series) describe(at int, step, trend bool) *Drift {
	if !step && !trend {
		return nil
	}
	before, after := SpreadOf(s[:at].present()).Median, SpreadOf(s[at:].present()).Median
	slope, level := s.line()
	first, last, unexplained := -1, 0, map[string]float64{}
	for r, v := range s {
		if math.IsNaN(v) {
			continue
		}
		if first < 0 {
			first = r
		}
		last = r
		unexplained[DriftTrend] += math.Abs(v - level - slope*float64(r))
		unexplained[DriftStep] += math.Abs(v - map[bool]float64{true: before, false: after}[r < at])
	}
	if step && (!trend || unexplained[DriftStep] <= unexplained[DriftTrend]) {
		return &Drift{Kind: DriftStep, Round: at, Change: math.Expm1(after - before)}
	}
	return &Drift{Kind: DriftTrend, Change: math.Expm1(slope * float64(last-first))}
}

// line is the median of all slopes between two rounds (Theil 1950, Sen 1968),
// and the level at the first round that goes with it.
func (s series) line() (slope, level float64) {
	var slopes, levels []float64
	for i, a := range s {
		for j := i + 1; j < len(s); j++ {
			if d := (s[j] - a) / float64(j-i); !math.IsNaN(d) {
				slopes = append(slopes, d)
			}
		}
	}
	slope = SpreadOf(slopes).Median
	for r, v := range s {
		if !math.IsNaN(v) {
			levels = append(levels, v-slope*float64(r))
		}
	}
	return slope, SpreadOf(levels).Median
}

// String says what moved: "the rate fell by 12 % from round 7 on".
func (d *Drift) String() string {
	name, fell, rose := "the rate", "fell", "rose"
	switch {
	case d.Metric == "":
		name, fell, rose = "all configurations together", "became slower", "became faster"
	case strings.HasSuffix(d.Metric, ".p50"):
		name = "the median latency"
	}
	verb, percent := rose, FormatChange(1+d.Change)
	if d.Change < 0 {
		verb = fell
	}
	percent = strings.TrimLeft(percent, "+−")
	if d.Kind == DriftStep {
		return fmt.Sprintf("%s %s by %s from round %d on", name, verb, percent, d.Round)
	}
	return fmt.Sprintf("%s %s steadily, by %s from the first round to the last", name, verb, percent)
}

// unstable tells whether d is so large that a median over the rounds says
// little; a nil d is not.
func (d *Drift) unstable() bool { return d != nil && math.Abs(d.Change) >= driftUnstable }
