package results_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

func readCSV(t *testing.T, trials []*results.Trial) [][]string {
	t.Helper()
	var b bytes.Buffer
	if err := results.WriteCSV(&b, resultstest.Run(len(trials)), trials); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestCSV(t *testing.T) {
	trials := mixed()
	trials[0].Metrics["zz_new"] = results.Metric{Value: 7}
	trials[0].Latencies["a_new"] = results.Latency{Count: 9, P99: 11}
	trials[3].Failures, trials[3].Served = map[string]int64{"unavailable": 1, "timed_out": 2}, map[string]int64{"grpc://a": 7}
	rows := readCSV(t, trials)
	head := rows[0]
	golden(t, "columns.txt", []byte(strings.Join(readCSV(t, nil)[0], "\n")+"\n"))
	if len(rows) != len(trials)+1 {
		t.Fatalf("%d lines, want %d", len(rows), len(trials)+1)
	}
	if c := slices.Compact(slices.Sorted(slices.Values(head))); len(c) != len(head) {
		t.Error("two columns have the same name")
	}
	for _, c := range []struct {
		trial      int
		name, want string
	}{
		{0, "run", "first look"},
		{0, "zz_new", "7"},
		{1, "zz_new", ""},
		{0, "a_new_p99_ns", "11"},
		{4, "errors", "Unavailable=4"},
		{4, "status", "failed"},
		{2, "warnings", "throughput fell by 12 % within the window"},
		{0, "config_entropy", "1"},
		{3, "failures", "timed_out=2;unavailable=1"},
		{3, "served", "grpc://a=7"},
		{0, "started", trials[0].Started.Format("2006-01-02T15:04:05.999999999Z07:00")},
	} {
		i := slices.Index(head, c.name)
		if i < 0 {
			t.Errorf("no column %s", c.name)
		} else if got := rows[c.trial+1][i]; got != c.want {
			t.Errorf("trial %d: %s is %q, want %q", c.trial, c.name, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{results.FormatNumber(0.0123456), "0.0123"},
		{results.FormatNumber(9.999), "10.0"},
		{results.FormatNumber(99.96), "100"},
		{results.FormatNumber(-1234.5), "-1,230"},
		{results.FormatSI(2.7512e9, "B/s"), "2.75 GB/s"},
		{results.FormatSI(999.9e6, "B/s"), "1.00 GB/s"},
		{results.FormatSI(85_900_000, ""), "85.9 M"},
		{results.FormatSI(12, ""), "12.0"},
		{results.FormatSI(0, "B"), "0 B"},
		{results.FormatNanoseconds(850), "850 ns"},
		{results.FormatNanoseconds(999_999), "1.00 ms"},
		{results.FormatSeconds(2.049), "2.05 s"},
		{results.FormatBytes(65536), "64 KiB"}, {results.FormatBytes(3 << 20), "3 MiB"}, {results.FormatBytes(65537), "65,537 B"},
		{results.FormatBytes(64000), "64 kB"},
		{results.FormatBytes(0), "0 B"},
		{results.FormatInteger(-1234567), "-1,234,567"},
		{results.Metric{Value: 1.5e9, Unit: "B/s"}.String(), "1.50 GB/s"},
		{results.Metric{Value: 2e7, Unit: "B/GB"}.String(), "20.0 MB/GB"},
		{results.Metric{Value: 0.24, Unit: "s/GB"}.String(), "0.240 s/GB"},
		{results.Metric{Value: 0.002, Unit: "s"}.String(), "2.00 ms"},
		{results.Metric{Value: 2.3e-5, Unit: "s/call"}.String(), "23.0 µs/call"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestVarying(t *testing.T) {
	two := func(change func(*results.Config)) []results.Group {
		a, b := resultstest.Config(), resultstest.Config()
		b.Rows, b.Distinct, b.Batches = 128, 64, 9
		change(&b)
		c := b
		c.Window = 1 << 20
		return []results.Group{{Config: a}, {Config: b}, {Config: c}}
	}
	for name, c := range map[string]struct {
		groups []results.Group
		want   []string
	}{
		"fields that follow from rows are no axis": {two(func(*results.Config) {})[:2], []string{"rows"}},
		"other fields, only where they must":       {two(func(*results.Config) {}), []string{"rows", "window"}},
		"one":                                      {two(func(*results.Config) {})[:1], nil},
		"none":                                     {nil, nil},
	} {
		if got := results.Varying(c.groups); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   results.Spread
	}{
		{nil, results.Spread{}},
		{[]float64{3}, results.Spread{N: 1, Median: 3, Min: 3, Max: 3}},
		{[]float64{3, 1}, results.Spread{N: 2, Median: 2, Min: 1, Max: 3}},
		{[]float64{9, 1, 2}, results.Spread{N: 3, Median: 2, Min: 1, Max: 9}},
	} {
		if got := results.SpreadOf(c.values); got != c.want {
			t.Errorf("spread of %v is %+v, want %+v", c.values, got, c.want)
		}
	}
}

func TestPhrase(t *testing.T) {
	c := resultstest.Config()
	c.TLS, c.Auth, c.Headers, c.Middleware, c.Rows = "mtls", "handshake-plain", 10, 1, 0
	c.SQL, c.Timeout, c.CancelAfter, c.Provoke, c.Poll = "SELECT l_orderkey, sum(l_extendedprice)\nFROM lineitem GROUP BY 1", 0.25, "50ms", "internal:3", true
	for axis, want := range map[string]string{
		"tls": "mTLS", "auth": "handshake-plain auth", "headers": "10 headers", "middleware": "1 middleware", "rows": "file's batches",
		"sql": "sql SELECT l_orderkey, sum(l_e…em GROUP BY 1", "timeout": "timeout 250 ms", "cancel_after": "canceled after 50ms",
		"provoke": "provoked: internal:3", "poll": "by PollFlightInfo", "ordered": "endpoints in parallel", "location": "location listed", "unknown": "–",
	} {
		if got := c.Phrase(axis); got != want {
			t.Errorf("%s is %q, want %q", axis, got, want)
		}
	}
	without := resultstest.Config()
	without.Op, without.Workload, without.Rows, without.Compression, without.Decode = "info", "", 0, "", ""
	if got := without.Label([]string{"op", "workload", "rows", "compression", "decode", "concurrency"}); got != "info · 4 streams" || without.Value("rows") != "–" {
		t.Errorf("a Config without a workload is %q", got)
	}
	for name, c := range map[string]struct {
		axis string
		less func(*results.Config)
		more func(*results.Config)
	}{
		"known words":    {"auth", func(c *results.Config) { c.Auth = "token" }, func(c *results.Config) { c.Auth = "basic" }},
		"unknown last":   {"op", func(c *results.Config) { c.Op = "list-flights" }, func(c *results.Config) { c.Op = "catalog" }},
		"their numbers":  {"compression", func(c *results.Config) { c.Compression = "zstd:9" }, func(c *results.Config) { c.Compression = "zstd:10" }},
		"no port counts": {"target", func(c *results.Config) { c.Target = "a:90" }, func(c *results.Config) { c.Target = "b:80" }},
	} {
		a, b := resultstest.Config(), resultstest.Config()
		c.less(&a)
		c.more(&b)
		if results.CompareAxis(a, b, c.axis) >= 0 || results.CompareAxis(b, a, c.axis) <= 0 || results.CompareAxis(a, a, c.axis) != 0 {
			t.Errorf("%s: %s is not in order", name, c.axis)
		}
	}
}
