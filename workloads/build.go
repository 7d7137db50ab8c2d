package workloads

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A maker makes one batch. All that it draws is a function of seed, batch,
// column and row; a batch of fewer rows is a prefix of one of more.
type maker struct {
	seed    uint64
	entropy float64
	batch   uint64
	rows    int
	mem     memory.Allocator
	dicts   []arrow.Array // of the Set, by column; borrowed
}

// dictBatch is the batch number from which dictionaries are drawn: that of no batch.
const dictBatch = 1 << 63

func (m *maker) source(column, purpose uint64) source {
	return newSource(m.seed, m.batch, column, purpose)
}

// repeats is the same sequence each time it is asked for.
func (m *maker) repeats(column uint64) repeater {
	return repeater{src: m.source(column, laneRepeat), threshold: uint64(m.entropy * always)}
}

// buffer has exactly n bytes, and zeros in its padding; its contents are the
// caller's to write.
func (m *maker) buffer(n int) *memory.Buffer {
	b := memory.NewResizableBuffer(m.mem)
	b.Resize(n)
	clear(b.Buf()[n:])
	return b
}

// newArray takes over the references to buffers and children.
func newArray(dt arrow.DataType, n int, nulls int, buffers []*memory.Buffer, children ...arrow.Array) arrow.Array {
	cs := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		cs[i] = c.Data()
	}
	d := array.NewData(dt, n, buffers, cs, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	defer d.Release()
	return array.MakeFromData(d)
}

// validity draws which rows are null, permille of them. The buffer is nil where
// none is.
func (m *maker) validity(column, permille uint64) (*memory.Buffer, int) {
	if permille == 0 {
		return nil, 0
	}
	buf := m.buffer(int(bitutil.BytesForBits(int64(m.rows))))
	bits := buf.Bytes()
	clear(bits)
	src, rep := m.source(column, laneNull), m.repeats(column)
	nulls, null := 0, false
	for i := range m.rows {
		if rep.fresh() {
			null = src.below(1000) < permille
		}
		if null {
			nulls++
		} else {
			bitutil.SetBit(bits, i)
		}
	}
	if nulls == 0 {
		buf.Release()
		return nil, 0
	}
	return buf, nulls
}

func isNull(validity *memory.Buffer, i int) bool {
	return validity != nil && bitutil.BitIsNotSet(validity.Bytes(), i)
}

// fixed makes a column of fixed width. Null values are zero.
func fixed[T arrow.FixedWidthType](m *maker, column uint64, dt arrow.DataType, permille uint64, draw func(*source) T) arrow.Array {
	valid, nulls := m.validity(column, permille)
	var v T
	buf := m.buffer(m.rows * int(unsafe.Sizeof(v)))
	src, rep := m.source(column, laneValue), m.repeats(column)
	var zero T
	for i, out := 0, arrow.GetData[T](buf.Bytes()); i < len(out); i++ {
		if rep.fresh() {
			v = draw(&src)
		}
		if isNull(valid, i) {
			out[i] = zero
		} else {
			out[i] = v
		}
	}
	return newArray(dt, m.rows, nulls, []*memory.Buffer{valid, buf})
}

// boolean makes a column of bits, each true or false alike.
func boolean(m *maker, column uint64, permille uint64) arrow.Array {
	valid, nulls := m.validity(column, permille)
	buf := m.buffer(int(bitutil.BytesForBits(int64(m.rows))))
	bits := buf.Bytes()
	clear(bits)
	src, rep := m.source(column, laneValue), m.repeats(column)
	v := false
	for i := range m.rows {
		if rep.fresh() {
			v = src.Uint64()>>63 != 0
		}
		if v && !isNull(valid, i) {
			bitutil.SetBit(bits, i)
		}
	}
	return newArray(arrow.FixedWidthTypes.Boolean, m.rows, nulls, []*memory.Buffer{valid, buf})
}

// offsets draws the lengths of a column whose values vary in length. Null values
// are empty.
func (m *maker) offsets(column uint64, valid *memory.Buffer, length func(*source) int) (buf *memory.Buffer, total int) {
	buf = m.buffer((m.rows + 1) * arrow.Int32SizeBytes)
	out := arrow.Int32Traits.CastFromBytes(buf.Bytes())
	src, rep := m.source(column, laneLength), m.repeats(column)
	n := 0
	out[0] = 0
	for i := range m.rows {
		if rep.fresh() {
			n = length(&src)
		}
		if !isNull(valid, i) {
			total += n
		}
		out[i+1] = int32(total)
	}
	return buf, total
}

// spread fills the values behind offsets row by row. A repeated row is a copy of
// the one before.
func spread[T any](m *maker, column uint64, offsets *memory.Buffer, out []T, fill func([]T)) {
	rep := m.repeats(column)
	offs := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	var last []T
	for i := range m.rows {
		row := out[offs[i]:offs[i+1]]
		if rep.fresh() {
			fill(row)
		} else {
			copy(row, last)
		}
		last = row
	}
}

// text makes a column of strings or binary: length draws a value's bytes, filler
// returns what writes them.
func text(m *maker, column uint64, dt arrow.DataType, permille uint64, length func(*source) int, filler func(source) func([]byte)) arrow.Array {
	valid, nulls := m.validity(column, permille)
	offs, total := m.offsets(column, valid, length)
	data := m.buffer(total)
	spread(m, column, offs, data.Bytes(), filler(m.source(column, laneValue)))
	return newArray(dt, m.rows, nulls, []*memory.Buffer{valid, offs, data})
}

// A column of a workload whose columns don't depend on each other.
type column struct {
	field       arrow.Field
	mean, worst int64 // body bytes of a row
	items       int64 // most items of a row behind one 32-bit offset; 0: there is no offset
	arrays      int64 // arrays, its own and those below; 0 means 1
	make        func(*maker, uint64) arrow.Array
}

// bytesPerArray is what an array takes beside its rows: up to three buffers'
// padding, and headers.
const bytesPerArray = 3*64 + 640

func planColumns(cols []column) plan {
	p := plan{maxRows: MaxRows}
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = c.field
		p.mean += c.mean
		p.worst += c.worst
		p.overhead += max(c.arrays, 1) * bytesPerArray
		if c.items > 0 {
			p.maxRows = min(p.maxRows, (1<<31-1)/c.items)
		}
	}
	p.schema = arrow.NewSchema(fields, nil)
	p.batch = func(m *maker) []arrow.Array {
		out := make([]arrow.Array, len(cols))
		for i, c := range cols {
			// Each column has 16 numbers, for those below it.
			out[i] = c.make(m, uint64(i)<<4)
		}
		return out
	}
	return p
}
