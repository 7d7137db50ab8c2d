package sqlite

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T) *Conn {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestValues(t *testing.T) {
	c := open(t)
	st, err := c.Prepare("SELECT ?, :b, ?, ?, ?, ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if st.Params() != 6 || st.ParamName(2) != ":b" || st.ParamName(1) != "" || st.Columns() != 6 || !st.ReadOnly() {
		t.Errorf("%d parameters, the second %q, %d columns", st.Params(), st.ParamName(2), st.Columns())
	}
	long := bytes.Repeat([]byte("x"), 100_000)
	for _, size := range []int{0, 1, len(long)} { // a run each
		for _, err := range []error{
			st.BindInt64(1, -1<<63), st.BindFloat64(2, 2.5), st.BindText(3, long[:size]), st.BindBlob(4, long[:size]), st.BindNull(5), st.BindText(6, []byte("a\x00b")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if more, err := st.Step(); !more || err != nil {
			t.Fatal(more, err)
		}
		for i, want := range []Type{Integer, Float, Text, Blob, Null, Text} {
			if got := st.Type(i); got != want {
				t.Errorf("column %d is %v, want %v", i, got, want)
			}
		}
		if st.Int64(0) != -1<<63 || st.Float64(1) != 2.5 || !bytes.Equal(st.Text(2), long[:size]) || !bytes.Equal(st.Blob(3), long[:size]) || string(st.Text(5)) != "a\x00b" {
			t.Errorf("of %d bytes: %d %v %d %d %q", size, st.Int64(0), st.Float64(1), len(st.Text(2)), len(st.Blob(3)), st.Text(5))
		}
		st.Reset()
	}
	var e *Error
	if err := st.BindNull(7); !errors.As(err, &e) {
		t.Errorf("a seventh parameter: %v", err)
	}
}

func TestPrepare(t *testing.T) {
	c := open(t)
	for sql, line := range map[string]string{
		"SELECT 1":            "",
		"SELECT 1;":           "",
		"SELECT 1 ; ; -- end": "",
		"SELECT 1; /* end":    "",
		"":                    "empty",
		"  -- x":              "empty",
		"SELECT 1; SELECT 2":  "second statement begins at byte 10",
		"SELECT 1;; DROP":     "second statement begins at byte",
		"SELECT '":            "unrecognized token",
		"SELECT\x001":         "zero byte, its byte 7",
	} {
		st, err := c.Prepare(sql)
		if err == nil {
			st.Close()
			st.Close()
		}
		if (line == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %v, want %q", sql, err, line)
		}
	}
}

func TestTransactionState(t *testing.T) {
	c := open(t)
	for _, step := range []struct {
		sql     string
		in      bool
		changes int64
	}{
		{"CREATE TABLE t (a INTEGER PRIMARY KEY)", false, 0},
		{"BEGIN", true, 0},
		{"INSERT INTO t VALUES (1), (2)", true, 2},
		{"DELETE FROM t WHERE a = 1", true, 1},
		{"ROLLBACK", false, 1},
	} {
		if err := c.Exec(step.sql); err != nil {
			t.Fatal(err)
		}
		if c.InTransaction() != step.in || c.Changes() != step.changes {
			t.Errorf("after %s: in a transaction %v, %d changes", step.sql, c.InTransaction(), c.Changes())
		}
	}
	if got := c.TotalChanges(); got != 3 {
		t.Errorf("%d changes in all, want 3", got)
	}
}

func TestRestrict(t *testing.T) {
	c := open(t)
	forbidden := []string{"BEGIN", "SAVEPOINT s", "PRAGMA user_version = 7", "CREATE TEMP TABLE x (a)", "CREATE TABLE temp.x (a)", "CREATE TEMP VIEW v AS SELECT 1", "ATTACH ':memory:' AS m"}
	c.Restrict(true)
	for _, sql := range forbidden {
		var e *Error
		if err := c.Exec(sql); !errors.As(err, &e) || e.Code != Auth {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
	for _, sql := range []string{"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "ALTER TABLE t RENAME TO u", "SELECT * FROM pragma_table_info('u')", "WITH x AS MATERIALIZED (SELECT * FROM u) SELECT * FROM x ORDER BY 1", "DROP TABLE u"} {
		if err := c.Exec(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	c.Restrict(false)
	for _, sql := range []string{"BEGIN", "COMMIT", "PRAGMA user_version = 7"} {
		if err := c.Exec(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := c.Exec("ATTACH ':memory:' AS m"); err == nil {
		t.Error("a file can be attached")
	}
}

func TestOpenFails(t *testing.T) {
	if c, err := Open(filepath.Join(t.TempDir(), "no", "folder.db")); err == nil || !strings.Contains(err.Error(), "unable to open database file") {
		t.Errorf("%v, %v", c, err)
	}
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"SELECT 1", "SELECT ?; ;", "-- x", "/*", "SELECT 1;SELECT 2", "\xff", "INSERT INTO t VALUES (1)"} {
		f.Add(s)
	}
	c, err := Open(filepath.Join(f.TempDir(), "x.db"))
	if err != nil {
		f.Fatal(err)
	}
	c.Restrict(true)
	f.Fuzz(func(t *testing.T, sql string) {
		if st, err := c.Prepare(sql); err == nil {
			_, _ = st.Columns(), st.Params()
			st.Close()
		}
	})
}
