package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A table of many figures shows some difference by luck alone. How likely that
// is, is counted: if the two sides are alike, old and new may change places
// within a round (paired) or between rounds (unpaired), in all figures at once,
// and a difference is only as good as few of these shuffles show an equal one
// in any figure of its family. That is the step-down maxT procedure of Westfall
// and Young (Resampling-Based Multiple Testing, 1993): it holds the chance of
// any false difference in the family at 5 %. See inTurn for several families.
//
// Note: Holm's correction of single tests holds it, too, but has to assume
// that figures have nothing in common. With 40 figures it needs p ≤ 0.00125,
// which no rank test of fewer than 11 paired rounds can reach. Here 6 are
// enough, as body rate, batch gap and CPU time rise and fall together.

// maxShuffles is up to how many shuffles are counted out; of more, so many are
// drawn, the same ones each time.
const maxShuffles = 4096

// unpairedP tests for each figure whether the first olds of its values, a
// column a round, NaN where a round has none, rank like the others
// (Mann-Whitney). The p are corrected for the number of figures.
func unpairedP(values [][]float64, olds, shuffles int) []float64 {
	if len(values) == 0 || len(values[0]) == 0 {
		return ones(len(values))
	}
	rounds := len(values[0])
	ranks := make([][]float64, rounds) // by round, by figure; the mean rank is 0
	for r := range ranks {
		ranks[r] = make([]float64, len(values))
	}
	for i, row := range values {
		for r, v := range centredRanks(row) {
			ranks[r][i] = v
		}
	}
	sums := make([]float64, len(values))
	add := func(order []int) {
		clear(sums)
		for _, r := range order[:olds] {
			for i, v := range ranks[r] {
				sums[i] += v
			}
		}
	}
	order := make([]int, rounds)
	for r := range order {
		order[r] = r
	}
	add(order)
	test := newMaxTest(sums)
	if binomial(rounds, olds) <= float64(shuffles) {
		for next := slices.Clone(order[:olds]); nextSubset(next, rounds); {
			add(next)
			test.count(sums)
		}
		return test.p()
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range shuffles - 1 {
		for i := range olds {
			j := i + rng.IntN(rounds-i)
			order[i], order[j] = order[j], order[i]
		}
		add(order)
		test.count(sums)
	}
	return test.p()
}

// nextSubset makes s, ascending numbers below n, the next such subset; false
// after the last.
func nextSubset(s []int, n int) bool {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < n-len(s)+i {
			s[i]++
			for j := i + 1; j < len(s); j++ {
				s[j] = s[j-1] + 1
			}
			return true
		}
	}
	return false
}

func binomial(n, k int) float64 {
	b := 1.0
	for i := 1; i <= k; i++ {
		b = b * float64(n-k+i) / float64(i)
	}
	return math.Round(b)
}

// centredRanks are the ranks of values, equal ones sharing theirs, less the
// mean rank and scaled so that the sum of their squares is 1; 0 for NaN.
func centredRanks(values []float64) []float64 {
	var at []int
	for i, v := range values {
		if !math.IsNaN(v) {
			at = append(at, i)
		}
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]float64, len(values))
	var squares float64
	for i := 0; i < len(at); {
		j := i
		for j < len(at) && values[at[j]] == values[at[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[at[k]] = float64(i+j-1)/2 - float64(len(at)-1)/2
			squares += ranks[at[k]] * ranks[at[k]]
		}
		i = j
	}
	if squares > 0 {
		for i := range ranks {
			ranks[i] /= math.Sqrt(squares)
		}
	}
	return ranks
}

// maxTest counts how often shuffles reach the observed statistics. Statistics
// that have the same sign or its opposite count alike.
type maxTest struct {
	observed []float64
	order    []int // of the figures, the strongest first
	reached  []int
	shuffles int
}

func newMaxTest(observed []float64) *maxTest {
	t := &maxTest{shuffles: 1}
	for i, v := range observed {
		t.observed = append(t.observed, math.Abs(v)*(1-1e-9)) // sums in another order round differently
		t.order = append(t.order, i)
		t.reached = append(t.reached, 1) // the observation is a shuffle, too
	}
	slices.SortStableFunc(t.order, func(a, b int) int { return cmp.Compare(t.observed[b], t.observed[a]) })
	return t
}

func (t *maxTest) count(statistics []float64) {
	t.shuffles++
	most := 0.0
	for i := len(t.order) - 1; i >= 0; i-- {
		j := t.order[i]
		if v := math.Abs(statistics[j]); v > most {
			most = v
		}
		if most >= t.observed[j] {
			t.reached[j]++
		}
	}
}

func (t *maxTest) p() []float64 {
	p := make([]float64, len(t.observed))
	least := 0.0
	for _, j := range t.order {
		least = math.Max(least, float64(t.reached[j])/float64(t.shuffles))
		p[j] = least
	}
	return p
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return v[(n-1)/2]/2 + v[n/2]/2
}
