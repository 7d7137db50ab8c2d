package workloads

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	longestList = 7 // elements
	longestMap  = 4 // entries
	mapKeyBytes = 3 // of "k00" to "k99"
)

var (
	listType   = arrow.ListOf(arrow.PrimitiveTypes.Int32)
	structType = arrow.StructOf(
		arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "label", Type: arrow.BinaryTypes.String, Nullable: true},
	)
	mapType = arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)
)

// nestedPlan has a list, a struct and a map beside an id.
func nestedPlan(Spec) plan {
	field := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	const entry = 4 + mapKeyBytes + 8
	return planColumns([]column{
		numeric("id", arrow.PrimitiveTypes.Int64, 8, 0, randomInt64),
		{field: field("list", listType), mean: 4 + 4*4, worst: 4 + 4*longestList, items: longestList, arrays: 2, make: listColumn},
		{field: field("struct", structType), mean: 2*8 + 4 + 8, worst: 2*8 + 4 + 12, items: 12, arrays: 4, make: structColumn},
		{field: field("map", mapType), mean: 4 + entry*longestMap/2, worst: 4 + entry*longestMap, items: longestMap * mapKeyBytes, arrays: 4, make: mapColumn},
	})
}

func listColumn(m *maker, col uint64) arrow.Array {
	offs, total := m.offsets(col, nil, lengthBetween(0, longestList))
	buf := m.buffer(total * arrow.Int32SizeBytes)
	src := m.source(col, laneValue)
	spread(m, col, offs, arrow.Int32Traits.CastFromBytes(buf.Bytes()), func(row []int32) {
		for i := range row {
			row[i] = smallInt32(&src)
		}
	})
	values := newArray(arrow.PrimitiveTypes.Int32, total, 0, []*memory.Buffer{nil, buf})
	return newArray(listType, m.rows, 0, []*memory.Buffer{nil, offs}, values)
}

func structColumn(m *maker, col uint64) arrow.Array {
	x := fixed(m, col+1, arrow.PrimitiveTypes.Float64, 0, (*source).unit)
	y := fixed(m, col+2, arrow.PrimitiveTypes.Float64, 0, (*source).unit)
	label := text(m, col+3, arrow.BinaryTypes.String, 0, lengthBetween(4, 12), nameFiller)
	return newArray(structType, m.rows, 0, []*memory.Buffer{nil}, x, y, label)
}

// mapColumn has maps whose keys are distinct within each: they count up from a
// random one.
func mapColumn(m *maker, col uint64) arrow.Array {
	offs, total := m.offsets(col, nil, lengthBetween(0, longestMap))

	keyOffs := m.buffer((total + 1) * arrow.Int32SizeBytes)
	for i, out := 0, arrow.Int32Traits.CastFromBytes(keyOffs.Bytes()); i < len(out); i++ {
		out[i] = int32(i * mapKeyBytes)
	}
	keyData := m.buffer(total * mapKeyBytes)
	src := m.source(col, laneValue)
	// The keys of a row, seen as one run of bytes, are spread like the values.
	rep := m.repeats(col)
	bounds := arrow.Int32Traits.CastFromBytes(offs.Bytes())
	var last []byte
	for i := range m.rows {
		row := keyData.Bytes()[bounds[i]*mapKeyBytes : bounds[i+1]*mapKeyBytes]
		if rep.fresh() {
			key := src.below(100)
			for j := 0; j < len(row); j += mapKeyBytes {
				row[j], row[j+1], row[j+2] = 'k', byte('0'+key/10), byte('0'+key%10)
				key = (key + 1) % 100
			}
		} else {
			copy(row, last)
		}
		last = row
	}
	keys := newArray(arrow.BinaryTypes.String, total, 0, []*memory.Buffer{nil, keyOffs, keyData})

	valueData := m.buffer(total * arrow.Int64SizeBytes)
	vsrc := m.source(col+1, laneValue)
	spread(m, col, offs, arrow.Int64Traits.CastFromBytes(valueData.Bytes()), func(row []int64) {
		for i := range row {
			row[i] = vsrc.between(0, 1_000_000_000)
		}
	})
	values := newArray(arrow.PrimitiveTypes.Int64, total, 0, []*memory.Buffer{nil, valueData})

	entries := newArray(mapType.Elem(), total, 0, []*memory.Buffer{nil}, keys, values)
	return newArray(mapType, m.rows, 0, []*memory.Buffer{nil, offs}, entries)
}
