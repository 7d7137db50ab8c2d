package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// The Java peer is Arrow Java's flight-core on grpc-java and Netty, the Rust
// peer the crate arrow-flight on tonic and h2. Both take and give every
// combination of workload and codec.
//
// Note: Arrow Java 19 can't write compressed batches by its public interface.
// The peer does so nevertheless (Compressed.java), except for dictionaries,
// which always leave it uncompressed.

// peer builds one of scripts/peers and returns its path. Without its toolchain
// the test is skipped, loudly. A build that fails is skipped too, but fails
// where CI is set.
func peer(t *testing.T, script string, toolchain ...string) string {
	t.Helper()
	path := "../../scripts/peers/" + script
	for _, tool := range toolchain {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: no interoperability with %s was tested, since its toolchain is not installed: %v", path, err)
		}
	}
	start := time.Now()
	if out, err := exec.Command(path, "build").CombinedOutput(); err != nil {
		const msg = "SKIPPED: no interoperability with %s was tested, since it was not built: %v\n%s"
		if os.Getenv("CI") != "" {
			t.Fatalf(msg, path, err, out)
		}
		t.Skipf(msg, path, err, out)
	}
	t.Logf("built %s in %v", path, time.Since(start).Round(time.Millisecond))
	return path
}

func javaPeer(t *testing.T) string { return peer(t, "java.sh", "java", "mvn") }
func rustPeer(t *testing.T) string { return peer(t, "rust.sh", "cargo", "cc") }

// checkClient has a peer's client read, put and exchange every workload with
// each codec against our server, and then larger messages than a window's.
func checkClient(t *testing.T, path string, transports ...string) {
	for _, transport := range transports {
		uri := begin(t, "flightbench", "serve", "--transport", transport)
		all := runClient(t, path, "client", uri, strings.Join(allWorkloads, ","))
		large := runClient(t, path, "client", uri, "perf", "none", "100000")
		if n := strings.Count(all+large, "ok "); n != 3*len(allWorkloads)+1 {
			t.Errorf("%s: %d combinations passed, want %d\n%s%s", transport, n, 3*len(allWorkloads)+1, all, large)
		}
	}
}

// runClient returns what a client printed. It ends it after some minutes.
func runClient(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s %v: %v\n%s%s", name, args, err, out, &stderr)
	}
	return string(out)
}

// checkServer puts every workload to a peer's server with each codec, reads it
// back verified, and exchanges it, then larger messages than a window's.
func checkServer(t *testing.T, path string, rows int, transports ...string) {
	uri := begin(t, path, "server")
	for _, op := range []string{"put", "get", "exchange"} {
		body := map[string]int64{} // bytes by codec, of the workloads that compress well
		for _, tr := range serverTrials(t, uri, op, strings.Join(allWorkloads, ","), "none,lz4,zstd", rows, transports) {
			if w := tr.Config.Workload; w == "lineitem" || w == "strings" {
				body[tr.Config.Compression] += tr.Bytes.Body
			}
		}
		if op == "get" && (body["lz4"] >= body["none"] || body["zstd"] >= body["lz4"]) {
			t.Errorf("body bytes by codec: %v, want fewer with lz4 and fewer still with zstd", body)
		}
		serverTrials(t, uri, op, "perf", "none", 100_000, transports)
	}
}

func serverTrials(t *testing.T, uri, op, workloads, compressions string, rows int, transports []string) []*results.Trial {
	t.Helper()
	d := document(t, uri, "--op", op, "--workload", workloads, "--compression", compressions, "--transport", strings.Join(transports, ","),
		"-n", "2", "--warmup", "0s", "--batches", "7", "--distinct", "7", "--rows", strconv.Itoa(rows), "--repeat", "1", "--decode", "verify", "--put-ack", "all")
	if want := len(transports) * (1 + strings.Count(compressions, ",")) * (1 + strings.Count(workloads, ",")); len(d.Trials) != want {
		t.Errorf("%s: %d trials, want %d", op, len(d.Trials), want)
	}
	for _, tr := range d.Trials {
		c := tr.Config
		if tr.Status != results.StatusOK || tr.Rows != int64(2*7*rows) || tr.Server != nil {
			t.Errorf("%s %s %s %s: %s %s, %d rows, want ok, %d", op, c.Workload, c.Compression, c.Transport, tr.Status, tr.Error, tr.Rows, 2*7*rows)
		}
		if op == "put" && tr.Whole.Acks != 14 {
			t.Errorf("put %s %s %s: %d acks, want 14", c.Workload, c.Compression, c.Transport, tr.Whole.Acks)
		}
	}
	return d.Trials
}

// The Java server has few rows to send: see Peer.java.
func TestJavaClient(t *testing.T) { checkClient(t, javaPeer(t), "direct") }
func TestJavaServer(t *testing.T) { checkServer(t, javaPeer(t), 100, "direct") }
func TestRustClient(t *testing.T) { checkClient(t, rustPeer(t), "direct", "grpc") }
func TestRustServer(t *testing.T) { checkServer(t, rustPeer(t), 500, "direct", "grpc") }
