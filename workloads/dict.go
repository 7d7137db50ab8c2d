package workloads

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
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
