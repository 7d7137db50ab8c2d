package results_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

// mixed is a run in which one trial failed and others are doubtful.
func mixed() []*results.Trial {
	trials := resultstest.Matrix(3, resultstest.Ops("get", "put"), resultstest.Rows(128, 4096, 65536))
	f := trials[4]
	f.Status, f.Verdict, f.Error = results.StatusFailed, results.VerdictIncomplete, "rpc error: code = Unavailable desc = connection\r\nreset \x1b[31mby peer"
	f.Errors = map[string]int64{"Unavailable": 4}
	trials[2].Verdict = results.VerdictUnstable
	trials[2].Warnings = []string{"throughput fell by 12 % within the window"}
	for _, t := range trials[7:16] {
		t.Warnings = append(t.Warnings, "2.1 % of CPU time was stolen by the hypervisor")
	}
	return trials
}

// troubled is a run of calls and streams at two targets with errors, several
// servers, and a certificate that nobody looked at.
func troubled() []*results.Trial {
	trials := resultstest.Plan(2, resultstest.OneAtATime([]resultstest.Axis{resultstest.Targets("zeta", "alpha")}, resultstest.Ops("get", "poll", "action:drop")))
	for _, t := range trials {
		t.Config.TLS, t.Config.TLSSkipVerify, t.Config.Auth = "on", true, "basic"
		t.Config.Location, t.Config.Path, t.Config.Request = "rewrite:10.0.0.=127.0.0.", strings.Repeat("warehouse/", 8), "path"
		if t.Config.Op == "get" {
			t.Served = map[string]int64{"grpc+tls://127.0.0.1:1": 12, "grpc+tls://127.0.0.2:1": 1034}
			t.Whole.Failovers = 2
		}
		if t.Config.Op == "poll" && t.Config.Target == "alpha" {
			t.Failures, t.Errors = map[string]int64{"unavailable": 3, "timed_out": int64(t.Round)}, map[string]int64{"Unavailable": 3, "DeadlineExceeded": int64(t.Round)}
			t.Whole.Renewals = int64(t.Round) - 1
		}
	}
	// One that failed before what it asks for was resolved.
	last := trials[len(trials)-1]
	last.Status, last.Error, last.Metrics, last.Latencies = results.StatusFailed, "no route to host", nil, nil
	last.Config.Request, last.Config.ServerTransport = "", ""
	return trials
}

// canceled is a run of streams that are canceled.
func canceled() []*results.Trial {
	trials := resultstest.Matrix(2, resultstest.Codecs("none", "zstd"))
	for _, t := range trials {
		t.Config.CancelAfter, t.Config.Provoke, t.Config.Timeout = "16", "timed_out:10", 1.5
		t.Latencies["cancel"] = results.Latency{Count: 3, P50: 50_000, P99: 70_000}
		t.Latencies["cancel_seen"] = results.Latency{Count: 3, P50: 150_000, P99: 170_000}
	}
	return trials
}

func TestTableGolden(t *testing.T) {
	one := resultstest.Matrix(1)
	bytesSized := resultstest.Matrix(1, resultstest.Ops("get", "exchange"), resultstest.Rows(100, 3000))
	for _, b := range bytesSized {
		b.Config.BatchBytes = b.Config.Rows * 1000
	}
	failed := resultstest.Matrix(1)
	failed[0].Status, failed[0].Metrics, failed[0].Latencies, failed[0].Error = results.StatusFailed, nil, nil, "no route to host"
	some := mixed()
	slow := resultstest.Matrix(1, resultstest.Rows(128, 4096))
	for i, s := range slow { // fast and slow, in one unit
		m := s.Metrics[results.BodyRate]
		m.Value = []float64{2_340_000, 34_500}[i]
		s.Metrics[results.BodyRate] = m
	}
	for _, c := range []struct {
		name   string
		trials []*results.Trial
		width  int
	}{
		{"wide", some, 0},
		{"narrow", some, 80},
		{"one", one, 0},
		{"failed", failed, 0},
		{"none", nil, 0},
		{"bytes", bytesSized, 0},
		{"calls", resultstest.Matrix(1, resultstest.Ops("info", "list-flights", "handshake", "action:ping"), resultstest.Streams(1, 4)), 0},
		{"sql", resultstest.Matrix(2, resultstest.Ops("query", "prepared"), resultstest.Streams(1, 4)), 0},
		{"kinds", resultstest.Matrix(1, resultstest.Ops("get", "query", "info", "action:ping"), resultstest.Rows(128, 4096)), 0},
		{"slow", slow, 0},
		{"features", resultstest.FeatureCosts(2), 0},
		{"troubled", troubled(), 0},
		{"canceled", canceled(), 0},
		{"transports", resultstest.Matrix(2, resultstest.Transports("stock", "grpc", "direct"), resultstest.Codecs("zstd:3", "none", "zstd:1", "lz4")), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := results.WriteTable(&b, resultstest.Run(len(c.trials)), c.trials, c.width); err != nil {
				t.Fatal(err)
			}
			golden(t, "table-"+c.name+".txt", b.Bytes())
			if strings.ContainsAny(b.String(), "\x1b\r") {
				t.Error("a control character got through")
			}
			for line := range strings.Lines(b.String()) {
				isNote := strings.HasPrefix(line, "error") || strings.HasPrefix(line, "warning") || strings.HasPrefix(line, "note") || strings.Contains(line, " ")
				if c.width > 0 && !isNote && utf8.RuneCountInString(line) > c.width+1 {
					t.Errorf("line is wider than %d: %q", c.width, line)
				}
			}
		})
	}
}
