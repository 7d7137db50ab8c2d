package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
	"flightbench/results/report"
)

var keep = flag.String("keep", "", "write the report of each test's made-up run into this folder, to be looked at")

// render is the report of l, which is kept where that is asked for.
func render(t *testing.T, l *results.Loaded) string {
	t.Helper()
	if *keep != "" {
		dir := filepath.Join(*keep, t.Name())
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(l.Dir)); err != nil {
			t.Fatal(err)
		}
		if err := report.Write(dir, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := report.Write(l.Dir, l); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(l.Dir, results.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReport(t *testing.T) {
	trials := resultstest.Matrix(2, resultstest.Ops("get", "put"), resultstest.Rows(128, 4096, 65536))
	trials[3].Warnings = []string{"2.1 % of CPU time was stolen"}
	trials[3].Verdict = results.VerdictUnstable
	trials[4].Status, trials[4].Error, trials[4].Errors = results.StatusFailed, "connection reset by peer", map[string]int64{"Unavailable": 4}
	run := resultstest.Run(len(trials))
	l := resultstest.Store(t, run, trials)
	html := render(t, l)
	if strings.Contains(html, results.NotVerified) || strings.Contains(html, "Calls</h2>") {
		t.Error("the report tells of what the run has not")
	}
	for _, want := range []string{
		"first look", "flightbench run --op get,put --rows 128,4096,65536 --name &#39;first look&#39;", "Example CPU", "2.1 % of CPU time was stolen",
		"Unavailable × 4", "connection reset by peer", "unstable 1/2", "<svg ", "prefers-color-scheme:dark", "<details", `fill:#e6edf3!important`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	outside := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|src=|@import|url\(|href="http|\son\w+=`)
	if m := outside.FindAllString(html, -1); m != nil {
		t.Errorf("the report is not self-contained: %q", m)
	}
	if strings.Contains(html, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	svgs, _ := filepath.Glob(filepath.Join(l.Dir, results.PlotsDir, "*.svg"))
	pngs, _ := filepath.Glob(filepath.Join(l.Dir, results.PlotsDir, "*.png"))
	if len(svgs) == 0 || len(svgs) != len(pngs) || strings.Count(html, "<svg ") != len(svgs) {
		t.Errorf("%d svg, %d png, %d in the report", len(svgs), len(pngs), strings.Count(html, "<svg "))
	}
}

func TestReportOfCallsAndTroubles(t *testing.T) {
	trials := resultstest.Plan(2, resultstest.OneAtATime([]resultstest.Axis{resultstest.Ops("get", "info")}, resultstest.TLS("off", "on"), resultstest.Headers(0, 10, 100)))
	for _, tr := range trials {
		tr.Config.TLSSkipVerify = tr.Config.TLS != "off"
	}
	trials[0].Failures, trials[0].Errors = map[string]int64{"timed_out": 3}, map[string]int64{"DeadlineExceeded": 3}
	trials[1].Served = map[string]int64{"grpc://10.0.0.1:1": 12, "grpc://10.0.0.2:1": 34}
	trials[1].Whole.Canceled = 77
	l := resultstest.Store(t, resultstest.Run(len(trials)), trials)
	html := render(t, l)
	for _, want := range []string{
		`class="note error alarm">TLS NOT VERIFIED`, "TLS NOT VERIFIED · ", "<small>calls/s</small>", "<small>GB/s</small>", "info p99", "CPU µs/call: client",
		"<h2>Cost of each feature</h2>", "<h2>Calls</h2>", "<h2>Throughput</h2>", "timed_out × 3", "gRPC DeadlineExceeded × 3",
		"endpoints were read from: grpc://10.0.0.1:1 12 streams, grpc://10.0.0.2:1 34", "Streams by address", "canceled streams, whole trial",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// SQL is told in queries, and a server's long message in brief.
func TestReportOfSQL(t *testing.T) {
	trials := resultstest.Matrix(2, resultstest.Ops("query", "prepared"), resultstest.Streams(1, 4))
	trials[0].Status, trials[0].Error = results.StatusFailed, strings.Repeat("no such table ", 400)
	l := resultstest.Store(t, resultstest.Run(len(trials)), trials)
	html := render(t, l)
	for _, want := range []string{
		"<small>queries/s</small>", "query p99", "CPU µs/query: client", "<h2>Queries</h2>", ">CPU µs/query<", "Latencies of each configuration", "prepared · 4 streams</td><td>bind ",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	for _, not := range []string{"s/GB</p>", "<small>GB/s", "<h2>Throughput</h2>", ">CPU s/GB<"} {
		if strings.Contains(html, not) {
			t.Errorf("the report says %q", not)
		}
	}
	notes, _, _ := strings.Cut(html[strings.Index(html, `class="banner`):], "</section>")
	if n := strings.Count(notes, "no such table"); n < 5 || n > 25 {
		t.Errorf("the notes say it %d times", n)
	}
}

// Names, commands and messages of servers come from outside.
func TestReportEscapes(t *testing.T) {
	const evil = `"><script>alert(1)</script><svg onload=alert(2)>'&`
	trials := resultstest.Matrix(1, resultstest.Workloads("file:"+evil, "perf"))
	for _, tr := range trials {
		tr.Error, tr.Status, tr.Verdict = evil, results.StatusPartial, evil
		tr.Errors, tr.Failures, tr.Served = map[string]int64{evil: 1}, map[string]int64{evil: 1}, map[string]int64{evil: 1}
		tr.Warnings = []string{evil}
		tr.Config.Target, tr.Config.Request, tr.Config.Path, tr.Config.Provoke = evil, "path", evil, evil
		tr.Metrics[evil] = results.Metric{Value: 1, Unit: evil}
		tr.Latencies[evil] = results.Latency{Count: 1, Unit: evil}
	}
	run := resultstest.Run(2)
	run.Name, run.Suite, run.Version, run.Command = evil, evil, evil, []string{"flightbench", evil}
	run.Environment.CPU = evil
	l := resultstest.Store(t, run, trials)
	l.Warnings = append(l.Warnings, evil)
	html := render(t, l)
	if strings.Contains(html, "<script") || strings.Contains(html, "<svg onload") {
		t.Error("markup got through")
	}
	if !strings.Contains(html, "&lt;script&gt;") {
		t.Error("nothing was escaped: the test tests nothing")
	}
}

func TestReportOfLittle(t *testing.T) {
	for name, trials := range map[string][]*results.Trial{"none": nil, "one": resultstest.Matrix(1)} {
		l := resultstest.Store(t, resultstest.Run(len(trials)+1), trials)
		if html := render(t, l); !strings.Contains(html, "planned trials are stored") {
			t.Errorf("%s: the report does not tell that trials are missing", name)
		}
	}
}

func TestReportOfADamagedRun(t *testing.T) {
	l := resultstest.Store(t, resultstest.Run(1), resultstest.Matrix(1))
	path := filepath.Join(l.Dir, results.HlogFile)
	if err := os.WriteFile(path, []byte("Tag=t001.stream,1.0,1.0,1.0,HISTxxxx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := results.Open(l.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if html := render(t, l); !strings.Contains(html, "latency.hlog: line 1") || !strings.Contains(html, "Throughput") {
		t.Error("the report does not tell of the damage, or shows nothing else")
	}
	if err := report.Write(filepath.Join(path, "x"), l); err == nil {
		t.Error("a folder that cannot be is no error")
	}
}

func BenchmarkReport(b *testing.B) {
	trials := resultstest.Matrix(2, resultstest.Ops("get", "put"), resultstest.Rows(128, 4096, 65536))
	l := resultstest.Store(b, resultstest.Run(len(trials)), trials)
	for b.Loop() {
		if err := report.Write(l.Dir, l); err != nil {
			b.Fatal(err)
		}
	}
}
