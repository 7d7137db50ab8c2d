package bench

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/results"
)

func TestParseStatements(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       statements
		fails      string // what the error begins with
	}{
		{name: "one", text: "SELECT 1;\n", want: statements{{"SELECT 1", 1, "q.sql:1"}}},
		{name: "no ; at the end of the file", text: "SELECT 1", want: statements{{"SELECT 1", 1, "q.sql:1"}}},
		{name: "several lines, Windows, byte order mark", text: "\ufeffSELECT a\r\n  FROM t ;\r\nSELECT 2;\r\n",
			want: statements{{"SELECT a\n  FROM t", 1, "q.sql:1"}, {"SELECT 2", 1, "q.sql:3"}}},
		{name: "weights", text: "-- the mix\n\n--   a comment; with this\n-- weight: 3\n-- another comment\nSELECT 1;\n  -- weight:  10 \nSELECT 2\n;\nSELECT 3;",
			want: statements{{"SELECT 1", 3, "q.sql:6"}, {"SELECT 2", 10, "q.sql:8"}, {"SELECT 3", 1, "q.sql:10"}}},
		{name: "comments and ; within", text: "SELECT ';' -- first\n-- second;\n, 2;\n",
			want: statements{{"SELECT ';' -- first\n-- second;\n, 2", 1, "q.sql:1"}}},
		{name: "empty", text: "", fails: "q.sql:1: the file holds no statement"},
		{name: "comments only", text: "-- a\n-- b\n", fails: "q.sql:2: the file holds no statement"},
		{name: "empty statement", text: "SELECT 1;\n;\n", fails: "q.sql:2: a ; ends a statement"},
		{name: "no weight", text: "\n-- weight:\nSELECT 1;", fails: `q.sql:2: weight ""`},
		{name: "weight of words", text: "-- weight: much\nSELECT 1;", fails: `q.sql:1: weight "much"`},
		{name: "weight zero", text: "-- weight: 0\nSELECT 1;", fails: `q.sql:1: weight "0"`},
		{name: "weight too large", text: "-- weight: 1000001\nSELECT 1;", fails: `q.sql:1: weight "1000001"`},
		{name: "two weights", text: "-- weight: 1\n-- weight: 2\nSELECT 1;", fails: "q.sql:2: line 1 has given"},
		{name: "weight within", text: "SELECT 1\n-- weight: 2\nSELECT 2;", fails: "q.sql:2: a weight stands before its statement, not in it: is the ; of the statement of line 1 missing?"},
		{name: "weight of nothing", text: "SELECT 1;\n-- weight: 2\n", fails: "q.sql:2: no statement follows"},
	} {
		got, err := parseStatements("q.sql", tt.text)
		if tt.fails != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.fails) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.fails)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func FuzzParseStatements(f *testing.F) {
	f.Add("-- weight: 3\nSELECT 1;\nSELECT 2\n;")
	f.Add("SELECT ';'\n-- weight: 1")
	at := regexp.MustCompile(`^f:[1-9][0-9]*: .`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseStatements("f", text)
		if err != nil {
			if !at.MatchString(err.Error()) {
				t.Fatalf("%v names no line", err)
			}
			return
		}
		if len(all) == 0 {
			t.Fatal("no statement and no error")
		}
		for _, st := range all {
			if strings.TrimSpace(st.text) == "" || st.weight < 1 || st.weight > maxWeight {
				t.Fatalf("%+v", st)
			}
		}
	})
}

func TestPickByWeight(t *testing.T) {
	all := statements{{"a", 1, ""}, {"b", 7, ""}, {"c", 2, ""}}
	draw := func(seed, slot uint64) (order []int) {
		r := rand.New(rand.NewPCG(seed, slot))
		for range 10_000 {
			order = append(order, all.pick(r))
		}
		return order
	}
	order := draw(1, 0)
	if !slices.Equal(order, draw(1, 0)) {
		t.Error("the same seed and slot pick differently")
	}
	if slices.Equal(order, draw(1, 1)) || slices.Equal(order, draw(2, 0)) {
		t.Error("another slot or seed picks the same")
	}
	var n [3]int
	for _, i := range order {
		n[i]++
	}
	for i, st := range all {
		if want := st.weight * 1000; n[i] < want-150 || n[i] > want+150 { // five standard deviations at most
			t.Errorf("%s was picked %d times, want about %d", st.text, n[i], want)
		}
	}
}

func TestSQLFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.sql", "SELECT 1;")
	for _, tt := range []struct{ sql, params, want string }{
		{"@" + good, "", ""},
		{"SELECT 1", "", ""},
		{"@" + filepath.Join(dir, "none.sql"), "", "none.sql"},
		{"@" + write("bad.sql", "SELECT 1;\n-- weight: x\n"), "", "bad.sql:2: weight"},
		{"@" + good, filepath.Join(dir, "none.arrow"), "none.arrow"},
		{"@" + good, write("text.arrow", "id\n1\n"), "neither an Arrow IPC file"},
		{"@" + good, write("empty.arrow", ""), "it is empty"},
		{"@" + good, write("no-batch.arrow", noRows(t, 0)), "no row"},
		{"@" + good, write("no-rows.arrow", noRows(t, 2)), "no row"},
	} {
		_, err := CheckFiles(t.Context(), []results.Config{{SQL: "SELECT 0", Workload: "perf"}, {SQL: tt.sql, Params: tt.params, Workload: "perf"}})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %s: %v, want %q", tt.sql, tt.params, err, tt.want)
		}
	}
}

// noRows is an Arrow IPC stream of so many batches without rows.
func noRows(t *testing.T, batches int) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range batches {
		rec := b.NewRecordBatch()
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rec.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
