package plot

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

// TestHeatHoldsEverySample adds up the cells of a heat map, of a short trial
// and of a long one whose intervals are joined.
func TestHeatHoldsEverySample(t *testing.T) {
	for _, c := range []struct {
		name      string
		intervals int
		length    float64 // seconds
		columns   int
	}{
		{"one interval", 1, 1, 1},
		{"a window of a millisecond", 1, 0.001, 1},
		{"each interval a column", 60, 1, 60},
		{"joined", 600, 1, 60},
		{"joined, the last column shorter", 61, 1, 31},
	} {
		tr := &results.Trial{ID: "t", Config: resultstest.Config(), Hists: map[string]*results.Encoded{"batch_gap": {}}}
		var samples int64
		for i := range c.intervals {
			h := results.NewHistogram()
			for n := range int64(20) {
				if err := h.RecordValue(1000 * (1 + n*n*n*n) * int64(1+i%3)); err != nil {
					t.Fatal(err)
				}
				samples++
			}
			iv := results.Interval{Start: float64(i) * c.length, Seconds: c.length}
			tr.Timeline = append(tr.Timeline, iv)
			tr.Hists["batch_gap"].Intervals = append(tr.Hists["batch_gap"].Intervals, results.IntervalHistogram{Start: iv.Start, Seconds: iv.Seconds, Histogram: h})
		}
		d := &drawer{run: &results.Loaded{}}
		h, err := d.heatOf(tr, "batch_gap")
		if err != nil {
			t.Fatal(err)
		}
		var sum, most int64
		bins := map[int]bool{}
		for _, cells := range h.cells {
			for bin, n := range cells {
				sum, most = sum+n, max(most, n)
				bins[bin] = true
			}
		}
		if sum != samples || most != h.most || len(h.cells) != c.columns || len(h.p99) != c.columns || len(bins) > heatBins+1 {
			t.Errorf("%s: %d of %d samples in %d columns of %d bins, at most %d (%d)", c.name, sum, samples, len(h.cells), len(bins), most, h.most)
		}
		if end := h.starts[len(h.starts)-1] + h.width; !(end >= float64(c.intervals)*c.length) {
			t.Errorf("%s: columns end at %v s", c.name, end)
		}
	}
}

// TestHeatSteps has a shade for every number of samples.
func TestHeatSteps(t *testing.T) {
	for _, c := range []struct {
		most int64
		want []int64
	}{
		{1, []int64{1}}, {2, []int64{1}}, {3, []int64{1, 3}}, {2999, []int64{1, 3, 10, 30, 100, 300, 1000}},
		{3000, []int64{1, 10, 100, 1000}}, {5_000_000_000, []int64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}},
	} {
		if got := (&heat{most: c.most}).steps(); !slices.Equal(got, c.want) {
			t.Errorf("%d: %v, want %v", c.most, got, c.want)
		}
	}
}

// TestExtremes draws the fastest and the slowest of each operation.
func TestExtremes(t *testing.T) {
	groups := results.GroupTrials(resultstest.Matrix(1, resultstest.Ops("get", "put"), resultstest.Rows(128, 1024, 8192, 65536)))
	var got []string
	for _, g := range extremes(groups) {
		got = append(got, g.Config.Label([]string{"op", "rows"}))
	}
	if !slices.Equal(got, []string{"get · 65,536 rows", "put · 65,536 rows"}) { // large batches move most, and take longest
		t.Errorf("got %q", got)
	}
}

// TestPaceOf keeps the number of streams when it joins intervals.
func TestPaceOf(t *testing.T) {
	for _, c := range []struct {
		intervals int
		points    int
	}{{0, 0}, {1, 1}, {150, 150}, {151, 76}, {600, 150}} {
		var ivs []results.Interval
		var streams float64
		for i := range c.intervals {
			iv := results.Interval{Start: float64(i) / 2, Seconds: 0.5, Pace: &results.Pace{Asked: 100, Started: float64(90 + i%20), Ended: 80}}
			streams += iv.Pace.Started * iv.Seconds
			ivs = append(ivs, iv, results.Interval{Start: float64(i) / 2, Seconds: 0.5}) // one that tells nothing
		}
		lines := paceOf(ivs)
		for i, line := range lines {
			if len(line) != c.points {
				t.Errorf("%d intervals: line %d has %d points, want %d", c.intervals, i, len(line), c.points)
			}
		}
		if c.points == c.intervals && c.points > 0 && lines[1][0] != (plotter.XY{X: 0.25, Y: 90}) {
			t.Errorf("%d intervals: begins at %v", c.intervals, lines[1][0])
		}
		if per := (c.intervals + maxTimes - 1) / maxTimes; c.points > 0 && c.intervals%per == 0 {
			var sum float64
			for _, pt := range lines[1] {
				sum += pt.Y * 0.5 * float64(per)
			}
			if math.Abs(sum-streams) > 1e-6*streams {
				t.Errorf("%d intervals: %v streams of %v", c.intervals, sum, streams)
			}
		}
	}
}

func TestSpread(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		from []int
		n    int
		want []int
	}{{all, 10, all}, {all, 20, all}, {all, 4, []int{0, 3, 6, 9}}, {all, 1, []int{0}}, {nil, 3, nil}} {
		if got := spread(c.from, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, want %v", c.n, c.from, got, c.want)
		}
	}
}

// TestMarksOfWhatIsNotValid: points, bars and lines of a run say which are not
// valid, and those of a valid one say nothing.
func TestMarksOfWhatIsNotValid(t *testing.T) {
	for _, valid := range []bool{true, false} {
		trials := resultstest.Matrix(1, resultstest.Ops("get", "put"), resultstest.Rows(128, 1024))
		resultstest.TimeShares(trials)
		if !valid {
			for _, tr := range trials[:2] {
				tr.Verdict = results.VerdictUnstable
			}
		}
		figures, _, err := All(&results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"throughput-by-rows": crossedOut, "throughput-by-op": hatched, "cpu": hatched, "time-shares": crossedOut, "timeline": "(unstable)", "latency-first-batch": "(unstable)"} {
			i := slices.IndexFunc(figures, func(f *Figure) bool { return f.Name == name })
			if i < 0 {
				t.Errorf("no figure %s", name)
				continue
			}
			svg, err := figures[i].SVG()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(svg), want) == valid {
				t.Errorf("%s: valid is %v, and whether it says %q is not the opposite", name, valid, want)
			}
		}
	}
}

// TestTicksOfNextToNothing ends.
func TestTicksOfNextToNothing(t *testing.T) {
	if ticks, end := linearTicks(5e-324, 5); len(ticks) != 2 || end != 1 {
		t.Errorf("%d ticks to %v, want those of nothing", len(ticks), end)
	}
}
