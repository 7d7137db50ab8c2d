package bench

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// An encoder takes its share of batches however few are in rotation: its making
// would be most of the work else.
func TestEncoderTakesItsShare(t *testing.T) {
	o := encodeOp{ceiling: ceiling{batches: 70}, recs: make([]arrow.RecordBatch, 3), group: 32}
	for first, want := range map[int64]int{0: 32, 32: 32, 64: 6} {
		if got := len(o.next(first)); got != want {
			t.Errorf("from batch %d it takes %d, want %d", first, got, want)
		}
	}
}
