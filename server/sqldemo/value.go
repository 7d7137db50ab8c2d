package sqldemo

import (
	"bytes"
	"strconv"

	"flightbench/server/sqldemo/internal/sqlite"
)

// cells are the values of one row: those of a statement that has just stepped, or
// a copy of some. Type comes first: the others may convert what it tells of.
type cells interface {
	Type(col int) sqlite.Type
	Int64(col int) int64
	Float64(col int) float64
	Text(col int) []byte
	Blob(col int) []byte
}

// value is the copy of one value. As cells it has it in every column.
type value struct {
	t sqlite.Type
	i int64
	f float64
	b []byte
}

func copyValue(c cells, col int) value {
	v := value{t: c.Type(col)}
	switch v.t {
	case sqlite.Integer:
		v.i = c.Int64(col)
		v.f = float64(v.i)
	case sqlite.Float:
		v.f = c.Float64(col)
	case sqlite.Text:
		v.b = bytes.Clone(c.Text(col))
	case sqlite.Blob:
		v.b = bytes.Clone(c.Blob(col))
	}
	return v
}

func (v value) Type(int) sqlite.Type { return v.t }
func (v value) Int64(int) int64      { return v.i }
func (v value) Float64(int) float64  { return v.f }
func (v value) Blob(int) []byte      { return v.b }

// Text writes numbers as text; floats may have other digits than SQLite gives
// them, but are the same numbers.
func (v value) Text(int) []byte {
	switch v.t {
	case sqlite.Integer:
		return strconv.AppendInt(nil, v.i, 10)
	case sqlite.Float:
		return strconv.AppendFloat(nil, v.f, 'g', -1, 64)
	}
	return v.b
}
