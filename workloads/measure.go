package workloads

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A meter adds up the buffers of a record batch as IPC sends them: cut to the
// slice, validity only where something is null, without dictionaries.
type meter struct {
	pad     int64 // buffers begin at multiples of it, a power of two
	logical int64 // exact lengths
	body    int64 // padded lengths
}

func (m *meter) add(n int64) {
	m.logical += n
	m.body += (n + m.pad - 1) &^ (m.pad - 1)
}

// measure counts the first rows of rec.
func measure(rec arrow.RecordBatch, rows int64) meter {
	m := meter{pad: 64}
	m.record(rec, rows)
	return m
}

func (m *meter) record(rec arrow.RecordBatch, rows int64) {
	for _, c := range rec.Columns() {
		d := c.Data()
		m.visit(d, d.Offset(), int(rows))
	}
}

// visit counts n values of d from off, an index into d's buffers.
func (m *meter) visit(d arrow.ArrayData, off, n int) {
	dt := d.DataType()
	if ext, ok := dt.(arrow.ExtensionType); ok {
		dt = ext.StorageType()
	}
	switch dt.ID() {
	case arrow.NULL:
		return
	case arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED:
	default:
		if nullsIn(d, off, n) > 0 {
			m.add(bitutil.BytesForBits(int64(n)))
		}
	}

	switch dt := dt.(type) {
	case *arrow.DictionaryType:
		m.add(int64(n) * int64(dt.IndexType.(arrow.FixedWidthDataType).Bytes()))
	case *arrow.BooleanType:
		m.add(bitutil.BytesForBits(int64(n)))
	case *arrow.StructType:
		m.children(d, off, n)
	case *arrow.FixedSizeListType:
		c := d.Children()[0]
		m.visit(c, c.Offset()+off*int(dt.Len()), n*int(dt.Len()))
	case *arrow.BinaryType, *arrow.StringType, *arrow.LargeBinaryType, *arrow.LargeStringType:
		lo, hi := m.bounds(d, off, n)
		m.add(hi - lo)
	case *arrow.ListType, *arrow.LargeListType, *arrow.MapType:
		lo, hi := m.bounds(d, off, n)
		c := d.Children()[0]
		m.visit(c, c.Offset()+int(lo), int(hi-lo))
	case arrow.BinaryViewDataType:
		m.add(int64(n) * int64(arrow.ViewHeaderSizeBytes))
		for _, b := range d.Buffers()[2:] {
			m.add(int64(b.Len()))
		}
	case *arrow.ListViewType, *arrow.LargeListViewType:
		m.listView(d, off, n)
	case *arrow.SparseUnionType:
		m.add(int64(n))
		m.children(d, off, n)
	case *arrow.DenseUnionType:
		m.denseUnion(d, dt, off, n)
	case *arrow.RunEndEncodedType:
		m.runs(d, off, n)
	case arrow.FixedWidthDataType:
		m.add(int64(n) * int64(dt.Bytes()))
	}
}

// children counts the same range of each child.
func (m *meter) children(d arrow.ArrayData, off, n int) {
	for _, c := range d.Children() {
		m.visit(c, c.Offset()+off, n)
	}
}

// bounds counts the offsets and returns the range that they span.
func (m *meter) bounds(d arrow.ArrayData, off, n int) (lo, hi int64) {
	buf := d.Buffers()[1]
	if buf == nil || buf.Len() == 0 {
		return 0, 0
	}
	w := d.DataType().(arrow.OffsetsDataType).OffsetTypeTraits().BytesRequired(1)
	m.add(int64(n+1) * int64(w))
	return offsetAt(buf, w, off), offsetAt(buf, w, off+n)
}

func offsetAt(buf *memory.Buffer, width, i int) int64 {
	if width == 8 {
		return arrow.Int64Traits.CastFromBytes(buf.Bytes())[i]
	}
	return int64(arrow.Int32Traits.CastFromBytes(buf.Bytes())[i])
}

func (m *meter) listView(d arrow.ArrayData, off, n int) {
	w := d.DataType().(arrow.OffsetsDataType).OffsetTypeTraits().BytesRequired(1)
	m.add(int64(n) * int64(w))
	m.add(int64(n) * int64(w))
	var lo, hi int64
	first := true
	for i := off; i < off+n; i++ {
		at, size := offsetAt(d.Buffers()[1], w, i), offsetAt(d.Buffers()[2], w, i)
		if size == 0 {
			continue
		}
		if first {
			lo, hi, first = at, at+size, false
		}
		lo, hi = min(lo, at), max(hi, at+size)
	}
	c := d.Children()[0]
	m.visit(c, c.Offset()+int(lo), int(hi-lo))
}

// denseUnion counts whole children where the union starts at its beginning, and
// what it uses of them otherwise, as the encoder of arrow-go does.
func (m *meter) denseUnion(d arrow.ArrayData, dt *arrow.DenseUnionType, off, n int) {
	m.add(int64(n))
	m.add(int64(n) * int64(arrow.Int32SizeBytes))
	codes := d.Buffers()[1].Bytes()
	offsets := arrow.Int32Traits.CastFromBytes(d.Buffers()[2].Bytes())
	for k, c := range d.Children() {
		lo, hi := 0, c.Len()
		if off != 0 {
			lo, hi = 0, 0
			for i := off; i < off+n; i++ {
				if int8(codes[i]) != dt.TypeCodes()[k] {
					continue
				}
				at := int(offsets[i])
				if lo == hi {
					lo, hi = at, at+1
				}
				lo, hi = min(lo, at), max(hi, at+1)
			}
		}
		m.visit(c, c.Offset()+lo, hi-lo)
	}
}

func (m *meter) runs(d arrow.ArrayData, off, n int) {
	s := array.NewSliceData(d, int64(off-d.Offset()), int64(off-d.Offset()+n))
	defer s.Release()
	ree := array.NewRunEndEncodedData(s.(*array.Data))
	defer ree.Release()
	at, count := ree.GetPhysicalOffset(), ree.GetPhysicalLength()
	ends, values := d.Children()[0], d.Children()[1]
	m.visit(ends, ends.Offset()+at, count)
	m.visit(values, values.Offset()+at, count)
}

// nullsIn counts the null bits of a range.
func nullsIn(d arrow.ArrayData, off, n int) int {
	bufs := d.Buffers()
	if d.NullN() == 0 || len(bufs) == 0 || bufs[0] == nil || bufs[0].Len() == 0 {
		return 0
	}
	if d.NullN() > 0 && off == d.Offset() && n == d.Len() {
		return d.NullN()
	}
	return n - bitutil.CountSetBits(bufs[0].Bytes(), off, n)
}
