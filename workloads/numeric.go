package workloads

import (
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
)

// perfPlan is the schema and content of Arrow's own Flight benchmark
// (cpp/src/arrow/flight/perf_server.cc): four columns of random bytes as int64.
func perfPlan(Spec) plan {
	var cols []column
	for _, name := range []string{"a", "b", "c", "d"} {
		cols = append(cols, numeric[int64](name, arrow.PrimitiveTypes.Int64, 8, 0, randomInt64))
	}
	return planColumns(cols)
}

// widePlan cycles through eight types of fixed width, as a table of sensor
// readings or model features has them.
func widePlan(s Spec) plan {
	cols := make([]column, 0, max(0, min(s.Columns, MaxColumns)))
	for i := range cap(cols) {
		name := "c" + strconv.Itoa(i)
		var c column
		switch i % 8 {
		case 0:
			c = numeric(name, arrow.PrimitiveTypes.Int64, 8, 0, randomInt64)
		case 1:
			c = numeric(name, arrow.PrimitiveTypes.Float64, 8, 0, (*source).unit)
		case 2:
			c = numeric(name, arrow.PrimitiveTypes.Int32, 4, 0, smallInt32)
		case 3:
			c = numeric(name, arrow.PrimitiveTypes.Float32, 4, 0, func(s *source) float32 { return float32(s.Uint64()>>40) * 0x1p-24 })
		case 4:
			c = numeric(name, arrow.FixedWidthTypes.Timestamp_us, 8, 0, randomTimestamp)
		case 5:
			c = numeric(name, arrow.PrimitiveTypes.Int16, 2, 0, func(s *source) int16 { return int16(s.Uint64() >> 48) })
		case 6:
			c = boolColumn(name, 0)
		case 7:
			c = numeric(name, arrow.PrimitiveTypes.Uint8, 1, 0, func(s *source) uint8 { return uint8(s.Uint64() >> 56) })
		}
		cols = append(cols, c)
	}
	return planColumns(cols)
}

// nullsPlan has columns of rising nullness, over the kinds of validity that an
// encoder meets: few, half, most, all.
func nullsPlan(Spec) plan {
	return planColumns([]column{
		numeric("int_1", arrow.PrimitiveTypes.Int64, 8, 10, randomInt64),
		numeric("double_10", arrow.PrimitiveTypes.Float64, 8, 100, (*source).unit),
		{
			field: arrow.Field{Name: "text_50", Type: arrow.BinaryTypes.String, Nullable: true},
			mean:  5 + 13, worst: 5 + 40, items: 40,
			make: func(m *maker, col uint64) arrow.Array {
				return text(m, col, arrow.BinaryTypes.String, 500, lengthBetween(10, 40), proseFiller)
			},
		},
		boolColumn("bool_50", 500),
		numeric("date_90", arrow.FixedWidthTypes.Date32, 4, 900, func(s *source) arrow.Date32 { return arrow.Date32(s.between(0, 20_000)) }),
		numeric("int_100", arrow.PrimitiveTypes.Int32, 4, 1000, smallInt32),
	})
}

// numeric is a column of fixed width, permille of it null.
func numeric[T arrow.FixedWidthType](name string, dt arrow.DataType, width int64, permille uint64, draw func(*source) T) column {
	if permille > 0 {
		width++ // the validity's bit
	}
	return column{
		field: arrow.Field{Name: name, Type: dt, Nullable: true},
		mean:  width, worst: width,
		make: func(m *maker, col uint64) arrow.Array { return fixed(m, col, dt, permille, draw) },
	}
}

// boolColumn is a column of booleans, permille of it null.
func boolColumn(name string, permille uint64) column {
	return column{
		field: arrow.Field{Name: name, Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		mean:  1, worst: 1,
		make: func(m *maker, col uint64) arrow.Array { return boolean(m, col, permille) },
	}
}

func randomInt64(s *source) int64 { return int64(s.Uint64()) }

// smallInt32 is a count or an amount: up to a million.
func smallInt32(s *source) int32 { return int32(s.below(1_000_000)) }

// randomTimestamp lies in the ten years from 2015-01-01, in microseconds.
func randomTimestamp(s *source) arrow.Timestamp {
	const start, years = 1_420_070_400, 10 * 365 * 86_400
	return arrow.Timestamp(start*1_000_000 + int64(s.below(years*1_000_000)))
}

func lengthBetween(lo, hi int64) func(*source) int {
	return func(s *source) int { return int(s.between(lo, hi)) }
}
