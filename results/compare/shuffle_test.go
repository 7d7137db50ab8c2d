package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/perf/benchmath"
)

// TestUnpairedIsMannWhitney compares a table of one figure with the exact test
// of golang.org/x/perf, which knows nothing of shuffles.
func TestUnpairedIsMannWhitney(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		old, new := make([]float64, 3+rng.IntN(4)), make([]float64, 3+rng.IntN(4))
		for i := range old {
			old[i] = rng.Float64()
		}
		for i := range new {
			new[i] = rng.Float64() + 0.3
		}
		want := benchmath.AssumeNothing.Compare(benchmath.NewSample(slices.Clone(old), &benchmath.DefaultThresholds),
			benchmath.NewSample(slices.Clone(new), &benchmath.DefaultThresholds)).P
		got := unpairedP([][]float64{slices.Concat(old, new)}, len(old), maxShuffles)[0]
		if want < 0.9 && math.Abs(got-want) > 1e-9 { // near the middle it rounds up to 1
			t.Errorf("%v %v: p %v, Mann-Whitney says %v", old, new, got, want)
		}
	}
}

func TestPairedP(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		ratios [][]float64
		want   []float64
	}{
		{"none", nil, nil},
		{"no rounds", [][]float64{{}, {}}, []float64{1, 1}},
		{"all alike", [][]float64{{0, 0, 0, 0, 0, 0}}, []float64{1}},
		{"one way, two of 64", [][]float64{{1, 1, 1, 1, 1, 1}}, []float64{2. / 64}},
		{"one way, not equal", [][]float64{{1, 2, 1.5, 1.2, 1.1, 1.9}}, []float64{2. / 64}},
		{"the other way", [][]float64{{-1, -2, -1.5, -1.2, -1.1, -1.9}}, []float64{2. / 64}},
		{"too few", [][]float64{{1, 1, 1, 1}}, []float64{2. / 16}},
		{"one missing", [][]float64{{1, 1, 1, 1, 1, 1, nan}}, []float64{2. / 64}},
		{"an outlier has no say", [][]float64{{1, 1, 1, 1, 1, 1, -9}}, []float64{2. / 64}},
		{"what is somewhat far out has some", [][]float64{{1, 1, 1, 1, 1, 1, -3}}, []float64{16. / 128}},
		{"one of six the other way: itself, or none turned", [][]float64{{1, 1, 1, 1, 1, -1}}, []float64{14. / 64}},
		{"nothing known", [][]float64{{nan, nan, nan}}, []float64{1}},
		// The second is beaten by the first wherever that is turned whole, and by itself.
		{"corrected", [][]float64{{1, 1, 1, 1, 1, 1}, {1, -1, 1, -1, 1, -1}}, []float64{4. / 64, 1}},
	} {
		got := pairedP(c.ratios, maxShuffles)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%s: p %v, want %v", c.name, got, c.want)
		}
	}
}

// TestDrawnShuffles finds about the same p by drawing as by counting out.
func TestDrawnShuffles(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	rows := make([][]float64, 3)
	for i := range rows {
		rows[i] = make([]float64, 12)
		for r := range rows[i] {
			rows[i][r] = rng.NormFloat64() + 0.3*float64(i)
		}
	}
	for name, p := range map[string]func(shuffles int) []float64{
		"paired":   func(n int) []float64 { return pairedP(rows, n) },
		"unpaired": func(n int) []float64 { return unpairedP(rows, 6, n) },
	} {
		counted, drawn := p(2048), p(900)
		for i := range counted {
			if math.Abs(counted[i]-drawn[i]) > 0.06 {
				t.Errorf("%s: p %v counted out, %v drawn", name, counted, drawn)
			}
		}
		if !slices.Equal(drawn, p(900)) {
			t.Errorf("%s: drawn shuffles differ from call to call", name)
		}
	}
}

func TestCounts(t *testing.T) {
	if got, want := signedRankCounts(3), []float64{1, 1, 1, 2, 1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("sums of signed ranks of 3: %v, want %v", got, want)
	}
	if got, want := rankSumCounts(2, 3), []float64{1, 1, 2, 2, 2, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("U of 2 and 3: %v, want %v", got, want)
	}
	for _, n := range []int{exactRounds, exactRounds + 1} {
		var total, below float64
		counts := signedRankCounts(n)
		for sum, c := range counts {
			total += c
			if sum <= len(counts)/3 {
				below += c
			}
		}
		if share := below / total; share < 0.02 || share > 0.05 {
			t.Errorf("%d rounds: %v of the sums are in the lower third", n, share)
		}
	}
}

func TestShifts(t *testing.T) {
	inf := math.Inf(1)
	seq := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i + 1)
		}
		return v
	}
	for _, c := range []struct {
		name       string
		got        shift
		at, lo, hi float64
	}{
		{"none", pairedShift(nil), 0, -inf, inf},
		{"five rounds have no interval", pairedShift(seq(5)), 3, -inf, inf},
		{"six have the widest", pairedShift(seq(6)), 3.5, 1, 6},
		{"eight: the fourth mean of either end", pairedShift(seq(8)), 4.5, 2, 7}, // Wilcoxon's table: 3 at 5 %
		{"three and three have none", unpairedShift(seq(3), seq(3)), 0, -inf, inf},
		{"four and four have the widest", unpairedShift(seq(4), seq(4)), 0, -3, 3},
		{"five and five: the third difference", unpairedShift(seq(5), seq(5)), 0, -3, 3}, // Mann and Whitney's table: 2 at 5 %
	} {
		if c.got.at != c.at || c.got.lo != c.lo || c.got.hi != c.hi {
			t.Errorf("%s: %+v, want %v from %v to %v", c.name, c.got, c.at, c.lo, c.hi)
		}
	}
	if got := clipped([]float64{1, 2, 3, 4, 5, 100}); got[5] > 12 || got[0] != 1 {
		t.Errorf("clipped %v", got)
	}
	if got := trend([]float64{1, 2, math.NaN(), 4, 5}); got != 5 {
		t.Errorf("a rise of 1 a round is a trend of %v over 5 rounds", got)
	}
	if got := deviation([]float64{-1, 1, -1, 1, 50}); math.Abs(got-1.1547) > 1e-3 {
		t.Errorf("deviation %v without the outlier, want 1.1547", got)
	}
}

func TestEnough(t *testing.T) {
	for _, c := range []struct {
		deviation float64
		figures   int
		low, high int
	}{
		{0.0001, 40, 6, 6}, {0.02, 1, 6, 9}, {0.02, 40, 8, 12}, {0.05, 40, 20, 35}, {3, 40, 0, 0}, {math.NaN(), 1, 0, 0},
	} {
		if got := enough(c.deviation, math.Log1p(0.05), c.figures, 6); got < c.low || got > c.high {
			t.Errorf("deviation %v, %d figures: %d rounds, want %d to %d", c.deviation, c.figures, got, c.low, c.high)
		}
	}
}
