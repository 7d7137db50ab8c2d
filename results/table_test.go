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

func TestTableGolden(t *testing.T) {
	one := resultstest.Matrix(1)
	bytesSized := resultstest.Matrix(1, resultstest.Ops("get", "exchange"), resultstest.Rows(100, 3000))
	for _, b := range bytesSized {
		b.Config.BatchBytes = b.Config.Rows * 1000
	}
	failed := resultstest.Matrix(1)
	failed[0].Status, failed[0].Metrics, failed[0].Latencies, failed[0].Error = results.StatusFailed, nil, nil, "no route to host"
	some := mixed()
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
				isNote := strings.HasPrefix(line, "error") || strings.HasPrefix(line, "warning") || strings.Contains(line, " ")
				if c.width > 0 && !isNote && utf8.RuneCountInString(line) > c.width+1 {
					t.Errorf("line is wider than %d: %q", c.width, line)
				}
			}
		})
	}
}
