package compare

import (
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// outlier is from how many times the median size on a log ratio has less of a
// say in the test, and none from farOut on: a hiccup in one round shall not hide
// what the others show. Since it goes by size alone, the test stays exact.
//
// Note: a limit that only clips, and Wilcoxon's ranks, find 2 to 9 of 100
// changes more where the noise is normal or comes in long bursts, but 15 to 45
// fewer where one trial in twenty or in five is hit by a hiccup. Of one sharp
// limit, of 2.5 and 3.5, 2.5 and 5, 3 and 5 none is the better on the whole.
const (
	outlier = 2
	farOut  = 5
)

// pairedP tests for each figure whether its log ratios, a column a round, NaN
// where a round has none, lie around 0. The p are corrected for the number of
// figures.
func pairedP(ratios [][]float64, shuffles int) []float64 {
	if len(ratios) == 0 || len(ratios[0]) == 0 {
		return ones(len(ratios))
	}
	figures := make([]signedSum, len(ratios))
	sums := make([]float64, len(ratios))
	for i, row := range ratios {
		figures[i] = newSignedSum(signedScores(row))
		sums[i] = figures[i].total
	}
	test := newMaxTest(sums)
	for set := range exchanges(len(ratios[0]), shuffles) {
		for i := range figures {
			sums[i] = figures[i].sum(set)
		}
		test.count(sums)
	}
	return test.p()
}

// exchanges are the sets of rounds, a bit each, in which old and new change
// places, without the empty one: all of them but their mirror images where they
// are no more than shuffles, else so many are drawn.
func exchanges(rounds, shuffles int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		set := make([]byte, 8*((rounds+63)/64))
		if rounds <= 30 && 1<<(rounds-1) <= shuffles {
			// The last round never changes, for the mirror image shows the same.
			for n := uint64(1); n < 1<<(rounds-1); n++ {
				binary.LittleEndian.PutUint64(set, n)
				if !yield(set) {
					return
				}
			}
			return
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range shuffles - 1 {
			for i := 0; i < len(set); i += 8 {
				some := min(64, rounds-8*i)
				binary.LittleEndian.PutUint64(set[i:], rng.Uint64()>>(64-some))
			}
			if !yield(set) {
				return
			}
		}
	}
}

// signedSum is the scores of a figure, one a round, made to be added up fast.
type signedSum struct {
	total float64
	parts [][]float64 // of each eight rounds, twice the sum of each set of them
}

func newSignedSum(scores []float64) signedSum {
	var s signedSum
	for eight := range slices.Chunk(scores, 8) {
		sums := make([]float64, 1<<len(eight))
		for set := 1; set < len(sums); set++ {
			sums[set] = sums[set&(set-1)] + 2*eight[bits.TrailingZeros(uint(set))]
		}
		s.parts = append(s.parts, sums)
		s.total += sums[len(sums)-1] / 2
	}
	return s
}

// sum is that of the scores where those of a set of rounds change their sign.
func (s *signedSum) sum(set []byte) float64 {
	sum := s.total
	for i := range s.parts {
		sum -= s.parts[i][set[i]]
	}
	return sum
}

// signedScores scales log ratios so that the sum of their squares is 1.
// Outliers count less. Missing ones are 0.
func signedScores(ratios []float64) []float64 {
	var sizes []float64
	for _, v := range ratios {
		if !math.IsNaN(v) {
			sizes = append(sizes, math.Abs(v))
		}
	}
	scores := make([]float64, len(ratios))
	if len(sizes) == 0 {
		return scores
	}
	mid := median(sizes)
	var squares float64
	for i, v := range ratios {
		if !math.IsNaN(v) {
			scores[i] = weighed(v, mid)
			squares += scores[i] * scores[i]
		}
	}
	if squares > 0 {
		for i := range scores {
			scores[i] /= math.Sqrt(squares)
		}
	}
	return scores
}

// weighed is v, less the farther out it is, where mid is the median size.
func weighed(v, mid float64) float64 {
	far := math.Abs(v) / mid
	if mid == 0 || far <= outlier { // 0: most are exactly alike
		return v
	}
	return math.Copysign(math.Max(0, mid*outlier*(farOut-far)/(farOut-outlier)), v)
}

// centre is what log ratios lie around: where the scores of what they are off
// by add up to 0. It is looked for from the median of all means of two on.
func centre(ratios []float64) float64 {
	at := pairedShift(ratios).at
	sizes := make([]float64, len(ratios))
	for range 50 {
		for i, v := range ratios {
			sizes[i] = math.Abs(v - at)
		}
		if len(ratios) == 0 {
			break
		}
		mid := median(sizes)
		if mid == 0 { // more than half are equal
			break
		}
		var sum, weights float64
		for i, v := range ratios {
			w := 1.0
			if sizes[i] > 0 {
				w = weighed(sizes[i], mid) / sizes[i]
			}
			sum, weights = sum+w*v, weights+w
		}
		at = sum / weights
	}
	return at
}

// testedShift estimates the shift from log ratios by their centre, with the
// interval of those that pairedP at 5 % does not rule out, as far as they hang
// together with the estimate: it leaves out 0 exactly where pairedP of this
// figure alone is at most 5 %. Needs 6 rounds for a finite interval.
func testedShift(ratios []float64, shuffles int) shift {
	s := shift{at: centre(ratios), lo: math.Inf(-1), hi: math.Inf(1), spread: deviation(ratios)}
	if len(ratios) < leastRounds(true, family{1, alpha}) {
		return s
	}
	wide := slices.Max(ratios) - slices.Min(ratios)
	if wide == 0 {
		s.lo, s.hi = s.at, s.at
		return s
	}
	rest := make([]float64, len(ratios))
	ruledOut := func(by float64) bool {
		for i, v := range ratios {
			rest[i] = v - by
		}
		return pairedP([][]float64{rest}, shuffles)[0] <= alpha
	}
	zero := ruledOut(0)
	edge := func(direction float64) float64 {
		in, beyond := s.at, direction*s.at < 0 // 0 lies that way
		if beyond && !zero {
			in, beyond = 0, false
		}
		step := direction * s.spread / 4
		if step == 0 { // more than half are equal
			step = direction * wide / 64
		}
		out := in + step
		for ; ; step *= 1.2 {
			if beyond && direction*out >= 0 {
				out = 0
				break
			}
			if ruledOut(out) {
				break
			}
			in, out = out, out+step
		}
		for range 10 {
			if mid := in/2 + out/2; ruledOut(mid) {
				out = mid
			} else {
				in = mid
			}
		}
		return in
	}
	s.lo, s.hi = edge(-1), edge(1)
	return s
}
