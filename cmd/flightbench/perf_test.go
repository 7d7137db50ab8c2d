package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flightbench/results"
)

// perfChecks is how many checks perf_client.py has.
const perfChecks = 4

// TestPerfWorkload measures a server that answers as Arrow's
// arrow-flight-perf-server does, and refuses what that would not understand.
func TestPerfWorkload(t *testing.T) {
	uri := begin(t, python(t), "../../scripts/peers/perf_server.py")
	const streams, endpoints, batches, rows = 4, 3, 5, 1000
	for _, op := range []string{"get", "put"} {
		d := document(t, uri, "--workload", "perf", "--op", op, "--transport", "direct,grpc,stock", "--rows", strconv.Itoa(rows), "--batches", strconv.Itoa(batches),
			"--endpoints", strconv.Itoa(endpoints), "-n", strconv.Itoa(streams), "--warmup", "0s", "--repeat", "1", "--put-ack", "all")
		for _, tr := range d.Trials {
			want := int64(streams * batches * rows)
			if op == "get" {
				want *= endpoints
			}
			if tr.Status != results.StatusOK || tr.Rows != want || len(tr.Warnings) > 0 {
				t.Errorf("%s %s: %s %s, %d rows, warnings %v, want ok, %d, none", op, tr.Config.Transport, tr.Status, tr.Error, tr.Rows, tr.Warnings, want)
			}
			if op == "get" && tr.Config.Request != "perf" {
				t.Errorf("get %s: asked for %s, want perf", tr.Config.Transport, tr.Config.Request)
			}
			if op == "put" && tr.Whole.Acks != streams*batches {
				t.Errorf("put %s: %d acks, want %d", tr.Config.Transport, tr.Whole.Acks, streams*batches)
			}
		}
	}
}

// TestPerfServer has a client do what Arrow's arrow-flight-benchmark does with
// a server that it has started by the name of Arrow's own.
func TestPerfServer(t *testing.T) {
	py, all := python(t), accesses(t)
	bin := filepath.Join(t.TempDir(), perfServerName)
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", bin, err, out)
	}
	tls := all[1].serve
	cert, key := tls[3], tls[5]
	socket := filepath.Join(t.TempDir(), "perf.sock")
	for _, tt := range []struct {
		name, uri string
		args      []string
	}{
		{"TCP", "grpc://localhost:{port}", []string{"-port", "{port}", "-transport", "grpc"}},
		{"TLS", "grpc+tls://localhost:{port}", []string{"-port", "{port}", "-transport", "grpc", "-cert_file", cert, "-key_file", key}},
		{"a host of its own", "grpc://127.0.0.1:{port}", []string{"-port={port}", "--server_host=127.0.0.1"}},
		{"Unix socket", "grpc+unix://" + socket, []string{"-server_unix", socket}},
	} {
		port := freePort(t)
		args := make([]string, len(tt.args))
		for i, a := range tt.args {
			args[i] = strings.ReplaceAll(a, "{port}", port)
		}
		begin(t, bin, args...)
		out := runClient(t, py, "../../scripts/peers/perf_client.py", strings.ReplaceAll(tt.uri, "{port}", port))
		if n := strings.Count(out, "ok "); n != perfChecks {
			t.Errorf("%s: %d checks passed, want %d\n%s", tt.name, n, perfChecks, out)
		}
	}
}

// freePort is a port that nobody listened at a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
