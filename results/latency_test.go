package results_test

import (
	"testing"

	"flightbench/results"
)

// TestPercentileRank expects the percentile to be the least value that so many
// of the samples do not exceed, as HdrHistogram's reader in Java has it.
func TestPercentileRank(t *testing.T) {
	for _, c := range []struct{ n, p50, p99, p9999 int64 }{
		{1, 1, 1, 1}, {2, 1, 2, 2}, {3, 2, 3, 3}, {100, 50, 99, 100}, {101, 51, 100, 101}, {150, 75, 149, 150}, {1000, 500, 990, 1000},
		{1672, 836, 1656, 1672}, // where rounding to the nearest rank gives 1655
	} {
		h := results.NewHistogram()
		for i := range c.n {
			if err := h.RecordValue(1000 * (1 + i) * 512 / 500); err != nil {
				t.Fatal(err)
			}
		}
		rank := func(v int64) (n int64) {
			for _, b := range h.Distribution() {
				if b.To <= v {
					n += b.Count
				}
			}
			return n
		}
		l := results.Summarise(h, 0, 0)
		for _, got := range []struct {
			name        string
			value, rank int64
		}{{"p50", l.P50, c.p50}, {"p99", l.P99, c.p99}, {"p9999", l.P9999, c.p9999}} {
			// A bucket may hold several samples: the rank is reached in it, and not before it.
			if r := rank(got.value); r < got.rank || rank(got.value-h.LowestTrackableValue()-got.value/1024) >= got.rank {
				t.Errorf("%s of %d samples is the value of rank %d, want %d", got.name, c.n, r, got.rank)
			}
		}
	}
	if l := results.Summarise(results.NewHistogram(), 0, 0); l.P99 != 0 || l.Count != 0 {
		t.Errorf("an empty histogram has p99 %d of %d samples", l.P99, l.Count)
	}
}
