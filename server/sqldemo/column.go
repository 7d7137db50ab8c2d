package sqldemo

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/server/sqldemo/internal/sqlite"
)

// column gathers the values of one column of a result.
type column struct {
	name string
	dt   arrow.DataType // nil while only values can tell
	b    array.Builder
	add  func(c cells, col int) (int, error) // appends a value that is not NULL, returns its bytes

	sample []value // while dt is nil
}

// settle gives the column its type: the widest that its sampled values have.
func (c *column) settle(dt arrow.DataType, mem memory.Allocator) error {
	if dt == nil {
		dt = arrow.Null
		for _, v := range c.sample {
			dt = widen(dt, v.t)
		}
	}
	c.dt = dt
	c.b = array.NewBuilder(mem, dt)
	c.add = appender(c.b)
	for _, v := range c.sample {
		if _, err := c.append(v, 0); err != nil {
			return err
		}
	}
	c.sample = nil
	return nil
}

// widen returns the type that holds what dt held and a value of type t: integers
// become floats, numbers text, all of them blobs.
func widen(dt arrow.DataType, t sqlite.Type) arrow.DataType {
	order := []arrow.DataType{arrow.Null, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary}
	rank := map[sqlite.Type]int{sqlite.Integer: 1, sqlite.Float: 2, sqlite.Text: 3, sqlite.Blob: 4}[t]
	for i, o := range order {
		if o.ID() == dt.ID() {
			return order[max(i, rank)]
		}
	}
	return dt
}

// append takes over a row's value and returns about how many bytes it has.
func (c *column) append(row cells, col int) (int, error) {
	if c.dt == nil {
		v := copyValue(row, col)
		c.sample = append(c.sample, v)
		return 8 + len(v.b), nil
	}
	if row.Type(col) == sqlite.Null {
		c.b.AppendNull()
		return 8, nil
	}
	n, err := c.add(row, col)
	if err != nil {
		return 0, fmt.Errorf("column %s: %w", c.name, err)
	}
	return n, nil
}

// wrong says that a value is not what its column was declared, or seemed, to hold.
func wrong(dt arrow.DataType, row cells, col int) error {
	t := row.Type(col)
	what := t.String()
	if t != sqlite.Blob {
		what += fmt.Sprintf(", %.40q", row.Text(col))
	}
	return fmt.Errorf("it is of type %s and a row has %s there: CAST the column in the query", dt, what)
}

// appender returns how values are appended to b.
func appender(b array.Builder) func(cells, int) (int, error) {
	dt := b.Type()
	integer := func(lo, hi int64, size int, add func(int64)) func(cells, int) (int, error) {
		return func(row cells, col int) (int, error) {
			if row.Type(col) != sqlite.Integer {
				return 0, wrong(dt, row, col)
			}
			v := row.Int64(col)
			if v < lo || v > hi {
				return 0, wrong(dt, row, col)
			}
			add(v)
			return size, nil
		}
	}
	number := func(size int, add func(float64) bool) func(cells, int) (int, error) {
		return func(row cells, col int) (int, error) {
			if t := row.Type(col); t != sqlite.Integer && t != sqlite.Float || !add(row.Float64(col)) {
				return 0, wrong(dt, row, col)
			}
			return size, nil
		}
	}
	parsed := func(size int) func(cells, int) (int, error) {
		return func(row cells, col int) (int, error) {
			if row.Type(col) != sqlite.Text {
				return 0, wrong(dt, row, col)
			}
			text := row.Text(col)
			if len(text) < len("15:04:05") || b.AppendValueFromString(string(text)) != nil {
				return 0, wrong(dt, row, col)
			}
			return size, nil
		}
	}
	switch b := b.(type) {
	case *array.NullBuilder:
		return func(row cells, col int) (int, error) { return 0, wrong(dt, row, col) }
	case *array.BooleanBuilder:
		return integer(0, 1, 1, func(v int64) { b.Append(v == 1) })
	case *array.Int8Builder:
		return integer(math.MinInt8, math.MaxInt8, 1, func(v int64) { b.Append(int8(v)) })
	case *array.Int16Builder:
		return integer(math.MinInt16, math.MaxInt16, 2, func(v int64) { b.Append(int16(v)) })
	case *array.Int32Builder:
		return integer(math.MinInt32, math.MaxInt32, 4, func(v int64) { b.Append(int32(v)) })
	case *array.Int64Builder:
		return integer(math.MinInt64, math.MaxInt64, 8, b.Append)
	case *array.Uint8Builder:
		return integer(0, math.MaxUint8, 1, func(v int64) { b.Append(uint8(v)) })
	case *array.Uint16Builder:
		return integer(0, math.MaxUint16, 2, func(v int64) { b.Append(uint16(v)) })
	case *array.Uint32Builder:
		return integer(0, math.MaxUint32, 4, func(v int64) { b.Append(uint32(v)) })
	case *array.Uint64Builder:
		return integer(0, math.MaxInt64, 8, func(v int64) { b.Append(uint64(v)) })
	case *array.Float16Builder:
		return number(2, func(v float64) bool { b.Append(float16.New(float32(v))); return true })
	case *array.Float32Builder:
		return number(4, func(v float64) bool { b.Append(float32(v)); return true })
	case *array.Float64Builder:
		return number(8, func(v float64) bool { b.Append(v); return true })
	case *array.Decimal128Builder:
		d := dt.(*arrow.Decimal128Type)
		unit, limit := math.Pow10(int(d.Scale)), math.Pow10(int(d.Precision))
		return number(16, func(v float64) bool {
			v = math.Round(v * unit)
			if !(math.Abs(v) < limit) {
				return false
			}
			b.Append(decimal128.FromI64(int64(v)))
			return true
		})
	case *array.StringBuilder:
		return func(row cells, col int) (int, error) {
			blob := row.Type(col) == sqlite.Blob
			text := row.Text(col)
			if blob || !utf8.Valid(text) {
				return 0, fmt.Errorf("it is of type %s and a row has bytes there that are no UTF-8: CAST the column AS BLOB in the query", dt)
			}
			b.BinaryBuilder.Append(text)
			return 4 + len(text), nil
		}
	case *array.BinaryBuilder:
		return func(row cells, col int) (int, error) {
			read := row.Blob
			if t := row.Type(col); t == sqlite.Integer || t == sqlite.Float {
				read = row.Text
			}
			bytes := read(col)
			b.Append(bytes)
			return 4 + len(bytes), nil
		}
	case *array.Date32Builder, *array.Time32Builder:
		return parsed(4)
	case *array.Time64Builder, *array.TimestampBuilder:
		return parsed(8)
	}
	return func(row cells, col int) (int, error) { return 0, wrong(dt, row, col) }
}
