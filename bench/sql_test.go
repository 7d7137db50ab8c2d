package bench_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
)

// paramsFile writes an Arrow IPC stream of the numbers from 1 to n, in two
// batches, or a file of the same.
func paramsFile(t *testing.T, n int64, stream bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "params.arrow")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w interface {
		Write(rec arrow.RecordBatch) error
		Close() error
	}
	if stream {
		w = ipc.NewWriter(f, ipc.WithSchema(numberSchema))
	} else if w, err = ipc.NewFileWriter(f, ipc.WithSchema(numberSchema)); err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, numberSchema)
	defer b.Release()
	for i := int64(1); i <= n; i++ {
		b.Field(0).(*array.Int64Builder).Append(i)
		if i != n/2 && i != n {
			continue
		}
		rec := b.NewRecordBatch()
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rec.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func sqlFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mix.sql")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + path
}

// counts are the samples of each latency, so many as there were.
func counts(tr *results.Trial) map[string]int64 {
	n := map[string]int64{}
	for name, l := range tr.Latencies {
		n[name] = l.Count
	}
	return n
}

func TestQueryPicksByWeight(t *testing.T) {
	want := map[string]int{}
	for _, tr := range transports {
		s := &stubSQL{}
		c := config(bench.OpQuery, tr)
		c.SQL, c.Concurrency, c.Connections, c.Total = sqlFile(t, "-- weight: 9\nROWS 10;\nROWS 1;\n"), 1, 1, 100
		got := run(t, t.Context(), s.start(t), c)
		s.locked(func() {})
		rows := int64(10*s.ran["ROWS 10"] + s.ran["ROWS 1"])
		if got.Status != results.StatusOK || got.Streams != 100 || got.Rows != rows || s.ran["ROWS 10"] < 80 || s.ran["ROWS 1"] < 2 {
			t.Errorf("%s: %s %s, %d streams, %d rows, ran %v", tr, got.Status, got.Error, got.Streams, got.Rows, s.ran)
		}
		if n := counts(got); !maps.Equal(n, map[string]int64{"query": 100, "info": 100, "first_batch": 100, "stream": 100}) {
			t.Errorf("%s: latencies %v", tr, n)
		}
		if len(want) > 0 && !maps.Equal(want, s.ran) {
			t.Errorf("%s: ran %v, another transport %v: the choice does not follow from the seed", tr, s.ran, want)
		}
		want = s.ran
		if got.Config.Request != bench.RequestSQL || s.made+s.commits+s.rollbacks > 0 {
			t.Errorf("%s: request %q; %+v", tr, got.Config.Request, s)
		}
	}
}

func TestStatementThatIsRefused(t *testing.T) {
	for _, tr := range transports {
		for _, tt := range []struct{ op, sql, code, kind, want string }{
			{bench.OpQuery, "FAIL syntax", "InvalidArgument", "invalid_argument", `desc = near "FAIL syntax": something is wrong`},
			{bench.OpPrepared, "FAIL table", "NotFound", "not_found", `CreatePreparedStatement: rpc error: code = NotFound desc = near "FAIL table": something`},
			{bench.OpQuery, sqlFile(t, "-- weight: 1\n\nFAIL table;"), "NotFound", "not_found", "mix.sql:3: GetFlightInfo: rpc error"},
		} {
			s := &stubSQL{}
			c := config(tt.op, tr)
			c.SQL = tt.sql
			got := run(t, t.Context(), s.start(t), c)
			s.locked(func() {})
			if got.Status != results.StatusFailed || got.Errors[tt.code] < 1 || got.Failures[tt.kind] < 1 || !strings.Contains(got.Error, tt.want) || strings.ContainsAny(got.Error, "\n\t") {
				t.Errorf("%s %s %s: %s %q, %v %v, want %s and %q in one line", tr, tt.op, tt.sql, got.Status, got.Error, got.Errors, got.Failures, tt.code, tt.want)
			}
		}
	}
}

// TestSomeStatementsFail goes on after a failure, and counts it.
func TestSomeStatementsFail(t *testing.T) {
	s := &stubSQL{}
	c := config(bench.OpQuery, wire.Direct)
	c.SQL, c.Concurrency, c.Connections, c.Total, c.Transaction = sqlFile(t, "-- weight: 6\nROWS 2;\nFAIL table;\n"), 1, 1, 60, true
	got := run(t, t.Context(), s.start(t), c)
	s.locked(func() {})
	bad, good := s.ran["FAIL table"], s.ran["ROWS 2"]
	if got.Status != results.StatusOK || bad == 0 || got.Failures["not_found"] != int64(bad) || got.Rows != int64(2*good) {
		t.Errorf("%s %s, failures %v, ran %v, %d rows", got.Status, got.Error, got.Failures, s.ran, got.Rows)
	}
	if s.commits != good || s.rollbacks != bad || len(s.transactions) != 0 || s.outside != 0 {
		t.Errorf("%d commits of %d statements, %d rollbacks of %d that failed, %d left open, %d outside", s.commits, good, s.rollbacks, bad, len(s.transactions), s.outside)
	}
	if n := counts(got); n["begin"] != 60 || n["commit"] != int64(good) {
		t.Errorf("latencies %v, want 60 begin and %d commit", n, good)
	}
}

func TestPreparedBindsRowsInRotation(t *testing.T) {
	for i, tr := range transports {
		for _, txn := range []bool{false, true} {
			s := &stubSQL{}
			c := config(bench.OpPrepared, tr)
			c.SQL, c.Params, c.Total, c.Transaction = "ROWS ?", paramsFile(t, 7, i == 1), 21, txn
			got := run(t, t.Context(), s.start(t), c)
			s.locked(func() {})
			if got.Status != results.StatusOK || got.Streams != 21 || got.Rows != 21 {
				t.Errorf("%s: %s %s, %d streams, %d rows", tr, got.Status, got.Error, got.Streams, got.Rows)
			}
			slices.Sort(s.bound)
			if want := []int64{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7}; !slices.Equal(s.bound, want) {
				t.Errorf("%s: bound %v, want each of 7 rows three times", tr, s.bound)
			}
			made, latencies := 3, map[string]int64{"query": 21, "info": 21, "first_batch": 21, "stream": 21, "bind": 21}
			if txn {
				made = 21
				latencies["prepare"], latencies["begin"], latencies["commit"] = 21, 21, 21
			}
			if s.made != made || s.closed != made || len(s.prepared) != 0 || txn && (s.outside != 0 || s.commits != 21) {
				t.Errorf("%s, transactions %v: %d prepared, %d closed, %d left, want %d; %d outside, %d commits", tr, txn, s.made, s.closed, len(s.prepared), made, s.outside, s.commits)
			}
			if n := counts(got); !maps.Equal(n, latencies) {
				t.Errorf("%s, transactions %v: latencies %v, want %v", tr, txn, n, latencies)
			}
		}
	}
}

// TestPreparedPicksByWeight prepares every statement of a file once a slot.
func TestPreparedPicksByWeight(t *testing.T) {
	s := &stubSQL{}
	c := config(bench.OpPrepared, wire.GRPC)
	c.SQL, c.Total = sqlFile(t, "ROWS 1;\nROWS 2;\n"), 20
	got := run(t, t.Context(), s.start(t), c)
	s.locked(func() {})
	if got.Status != results.StatusOK || s.made != 6 || s.closed != 6 || got.Streams != 20 {
		t.Errorf("%s %s, %d prepared, %d closed, want 6; %d streams", got.Status, got.Error, s.made, s.closed, got.Streams)
	}
	s = &stubSQL{}
	c.SQL = sqlFile(t, "ROWS 1;\nFAIL table;\n")
	if got := run(t, t.Context(), s.start(t), c); got.Status != results.StatusFailed || !strings.Contains(got.Error, "mix.sql:2: CreatePreparedStatement") || len(s.prepared) != 0 {
		t.Errorf("%s %q, %d statements left open", got.Status, got.Error, len(s.prepared))
	}
}

func TestIngestComparesRows(t *testing.T) {
	for _, tt := range []struct {
		name   string
		took   func(int64) int64
		status string
		says   string
	}{
		{"all", nil, results.StatusOK, ""},
		{"unknown", func(int64) int64 { return -1 }, results.StatusOK, "does not know how many rows"},
		{"fewer", func(n int64) int64 { return n - 1 }, results.StatusFailed, "9000 rows were sent, and the server says that it took 8999"},
	} {
		for _, tr := range transports {
			s := &stubSQL{took: tt.took}
			c := config(bench.OpIngest, tr)
			c.Table = "perf"
			got := run(t, t.Context(), s.start(t), c)
			s.locked(func() {})
			if got.Status != tt.status || tt.says != "" && !warned(got, tt.says) && !strings.Contains(got.Error, tt.says) {
				t.Errorf("%s %s: %s %q, warnings %q", tt.name, tr, got.Status, got.Error, got.Warnings)
			}
			if tt.status == results.StatusFailed {
				if got.Failures["data_loss"] < 1 {
					t.Errorf("%s %s: failures %v", tt.name, tr, got.Failures)
				}
				continue
			}
			if s.ingested["perf"] != 6*9*1000 || got.Rows != 6*9*1000 || got.Streams != 6 {
				t.Errorf("%s %s: ingested %v, sent %d in %d streams", tt.name, tr, s.ingested, got.Rows, got.Streams)
			}
			if n := counts(got); !maps.Equal(n, map[string]int64{"stream": 6}) {
				t.Errorf("%s %s: latencies %v", tt.name, tr, n)
			}
		}
	}
	// A server that knows no Flight SQL takes the stream and says nothing.
	c := config(bench.OpIngest, wire.Direct)
	c.Table = "perf"
	if got := run(t, t.Context(), (&foreign{}).start(t), c); got.Status != results.StatusOK || !warned(got, "did not say how many rows") {
		t.Errorf("%s %s, warnings %q", got.Status, got.Error, got.Warnings)
	}
}

func TestIngestTables(t *testing.T) {
	const stream = 9000
	for _, tt := range []struct {
		mode string
		slots,
		tables int
	}{{bench.IngestAppend, 3, 1}, {bench.IngestReplace, 3, 3}, {bench.IngestReplace, 1, 1}, {bench.IngestCreate, 3, 6}, {bench.IngestCreate, 1, 6}} {
		s := &stubSQL{}
		c := config(bench.OpIngest, wire.Direct)
		c.Table, c.IngestMode, c.Concurrency, c.Connections, c.Transaction = "perf", tt.mode, tt.slots, 1, true
		got := run(t, t.Context(), s.start(t), c)
		s.locked(func() {})
		var sum int64
		for name, n := range s.ingested {
			sum += n
			if !strings.HasPrefix(name, "perf") || tt.mode == bench.IngestCreate && n != stream {
				t.Errorf("%s: table %s has %d rows", tt.mode, name, n)
			}
		}
		// A slot may come too late for a stream.
		if len(s.ingested) > tt.tables || tt.mode != bench.IngestReplace && len(s.ingested) != tt.tables || sum != 6*stream {
			t.Errorf("%s with %d slots: %v, want %d tables", tt.mode, tt.slots, s.ingested, tt.tables)
		}
		if got.Status != results.StatusOK || warned(got, "left up to 6 tables behind, perf_") != (tt.mode == bench.IngestCreate) || s.commits != 6 || s.outside != 0 {
			t.Errorf("%s with %d slots: %s %s, %d commits, %d outside, warnings %q", tt.mode, tt.slots, got.Status, got.Error, s.commits, s.outside, got.Warnings)
		}
	}
}

// TestTransactionsThatAreCanceled commits nothing that was not read.
func TestTransactionsThatAreCanceled(t *testing.T) {
	s := &stubSQL{}
	c := config(bench.OpIngest, wire.Direct)
	c.Table, c.Transaction, c.CancelAfter = "perf", true, "2"
	got := run(t, t.Context(), s.start(t), c)
	s.locked(func() {})
	if got.Status != results.StatusOK || got.Whole.Canceled == 0 || s.commits+s.rollbacks != 6 || s.rollbacks != int(got.Whole.Canceled) || len(s.transactions) != 0 {
		t.Errorf("%s %s, %d canceled, %d commits, %d rollbacks, %d open", got.Status, got.Error, got.Whole.Canceled, s.commits, s.rollbacks, len(s.transactions))
	}
}

// TestTransactionsAreNotLeftOpen cuts a flow of transactions at the window's end.
func TestTransactionsAreNotLeftOpen(t *testing.T) {
	for _, tr := range transports {
		s := &stubSQL{}
		c := config(bench.OpPrepared, tr)
		c.SQL, c.Transaction, c.Total, c.Duration = "ROWS 1", true, 0, 0.2
		got := run(t, t.Context(), s.start(t), c)
		s.locked(func() {})
		if got.Status != results.StatusOK || len(s.transactions) != 0 || len(s.prepared) != 0 || s.commits == 0 {
			t.Errorf("%s: %s %s, %d transactions and %d statements are open, %d commits", tr, got.Status, got.Error, len(s.transactions), len(s.prepared), s.commits)
		}
	}
}

func TestServerWithoutFlightSQL(t *testing.T) {
	uri, _ := serve(t, wire.GRPC)
	for _, op := range []string{bench.OpQuery, bench.OpPrepared, bench.OpIngest, "tables", "sql-info"} {
		c := config(op, wire.GRPC)
		switch op {
		case bench.OpIngest:
			c.Table = "t"
		case bench.OpQuery, bench.OpPrepared:
			c.SQL = "SELECT 1"
		}
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusFailed || got.Failures["not_implemented"] < 1 || !strings.Contains(got.Error, "--sql-demo") {
			t.Errorf("%s: %s %q, failures %v", op, got.Status, got.Error, got.Failures)
		}
	}
}

func TestValidateSQL(t *testing.T) {
	for _, tt := range []struct {
		change func(c *results.Config)
		want   string // "" is valid
	}{
		{func(c *results.Config) { c.Op, c.SQL = "query", "SELECT 1" }, ""},
		{func(c *results.Config) { c.Op, c.SQL, c.Transaction = "query", "@/nowhere.sql", true }, ""},
		{func(c *results.Config) { c.Op, c.SQL, c.Params = "prepared", "SELECT ?", "/nowhere.arrow" }, ""},
		{func(c *results.Config) { c.Op, c.Table = "ingest", "t" }, ""},
		{func(c *results.Config) { c.Op = "tables" }, ""},
		{func(c *results.Config) { c.Op = "query" }, "--op query has no statement"},
		{func(c *results.Config) { c.Op = "prepared" }, "--op prepared has no statement"},
		{func(c *results.Config) { c.Op, c.SQL = "query", " \n" }, "is no statement"},
		{func(c *results.Config) { c.Op, c.SQL = "query", "@" }, "names no file"},
		{func(c *results.Config) { c.SQL = "SELECT 1" }, "--op get runs no statement"},
		{func(c *results.Config) { c.Op, c.SQL = "tables", "SELECT 1" }, "--op tables runs no statement"},
		{func(c *results.Config) { c.Op, c.SQL, c.Params = "query", "SELECT 1", "p" }, "--op query binds none"},
		{func(c *results.Config) { c.Op = "ingest" }, "name it with --table"},
		{func(c *results.Config) { c.Op, c.Table = "put", "t" }, "--table is for --op ingest"},
		{func(c *results.Config) { c.Op, c.Table, c.IngestMode = "ingest", "t", "upsert" }, `--ingest-mode "upsert" is unknown`},
		{func(c *results.Config) { c.Op, c.Table, c.Path = "ingest", "t", "a/b" }, "leave them out"},
		{func(c *results.Config) { c.Op, c.Cmd = "catalogs", "x" }, "leave them out"},
		{func(c *results.Config) { c.Op, c.Table, c.Decode = "ingest", "t", "verify" }, "--decode verify"},
		{func(c *results.Config) { c.Op, c.SQL, c.Cmd = "query", "SELECT 1", "x" }, "give one of them"},
		{func(c *results.Config) { c.Op, c.SQL, c.Provoke = "query", "SELECT 1", "internal" }, "--provoke"},
		{func(c *results.Config) { c.Transaction = true }, "--transaction is for"},
		{func(c *results.Config) { c.Op, c.Transaction = "tables", true }, "--transaction is for"},
		{func(c *results.Config) { c.Op, c.CancelAfter = "tables", "2" }, "--cancel-after"},
	} {
		c := bench.DefaultConfig()
		tt.change(&c)
		err := bench.Validate(c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %q: %v, want %q", c.Op, c.SQL, err, tt.want)
		}
	}
}
