package sqldemo

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestArrowType(t *testing.T) {
	for decl, want := range map[string]string{
		"INTEGER": "int64", "int": "int64", "BIGINT": "int64", "unsigned big int": "int64", "smallint": "int16", "TinyInt": "int8", "mediumint": "int32",
		"bool": "bool", "REAL": "float64", "float": "float64", "double precision": "float64", "FLOAT4": "float32",
		"varchar(20)": "utf8", "CLOB": "utf8", "nchar(5)": "utf8", "blob": "binary",
		"date": "date32", "DATETIME": "timestamp[us]", "timestamp(9)": "timestamp[ns]", "TIMESTAMPTZ(0)": "timestamp[s, tz=UTC]", "TIME": "time64[us]", "time(3)": "time32[ms]",
		"DECIMAL(15,2)": "decimal(15, 2)", "numeric( 4 , 1 )": "decimal(4, 1)", "NUMERIC(7)": "decimal(7, 0)",
		"": "", "JSON": "", "DECIMAL": "", "NUMERIC(38,2)": "", "DECIMAL(2,3)": "", "DECIMAL(x,y)": "", "DECIMAL(0)": "", "DECIMAL(4,-1)": "",
	} {
		got := ""
		if dt := arrowType(decl); dt != nil {
			got = dt.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", decl, got, want)
		}
	}
}

// TestDeclare has what each Arrow type is declared as come back.
func TestDeclare(t *testing.T) {
	for _, dt := range []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint64, arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32,
		arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView, arrow.BinaryTypes.LargeBinary, &arrow.FixedSizeBinaryType{ByteWidth: 16},
		arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64ns, &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Europe/Paris"},
		&arrow.Decimal256Type{Precision: 9, Scale: 9}, &arrow.Decimal32Type{Precision: 9, Scale: 2},
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.FixedWidthTypes.Date32},
	} {
		decl, err := declare(arrow.Field{Name: "x", Type: dt})
		if err != nil {
			t.Error(err)
			continue
		}
		if got := arrowType(decl); got == nil || !arrow.TypeEqual(got, storedType(dt)) {
			t.Errorf("%s is declared %s, which is %v, want %s", dt, decl, got, storedType(dt))
		}
		if !fits(decl, dt) || bindOf(dt) == nil {
			t.Errorf("%s: what is declared %s does not take it", dt, decl)
		}
	}
	for _, dt := range []arrow.DataType{
		arrow.ListOf(arrow.PrimitiveTypes.Int8), arrow.FixedWidthTypes.Duration_s, arrow.FixedWidthTypes.MonthInterval, &arrow.Decimal128Type{Precision: 16, Scale: 2},
		&arrow.Decimal128Type{Precision: 5, Scale: -2}, arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.ListOf(arrow.PrimitiveTypes.Int8)},
	} {
		if decl, err := declare(arrow.Field{Name: "this one", Type: dt}); err == nil || !strings.HasPrefix(err.Error(), "column this one: ") {
			t.Errorf("%s: declared %q, %v", dt, decl, err)
		}
	}
}

// TestMalformedBatch has a dictionary's index point nowhere.
func TestMalformedBatch(t *testing.T) {
	d := newDemo(t, small())
	dict, _, err := array.FromJSON(memory.DefaultAllocator, arrow.BinaryTypes.String, strings.NewReader(`["a"]`))
	if err != nil {
		t.Fatal(err)
	}
	indices, _, err := array.FromJSON(memory.DefaultAllocator, arrow.PrimitiveTypes.Int8, strings.NewReader(`[0, 99]`))
	if err != nil {
		t.Fatal(err)
	}
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "w", Type: dt}}, nil)
	rec := array.NewRecordBatch(schema, []arrow.Array{array.NewDictionaryArray(dt, indices, dict)}, 2)
	if n, err := d.ingest(into("m"), schema, rec); status.Code(err) != codes.InvalidArgument || n != 0 || !strings.Contains(err.Error(), "row 1 of its batch: the batch is malformed") {
		t.Errorf("%d, %v", n, err)
	}
}

func FuzzArrowType(f *testing.F) {
	for _, s := range []string{"", "DECIMAL(15,2)", "decimal(", "INT", "time(3)", "NUMERIC( 1,1 )"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, decl string) {
		if dt := arrowType(decl); dt != nil {
			if _, err := declare(arrow.Field{Type: dt}); err != nil {
				t.Errorf("%q is %s, which cannot be declared: %v", decl, dt, err)
			}
		}
	})
}

func FuzzParseTicket(f *testing.F) {
	f.Add([]byte{0, 'S'})
	f.Add([]byte{3, 1, 2, 3})
	f.Add([]byte{200})
	f.Fuzz(func(t *testing.T, handle []byte) {
		q, err := parseTicket(handle)
		if err == nil && 1+len(q.tx)+len(q.sql) != len(handle) {
			t.Errorf("%x: %q %q", handle, q.tx, q.sql)
		}
	})
}
