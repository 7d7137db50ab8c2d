package compare

import "math"

// power is how often a difference shall be found where there is one.
const power = 0.8

// enough is about how many rounds tell a shift of the size detect (a
// logarithm) from none, of one figure of a family, where the log ratios of
// a round, or of two rounds of two runs, deviate by deviation. It is
// Student's formula with Bonferroni's correction, no less than least. 0: more
// than most.
func enough(deviation, detect float64, in family, least int) int {
	const most = 1000
	rest := math.Max(upper(in.alpha/2/float64(in.figures))+upper(1-power), // to find a difference
		upper(alpha/2)+upper((1-power)/2)) // or to say that there is none
	for n := least; n <= most; n++ {
		// Student's quantiles are wider than the normal ones, the more so the fewer rounds.
		t := rest * (1 + (rest*rest+1)/4/float64(n-1))
		if t*deviation <= detect*math.Sqrt(float64(n)) {
			return n
		}
	}
	return 0
}

// upper is the value that a normal variable exceeds with chance p.
func upper(p float64) float64 { return math.Sqrt2 * math.Erfinv(1-2*p) }
