package sqldemo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// maxDigits is the precision of the decimals that SQLite's 8-byte floats hold
// exactly.
const maxDigits = 15

// declared says what a declared type of SQLite is in Arrow, both ways. Others
// follow SQLite's rules of affinity.
var declared = []struct {
	name string
	dt   arrow.DataType
}{
	{"BOOLEAN", arrow.FixedWidthTypes.Boolean},
	{"TINYINT", arrow.PrimitiveTypes.Int8},
	{"SMALLINT", arrow.PrimitiveTypes.Int16},
	{"MEDIUMINT", arrow.PrimitiveTypes.Int32},
	{"BIGINT", arrow.PrimitiveTypes.Int64},
	{"UINT8", arrow.PrimitiveTypes.Uint8}, // any name with INT in it holds integers
	{"UINT16", arrow.PrimitiveTypes.Uint16},
	{"UINT32", arrow.PrimitiveTypes.Uint32},
	{"UINT64", arrow.PrimitiveTypes.Uint64},
	{"FLOAT2", arrow.FixedWidthTypes.Float16},
	{"FLOAT4", arrow.PrimitiveTypes.Float32},
	{"DOUBLE", arrow.PrimitiveTypes.Float64},
	{"TEXT", arrow.BinaryTypes.String},
	{"BLOB", arrow.BinaryTypes.Binary},
	{"DATE", arrow.FixedWidthTypes.Date32},
	{"TIME(0)", arrow.FixedWidthTypes.Time32s},
	{"TIME(3)", arrow.FixedWidthTypes.Time32ms},
	{"TIME(6)", arrow.FixedWidthTypes.Time64us},
	{"TIME(9)", arrow.FixedWidthTypes.Time64ns},
	{"TIMESTAMP(0)", &arrow.TimestampType{Unit: arrow.Second}},
	{"TIMESTAMP(3)", &arrow.TimestampType{Unit: arrow.Millisecond}},
	{"TIMESTAMP(6)", &arrow.TimestampType{Unit: arrow.Microsecond}},
	{"TIMESTAMP(9)", &arrow.TimestampType{Unit: arrow.Nanosecond}},
	{"TIMESTAMPTZ(0)", arrow.FixedWidthTypes.Timestamp_s},
	{"TIMESTAMPTZ(3)", arrow.FixedWidthTypes.Timestamp_ms},
	{"TIMESTAMPTZ(6)", arrow.FixedWidthTypes.Timestamp_us},
	{"TIMESTAMPTZ(9)", arrow.FixedWidthTypes.Timestamp_ns},
}

// aliases are what else people write.
var aliases = map[string]string{
	"BOOL": "BOOLEAN", "TIME": "TIME(6)", "TIMESTAMP": "TIMESTAMP(6)", "DATETIME": "TIMESTAMP(6)", "TIMESTAMPTZ": "TIMESTAMPTZ(6)",
}

// arrowType returns the type that a column of the declared type has in results,
// or nil where only its values can tell.
func arrowType(decl string) arrow.DataType {
	name := strings.Join(strings.Fields(strings.ToUpper(decl)), " ")
	if full, ok := aliases[name]; ok {
		name = full
	}
	for _, d := range declared {
		if d.name == name {
			return d.dt
		}
	}
	base, args, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	if base = strings.TrimSpace(base); base == "DECIMAL" || base == "NUMERIC" {
		return decimalType(args)
	}
	switch { // https://sqlite.org/datatype3.html#determination_of_column_affinity
	case strings.Contains(name, "INT"):
		return arrow.PrimitiveTypes.Int64
	case strings.Contains(name, "CHAR"), strings.Contains(name, "CLOB"), strings.Contains(name, "TEXT"):
		return arrow.BinaryTypes.String
	case strings.Contains(name, "BLOB"):
		return arrow.BinaryTypes.Binary
	case strings.Contains(name, "REAL"), strings.Contains(name, "FLOA"), strings.Contains(name, "DOUB"):
		return arrow.PrimitiveTypes.Float64
	}
	return nil
}

// decimalType reads the arguments of DECIMAL. Without any, or with more digits
// than are stored, it is as if nothing had been declared.
func decimalType(args string) arrow.DataType {
	p, s, two := strings.Cut(args, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil || precision < 1 || precision > maxDigits {
		return nil
	}
	scale := 0
	if two {
		if scale, err = strconv.Atoi(strings.TrimSpace(s)); err != nil || scale < 0 || scale > precision {
			return nil
		}
	}
	return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}
}

// storedType is the type that a column of type dt comes back as once it was
// ingested: dictionaries and views are plain, a zone is UTC.
func storedType(dt arrow.DataType) arrow.DataType {
	switch dt := dt.(type) {
	case *arrow.DictionaryType:
		return storedType(dt.ValueType)
	case arrow.ExtensionType:
		return storedType(dt.StorageType())
	case *arrow.LargeStringType, *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return arrow.BinaryTypes.Binary
	case *arrow.Date64Type:
		return arrow.FixedWidthTypes.Date32
	case *arrow.TimestampType:
		if dt.TimeZone != "" {
			return &arrow.TimestampType{Unit: dt.Unit, TimeZone: "UTC"}
		}
	case arrow.DecimalType:
		return &arrow.Decimal128Type{Precision: dt.GetPrecision(), Scale: dt.GetScale()}
	}
	return dt
}

// declare returns the declared type of a table's column that takes field, "" for
// one of nulls only, or says why SQLite cannot hold it.
func declare(field arrow.Field) (string, error) {
	dt := storedType(field.Type)
	if dt.ID() == arrow.NULL {
		return "", nil
	}
	if d, ok := dt.(arrow.DecimalType); ok {
		if d.GetPrecision() > maxDigits || d.GetScale() < 0 || d.GetScale() > d.GetPrecision() {
			return "", fmt.Errorf("column %s: SQLite cannot hold %s exactly, only decimals of up to %d digits: send it as text or as a double", field.Name, field.Type, maxDigits)
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", d.GetPrecision(), d.GetScale()), nil
	}
	for _, d := range declared {
		if arrow.TypeEqual(d.dt, dt) {
			return d.name, nil
		}
	}
	return "", fmt.Errorf("column %s: SQLite has no type for %s: leave the column out, or send it as text", field.Name, field.Type)
}

// kind groups the types whose values a column may take from one another.
func kind(dt arrow.DataType) string {
	switch id := dt.ID(); {
	case id == arrow.BOOL:
		return "boolean"
	case arrow.IsInteger(id), arrow.IsFloating(id), arrow.IsDecimal(id):
		return "number"
	case id == arrow.TIME32 || id == arrow.TIME64:
		return "time"
	}
	return dt.Name()
}

// fits tells whether a column that is declared as decl takes values of type dt.
func fits(decl string, dt arrow.DataType) bool {
	want, have := arrowType(decl), storedType(dt)
	if want == nil || have.ID() == arrow.NULL {
		return true
	}
	if arrow.IsInteger(want.ID()) && !arrow.IsInteger(have.ID()) {
		return false
	}
	return kind(want) == kind(have)
}
