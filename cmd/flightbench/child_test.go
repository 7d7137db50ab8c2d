package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flightbench/results"
)

// TestChildEndsWithItsParent kills a run with -9 and waits for the server that
// it spawned to end too.
func TestChildEndsWithItsParent(t *testing.T) {
	cmd := exec.Command("flightbench", "run", "-o", t.TempDir(), "-z", "60s", "--op", "get", "--rows", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	for end := time.Now().Add(20 * time.Second); child == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		child = childOf(t, cmd.Process.Pid)
	}
	if child == 0 {
		t.Fatal("the run spawned no server within 20 s")
	}
	time.Sleep(time.Second) // streams are under way
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if syscall.Kill(child, 0) == syscall.ESRCH || state(child) == "Z" {
			return
		}
	}
	_ = syscall.Kill(child, syscall.SIGKILL)
	t.Fatalf("the server %d outlived its parent by 20 s", child)
}

// TestServeEndsOnSIGTERM expects a clean end.
func TestServeEndsOnSIGTERM(t *testing.T) {
	cmd := exec.Command("flightbench", "serve")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "grpc://127.0.0.1:") {
		t.Errorf("first line %q, %v, want a URI", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v, want a clean end", err)
	}
}

// TestOneInterruptInTwoSignals sends SIGTERM twice, as timeout(1) does to its
// child and to its process group: what was measured is kept.
func TestOneInterruptInTwoSignals(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("flightbench", "run", "-o", dir, "-z", "60s", "--op", "get", "--rows", "1000", "--warmup", "0s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	time.Sleep(2 * time.Second) // streams are under way
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = cmd.Wait()
	trials, err := filepath.Glob(filepath.Join(dir, "*", "trials.jsonl"))
	if err != nil || len(trials) != 1 {
		t.Fatalf("%v, trials in %v", err, trials)
	}
	b, err := os.ReadFile(trials[0])
	if code := cmd.ProcessState.ExitCode(); err != nil || code != exitInterrupted || !bytes.Contains(b, []byte(`"status":"partial"`)) {
		t.Errorf("exit code %d, %v, trials %.100q, want %d and a partial trial", code, err, b, exitInterrupted)
	}
}

// childOf is the first process whose parent is pid, 0 if there is none.
func childOf(t *testing.T, pid int) int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("SKIPPED: this system has no /proc to find the child in")
	}
	for _, path := range stats {
		f := statFields(path)
		if len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			return n
		}
	}
	return 0
}

func state(pid int) string {
	if f := statFields("/proc/" + strconv.Itoa(pid) + "/stat"); len(f) > 0 {
		return f[0]
	}
	return ""
}

// statFields are the fields after the command's name: state, parent, ...
func statFields(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}

// document runs the program and parses what it printed.
func document(t *testing.T, args ...string) results.Document {
	t.Helper()
	cmd := exec.Command("flightbench", append([]string{"run", "-o", t.TempDir(), "-O", "json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("flightbench %v: %v\n%s", args, err, &stderr)
	}
	var d results.Document
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatalf("flightbench %v printed no document: %v\n%.500s", args, err, out)
	}
	return d
}

// TestContract checks the JSON that other programs read, with exact counts.
func TestContract(t *testing.T) {
	const streams, batches, rows = 6, 11, 1000
	for _, transport := range []string{"direct", "grpc", "stock"} {
		d := document(t, "--op", "get,put,exchange", "--transport", transport, "-n", "6", "--batches", "11", "--rows", "1000",
			"--warmup", "50ms", "--repeat", "1", "-c", "3", "--put-ack", "all")
		if d.Schema != 1 || d.Run.Status != results.StatusComplete || len(d.Trials) != 3 {
			t.Fatalf("schema %d, status %s, %d trials, want 1, complete, 3", d.Schema, d.Run.Status, len(d.Trials))
		}
		for _, tr := range d.Trials {
			op := tr.Config.Op
			if tr.Status != results.StatusOK || tr.Verdict != results.VerdictValid {
				t.Errorf("%s %s: %s, %s, warnings %v", transport, op, tr.Status, tr.Verdict, tr.Warnings)
			}
			if tr.Streams != streams || tr.Batches != streams*batches || tr.Rows != streams*batches*rows {
				t.Errorf("%s %s: %d streams, %d batches, %d rows, want %d, %d, %d", transport, op, tr.Streams, tr.Batches, tr.Rows,
					streams, streams*batches, streams*batches*rows)
			}
			if s := tr.Server; s == nil {
				t.Errorf("%s %s: the server's counts are missing", transport, op)
			} else if s.Rows != tr.Whole.Rows || s.Batches != tr.Whole.Batches || s.Body != tr.Whole.Body || s.Streams != tr.Whole.Streams {
				t.Errorf("%s %s: server %+v and client %+v disagree", transport, op, *s, tr.Whole)
			}
			ways := int64(1)
			if op == "exchange" {
				ways = 2
			}
			if want := ways * streams * batches * rows * 32; tr.Bytes.Logical != want {
				t.Errorf("%s %s: %d logical bytes, want %d", transport, op, tr.Bytes.Logical, want)
			}
			if tr.Bytes.Body < tr.Bytes.Logical || tr.Bytes.Wire <= tr.Bytes.Body {
				t.Errorf("%s %s: bytes %+v do not grow from logical over body to wire", transport, op, tr.Bytes)
			}
			for _, name := range []string{"body_bytes_per_second", "logical_bytes_per_second", "wire_bytes_per_second", "rows_per_second", "batches_per_second",
				"streams_per_second", "client_cpu_seconds_per_gigabyte", "server_cpu_seconds_per_gigabyte", "client_alloc_bytes_per_gigabyte",
				"client_allocs_per_batch", "client_syscalls_per_gigabyte", "client_peak_rss_bytes"} {
				if m, ok := tr.Metrics[name]; !ok || m.Unit == "" || m.Better == "" {
					t.Errorf("%s %s: metric %s is %+v", transport, op, name, m)
				}
			}
			for _, name := range map[string][]string{"get": {"info", "first_batch", "batch_gap", "stream"}, "put": {"put_ack", "stream"},
				"exchange": {"first_batch", "batch_gap", "exchange", "stream"}}[op] {
				l := tr.Latencies[name]
				want := int64(streams)
				switch name {
				case "batch_gap":
					want *= batches - 1
				case "put_ack", "exchange":
					want *= batches
				}
				if l.Count != want || l.Unit != "ns" || l.Min > l.P50 || l.P50 > l.P99 || l.P99 > l.Max {
					t.Errorf("%s %s: latency %s is %+v, want %d samples", transport, op, name, l, want)
				}
			}
		}
	}
}
