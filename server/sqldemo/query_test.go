package sqldemo

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestResultTypes has columns of each declared type, and expressions whose type
// only their values tell.
func TestResultTypes(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE TABLE v (a INTEGER, b)")
	d.update("INSERT INTO v VALUES (1, NULL), (2, 5), (3, 2.5), (4, 'x'), (5, x'ff')")
	for _, tt := range []struct{ sql, types, rows string }{
		{"SELECT 1 AS a, 2.5 AS b, 'x' AS c, x'00ff' AS d, NULL AS e", "int64 float64 utf8 binary null", `[{"a":1,"b":2.5,"c":"x","d":"AP8=","e":null}]`},
		{"SELECT count(*) AS n FROM lineitem", "int64", `[{"n":2500}]`},
		{"SELECT r_regionkey, r_name FROM region WHERE r_regionkey = 2", "int64 utf8", `[{"r_name":"ASIA","r_regionkey":2}]`},
		{"SELECT r_regionkey, 1 AS one FROM region WHERE 0", "int64 null", `[]`},
		{"SELECT b FROM v WHERE a < 3", "int64", `[{"b":null},{"b":5}]`},
		{"SELECT b FROM v WHERE a < 4", "float64", `[{"b":null},{"b":5},{"b":2.5}]`},
		{"SELECT b FROM v WHERE a < 5", "utf8", `[{"b":null},{"b":"5"},{"b":"2.5"},{"b":"x"}]`},
		{"SELECT b FROM v", "binary", `[{"b":null},{"b":"NQ=="},{"b":"Mi41"},{"b":"eA=="},{"b":"/w=="}]`},
		{"SELECT n.n_name, r.r_name FROM nation n LEFT JOIN region r ON r.r_regionkey = n.n_regionkey + 4 WHERE n.n_nationkey < 2", "utf8 utf8",
			`[{"n_name":"ALGERIA","r_name":"MIDDLE EAST"},{"n_name":"ARGENTINA","r_name":null}]`},
		{"SELECT 1 AS a -- with a comment\n;  /* and another */ ;", "int64", `[{"a":1}]`},
		{"EXPLAIN QUERY PLAN SELECT 1 AS a", "int64 int64 int64 utf8", `[{"detail":"SCAN CONSTANT ROW","id":1,"notused":0,"parent":0}]`},
		{"SELECT count(*) AS n FROM pragma_table_info('region')", "int64", `[{"n":2}]`},
	} {
		table, err := d.read(d.cl.Execute(d.ctx, tt.sql))
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if got := typeNames(table.Schema()); got != tt.types {
			t.Errorf("%s: types %s, want %s", tt.sql, got, tt.types)
		}
		if got := rows(t, table); got != tt.rows {
			t.Errorf("%s: %s, want %s", tt.sql, got, tt.rows)
		}
		res, err := d.cl.GetExecuteSchema(d.ctx, tt.sql)
		if err != nil {
			t.Errorf("GetSchema of %s: %v", tt.sql, err)
			continue
		}
		if s, err := flight.DeserializeSchema(res.GetSchema(), memory.DefaultAllocator); err != nil || !s.Equal(table.Schema()) {
			t.Errorf("GetSchema of %s: %v (%v), want %v", tt.sql, s, err, table.Schema())
		}
	}
}

func typeNames(s *arrow.Schema) string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Type.String())
	}
	return strings.Join(names, " ")
}

func TestBatchesAreCut(t *testing.T) {
	for _, tt := range []struct {
		rows  int
		bytes int64
		want  string
	}{
		{1000, 1 << 20, "[1000 1000 500]"},
		{2500, 1 << 20, "[2500]"},
		{4000, 8 * 900, "[900 900 700]"},
		{4000, 1, fmt.Sprint(make([]int64, 0))},
	} {
		o := small()
		o.BatchRows, o.BatchBytes = tt.rows, tt.bytes
		d := newDemo(t, o)
		info, err := d.cl.Execute(d.ctx, "SELECT l_orderkey FROM lineitem")
		if err != nil {
			t.Fatal(err)
		}
		rdr, err := d.cl.DoGet(d.ctx, info.Endpoint[0].Ticket)
		if err != nil {
			t.Fatal(err)
		}
		sizes := []int64{}
		for rdr.Next() {
			sizes = append(sizes, rdr.RecordBatch().NumRows())
		}
		rdr.Release()
		if tt.bytes == 1 {
			if len(sizes) != 2500 {
				t.Errorf("%d bytes: %d batches, want one for each row", tt.bytes, len(sizes))
			}
		} else if got := fmt.Sprint(sizes); got != tt.want {
			t.Errorf("%d rows, %d bytes: batches of %s rows, want %s", tt.rows, tt.bytes, got, tt.want)
		}
	}
}

// TestBadStatements wants each told by its code and a line of its own.
func TestBadStatements(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE TABLE bad (n INTEGER, t TEXT, d DATE, s TINYINT, b BOOLEAN, m DECIMAL(4,2))")
	d.update("INSERT INTO bad VALUES ('text', CAST(x'ff' AS TEXT), 'no date', 300, 2, 123)")
	for _, tt := range []struct {
		sql  string
		code codes.Code
		line string
	}{
		{"SELEC 1", codes.InvalidArgument, `near "SELEC": syntax error`},
		{"", codes.InvalidArgument, "empty"},
		{" -- nothing", codes.InvalidArgument, "empty"},
		{"SELECT 1\x00", codes.InvalidArgument, "zero byte, its byte 9"},
		{"SELECT 1; SELECT 2", codes.InvalidArgument, "a second statement begins at byte 10"},
		{"SELECT 1; nonsense", codes.InvalidArgument, "a second statement begins at byte 10"},
		{"SELECT * FROM nowhere", codes.NotFound, "no such table: nowhere"},
		{"SELECT nocolumn FROM region", codes.InvalidArgument, "no such column: nocolumn"},
		{`SELECT "typo" FROM region`, codes.InvalidArgument, "no such column"},
		{"SELECT ?, :b", codes.InvalidArgument, "the statement has 2 parameters and none are bound"},
		{"SELECT abs('x', 1)", codes.InvalidArgument, "wrong number of arguments"},
		{"BEGIN", codes.PermissionDenied, "Flight SQL actions"},
		{"SAVEPOINT x", codes.PermissionDenied, "Flight SQL actions"},
		{"PRAGMA synchronous = FULL", codes.PermissionDenied, "no settings to change"},
		{"SELECT zeroblob(100000000)", codes.InvalidArgument, "too big"},
		{"SELECT /*" + strings.Repeat("x", 1<<20) + "*/ 1", codes.InvalidArgument, "too big"},
		{"ATTACH '/tmp/flightbench-x.db' AS x", codes.PermissionDenied, "no other files"},
		{"VACUUM INTO '/tmp/flightbench-x.db'", codes.InvalidArgument, "VACUUM"},
		{"CREATE TEMP TABLE x (a)", codes.PermissionDenied, "no temporary objects"},
		{"CREATE VIRTUAL TABLE temp.x USING fts5(a)", codes.PermissionDenied, "no temporary objects"},
		{"CREATE TABLE temp.x (a)", codes.PermissionDenied, "no temporary objects"},
		{"SELECT load_extension('x')", codes.InvalidArgument, "not authorized"},
		{"INSERT INTO region VALUES (0, 'AGAIN')", codes.AlreadyExists, "UNIQUE constraint failed: region.r_regionkey"},
		{"INSERT INTO nation VALUES (99, 'NOWHERE', 99)", codes.FailedPrecondition, "FOREIGN KEY"},
		{"SELECT n FROM bad", codes.InvalidArgument, `column n: it is of type int64 and a row has a text, "text" there: CAST`},
		{"SELECT t FROM bad", codes.InvalidArgument, "column t: it is of type utf8 and a row has bytes there that are no UTF-8"},
		{"SELECT d FROM bad", codes.InvalidArgument, `column d: it is of type date32 and a row has a text, "no date" there`},
		{"SELECT s FROM bad", codes.InvalidArgument, `column s: it is of type int8 and a row has an integer, "300" there`},
		{"SELECT b FROM bad", codes.InvalidArgument, `column b: it is of type bool and a row has an integer, "2" there`},
		{"SELECT m FROM bad", codes.InvalidArgument, `column m: it is of type decimal(4, 2) and a row has an integer, "123" there`},
	} {
		_, err := d.read(d.cl.Execute(d.ctx, tt.sql))
		if status.Code(err) != tt.code || !strings.Contains(status.Convert(err).Message(), tt.line) {
			t.Errorf("%q: %v, want %v: ...%s...", tt.sql, err, tt.code, tt.line)
		}
	}
	if _, err := os.Stat("/tmp/flightbench-x.db"); err == nil {
		t.Error("a statement wrote a file")
	}
	if _, err := d.cl.ExecuteUpdate(d.ctx, "SELECT 1"); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "is a query") {
		t.Errorf("an update that is a query: %v", err)
	}
	if got := d.query("PRAGMA Table_Info(region)"); !strings.Contains(got, "r_name") {
		t.Errorf("a pragma that reads: %s", got)
	}
	if got := d.query("SELECT count(*) AS n FROM region"); got != `[{"n":5}]` {
		t.Errorf("after the errors: %s", got)
	}
}

func TestUpdates(t *testing.T) {
	d := newDemo(t, small())
	for _, tt := range []struct {
		sql  string
		want int64
	}{
		{"CREATE TABLE u (a INTEGER)", 0},
		{"INSERT INTO u VALUES (1), (2), (3)", 3},
		{"CREATE INDEX i ON u (a)", 0},
		{"UPDATE u SET a = a + 1 WHERE a > 1", 2},
		{"DELETE FROM u WHERE a > 100", 0},
		{"DELETE FROM u", 3},
		{"DROP TABLE u", 0},
	} {
		if got := d.update(tt.sql); got != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.sql, got, tt.want)
		}
	}
	// As queries, which is how ADBC sends everything.
	if got := d.query("CREATE TABLE u (a INTEGER)"); got != "[]" {
		t.Errorf("CREATE TABLE as a query: %s", got)
	}
	if got := d.query("INSERT INTO u VALUES (1), (2) RETURNING a, a * 10 AS b"); got != `[{"a":1,"b":10},{"a":2,"b":20}]` {
		t.Errorf("RETURNING: %s", got)
	}
	if got := d.query("SELECT a FROM u"); got != `[{"a":1},{"a":2}]` {
		t.Errorf("after them: %s", got)
	}
}

// endless is a query that steps for ever without a row.
const endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0"

func TestCancel(t *testing.T) {
	d := newDemo(t, small())
	info, err := d.cl.Execute(d.ctx, endless)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.ctx, 100*time.Millisecond)
	defer cancel()
	if rdr, err := d.cl.DoGet(ctx, info.Endpoint[0].Ticket); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("an endless query with a deadline: %v, %v", rdr, err)
	}
	// The server's Close, at the end of the test, waits for the query's end.
}

// TestAbandonedStream leaves results unread: their connection comes back.
func TestAbandonedStream(t *testing.T) {
	o := small()
	o.Connections, o.BatchRows = 2, 1
	// Unchecked memory: arrow-go drops the batch that it was sending.
	d := newDemoIn(t, o, memory.DefaultAllocator)
	for range 10 {
		info, err := d.cl.Execute(d.ctx, "SELECT * FROM lineitem")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(d.ctx)
		rdr, err := d.cl.DoGet(ctx, info.Endpoint[0].Ticket)
		if err != nil {
			t.Fatal(err)
		}
		if !rdr.Next() {
			t.Fatal(rdr.Err())
		}
		rdr.Release()
		cancel()
	}
}

func TestClose(t *testing.T) {
	o := small()
	o.Dir = t.TempDir()
	srv, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := srv.sql.stream(t.Context(), plain("SELECT * FROM lineitem", nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	for chunk := range out {
		if chunk.Data != nil {
			chunk.Data.Release()
		}
	}
	if err := srv.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, _, err := srv.sql.stream(t.Context(), plain("SELECT 1", nil)); status.Code(err) != codes.Unavailable {
		t.Errorf("a query after Close: %v", err)
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("after Close %d files are left (%v)", len(left), err)
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		change func(*Options)
		line   string
	}{
		{func(o *Options) { o.Rows = -1 }, "rows -1"},
		{func(o *Options) { o.Rows = maxRows + 1 }, "rows 10000001"},
		{func(o *Options) { o.BatchRows = 0 }, "batch rows 0"},
		{func(o *Options) { o.BatchBytes = 0 }, "batch bytes 0"},
		{func(o *Options) { o.Connections = 1 }, "connections 1"},
		{func(o *Options) { o.Prepared = 0 }, "prepared statements 0"},
		{func(o *Options) { o.Idle = 0 }, "idle time 0s"},
		{func(o *Options) { o.Wait = 0 }, "wait 0s"},
		{func(o *Options) { o.ParameterBytes = 0 }, "parameter bytes 0"},
		{func(o *Options) { o.DatabaseBytes = 1 }, "database bytes 1"},
		{func(o *Options) { o.Dir = "/nowhere/at/all" }, "make a folder"},
	} {
		o := DefaultOptions()
		tt.change(&o)
		if srv, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.line) {
			t.Errorf("%s: %v, %v", tt.line, srv, err)
		}
	}
	for _, n := range []int64{0, 1, demoBatch, demoBatch + 1} {
		o := small()
		o.Rows = n
		d := newDemo(t, o)
		if got, want := d.query("SELECT count(*) AS n FROM lineitem"), fmt.Sprintf(`[{"n":%d}]`, n); got != want {
			t.Errorf("%s rows, want %s", got, want)
		}
	}
}

func TestDatabaseFull(t *testing.T) {
	o := small()
	o.DatabaseBytes = 1 << 20
	d := newDemo(t, o)
	_, err := d.cl.ExecuteUpdate(d.ctx, "CREATE TABLE big AS SELECT randomblob(4000000) AS b")
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "full") {
		t.Errorf("more than fits: %v", err)
	}
	if got := d.query("SELECT count(*) AS n FROM region"); got != `[{"n":5}]` {
		t.Errorf("after it: %s", got)
	}
}
