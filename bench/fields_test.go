package bench

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"flightbench/results"
)

// TestEveryFieldIsSettableOrFound finds Config fields that a suite cannot name,
// and settable ones that no Config has.
func TestEveryFieldIsSettableOrFound(t *testing.T) {
	found := map[string]bool{"server_transport": true, "gomaxprocs": true, "tls_skip_verify": true, "tls_min": true, "request": true}
	for _, name := range Fields() {
		if _, ok := (results.Config{}).Axis(name); !ok {
			t.Errorf("a Config has no field %s", name)
		}
		if found[name] {
			t.Errorf("%s is found out by a trial", name)
		}
		found[name] = true
	}
	for _, axis := range results.Axes {
		if !found[axis] {
			t.Errorf("axis %s cannot be set", axis)
		}
	}
	if n := reflect.TypeFor[results.Config]().NumField(); len(found) != n {
		t.Errorf("%d fields are settable or found out, a Config has %d", len(found), n)
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"op", "put", "put"},
		{"rows", "64Ki", "65536"},
		{"rows", "10M", "10000000"},
		{"batch-bytes", "2MiB", "2097152"},
		{"batch_bytes", "64kB", "64000"},
		{"conn-window", "0", "0"},
		{"duration", "1500ms", "1.5"},
		{"warmup", "0", "0"},
		{"timeout", "2m", "120"},
		{"entropy", "0.25", "0.25"},
		{"poll", "true", "true"},
		{"in-process", "false", "false"},
		{"seed", "18446744073709551615", "18446744073709551615"},
		{"cancel_after", "50ms", "50ms"},
		{"sql", "SELECT 1, 2", "SELECT 1, 2"},
	} {
		c := DefaultConfig()
		err := Set(&c, tt.name, tt.value)
		if got, _ := c.Axis(strings.ReplaceAll(tt.name, "-", "_")); err != nil || got != tt.want {
			t.Errorf("%s=%s is %s, %v, want %s", tt.name, tt.value, got, err, tt.want)
		}
	}
	c := DefaultConfig()
	for _, s := range [][2]string{{"batch_bytes", "1Mi"}, {"total", "5"}} {
		if err := Set(&c, s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	if c.Rows != 0 || c.BatchBytes != 1<<20 || c.Duration != 0 || c.Total != 5 {
		t.Errorf("a field that takes another's place leaves it: %d rows of %d bytes, %d streams in %v s", c.Rows, c.BatchBytes, c.Total, c.Duration)
	}
}

func TestSetRefuses(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"rows", "64KiB", `--rows "64KiB" is a size in bytes, and rows is a count`},
		{"rows", "many", `--rows "many" is no whole number`},
		{"rows", "0", `--rows "0" is no positive whole number`},
		{"headers", "-1", `--headers "-1" is negative`},
		{"window", "1.5M", `--window "1.5M" is no whole number`},
		{"read_buffer", "-4", `--read-buffer "-4" is negative`},
		{"batches", "9223372036854775808", `--batches`},
		{"duration", "2", `--duration "2" has no unit: write 2s or 2ms`},
		{"duration", "soon", `--duration "soon" is no length of time`},
		{"duration", "1d", `--duration "1d"`},
		{"entropy", "half", `--entropy "half" is no number`},
		{"entropy", "NaN", `--entropy "NaN" is no number`},
		{"poll", "yes", `--poll "yes" is neither true nor false`},
		{"rate", "2GB", `--rate "2GB" is no rate of bytes`},
		{"rps", "fast", `--rps "fast" is no number`},
		{"seed", "-1", `--seed "-1"`},
		{"seed", "1k", `--seed "1k"`},
		{"total", "0", `--total "0" is no positive whole number`},
		{"request", "sql", `"request" is no axis: a trial finds it out`},
		{"gomaxprocs", "2", `"gomaxprocs" is no axis: a trial finds it out`},
		{"colour", "red", `"colour" is no axis: use target, op,`},
	} {
		c := DefaultConfig()
		if err := Set(&c, tt.name, tt.value); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %s", tt.name, tt.value, err, tt.want)
		}
	}
}

// TestEveryFieldIsAnAxis expands each field by itself.
func TestEveryFieldIsAnAxis(t *testing.T) {
	for _, f := range fields {
		values := map[fieldKind][]string{aCount: {"1", "2"}, aSize: {"64Ki", "2MiB"}, aSpan: {"1s", "2s"}, aNumber: {"0", "0.5"}, aBool: {"false", "true"}, aSeed: {"1", "2"}}[f.kind]
		base := DefaultConfig()
		switch f.name {
		case "target":
			values = []string{"a", "b"}
		case "op":
			values = []string{"get", "info"}
		case "transport":
			values = []string{"grpc", "stock"}
		case "tls":
			values = []string{"on", "mtls"}
		case "workload":
			values = []string{"perf", "wide:20"}
		case "compression":
			values = []string{"lz4", "zstd:3"}
		case "decode":
			values = []string{"batch", "verify"}
		case "auth":
			values = []string{"none", "basic"}
		case "put_ack":
			base.Op, values = "put", []string{"none", "all"}
		case "path", "cmd", "ticket":
			values = []string{"a", "b"}
		case "sql":
			base.Op, values = "query", []string{"SELECT 1", "SELECT 2, 3"}
		case "params":
			base.Op, base.SQL, values = "prepared", "SELECT ?", []string{"a.arrow", "b.arrow"}
		case "rps":
			base.Arrival, values = "constant", []string{"100", "2000.5"}
		case "rate":
			base.Arrival, values = "poisson", []string{"2GB/s", "500MiB/s"}
		case "bandwidth":
			values = []string{"1Gbit", "20MB/s"}
		case "loss":
			values = []string{"0", "0.1%"}
		case "schedule":
			base.Arrival, values = "constant", []string{"10-20/1500ms", "5/500ms,10/1s"}
		case "arrival":
			base.RPS, values = 10, []string{"constant", "poisson"}
		case "table":
			base.Op, values = "ingest", []string{"a", "b"}
		case "ingest_mode":
			base.Op, base.Table, values = "ingest", "a", []string{"append", "replace"}
		case "transaction":
			base.Op, base.SQL = "query", "SELECT 1"
		case "max_message":
			values = []string{"16MiB", "1Gi"}
		case "location":
			values = []string{"listed", "rewrite:a=b"}
		case "cancel_after":
			values = []string{"4", "50ms"}
		case "provoke":
			values = []string{"internal", "unavailable:10"}
		}
		configs, err := Matrix{Base: base, Axes: []Axis{{f.name, values}}}.Expand()
		if err != nil || len(configs) != len(values) {
			t.Errorf("%s: %d Configs, %v, want %d", f.name, len(configs), err, len(values))
		}
	}
}

// many is an axis of 64 values.
func many(name string) Axis {
	a := Axis{Name: name}
	for i := range 64 {
		a.Values = append(a.Values, fmt.Sprint(i+1))
	}
	return a
}

// TestMatrix leaves points out, adds others, and lets later settings take the
// place of earlier ones.
func TestMatrix(t *testing.T) {
	rows, streams := Axis{"rows", []string{"1", "2"}}, Axis{"concurrency", []string{"1", "4"}}
	for _, tt := range []struct {
		name string
		m    Matrix
		want string // op rows concurrency connections of each point, or an error
	}{
		{"excluded before it is checked", Matrix{Axes: []Axis{{"connections", []string{"1", "4"}}, streams}, Exclude: [][]Axis{{{"concurrency", []string{"1"}}, {"connections", []string{"4"}}}}},
			"get 65536 1 1, get 65536 4 1, get 65536 4 4"},
		{"several values", Matrix{Axes: []Axis{rows, streams}, Exclude: [][]Axis{{{"rows", []string{"1", "2"}}, {"concurrency", []string{"4"}}}}},
			"get 1 1 1, get 2 1 1"},
		{"written otherwise", Matrix{Axes: []Axis{{"rows", []string{"1Ki", "2Ki"}}}, Exclude: [][]Axis{{{"rows", []string{"1024"}}}}}, "get 2048 2 1"},
		{"all excluded", Matrix{Exclude: [][]Axis{{{"op", []string{"get"}}}}}, "no point is left"},
		{"added", Matrix{Axes: []Axis{rows, streams}, Add: [][]Axis{{{"rows", []string{"9"}}}}},
			"get 1 1 1, get 1 4 1, get 2 1 1, get 2 4 1, get 9 1 1"},
		{"added to each operation", Matrix{Axes: []Axis{{"op", []string{"get", "put"}}, rows}, Add: [][]Axis{{{"rows", []string{"8", "9"}}}}},
			"get 1 2 1, get 2 2 1, put 1 2 1, put 2 2 1, get 8 2 1, get 9 2 1, put 8 2 1, put 9 2 1"},
		{"added and there already", Matrix{Axes: []Axis{rows}, Add: [][]Axis{{{"rows", []string{"2"}}}}}, "get 1 2 1, get 2 2 1"},
		{"added is checked", Matrix{Add: [][]Axis{{{"rows", []string{"x"}}}}}, `--rows "x"`},
		{"the same in two words", Matrix{Axes: []Axis{{"rows", []string{"1024", "1Ki"}}}}, `"1Ki" twice, also as "1024"`},
		{"too many", Matrix{Axes: []Axis{many("rows"), many("batches"), many("endpoints"), many("window")}}, "more than 10000 points"},
		{"two ends", Matrix{Axes: []Axis{{"total", []string{"1", "2"}}, {"duration", []string{"1s", "2s"}}}}, "when a trial ends"},
	} {
		tt.m.Base = DefaultConfig()
		configs, err := tt.m.Expand()
		var got []string
		for _, c := range configs {
			got = append(got, fmt.Sprint(c.Op, " ", c.Rows, " ", c.Concurrency, " ", c.Connections))
		}
		if s := strings.Join(got, ", "); err == nil && s != tt.want || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %s, %v, want %s", tt.name, s, err, tt.want)
		}
	}

	m := Matrix{Base: DefaultConfig(), Axes: []Axis{rows, streams}}
	for _, a := range []Axis{{"batch-bytes", []string{"64Ki", "1Mi"}}, {"concurrency", []string{"8"}}, {"put-ack", []string{"none", "all"}}} {
		if err := m.Vary(a); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(m.Axes, m.Base.Concurrency), "[{batch_bytes [64Ki 1Mi]} {put_ack [none all]}] 8"; got != want {
		t.Errorf("axes %s, want %s", got, want)
	}
	if len(rows.Values) != 2 || m.Vary(Axis{"colour", nil}) == nil {
		t.Error("Vary changed another's axis, or took an unknown one")
	}
}
