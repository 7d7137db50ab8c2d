package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"flightbench/results"
)

var allWorkloads = []string{"perf", "lineitem", "wide:30", "strings", "dict", "nested", "nulls"}

// python is a Python with pyarrow. Without one the test is skipped, loudly, or
// fails where CI is set.
func python(t *testing.T) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("../../scripts/peers/python.sh")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		const msg = "SKIPPED: no interoperability with pyarrow was tested, since scripts/peers/python.sh failed: %v: %s"
		if os.Getenv("CI") != "" {
			t.Fatalf(msg, err, &stderr)
		}
		t.Skipf(msg, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// begin starts a server and returns its first line. It ends with the test.
func begin(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s %v printed no line: %v", name, args, err)
	}
	return strings.TrimSpace(line)
}

// TestPyarrowClient has pyarrow's client read, put and exchange every workload
// with each codec against our server, over each transport.
func TestPyarrowClient(t *testing.T) {
	py := python(t)
	for _, transport := range []string{"direct", "grpc", "stock"} {
		uri := begin(t, "flightbench", "serve", "--transport", transport)
		out, err := exec.Command(py, "../../scripts/peers/pyarrow_client.py", uri, strings.Join(allWorkloads, ",")).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", transport, err, out)
		}
		if n := strings.Count(string(out), "ok "); err == nil && n != 3*len(allWorkloads) {
			t.Errorf("%s: %d combinations passed, want %d\n%s", transport, n, 3*len(allWorkloads), out)
		}
	}
}

// TestPyarrowServer puts every workload to pyarrow's server with each codec,
// reads it back verified, and exchanges it, over each transport.
func TestPyarrowServer(t *testing.T) {
	uri := begin(t, python(t), "../../scripts/peers/pyarrow_server.py")
	for _, op := range []string{"put", "get", "exchange"} {
		d := document(t, uri, "--op", op, "--workload", strings.Join(allWorkloads, ","), "--compression", "none,lz4,zstd", "--transport", "direct,grpc,stock",
			"-n", "2", "--warmup", "0s", "--batches", "7", "--distinct", "7", "--rows", "500", "--repeat", "1", "--decode", "verify", "--put-ack", "all")
		if want := 3 * 3 * len(allWorkloads); len(d.Trials) != want {
			t.Errorf("%s: %d trials, want %d", op, len(d.Trials), want)
		}
		for _, tr := range d.Trials {
			c := tr.Config
			if tr.Status != results.StatusOK || tr.Rows != 2*7*500 || tr.Server != nil {
				t.Errorf("%s %s %s %s: %s %s, %d rows, want ok, %d", op, c.Workload, c.Compression, c.Transport, tr.Status, tr.Error, tr.Rows, 2*7*500)
			}
			if op == "put" && tr.Whole.Acks != 14 {
				t.Errorf("put %s %s %s: %d acks, want 14", c.Workload, c.Compression, c.Transport, tr.Whole.Acks)
			}
		}
	}
}

// TestFileWorkload runs a Parquet file, an IPC file and an IPC stream that
// pyarrow wrote through DoGet and DoPut.
func TestFileWorkload(t *testing.T) {
	py, dir := python(t), t.TempDir()
	const write = `
import sys, pyarrow as pa, pyarrow.parquet as pq
t = pa.table({"a": range(5000), "s": [f"row {i}" for i in range(5000)], "d": pa.array([i % 7 for i in range(5000)]).dictionary_encode()})
pq.write_table(t, sys.argv[1] + "/t.parquet")
with pa.ipc.new_file(sys.argv[1] + "/t.arrow", t.schema) as w: w.write_table(t, max_chunksize=1000)
with pa.ipc.new_stream(sys.argv[1] + "/t.arrows", t.schema) as w: w.write_table(t, max_chunksize=1000)
`
	if out, err := exec.Command(py, "-c", write, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"t.parquet", "t.arrow", "t.arrows"} {
		d := document(t, "--workload", "file:"+filepath.Join(dir, name), "--op", "get,put", "-n", "2", "--warmup", "0s", "--batches", "5",
			"--repeat", "1", "--decode", "verify")
		for _, tr := range d.Trials {
			if tr.Status != results.StatusOK || tr.Rows == 0 || tr.Rows%5000 != 0 {
				t.Errorf("%s %s: %s %s, %d rows, want whole files of 5000", name, tr.Config.Op, tr.Status, tr.Error, tr.Rows)
			}
		}
	}
}
