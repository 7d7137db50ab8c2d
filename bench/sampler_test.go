package bench

import (
	"testing"
	"time"
)

// TestSpans cuts windows of 1,000 ns at samples of a period of 100 ns.
func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []int64 // the first is before the begin at 10, the last after the end at 1010
		ends    []int64
	}{
		{"no sample between", []int64{5, 1012}, []int64{1010}},
		{"samples between", []int64{5, 400, 700, 1012}, []int64{400, 700, 1010}},
		{"one at the very end", []int64{5, 400, 1009, 1012}, []int64{400, 1010}},
		{"one after the end", []int64{5, 400, 1011, 1012}, []int64{400, 1010}},
		{"one in the last half period", []int64{5, 955, 965, 1012}, []int64{955, 1010}},
	} {
		s := &sampler{}
		for _, at := range tt.samples {
			s.samples = append(s.samples, sample{at: at})
		}
		got := s.spans(10, 1010, 100*time.Nanosecond)
		start, from := int64(10), 0
		for i, p := range got {
			if p.start != start || p.from != from || i < len(tt.ends) && p.end != tt.ends[i] {
				t.Errorf("%s: span %d is %+v, want it from %d (sample %d) to one of %v", tt.name, i, p, start, from, tt.ends)
			}
			start, from = p.end, p.to
		}
		if len(got) != len(tt.ends) || start != 1010 || from != len(tt.samples)-1 {
			t.Errorf("%s: %+v, want ends %v and every sample", tt.name, got, tt.ends)
		}
	}
}
