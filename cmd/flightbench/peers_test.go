package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/internal/target"
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
// the test is skipped, loudly; so it is where nobody has built it yet, which
// takes minutes, and where the build fails. Where CI is set it is built, and a
// build that fails is a failure.
func peer(t *testing.T, script, built string, toolchain ...string) string {
	t.Helper()
	path := "../../scripts/peers/" + script
	for _, tool := range toolchain {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: no interoperability with %s was tested, since its toolchain is not installed: %v", path, err)
		}
	}
	if _, err := os.Stat("../../scripts/peers/" + built); err != nil && os.Getenv("CI") == "" {
		t.Skipf("SKIPPED: no interoperability with %s was tested, since it is not built: run scripts/peers/%s build, which takes some minutes", path, script)
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

func javaPeer(t *testing.T) string { return peer(t, "java.sh", "java/target/built", "java", "mvn") }
func rustPeer(t *testing.T) string {
	return peer(t, "rust.sh", "rust/target/release/flightbench-peer", "cargo", "cc")
}

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
//
// Note: flightbench run would do the same, but draws a page of plots for each
// workload, which takes minutes with the race detector.
func checkServer(t *testing.T, path string, rows int64, transports ...string) {
	at := peerTarget(begin(t, path, "server"))
	for _, op := range []string{"put", "get", "exchange"} {
		body := map[string]int64{} // bytes by codec, of the workloads that compress well
		for _, transport := range transports {
			for _, workload := range allWorkloads {
				for _, compression := range []string{"none", "lz4", "zstd"} {
					tr := at.trial(t, op, transport, workload, compression, rows)
					if workload == "lineitem" || workload == "strings" {
						body[compression] += tr.Bytes.Body
					}
				}
			}
			at.trial(t, op, transport, "perf", "none", 100_000)
		}
		if op == "get" && (body["lz4"] >= body["none"] || body["zstd"] >= body["lz4"]) {
			t.Errorf("body bytes by codec: %v, want fewer with lz4 and fewer still with zstd", body)
		}
	}
}

// peerTarget is a peer's server, by its URI.
type peerTarget string

func (p peerTarget) Resolve(context.Context, results.Config) (target.Target, error) {
	return target.Parse(string(p))
}

// trial runs two streams of seven batches, of which every one is acknowledged
// and verified.
func (p peerTarget) trial(t *testing.T, op, transport, workload, compression string, rows int64) *results.Trial {
	t.Helper()
	c := bench.DefaultConfig()
	c.Op, c.Transport, c.Workload, c.Compression, c.Rows = op, transport, workload, compression, rows
	c.Total, c.Duration, c.Warmup, c.Batches, c.Distinct, c.Decode, c.PutAck = 2, 0, 0, 7, 7, "verify", bench.AckAll
	if err := bench.Validate(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var tr *results.Trial
	r := bench.Runner{Targets: p}
	if err := r.Run(ctx, bench.Plan{Configs: []results.Config{c}, Repeat: 1}.Schedule(), func(done *results.Trial) error { tr = done; return nil }); err != nil {
		t.Fatalf("%s %s %s %s: %v", op, transport, workload, compression, err)
	}
	if want := 2 * 7 * rows; tr.Status != results.StatusOK || tr.Rows != want || tr.Server != nil {
		t.Errorf("%s %s %s %s: %s %s, %d rows, want ok, %d", op, transport, workload, compression, tr.Status, tr.Error, tr.Rows, want)
	}
	if op == "put" && tr.Whole.Acks != 14 {
		t.Errorf("put %s %s %s: %d acks, want 14", transport, workload, compression, tr.Whole.Acks)
	}
	return tr
}

// The Java server has few rows to send: see Peer.java.
func TestJavaClient(t *testing.T) { checkClient(t, javaPeer(t), "direct") }
func TestJavaServer(t *testing.T) { checkServer(t, javaPeer(t), 100, "direct") }
func TestRustClient(t *testing.T) { checkClient(t, rustPeer(t), "direct", "grpc") }
func TestRustServer(t *testing.T) { checkServer(t, rustPeer(t), 500, "direct", "grpc") }
