package bench_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/example"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/server/sqldemo"
)

// serveDemo starts an embedded server with the SQL demo, over tr.
func serveDemo(t *testing.T, tr wire.Transport) (uri string) {
	t.Helper()
	do := sqldemo.DefaultOptions()
	do.Rows, do.Dir = 1000, t.TempDir()
	demo, err := sqldemo.New(t.Context(), do)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = demo.Close() })
	o := server.DefaultOptions()
	o.Transport, o.Drain, o.SQL = tr, 50*time.Millisecond, demo.FlightService()
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(ctx) })
	t.Cleanup(func() { cancel(); served.Wait() })
	return s.URI()
}

// serveExample starts arrow-go's own example server.
func serveExample(t *testing.T) (uri string) {
	t.Helper()
	db, err := example.CreateDB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := example.NewSQLiteFlightSQLServer(db)
	if err != nil {
		t.Fatal(err)
	}
	return serveFlight(t, flightsql.NewFlightServer(s))
}

// askInt asks the server at uri, by arrow-go's own client, for one number.
func askInt(t *testing.T, uri, sql string) int64 {
	t.Helper()
	c, err := flightsql.NewClient(strings.TrimPrefix(uri, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Execute(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	r, err := c.DoGet(t.Context(), info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Release()
	if !r.Next() || r.RecordBatch().NumRows() != 1 {
		t.Fatalf("%s: it is not answered with one row: %v", sql, r.Err())
	}
	return r.RecordBatch().Column(0).(*array.Int64).Value(0)
}

// eachSQL runs f over every transport against the demo, whose server speaks
// the same, and against arrow-go's example server.
func eachSQL(t *testing.T, f func(t *testing.T, uri string, tr wire.Transport, demo bool)) {
	for _, tr := range transports {
		t.Run("demo/"+string(tr), func(t *testing.T) { f(t, serveDemo(t, tr), tr, true) })
		t.Run("example/"+string(tr), func(t *testing.T) { f(t, serveExample(t), tr, false) })
	}
}

func wantOK(t *testing.T, what string, got *results.Trial, streams, rows int64) {
	t.Helper()
	if got.Status != results.StatusOK || got.Verdict != results.VerdictValid || got.Streams != streams || got.Rows != rows {
		t.Errorf("%s: %s %s %s, %d streams, %d rows, want ok, valid, %d, %d", what, got.Status, got.Error, got.Verdict, got.Streams, got.Rows, streams, rows)
	}
	if warned(got, "another client") {
		t.Errorf("%s: warnings %q", what, got.Warnings)
	}
}

func TestQueriesOfRealServers(t *testing.T) {
	eachSQL(t, func(t *testing.T, uri string, tr wire.Transport, demo bool) {
		sql, rows := "SELECT * FROM intTable", int64(4)
		if demo {
			sql, rows = "SELECT * FROM lineitem", 1000
		}
		for _, decode := range []string{"count", "batch"} {
			for _, txn := range []bool{false, true} {
				c := config(bench.OpQuery, tr)
				c.SQL, c.Decode, c.Transaction = sql, decode, txn
				got := run(t, t.Context(), uri, c)
				wantOK(t, fmt.Sprintf("decode %s, transaction %v", decode, txn), got, 6, 6*rows)
				if n := counts(got); n["query"] != 6 || n["info"] != 6 || n["first_batch"] != 6 || (n["begin"] == 6 && n["commit"] == 6) != txn {
					t.Errorf("latencies %v", n)
				}
			}
		}
		c := config(bench.OpQuery, tr)
		c.SQL = "SELEC 1"
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusFailed || !strings.Contains(got.Error, `near "SELEC": syntax error`) || strings.Contains(got.Error, "\n") {
			t.Errorf("%s %q", got.Status, got.Error)
		}
		if demo && got.Failures["invalid_argument"] < 1 {
			t.Errorf("failures %v, want invalid_argument", got.Failures)
		}
	})
}

func TestPreparedOfRealServers(t *testing.T) {
	eachSQL(t, func(t *testing.T, uri string, tr wire.Transport, demo bool) {
		sql, rows := "SELECT * FROM intTable WHERE id <= ?", int64(1+2+3+4)
		if demo {
			sql, rows = "SELECT * FROM nation WHERE n_nationkey < ?", 1+2+3+4
		}
		for _, txn := range []bool{false, true} {
			if txn && !demo {
				continue // its prepared statements ignore transactions, and its database locks
			}
			c := config(bench.OpPrepared, tr)
			c.SQL, c.Params, c.Total, c.Transaction = sql, paramsFile(t, 4, false), 8, txn
			wantOK(t, fmt.Sprintf("transaction %v", txn), run(t, t.Context(), uri, c), 8, 2*rows)
		}
		c := config(bench.OpPrepared, tr)
		c.SQL = strings.ReplaceAll(sql, "?", "2")
		wantOK(t, "without parameters", run(t, t.Context(), uri, c), 6, 6*2)
	})
}

func TestCatalogOfRealServers(t *testing.T) {
	eachSQL(t, func(t *testing.T, uri string, tr wire.Transport, demo bool) {
		for _, op := range []string{"sql-info", "catalogs", "schemas", "tables", "table-types", "type-info"} {
			got := run(t, t.Context(), uri, config(op, tr))
			wantOK(t, op, got, 6, 0)
			if n := counts(got); n["catalog"] != 6 || n["info"] != 6 || n["first_batch"] > 6 || got.Metrics["calls_per_second"].Value <= 0 {
				t.Errorf("%s: latencies %v, metrics %v", op, n, got.Metrics)
			}
		}
	})
}

func TestIngestIntoTheDemo(t *testing.T) {
	for _, tr := range transports {
		uri := serveDemo(t, tr)
		table := func(name string) int64 { return askInt(t, uri, "SELECT count(*) FROM "+name) }
		small := config(bench.OpIngest, tr)
		small.Rows = 100
		const stream = 9 * 100
		c := small
		c.Table = "appended"
		for n := range int64(2) {
			wantOK(t, "append", run(t, t.Context(), uri, c), 6, 6*stream)
			if got := table("appended"); got != (n+1)*6*stream {
				t.Errorf("%s: append left %d rows after %d trials of 6 streams", tr, got, n+1)
			}
		}
		c.Transaction = true
		wantOK(t, "append in transactions", run(t, t.Context(), uri, c), 6, 6*stream)
		if got := table("appended"); got != 3*6*stream {
			t.Errorf("%s: transactions left %d rows, want %d", tr, got, 3*6*stream)
		}
		c.CancelAfter = "4"
		if got := run(t, t.Context(), uri, c); got.Status != results.StatusOK || got.Whole.Canceled == 0 {
			t.Errorf("%s: %s %s, %d canceled", tr, got.Status, got.Error, got.Whole.Canceled)
		} else if rows, want := table("appended"), 3*6*stream+(6-got.Whole.Canceled)*stream; rows != want {
			t.Errorf("%s: %d transactions of 6 that were rolled back left %d rows, want %d", tr, got.Whole.Canceled, rows, want)
		}

		c = small
		c.Table, c.IngestMode, c.Concurrency, c.Connections = "replaced", bench.IngestReplace, 1, 1
		wantOK(t, "replace", run(t, t.Context(), uri, c), 6, 6*stream)
		if got := table("replaced"); got != stream {
			t.Errorf("%s: replace left %d rows, want those of one stream", tr, got)
		}

		c = small
		c.Table, c.IngestMode = "created", bench.IngestCreate
		for n := range int64(2) {
			wantOK(t, "create", run(t, t.Context(), uri, c), 6, 6*stream)
			if got := askInt(t, uri, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'created%' AND type = 'table'"); got != 6*(n+1) {
				t.Errorf("%s: create made %d tables in %d trials of 6 streams", tr, got, n+1)
			}
		}
		c = small
		c.Table, c.Workload = "appended", "lineitem" // has other columns
		if got := run(t, t.Context(), uri, c); got.Status != results.StatusFailed || !strings.Contains(got.Error, "ingest into appended: ") {
			t.Errorf("%s: %s %q", tr, got.Status, got.Error)
		}
	}
}
