package sqldemo

import (
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"flightbench/server/sqldemo/internal/sqlite"
)

// bindFunc sets parameter p of st to value i of arr, which is not null.
type bindFunc func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error

// binder binds rows of one schema to a statement's parameters, by position.
type binder struct {
	fields []arrow.Field
	funcs  []bindFunc
}

// newBinder fails, with the column's name, if SQLite cannot hold a column.
func newBinder(schema *arrow.Schema) (*binder, error) {
	b := &binder{fields: schema.Fields()}
	for _, f := range b.fields {
		if _, err := declare(f); err != nil {
			return nil, err
		}
		b.funcs = append(b.funcs, bindOf(f.Type))
	}
	return b, nil
}

// bind sets st's parameters to row i of rec, which may be malformed.
func (b *binder) bind(st *sqlite.Stmt, rec arrow.RecordBatch, i int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("row %d of its batch: the batch is malformed: %v", i, p)
		}
	}()
	for c, f := range b.funcs {
		arr := rec.Column(c)
		var err error
		if arr.IsNull(i) {
			err = st.BindNull(c + 1)
		} else {
			err = f(st, c+1, arr, i)
		}
		if err != nil {
			return fmt.Errorf("column %s: row %d of its batch: %w", b.fields[c].Name, i, err)
		}
	}
	return nil
}

// integers are the arrays of integers that an int64 holds.
type integers[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32] interface{ Value(int) T }

func bindInt[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
	return st.BindInt64(p, int64(arr.(integers[T]).Value(i)))
}

func bindFloat(st *sqlite.Stmt, p int, v float64) error {
	if math.IsNaN(v) {
		return fmt.Errorf("SQLite cannot hold NaN: send a null instead")
	}
	return st.BindFloat64(p, v)
}

// bindOf returns how values of type dt, which declare knows, are bound.
func bindOf(dt arrow.DataType) bindFunc {
	switch dt := dt.(type) {
	case *arrow.DictionaryType:
		value := bindOf(dt.ValueType)
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			d := arr.(*array.Dictionary)
			i, arr = d.GetValueIndex(i), d.Dictionary()
			if arr.IsNull(i) {
				return st.BindNull(p)
			}
			return value(st, p, arr, i)
		}
	case arrow.ExtensionType:
		storage := bindOf(dt.StorageType())
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			return storage(st, p, arr.(array.ExtensionArray).Storage(), i)
		}
	case arrow.DecimalType:
		unit := math.Pow10(int(dt.GetScale()))
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			v, ok := unscaled(arr, i)
			if !ok {
				return fmt.Errorf("%s has more than %d digits", arr.ValueStr(i), maxDigits)
			}
			return st.BindFloat64(p, float64(v)/unit)
		}
	case *arrow.TimestampType:
		layout := "2006-01-02 15:04:05" + fraction(dt.Unit)
		if dt.TimeZone != "" {
			layout += "Z"
		}
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			return bindTime(st, p, arr.(*array.Timestamp).Value(i).ToTime(dt.Unit), layout)
		}
	case *arrow.Time32Type:
		layout := "15:04:05" + fraction(dt.Unit)
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			return bindTime(st, p, arr.(*array.Time32).Value(i).ToTime(dt.Unit), layout)
		}
	case *arrow.Time64Type:
		layout := "15:04:05" + fraction(dt.Unit)
		return func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
			return bindTime(st, p, arr.(*array.Time64).Value(i).ToTime(dt.Unit), layout)
		}
	}
	return binders[dt.ID()]
}

// binders of the types without parameters.
var binders = map[arrow.Type]bindFunc{
	arrow.NULL:   func(st *sqlite.Stmt, p int, _ arrow.Array, _ int) error { return st.BindNull(p) },
	arrow.INT8:   bindInt[int8],
	arrow.INT16:  bindInt[int16],
	arrow.INT32:  bindInt[int32],
	arrow.INT64:  bindInt[int64],
	arrow.UINT8:  bindInt[uint8],
	arrow.UINT16: bindInt[uint16],
	arrow.UINT32: bindInt[uint32],
	arrow.UINT64: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		v := arr.(*array.Uint64).Value(i)
		if v > math.MaxInt64 {
			return fmt.Errorf("SQLite's integers end at %d, this is %d", int64(math.MaxInt64), v)
		}
		return st.BindInt64(p, int64(v))
	},
	arrow.BOOL: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		if arr.(*array.Boolean).Value(i) {
			return st.BindInt64(p, 1)
		}
		return st.BindInt64(p, 0)
	},
	arrow.FLOAT16: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		return bindFloat(st, p, float64(arr.(*array.Float16).Value(i).Float32()))
	},
	arrow.FLOAT32: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		return bindFloat(st, p, float64(arr.(*array.Float32).Value(i)))
	},
	arrow.FLOAT64: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		return bindFloat(st, p, arr.(*array.Float64).Value(i))
	},
	arrow.STRING:            bindText,
	arrow.LARGE_STRING:      bindText,
	arrow.STRING_VIEW:       bindText,
	arrow.BINARY:            bindBlob,
	arrow.LARGE_BINARY:      bindBlob,
	arrow.BINARY_VIEW:       bindBlob,
	arrow.FIXED_SIZE_BINARY: bindBlob,
	arrow.DATE32: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		return bindTime(st, p, arr.(*array.Date32).Value(i).ToTime(), time.DateOnly)
	},
	arrow.DATE64: func(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
		return bindTime(st, p, arr.(*array.Date64).Value(i).ToTime(), time.DateOnly)
	},
}

func bindText(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
	return st.BindText(p, []byte(arr.(interface{ Value(int) string }).Value(i)))
}

func bindBlob(st *sqlite.Stmt, p int, arr arrow.Array, i int) error {
	return st.BindBlob(p, arr.(interface{ Value(int) []byte }).Value(i))
}

// bindTime binds t as text, which SQLite's date functions understand.
func bindTime(st *sqlite.Stmt, p int, t time.Time, layout string) error {
	if y := t.Year(); y < 0 || y > 9999 {
		return fmt.Errorf("SQLite's dates have years 0 to 9999, this has %d", y)
	}
	var buf [32]byte
	return st.BindText(p, t.AppendFormat(buf[:0], layout))
}

func fraction(unit arrow.TimeUnit) string {
	switch unit {
	case arrow.Millisecond:
		return ".000"
	case arrow.Microsecond:
		return ".000000"
	case arrow.Nanosecond:
		return ".000000000"
	}
	return ""
}

// unscaled returns a decimal's digits as a number, if it has few enough.
func unscaled(arr arrow.Array, i int) (int64, bool) {
	var v int64
	switch arr := arr.(type) {
	case *array.Decimal32:
		return int64(arr.Value(i)), true
	case *array.Decimal64:
		v = int64(arr.Value(i))
	case *array.Decimal128:
		n := arr.Value(i)
		v = int64(n.LowBits())
		if n.HighBits() != v>>63 {
			return 0, false
		}
	case *array.Decimal256:
		b := arr.Value(i).BigInt()
		if !b.IsInt64() {
			return 0, false
		}
		v = b.Int64()
	}
	return v, v > -1e15 && v < 1e15
}
