package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// encoder turns arrays into the nodes and buffers of an IPC batch. Buffers are
// slices of the arrays' own memory wherever IPC allows: only bitmaps that
// begin within a byte, and offsets of slices, are rebuilt, in memory of mem
// that owned keeps.
type encoder struct {
	mem      memory.Allocator
	nodes    [][2]int64
	buffers  [][]byte
	variadic []int64
	owned    []*memory.Buffer
}

func (e *encoder) reset() {
	e.nodes, e.buffers, e.variadic = e.nodes[:0], e.buffers[:0], e.variadic[:0]
	e.owned = nil
}

func (e *encoder) release() {
	for _, b := range e.owned {
		b.Release()
	}
	e.owned = nil
}

// alloc returns n bytes that live as long as the encoded message.
func (e *encoder) alloc(n int) []byte {
	b := memory.NewResizableBuffer(e.mem)
	b.Resize(n)
	e.owned = append(e.owned, b)
	clear(b.Bytes())
	return b.Bytes()
}

// bytesOf is the content of buffer i of d; nil if it has none.
func bytesOf(d arrow.ArrayData, i int) []byte {
	if bs := d.Buffers(); i < len(bs) && bs[i] != nil {
		return bs[i].Bytes()
	}
	return nil
}

// array encodes the n values of d from beg on. It panics where d is not what
// its type says; the caller recovers.
func (e *encoder) array(f *field, d arrow.ArrayData, beg, n int) {
	abs := d.Offset() + beg
	switch f.lay {
	case layNull:
		e.node(n, n)
		return
	case laySparse, layDense, layRunEnd:
		e.node(n, 0)
	default:
		e.validity(d, abs, beg, n)
	}
	switch f.lay {
	case layBool:
		e.bits(bytesOf(d, 1), abs, n)
	case layFixed:
		e.values(bytesOf(d, 1), f.width, abs, n)
	case layBinary:
		lo, hi := e.offsets(bytesOf(d, 1), f.width, abs, n)
		e.buffers = append(e.buffers, bytesOf(d, 2)[lo:hi])
	case layView:
		e.values(bytesOf(d, 1), f.width, abs, n)
		data := d.Buffers()[min(2, len(d.Buffers())):]
		e.variadic = append(e.variadic, int64(len(data)))
		for i := range data {
			e.buffers = append(e.buffers, bytesOf(d, 2+i))
		}
	case layList:
		lo, hi := e.offsets(bytesOf(d, 1), f.width, abs, n)
		e.array(f.kids[0], d.Children()[0], lo, hi-lo)
	case layListView:
		lo, hi := e.listViews(d, f.width, abs, n)
		e.array(f.kids[0], d.Children()[0], lo, hi-lo)
	case layFixedList:
		e.array(f.kids[0], d.Children()[0], abs*int(f.list), n*int(f.list))
	case layStruct:
		for i, k := range f.kids {
			e.array(k, d.Children()[i], abs, n)
		}
	case laySparse:
		e.values(bytesOf(d, 1), 1, abs, n)
		for i, k := range f.kids {
			e.array(k, d.Children()[i], abs, n)
		}
	case layDense:
		e.dense(f, d, abs, n)
	case layRunEnd:
		e.runs(f, d, abs, n)
	}
}

func (e *encoder) node(n, nulls int) {
	e.nodes = append(e.nodes, [2]int64{int64(n), int64(nulls)})
}

// validity writes the node and its bitmap, which is left out without nulls.
func (e *encoder) validity(d arrow.ArrayData, abs, beg, n int) {
	bits := bytesOf(d, 0)
	nulls := 0
	if d.NullN() != 0 && len(bits) > 0 {
		if nulls = d.NullN(); nulls < 0 || beg != 0 || n != d.Len() {
			nulls = n - bitutil.CountSetBits(bits, abs, n)
		}
	}
	e.node(n, nulls)
	if nulls == 0 {
		e.buffers = append(e.buffers, nil)
		return
	}
	e.bits(bits, abs, n)
}

func (e *encoder) bits(b []byte, abs, n int) {
	size := (n + 7) / 8
	if n == 0 {
		e.buffers = append(e.buffers, nil)
		return
	}
	if abs%8 != 0 {
		out := e.alloc(size)
		bitutil.CopyBitmap(b, abs, n, out, 0)
		e.buffers = append(e.buffers, out)
		return
	}
	e.buffers = append(e.buffers, b[abs/8:abs/8+size])
}

func (e *encoder) values(b []byte, width, abs, n int) {
	if n == 0 {
		e.buffers = append(e.buffers, nil)
		return
	}
	e.buffers = append(e.buffers, b[abs*width:(abs+n)*width])
}

// loadInt reads element i of a buffer of 2-, 4- or 8-byte integers.
func loadInt(b []byte, width, i int) int64 {
	switch width {
	case 1:
		return int64(int8(b[i]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(b[8*i:]))
}

func storeInt(b []byte, width, i int, v int64) {
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b[4*i:], uint32(v))
	default:
		binary.LittleEndian.PutUint64(b[8*i:], uint64(v))
	}
}

// offsets writes n+1 offsets that begin at zero, and returns the range of the
// values they meant.
func (e *encoder) offsets(b []byte, width, abs, n int) (lo, hi int) {
	if n == 0 || len(b) == 0 {
		e.buffers = append(e.buffers, zeros[:width]) // even an empty array has one offset
		return 0, 0
	}
	first, last := loadInt(b, width, abs), loadInt(b, width, abs+n)
	if first == 0 {
		e.buffers = append(e.buffers, b[abs*width:(abs+n+1)*width])
		return 0, int(last)
	}
	out := e.alloc((n + 1) * width)
	for i := range n + 1 {
		storeInt(out, width, i, loadInt(b, width, abs+i)-first)
	}
	e.buffers = append(e.buffers, out)
	return int(first), int(last)
}

// listViews writes offsets and sizes, and returns the range of the values
// that they mean.
func (e *encoder) listViews(d arrow.ArrayData, width, abs, n int) (lo, hi int) {
	if n == 0 {
		e.buffers = append(e.buffers, nil, nil)
		return 0, 0
	}
	offs, sizes := bytesOf(d, 1), bytesOf(d, 2)
	low, high := int64(math.MaxInt64), int64(0)
	for i := abs; i < abs+n; i++ {
		o, s := loadInt(offs, width, i), loadInt(sizes, width, i)
		low, high = min(low, o), max(high, o+s)
	}
	if low == 0 {
		e.buffers = append(e.buffers, offs[abs*width:(abs+n)*width])
	} else {
		out := e.alloc(n * width)
		for i := range n {
			storeInt(out, width, i, loadInt(offs, width, abs+i)-low)
		}
		e.buffers = append(e.buffers, out)
	}
	e.buffers = append(e.buffers, sizes[abs*width:(abs+n)*width])
	return int(low), int(max(high, low))
}

// dense writes a dense union, its children cut to what the values refer to.
func (e *encoder) dense(f *field, d arrow.ArrayData, abs, n int) {
	e.values(bytesOf(d, 1), 1, abs, n)
	types, offs := bytesOf(d, 1), bytesOf(d, 2)
	ids := f.union.ChildIDs()
	low, high := make([]int64, len(f.kids)), make([]int64, len(f.kids))
	for i := range low {
		low[i] = math.MaxInt64
	}
	shifted := false
	for i := abs; i < abs+n; i++ {
		c, o := ids[types[i]], loadInt(offs, 4, i)
		low[c], high[c] = min(low[c], o), max(high[c], o+1)
	}
	for i := range low {
		low[i] = min(low[i], high[i])
		shifted = shifted || low[i] != 0
	}
	if shifted {
		out := e.alloc(4 * n)
		for i := range n {
			storeInt(out, 4, i, loadInt(offs, 4, abs+i)-low[ids[types[abs+i]]])
		}
		e.buffers = append(e.buffers, out)
	} else {
		e.values(offs, 4, abs, n)
	}
	for i, k := range f.kids {
		e.array(k, d.Children()[i], int(low[i]), int(high[i]-low[i]))
	}
}

// runs writes a run-end encoded array: the runs that cover the n values, cut
// at both ends.
func (e *encoder) runs(f *field, d arrow.ArrayData, abs, n int) {
	ends, vals := d.Children()[0], d.Children()[1]
	width := f.kids[0].width
	b := bytesOf(ends, 1)
	end := func(i int) int64 { return loadInt(b, width, ends.Offset()+i) }
	first := 0
	for n > 0 && end(first) <= int64(abs) {
		first++
	}
	last := first
	for n > 0 && end(last) < int64(abs+n) {
		last++
	}
	count := last - first + 1
	if n == 0 {
		count = 0
	}
	if count == 0 || abs == 0 && end(last) == int64(n) {
		e.array(f.kids[0], ends, first, count)
	} else {
		out := e.alloc(count * width)
		for i := range count {
			storeInt(out, width, i, min(end(first+i)-int64(abs), int64(n)))
		}
		e.node(count, 0)
		e.buffers = append(e.buffers, nil, out)
	}
	e.array(f.kids[1], vals, first, count)
}

// dictionaryUse is a dictionary that a batch needs.
type dictionaryUse struct {
	field *field // whose dict describes the values
	data  arrow.ArrayData
}

// collect appends the dictionaries below d, those of dictionaries' values first.
func collect(f *field, d arrow.ArrayData, out []dictionaryUse) ([]dictionaryUse, error) {
	if f.dict != nil {
		dict, ok := d.(*array.Data)
		if !ok || dict.Dictionary().(*array.Data) == nil {
			return nil, fmt.Errorf("column %s has no dictionary", f.name)
		}
		values := dict.Dictionary()
		out, err := collect(f.dict, values, out)
		return append(out, dictionaryUse{f, values}), err
	}
	for i, k := range f.kids {
		var err error
		if out, err = collect(k, d.Children()[i], out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
