package workloads

import (
	"strings"
	"testing"
)

func TestCeilingRequestValidate(t *testing.T) {
	ok := CeilingRequest{By: CeilingTLS, Way: CeilingExchange, Sizes: []int64{1, 1<<31 - 1}}
	for name, tc := range map[string]struct {
		change func(*CeilingRequest)
		says   string
	}{
		"ok":         {func(*CeilingRequest) {}, ""},
		"close":      {func(r *CeilingRequest) { *r = CeilingRequest{Close: "x"} }, ""},
		"by":         {func(r *CeilingRequest) { r.By = "" }, `by ""`},
		"way":        {func(r *CeilingRequest) { r.Way = "up" }, `way "up"`},
		"no sizes":   {func(r *CeilingRequest) { r.Sizes = nil }, "0 sizes"},
		"many sizes": {func(r *CeilingRequest) { r.Sizes = make([]int64, MaxCeilingSizes+1) }, "65537 sizes"},
		"empty":      {func(r *CeilingRequest) { r.Sizes = []int64{5, 0} }, "size 1 is 0"},
		"huge":       {func(r *CeilingRequest) { r.Sizes = []int64{1 << 31} }, "size 0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ok
			tc.change(&r)
			err := r.Validate()
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error that says %q", err, tc.says)
			}
		})
	}
}

func TestCeilingBytes(t *testing.T) {
	sizes := []int64{3, 1, 4096, 17}
	same := 0
	for i, b := range CeilingBytes(sizes) {
		if int64(len(b)) != sizes[i] || cap(b) != len(b) {
			t.Errorf("buffer %d has %d of %d bytes, want %d", i, len(b), cap(b), sizes[i])
		}
		for k := 1; k < len(b); k++ {
			if b[k] == b[k-1] {
				same++
			}
		}
	}
	if same > 60 { // 16 are to be expected
		t.Errorf("%d of 4,113 bytes equal the one before: a codec would find them", same)
	}
}
