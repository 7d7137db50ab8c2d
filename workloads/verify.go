package workloads

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Verify checks that rec is batch i of a stream: the same columns, rows and
// values. What lies under a null, beyond the last row, or in unused bytes of
// a buffer does not count, nor do the schema's metadata and nullability. The
// error names the batch, and of the first difference the column, the row and
// both values. Rec stays the caller's. I is not negative.
//
// Equal batches are told by comparing their buffers, at memory speed.
func (s *Set) Verify(i int64, rec arrow.RecordBatch) error {
	want := s.Batches[i%int64(len(s.Batches))].Record
	if err := sameSchema(rec.Schema(), s.Schema); err != nil {
		return fmt.Errorf("batch %d: %w", i, err)
	}
	if rec.NumRows() != want.NumRows() {
		return fmt.Errorf("batch %d: received %d rows, want %d", i, rec.NumRows(), want.NumRows())
	}
	for c, w := range want.Columns() {
		g := rec.Column(c)
		if same(g.Data(), g.Data().Offset(), w.Data(), w.Data().Offset(), w.Len()) {
			continue
		}
		if row := firstDifference(g, w); row >= 0 {
			return fmt.Errorf("batch %d: column %d %q: row %d: received %s, want %s",
				i, c, clip(s.Schema.Field(c).Name), row, show(g, row), show(w, row))
		}
	}
	return nil
}

func sameSchema(got, want *arrow.Schema) error {
	if got == want {
		return nil
	}
	if got.NumFields() != want.NumFields() {
		return fmt.Errorf("received %d columns, want %d", got.NumFields(), want.NumFields())
	}
	for c := range want.NumFields() {
		g, w := got.Field(c), want.Field(c)
		switch {
		case g.Name != w.Name:
			return fmt.Errorf("column %d: received %q, want %q", c, clip(g.Name), clip(w.Name))
		case !arrow.TypeEqual(g.Type, w.Type):
			return fmt.Errorf("column %d %q: received type %s, want %s", c, clip(w.Name), clip(g.Type.String()), clip(w.Type.String()))
		}
	}
	return nil
}

// firstDifference is the first row in which the arrays, of one type and length,
// differ in value, or -1. It halves the range that holds it.
func firstDifference(got, want arrow.Array) int {
	n := want.Len()
	if equalRows(got, want, 0, n) {
		return -1
	}
	lo, hi := 0, n // the first difference is in [lo, hi)
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		if equalRows(got, want, lo, mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// equalRows compares values, and takes NaNs of the same bits for equal.
func equalRows(got, want arrow.Array, lo, hi int) bool {
	if same(got.Data(), got.Data().Offset()+lo, want.Data(), want.Data().Offset()+lo, hi-lo) {
		return true
	}
	if g, ok := got.(*array.Dictionary); ok {
		return equalEncoded(g, want.(*array.Dictionary), lo, hi)
	}
	if array.SliceEqual(got, int64(lo), int64(hi), want, int64(lo), int64(hi)) {
		return true
	}
	if hi-lo == 1 {
		return false
	}
	// A NaN makes SliceEqual false, too: go down to the rows.
	mid := int(uint(lo+hi) / 2)
	return equalRows(got, want, lo, mid) && equalRows(got, want, mid, hi)
}

// equalEncoded compares what the indices stand for: a peer may have made another
// dictionary of the same values.
func equalEncoded(got, want *array.Dictionary, lo, hi int) bool {
	g, w := got.Dictionary(), want.Dictionary()
	for i := lo; i < hi; i++ {
		if got.IsNull(i) || want.IsNull(i) {
			if got.IsNull(i) != want.IsNull(i) {
				return false
			}
			continue
		}
		x, y := got.GetValueIndex(i), want.GetValueIndex(i)
		if x >= g.Len() || !array.SliceEqual(g, int64(x), int64(x)+1, w, int64(y), int64(y)+1) {
			return false
		}
	}
	return true
}

func show(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return "null"
	}
	if d, ok := a.(*array.Dictionary); ok {
		if at := d.GetValueIndex(row); at < d.Dictionary().Len() {
			return show(d.Dictionary(), at)
		}
		return fmt.Sprintf("index %d beyond the dictionary", d.GetValueIndex(row))
	}
	s := a.ValueStr(row)
	switch a.DataType().ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW, arrow.BINARY, arrow.LARGE_BINARY:
		return fmt.Sprintf("%q", clip(s))
	}
	return clip(s)
}
