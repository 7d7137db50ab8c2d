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

// TestIntervalAndPAgree finds that the interval of a figure alone leaves out 0
// exactly where its p is at most 5 %, and holds its estimate.
func TestIntervalAndPAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	found := 0
	for i := range 400 {
		row := make([]float64, 4+rng.IntN(20))
		for r := range row {
			row[r] = rng.NormFloat64() + 0.5
			if rng.IntN(8) == 0 {
				row[r] *= 20
			}
		}
		p, s := pairedP([][]float64{row}, 256)[0], testedShift(row, 256)
		if s.excludesZero() != (p <= alpha) || s.lo > s.at || s.at > s.hi {
			t.Errorf("%d: p %v and %v from %v to %v of %v", i, p, s.at, s.lo, s.hi, row)
		}
		if s.excludesZero() {
			found++
		}
	}
	if found < 50 || found > 350 {
		t.Errorf("%d of 400 leave out 0, which shows nothing", found)
	}
}

// TestInTurn gives the leading figures four fifths of the 5 %, and each family
// what the other does not need.
func TestInTurn(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, others []float64
		want          []float64 // of first, and then others
		alpha         [2]float64
	}{
		{"one family", []float64{0.03, 0.5}, nil, []float64{0.03, 0.5}, [2]float64{0.05, 0}},
		{"none leads", nil, []float64{0.03}, []float64{0.03}, [2]float64{0, 0.05}},
		{"first differs, and leaves all to the others", []float64{0.004}, []float64{0.04, 0.5}, []float64{0.005, 0.04, 0.5}, [2]float64{0.04, 0.05}},
		{"first is not told: the others have their share", []float64{0.2}, []float64{0.008, 0.02}, []float64{0.2, 0.04, 0.1}, [2]float64{0.04, 0.01}},
		{"one of first is not told", []float64{0.001, 0.2}, []float64{0.02}, []float64{0.00125, 0.2, 0.1}, [2]float64{0.04, 0.01}},
		{"all others differ", []float64{0.048}, []float64{0.002, 0.008}, []float64{0.048, 0.01, 0.04}, [2]float64{0.05, 0.01}},
		{"nothing differs", []float64{0.9}, []float64{0.8}, []float64{1, 1}, [2]float64{0.04, 0.01}},
	} {
		var rows [][]float64
		var leads []bool
		for _, p := range c.first {
			rows, leads = append(rows, []float64{p}), append(leads, true)
		}
		for _, p := range c.others {
			rows, leads = append(rows, []float64{p}), append(leads, false)
		}
		rows, leads = append(rows, []float64{math.NaN()}), append(leads, true) // of which nothing is known
		p, families := inTurn(rows, leads, func(rows [][]float64) (p []float64) {
			for _, row := range rows {
				p = append(p, row[0])
			}
			return p
		})
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if !slices.EqualFunc(p, append(c.want, 1), near) {
			t.Errorf("%s: p %v, want %v", c.name, p, append(c.want, 1))
		}
		for i, f := range families[:len(families)-1] {
			want, figures := c.alpha[1], len(c.others)
			if leads[i] {
				want, figures = c.alpha[0], len(c.first)
			}
			if !near(f.alpha, want) || f.figures != figures {
				t.Errorf("%s: family of %d: %+v, want %d figures at %v", c.name, i, f, figures, want)
			}
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
		if got := enough(c.deviation, math.Log1p(0.05), family{c.figures, alpha}, 6); got < c.low || got > c.high {
			t.Errorf("deviation %v, %d figures: %d rounds, want %d to %d", c.deviation, c.figures, got, c.low, c.high)
		}
	}
}
