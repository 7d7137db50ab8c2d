package workloads

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The dictionary-encoded columns, one for each width of index that is common.
// Indices are signed, as the columnar format recommends.
var dictColumns = []struct {
	name   string
	index  arrow.DataType
	width  int64
	values int
	format string
}{
	{"status", arrow.PrimitiveTypes.Int8, 1, 8, "status %d %s"},
	{"region", arrow.PrimitiveTypes.Int16, 2, 250, "region %03d %s"},
	{"product", arrow.PrimitiveTypes.Int32, 4, 4096, "product %04d %s"},
}

const longestDictValue = 32 // bytes

// dictPlan has three dictionary-encoded columns and a plain amount. All batches
// of a Set share one dictionary per column, so that a stream needs to send it
// once and never replaces it.
func dictPlan(Spec) plan {
	var cols []column
	var shared int64
	for i, d := range dictColumns {
		dt := &arrow.DictionaryType{IndexType: d.index, ValueType: arrow.BinaryTypes.String}
		cols = append(cols, column{
			field: arrow.Field{Name: d.name, Type: dt, Nullable: true},
			mean:  d.width, worst: d.width, arrays: 2,
			make: func(m *maker, col uint64) arrow.Array { return dictionary(m, col, dt, m.dicts[i]) },
		})
		shared += int64(d.values)*(4+longestDictValue) + bytesPerArray
	}
	cols = append(cols, numeric("amount", arrow.PrimitiveTypes.Int64, 8, 0, func(s *source) int64 { return s.between(1, 1_000_000) }))
	p := planColumns(cols)
	p.shared = shared
	p.dicts = dictValues
	return p
}

// dictValues makes the dictionaries: distinct values of differing lengths.
func dictValues(m *maker) []arrow.Array {
	out := make([]arrow.Array, len(dictColumns))
	for i, d := range dictColumns {
		b := array.NewStringBuilder(m.mem)
		src := m.source(uint64(i)<<4, laneValue)
		var name [12]byte
		fill := nameFiller(src)
		for v := range d.values {
			n := name[:3+v%10]
			fill(n)
			b.Append(fmt.Sprintf(d.format, v, n))
		}
		out[i] = b.NewArray()
		b.Release()
	}
	return out
}

// dictionary draws indices, the lower ones more often: each is the lesser of two.
func dictionary(m *maker, col uint64, dt *arrow.DictionaryType, dict arrow.Array) arrow.Array {
	n := uint64(dict.Len())
	skewed := func(s *source) uint64 { return min(s.below(n), s.below(n)) }
	var indices arrow.Array
	switch dt.IndexType.ID() {
	case arrow.INT8:
		indices = fixed(m, col, dt.IndexType, 0, func(s *source) int8 { return int8(skewed(s)) })
	case arrow.INT16:
		indices = fixed(m, col, dt.IndexType, 0, func(s *source) int16 { return int16(skewed(s)) })
	default:
		indices = fixed(m, col, dt.IndexType, 0, func(s *source) int32 { return int32(skewed(s)) })
	}
	defer indices.Release()
	return array.NewDictionaryArray(dt, indices, dict)
}

// ReplaceDictionaries gives each batch other dictionaries than its neighbours in
// rotation have: the same values in another order, with indices to match. Rows
// stay equal, but a stream has to replace the dictionaries before each batch. The
// Set must be of workload dict, and have two batches or more. It must not be in
// use.
func (s *Set) ReplaceDictionaries(mem memory.Allocator) error {
	if s.Spec.Name != Dict || len(s.Batches) < 2 {
		return fmt.Errorf("workload %s with %d distinct batches: only two or more of %s can replace dictionaries", s.Spec, len(s.Batches), Dict)
	}
	m := maker{mem: mem}
	first := s.Batches[0].Record
	orders := make([][2]arrow.Array, len(dictColumns)) // of each column: reversed, and begun one later
	for c := range dictColumns {
		d := first.Column(c).(*array.Dictionary).Dictionary().(*array.String)
		n := d.Len()
		orders[c] = [2]arrow.Array{
			reorder(&m, d, func(i int) int { return n - 1 - i }),
			reorder(&m, d, func(i int) int { return (i + 1) % n }),
		}
		defer orders[c][0].Release()
		defer orders[c][1].Release()
	}
	for b := 1; b < len(s.Batches); b++ {
		order, odd := 0, b%2 == 1
		if !odd && b < len(s.Batches)-1 {
			continue // as it was
		}
		if !odd {
			order = 1 // the first batch, which comes next, is as it was
		}
		s.Batches[b] = s.Batches[b].reindexed(&m, orders, order)
	}
	return nil
}

// reorder makes a dictionary whose value i is that at from(i) of d.
func reorder(m *maker, d *array.String, from func(int) int) arrow.Array {
	b := array.NewStringBuilder(m.mem)
	defer b.Release()
	for i := range d.Len() {
		b.Append(d.Value(from(i)))
	}
	return b.NewArray()
}

// reindexed is the batch over the dictionaries of an order. It takes over b.
func (b Batch) reindexed(m *maker, orders [][2]arrow.Array, order int) Batch {
	defer b.Record.Release()
	cols := make([]arrow.Array, b.Record.NumCols())
	for c := range cols {
		cols[c] = b.Record.Column(c)
		if c >= len(dictColumns) {
			cols[c].Retain()
			continue
		}
		old, dict := cols[c].(*array.Dictionary), orders[c][order]
		n := dict.Len()
		to := func(i int) int { return n - 1 - i }
		if order == 1 {
			to = func(i int) int { return (i + n - 1) % n }
		}
		indices := remap(m, old.Indices(), to)
		cols[c] = array.NewDictionaryArray(old.DataType(), indices, dict)
		indices.Release()
	}
	rec := array.NewRecordBatch(b.Record.Schema(), cols, b.Rows)
	for _, c := range cols {
		c.Release()
	}
	return newBatch(rec)
}

func remap(m *maker, indices arrow.Array, to func(int) int) arrow.Array {
	switch a := indices.(type) {
	case *array.Int8:
		return remapped(m, a, a.Int8Values(), to)
	case *array.Int16:
		return remapped(m, a, a.Int16Values(), to)
	default:
		return remapped(m, a, a.(*array.Int32).Int32Values(), to)
	}
}

// remapped has no nulls, as the indices of dict have none.
func remapped[T int8 | int16 | int32](m *maker, a arrow.Array, values []T, to func(int) int) arrow.Array {
	buf := m.buffer(len(values) * arrow.GetDataType[T]().(arrow.FixedWidthDataType).Bytes())
	for i, out := 0, arrow.GetData[T](buf.Bytes()); i < len(out); i++ {
		out[i] = T(to(int(values[i])))
	}
	return newArray(a.DataType(), len(values), 0, []*memory.Buffer{nil, buf})
}
