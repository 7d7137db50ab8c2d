package sqldemo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func ptr[T any](v T) *T { return &v }

// TestCatalog asks for everything, also with names that would break a query that
// they were pasted into.
func TestCatalog(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE VIEW asia AS SELECT n_name, n_nationkey + 0 AS k FROM nation WHERE n_regionkey = 2")
	d.update(`CREATE TABLE "it's" (a INTEGER, b INTEGER, PRIMARY KEY (b, a))`)
	ref := func(table string) flightsql.TableRef { return flightsql.TableRef{Table: table} }
	const nationRegion = `[{"delete_rule":3,"fk_catalog_name":"main","fk_column_name":"n_regionkey","fk_db_schema_name":"","fk_key_name":null,"fk_table_name":"nation",` +
		`"key_sequence":1,"pk_catalog_name":"main","pk_column_name":"r_regionkey","pk_db_schema_name":"","pk_key_name":null,"pk_table_name":"region","update_rule":3}]`
	tables := func(o *flightsql.GetTablesOpts) func() (*flight.FlightInfo, error) {
		return func() (*flight.FlightInfo, error) { return d.cl.GetTables(d.ctx, o) }
	}
	table := func(name, kind string) string {
		return fmt.Sprintf(`{"catalog_name":"main","db_schema_name":"","table_name":"%s","table_type":"%s"}`, name, kind)
	}
	for _, tt := range []struct {
		name string
		call func() (*flight.FlightInfo, error)
		want string
	}{
		{"catalogs", func() (*flight.FlightInfo, error) { return d.cl.GetCatalogs(d.ctx) }, `[{"catalog_name":"main"}]`},
		{"schemas", func() (*flight.FlightInfo, error) { return d.cl.GetDBSchemas(d.ctx, &flightsql.GetDBSchemasOpts{}) }, `[{"catalog_name":"main","db_schema_name":""}]`},
		{"schemas like", func() (*flight.FlightInfo, error) {
			return d.cl.GetDBSchemas(d.ctx, &flightsql.GetDBSchemasOpts{DbSchemaFilterPattern: ptr("%")})
		}, `[{"catalog_name":"main","db_schema_name":""}]`},
		{"schemas elsewhere", func() (*flight.FlightInfo, error) {
			return d.cl.GetDBSchemas(d.ctx, &flightsql.GetDBSchemasOpts{Catalog: ptr("x")})
		}, `[]`},
		{"table types", func() (*flight.FlightInfo, error) { return d.cl.GetTableTypes(d.ctx) }, `[{"table_type":"table"},{"table_type":"view"}]`},
		{"tables", tables(&flightsql.GetTablesOpts{}), "[" + strings.Join([]string{table("asia", "view"), table("it's", "table"), table("lineitem", "table"), table("nation", "table"), table("region", "table")}, ",") + "]"},
		{"tables like", tables(&flightsql.GetTablesOpts{TableNameFilterPattern: ptr("_ation")}), "[" + table("nation", "table") + "]"},
		{"views", tables(&flightsql.GetTablesOpts{TableTypes: []string{"view", "it's"}}), "[" + table("asia", "view") + "]"},
		{"tables of another catalog", tables(&flightsql.GetTablesOpts{Catalog: ptr("it's")}), "[]"},
		{"tables with a quote", tables(&flightsql.GetTablesOpts{TableNameFilterPattern: ptr("it's")}), "[" + table("it's", "table") + "]"},
		{"primary keys", func() (*flight.FlightInfo, error) { return d.cl.GetPrimaryKeys(d.ctx, ref("it's")) },
			`[{"catalog_name":"main","column_name":"b","db_schema_name":"","key_name":null,"key_sequence":1,"table_name":"it's"},` +
				`{"catalog_name":"main","column_name":"a","db_schema_name":"","key_name":null,"key_sequence":2,"table_name":"it's"}]`},
		{"no primary keys", func() (*flight.FlightInfo, error) { return d.cl.GetPrimaryKeys(d.ctx, ref("asia")) }, "[]"},
		{"imported keys", func() (*flight.FlightInfo, error) { return d.cl.GetImportedKeys(d.ctx, ref("nation")) }, nationRegion},
		{"exported keys", func() (*flight.FlightInfo, error) { return d.cl.GetExportedKeys(d.ctx, ref("REGION")) }, nationRegion},
		{"no exported keys", func() (*flight.FlightInfo, error) { return d.cl.GetExportedKeys(d.ctx, ref("it's")) }, "[]"},
		{"cross reference", func() (*flight.FlightInfo, error) {
			return d.cl.GetCrossReference(d.ctx, ref("region"), ref("nation"))
		}, nationRegion},
		{"other cross reference", func() (*flight.FlightInfo, error) {
			return d.cl.GetCrossReference(d.ctx, ref("nation"), ref("region"))
		}, "[]"},
		{"no such type", func() (*flight.FlightInfo, error) { return d.cl.GetXdbcTypeInfo(d.ctx, ptr(int32(12345))) }, "[]"},
	} {
		got, err := d.read(tt.call())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if s := rows(t, got); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
	for _, code := range []*int32{nil, ptr(int32(4))} {
		types, err := d.read(d.cl.GetXdbcTypeInfo(d.ctx, code))
		if err != nil {
			t.Fatal(err)
		}
		if n := types.NumRows(); code == nil && n != int64(len(xdbcTypes)) || code != nil && n != 2 {
			t.Errorf("%d types", n)
		}
	}
}

func TestTableSchemas(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE VIEW v AS SELECT n_name, n_nationkey * 0.5 AS half FROM nation")
	got, err := d.read(d.cl.GetTables(d.ctx, &flightsql.GetTablesOpts{IncludeSchema: true}))
	if err != nil {
		t.Fatal(err)
	}
	rdr := array.NewTableReader(got, 0)
	defer rdr.Release()
	schemas := make(map[string]string)
	for rdr.Next() {
		rec := rdr.RecordBatch()
		for i := range int(rec.NumRows()) {
			s, err := flight.DeserializeSchema(rec.Column(4).(*array.Binary).Value(i), memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			schemas[rec.Column(2).ValueStr(i)] = typeNames(s)
		}
	}
	if len(schemas) != 4 || schemas["v"] != "utf8 float64" || schemas["region"] != "int64 utf8" || !strings.HasPrefix(schemas["lineitem"], "int64 int64 int64 int32 decimal(15, 2)") {
		t.Errorf("%v", schemas)
	}
}

func TestSqlInfo(t *testing.T) {
	d := newDemo(t, small())
	got, err := d.read(d.cl.GetSqlInfo(d.ctx, []flightsql.SqlInfo{flightsql.SqlInfoFlightSqlServerBulkIngestion, flightsql.SqlInfoFlightSqlServerIngestTransactionsSupported, flightsql.SqlInfoFlightSqlServerTransaction}))
	if err != nil {
		t.Fatal(err)
	}
	if s := rows(t, got); s != `[{"info_name":10,"value":[1,true]},{"info_name":11,"value":[1,true]},{"info_name":8,"value":[3,1]}]` {
		t.Errorf("%s", s)
	}
	all, err := d.read(d.cl.GetSqlInfo(d.ctx, nil))
	if err != nil || all.NumRows() < 30 {
		t.Errorf("all: %v", err)
	}
}

func TestPoll(t *testing.T) {
	d := newDemo(t, small())
	poll, err := d.cl.ExecutePoll(d.ctx, "SELECT * FROM region", nil)
	if err != nil {
		t.Fatal(err)
	}
	if poll.GetFlightDescriptor() != nil || poll.GetProgress() != 1 {
		t.Errorf("it is not complete: %v", poll)
	}
	got, err := d.read(poll.GetInfo(), nil)
	if err != nil || got.NumRows() != 5 {
		t.Errorf("%v", err)
	}
}
