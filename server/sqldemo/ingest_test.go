package sqldemo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/workloads"
)

const (
	ifExistsFail    = flightsql.TableDefinitionOptionsTableExistsOptionFail
	ifExistsAppend  = flightsql.TableDefinitionOptionsTableExistsOptionAppend
	ifExistsReplace = flightsql.TableDefinitionOptionsTableExistsOptionReplace
	ifMissingCreate = flightsql.TableDefinitionOptionsTableNotExistOptionCreate
	ifMissingFail   = flightsql.TableDefinitionOptionsTableNotExistOptionFail
)

// into is an ingest that makes the table.
func into(table string) *flightsql.ExecuteIngestOpts {
	return &flightsql.ExecuteIngestOpts{
		Table:                  table,
		TableDefinitionOptions: &flightsql.TableDefinitionOptions{IfExists: ifExistsFail, IfNotExist: ifMissingCreate},
	}
}

func (d *demo) ingest(o *flightsql.ExecuteIngestOpts, schema *arrow.Schema, recs ...arrow.RecordBatch) (int64, error) {
	d.Helper()
	rdr, err := array.NewRecordReader(schema, recs)
	if err != nil {
		d.Fatal(err)
	}
	defer rdr.Release()
	return d.cl.ExecuteIngest(d.ctx, rdr, o)
}

// TestIngestWorkloads has every workload but nested come back as it went.
func TestIngestWorkloads(t *testing.T) {
	d := newDemo(t, small())
	for _, name := range []string{"perf", "lineitem", "wide:30", "strings", "dict", "nulls", "nested"} {
		spec, err := workloads.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		spec.Rows, spec.Distinct = 700, 3
		set, err := workloads.Generate(t.Context(), spec, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		var recs []arrow.RecordBatch
		for _, b := range set.Batches {
			recs = append(recs, b.Record)
		}
		table := "w_" + set.Spec.Name
		n, err := d.ingest(into(table), set.Schema, recs...)
		if name == "nested" {
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "column list: SQLite has no type for list<") {
				t.Errorf("nested: %v, want the list column refused", err)
			}
			continue
		}
		if err != nil || n != 2100 {
			t.Fatalf("%s: %d rows, %v", name, n, err)
		}
		got, err := d.read(d.cl.Execute(d.ctx, "SELECT * FROM "+table))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := array.NewTableFromRecords(set.Schema, recs)
		for c := range int(want.NumCols()) {
			f := want.Schema().Field(c)
			if g := got.Schema().Field(c); g.Name != f.Name || !arrow.TypeEqual(g.Type, storedType(f.Type)) {
				t.Errorf("%s: column %v comes back as %v", name, f, g)
			}
			if g, w := values(got, c), values(want, c); g != w {
				t.Errorf("%s: column %s differs", name, f.Name)
			}
		}
	}
}

// values are a column's values as text, dictionaries decoded, each on its line.
func values(t arrow.Table, col int) string {
	var b strings.Builder
	for _, chunk := range t.Column(col).Data().Chunks() {
		for i := range chunk.Len() {
			if d, ok := chunk.(*array.Dictionary); ok && !chunk.IsNull(i) {
				fmt.Fprintln(&b, d.Dictionary().ValueStr(d.GetValueIndex(i)))
				continue
			}
			fmt.Fprintln(&b, strings.TrimSuffix(chunk.ValueStr(i), "Z"))
		}
	}
	return b.String()
}

func TestIngestModes(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a b", Type: arrow.PrimitiveTypes.Int64}, {Name: `q"x`, Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	rec := batch(t, schema, `[{"a b":1,"q\"x":"x"},{"a b":2,"q\"x":null}]`)
	other := arrow.NewSchema([]arrow.Field{{Name: "z", Type: arrow.PrimitiveTypes.Float64}}, nil)
	for _, tt := range []struct {
		exists, missing string // what happens
		ifExists        flightsql.TableDefinitionOptionsTableExistsOption
		ifMissing       flightsql.TableDefinitionOptionsTableNotExistOption
	}{
		{"AlreadyExists", "2", ifExistsFail, ifMissingCreate},
		{"4", "NotFound", ifExistsAppend, ifMissingFail},
		{"4", "2", ifExistsAppend, ifMissingCreate},
		{"2", "2", ifExistsReplace, ifMissingCreate},
		{"2", "NotFound", ifExistsReplace, ifMissingFail},
		{"AlreadyExists", "NotFound", ifExistsFail, ifMissingFail},
	} {
		d := newDemo(t, small())
		o := into(`odd "name"`)
		o.TableDefinitionOptions = &flightsql.TableDefinitionOptions{IfExists: tt.ifExists, IfNotExist: tt.ifMissing}
		outcome := func() string {
			if n, err := d.ingest(o, schema, rec); err != nil {
				return status.Code(err).String()
			} else if n != 2 {
				t.Errorf("%v: %d rows", tt, n)
			}
			return strings.Trim(d.query(`SELECT count(*) AS n FROM "odd ""name"""`), `[]{}":n`)
		}
		if got := outcome(); got != tt.missing {
			t.Errorf("%+v without the table: %s, want %s", tt, got, tt.missing)
		}
		if tt.missing == "NotFound" {
			if _, err := d.ingest(into(o.Table), schema, rec); err != nil {
				t.Fatal(err)
			}
		}
		if got := outcome(); got != tt.exists {
			t.Errorf("%+v with the table: %s, want %s", tt, got, tt.exists)
		}
		o.TableDefinitionOptions = &flightsql.TableDefinitionOptions{IfExists: ifExistsReplace, IfNotExist: ifMissingCreate}
		if n, err := d.ingest(o, other, batch(t, other, `[{"z":1}]`)); err != nil || n != 1 {
			t.Errorf("replaced by other columns: %d, %v", n, err)
		}
		if got := d.query(`SELECT * FROM "odd ""name"""`); got != `[{"z":1}]` {
			t.Errorf("replaced: %s", got)
		}
	}
}

func TestIngestRefused(t *testing.T) {
	d := newDemo(t, small())
	field := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	a := field("a", arrow.PrimitiveTypes.Int64)
	d.update("CREATE TABLE t (a INTEGER, d DATE, u UNIQUE)")
	main, elsewhere := "main", "elsewhere"
	for _, tt := range []struct {
		name   string
		field  arrow.Field
		json   string
		change func(*flightsql.ExecuteIngestOpts)
		code   codes.Code
		line   string
	}{
		{"no options", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.TableDefinitionOptions = &flightsql.TableDefinitionOptions{} }, codes.InvalidArgument, "set both of table_definition_options"},
		{"catalog", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.Catalog = &elsewhere }, codes.NotFound, `catalog "elsewhere"`},
		{"right catalog", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.Catalog = &main }, codes.OK, ""},
		{"schema", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.Schema = &elsewhere }, codes.NotFound, `schema "elsewhere"`},
		{"temporary", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.Temporary = true }, codes.Unimplemented, "no temporary tables"},
		{"option", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.Options = map[string]string{"fast": "yes"} }, codes.InvalidArgument, `ingest option "fast"`},
		{"transaction", a, `[]`, func(o *flightsql.ExecuteIngestOpts) { o.TransactionId = []byte("x") }, codes.NotFound, "transaction has ended"},
		{"uint64", field("u8", arrow.PrimitiveTypes.Uint64), `[{"u8":1},{"u8":18446744073709551615}]`, nil, codes.InvalidArgument, "column u8: row 1 of its batch: SQLite's integers end at 9223372036854775807"},
		{"decimal", field("m", &arrow.Decimal128Type{Precision: 38, Scale: 2}), `[]`, nil, codes.InvalidArgument, "column m: SQLite cannot hold decimal(38, 2) exactly"},
		{"duration", field("w", arrow.FixedWidthTypes.Duration_s), `[]`, nil, codes.InvalidArgument, "column w: SQLite has no type for duration[s]"},
		{"year", field("y", &arrow.TimestampType{Unit: arrow.Second}), `[{"y":999999999999}]`, nil, codes.InvalidArgument, "column y: row 0 of its batch: SQLite's dates have years 0 to 9999"},
		{"unknown column", field("x", arrow.PrimitiveTypes.Int64), `[]`, append2, codes.InvalidArgument, "column x: table t has no such column"},
		{"text to integer", field("A", arrow.BinaryTypes.String), `[]`, append2, codes.InvalidArgument, "column A: it is declared INTEGER in table t, which does not take utf8"},
		{"float to integer", field("a", arrow.PrimitiveTypes.Float64), `[]`, append2, codes.InvalidArgument, "which does not take float64"},
		{"text to date", field("d", arrow.BinaryTypes.String), `[]`, append2, codes.InvalidArgument, "which does not take utf8"},
		{"twice", field("u", arrow.PrimitiveTypes.Int32), `[{"u":1},{"u":2},{"u":1}]`, append2, codes.AlreadyExists, "UNIQUE constraint failed: t.u"},
	} {
		o := into("r_" + tt.name)
		if tt.change != nil {
			tt.change(o)
		}
		schema := arrow.NewSchema([]arrow.Field{tt.field}, nil)
		n, err := d.ingest(o, schema, batch(t, schema, tt.json))
		if status.Code(err) != tt.code || !strings.Contains(status.Convert(err).Message(), tt.line) || n != 0 {
			t.Errorf("%s: %d rows, %v, want %v: ...%s...", tt.name, n, err, tt.code, tt.line)
		}
		if got := d.query("SELECT count(*) AS n FROM sqlite_master WHERE name = '" + o.Table + "'"); tt.code != codes.OK && tt.change == nil && got != `[{"n":0}]` {
			t.Errorf("%s: the table is left", tt.name)
		}
	}
	if got := d.query("SELECT * FROM t"); got != "[]" {
		t.Errorf("a refused ingest left %s", got)
	}
	nan := array.NewFloat64Builder(memory.DefaultAllocator)
	nan.Append(nanValue())
	schema := arrow.NewSchema([]arrow.Field{field("f", arrow.PrimitiveTypes.Float64)}, nil)
	if _, err := d.ingest(into("nan"), schema, array.NewRecordBatch(schema, []arrow.Array{nan.NewArray()}, 1)); err == nil || !strings.Contains(err.Error(), "column f: row 0 of its batch: SQLite cannot hold NaN") {
		t.Errorf("NaN: %v", err)
	}
}

func append2(o *flightsql.ExecuteIngestOpts) {
	o.Table = "t"
	o.TableDefinitionOptions.IfExists = ifExistsAppend
}

func nanValue() float64 {
	zero := 0.0
	return zero / zero
}
