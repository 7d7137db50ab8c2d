package compare

import (
	"math"
	"slices"
)

// confidence is that of every interval.
const confidence = 0.95

// alpha is the chance of a difference anywhere in a table where there is none.
const alpha = 1 - confidence

// shift is how far a figure moved, as a natural logarithm of new over old,
// with the interval that holds it with 95 % confidence; infinite where there
// are too few rounds for one.
type shift struct {
	at, lo, hi float64
	spread     float64 // standard deviation of what one more round adds
}

// pairedShift estimates the shift from the log ratios of rounds that measured
// both sides: the median of all means of two of them (Hodges and Lehmann 1963),
// with the interval of the ratios that Wilcoxon's signed-rank test at
// 5 % does not rule out. Needs 6 rounds for a finite interval. A ratio that
// sticks out counts as just at the edge of the others.
func pairedShift(ratios []float64) shift {
	ratios = clipped(ratios)
	var means []float64
	for i, a := range ratios {
		for _, b := range ratios[i:] {
			means = append(means, (a+b)/2)
		}
	}
	return between(means, signedRankCounts(len(ratios)))
}

// reach is the median of values, and how far from it those may lie that do not
// stick out: three deviations, the deviation being told by the median distance.
// Where more than half are equal nothing sticks out.
func reach(values []float64) (mid, limit float64) {
	mid = median(values)
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - mid)
	}
	limit = 3 * 1.4826 * median(distances) // 1.4826 for a normal distribution
	if limit == 0 {
		limit = math.Inf(1)
	}
	return mid, limit
}

// clipped moves what sticks out to the edge of the others.
func clipped(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	mid, limit := reach(values)
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Max(mid-limit, math.Min(mid+limit, v))
	}
	return out
}

// deviation is the standard deviation of the values that do not stick out; NaN
// of fewer than two.
func deviation(values []float64) float64 {
	if len(values) < 2 {
		return math.NaN()
	}
	mid, limit := reach(values)
	var n, mean, squares float64
	for _, v := range values {
		if math.Abs(v-mid) <= limit {
			n++
			d := v - mean
			mean += d / n
			squares += d * (v - mean)
		}
	}
	return math.Sqrt(squares / (n - 1))
}

// unpairedShift estimates the shift between two samples of logarithms: the
// median of all their differences, with the interval of those that the
// Mann-Whitney test at 5 % does not rule out. Needs 4 rounds of each for a
// finite interval.
func unpairedShift(old, new []float64) shift {
	var differences []float64
	for _, a := range old {
		for _, b := range new {
			differences = append(differences, b-a)
		}
	}
	return between(differences, rankSumCounts(len(old), len(new)))
}

// trend is how far the logarithms of one run, in the order of its rounds, NaN
// where a round has none, move over as many rounds as it has: the median of the
// slopes between any two (Theil 1950).
func trend(values []float64) float64 {
	var slopes []float64
	for j, b := range values {
		for i, a := range values[:j] {
			if s := (b - a) / float64(j-i); !math.IsNaN(s) {
				slopes = append(slopes, s)
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	return median(slopes) * float64(len(values))
}

// widened is s with drift added on either side.
func (s shift) widened(drift float64) shift {
	drift = math.Abs(drift)
	s.lo, s.hi = s.lo-drift, s.hi+drift
	return s
}

func (s shift) excludesZero() bool { return s.lo > 0 || s.hi < 0 }

// between is the median of values, and the k-th of either end, where k is the
// largest for which the statistic whose distribution counts gives is below k
// in no more than half of 5 %.
func between(values, counts []float64) shift {
	n := len(values)
	if n == 0 {
		return shift{lo: math.Inf(-1), hi: math.Inf(1)}
	}
	slices.Sort(values)
	s := shift{at: values[(n-1)/2]/2 + values[n/2]/2, lo: math.Inf(-1), hi: math.Inf(1)}
	var total, below float64
	for _, c := range counts {
		total += c
	}
	k := 0
	for ; k < len(counts); k++ {
		if below+counts[k] > total*(1-confidence)/2 {
			break
		}
		below += counts[k]
	}
	if k > 0 {
		s.lo, s.hi = values[k-1], values[n-k]
	}
	return s
}

// exactRounds is up to how many rounds the distributions are counted out;
// beyond it the normal distribution stands for them.
const exactRounds = 40

// signedRankCounts says in how many of the 2^n signs of the ranks 1 to n the
// positive ones add up to each sum.
func signedRankCounts(n int) []float64 {
	top := n * (n + 1) / 2
	if n > exactRounds {
		return normalCounts(top, math.Sqrt(float64(n*(n+1)*(2*n+1))/24))
	}
	counts := make([]float64, top+1)
	counts[0] = 1
	for rank := 1; rank <= n; rank++ {
		for sum := top; sum >= rank; sum-- {
			counts[sum] += counts[sum-rank]
		}
	}
	return counts
}

// rankSumCounts says in how many orders of n and m values U, the number of
// pairs in which the first is the greater, takes each value from 0 to n·m.
func rankSumCounts(n, m int) []float64 {
	if n+m > exactRounds {
		return normalCounts(n*m, math.Sqrt(float64(n*m*(n+m+1))/12))
	}
	// The product of (1-x^(m+i))/(1-x^i): Gauss's binomial coefficient.
	counts := make([]float64, n*m+1)
	counts[0] = 1
	for i := 1; i <= n; i++ {
		for u := n * m; u >= m+i; u-- {
			counts[u] -= counts[u-m-i]
		}
		for u := i; u <= n*m; u++ {
			counts[u] += counts[u-i]
		}
	}
	return counts
}

// normalCounts is a normal distribution over 0 to top, as if it were counted.
func normalCounts(top int, deviation float64) []float64 {
	counts := make([]float64, top+1)
	for i := range counts {
		z := (float64(i) - float64(top)/2) / deviation
		counts[i] = math.Exp(-z * z / 2)
	}
	return counts
}
