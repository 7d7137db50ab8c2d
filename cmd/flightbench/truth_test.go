package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"flightbench/results"
)

// groundTruth skips a test whose outcome depends on a machine that does little
// else; scripts/ground-truth.sh runs them.
func groundTruth(t *testing.T) {
	t.Helper()
	if os.Getenv("FLIGHTBENCH_GROUND_TRUTH") == "" {
		t.Skip("NOT RUN: it needs a quiet machine; scripts/ground-truth.sh, or FLIGHTBENCH_GROUND_TRUTH=1, runs it")
	}
}

var transports = []string{"direct", "grpc", "stock"}

// known starts a pyarrow server of which is known what it does.
func known(t *testing.T, args ...string) (uri string) {
	t.Helper()
	return begin(t, python(t), append([]string{"../../scripts/peers/pyarrow_known.py"}, args...)...)
}

// itself is what that server says of itself.
type itself struct {
	Calls, Failed, Rows, Batches int64
	Stalled, Drained, Gap        float64 // seconds
}

func ask(t *testing.T, uri string) (k itself) {
	t.Helper()
	client, err := flight.NewClientWithMiddleware(strings.TrimPrefix(uri, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	stream, err := client.DoAction(context.Background(), &flight.Action{Type: "known"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.Body, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// alone is the trial of a run of one, whatever its verdict, by a client with
// these environment variables.
func alone(t *testing.T, env []string, args ...string) results.Trial {
	t.Helper()
	cmd := exec.Command("flightbench", append([]string{"run", "-o", t.TempDir(), "-O", "json", "--repeat", "1"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != exitNotValid {
		t.Fatalf("flightbench %v: %v\n%s", args, err, &stderr)
	}
	var d results.Document
	if err := json.Unmarshal(out, &d); err != nil || len(d.Trials) != 1 {
		t.Fatalf("flightbench %v: %v, %d trials, want 1\n%.500s", args, err, len(d.Trials), out)
	}
	return *d.Trials[0]
}

// TestTruthOfCounts reads streams of batches of all sizes from a foreign server
// that fails at a known rate: bytes, rows, batches, streams and errors are exact.
func TestTruthOfCounts(t *testing.T) {
	const streams, fail, batches = 60, 4, 50
	var rows, body int64
	for i := range int64(batches) {
		n := 1 + 37*i%101
		rows, body = rows+n, body+8*n
	}
	for _, transport := range transports {
		for _, decode := range []string{"count", "batch"} {
			uri := known(t, "--vary", "--batches", fmt.Sprint(batches), "--fail", fmt.Sprint(fail))
			tr := alone(t, nil, uri, "--op", "get", "--ticket", "mine", "--transport", transport, "--decode", decode, "-n", fmt.Sprint(streams), "-c", "4", "--warmup", "0s")
			const good = streams - streams/fail
			k := ask(t, uri)
			if tr.Status != results.StatusOK || tr.Streams != good || tr.Batches != good*batches || tr.Rows != good*rows || tr.Bytes.Logical != good*body ||
				tr.Bytes.Body < good*body || tr.Failures["unavailable"] != streams/fail || len(tr.Failures) != 1 || tr.Metrics["error_share"].Value != 1./fail {
				t.Errorf("%s %s: %s %s, %d streams, %d batches, %d rows, %+v, failures %v; want %d, %d, %d, %d bytes, %d unavailable", transport, decode,
					tr.Status, tr.Error, tr.Streams, tr.Batches, tr.Rows, tr.Bytes, tr.Failures, good, good*batches, good*rows, good*body, streams/fail)
			}
			if k.Calls != streams || k.Failed != streams/fail || k.Batches != tr.Batches || k.Rows != tr.Rows {
				t.Errorf("%s %s: the server says %+v, the client %d batches and %d rows", transport, decode, k, tr.Batches, tr.Rows)
			}
		}
	}
}

// TestGroundTruthOfPyarrowGaps has a pyarrow server sleep before each batch.
func TestGroundTruthOfPyarrowGaps(t *testing.T) {
	groundTruth(t)
	for _, transport := range transports {
		uri := known(t, "--nap", "0.010")
		tr := alone(t, nil, uri, "--op", "get", "--ticket", "mine", "--transport", transport, "-c", "2", "-z", "4s", "--warmup", "200ms")
		k := ask(t, uri)
		gap := time.Duration(tr.Latencies["batch_gap"].P50)
		want := time.Duration(k.Gap * 1e9)
		t.Logf("%s: batch_gap p50 %v, by the server's own clock %v; %s", transport, gap, want, tr.Verdict)
		if math.Abs(float64(gap)/float64(want)-1) > 0.02 {
			t.Errorf("%s: batch_gap p50 %v, the server's own %v", transport, gap, want)
		}
		if tr.Verdict == results.VerdictGeneratorBound {
			t.Errorf("%s: a slow server was taken for a slow generator: %q", transport, tr.Evidence)
		}
	}
}

// TestGroundTruthOfPyarrowStall has a pyarrow server answer nothing for a
// second, once in ten, at 100 starts a second: each that is due meanwhile waits
// for its end, so that the 10th longest of 1,000 waits 90 % of it.
func TestGroundTruthOfPyarrowStall(t *testing.T) {
	groundTruth(t)
	const rps, seconds = 100, 10
	for _, transport := range transports {
		for _, tt := range []struct {
			op, latency string
			slots       int
			args        []string
			server      []string
		}{
			{"action:work", "action", 0, nil, nil},
			{"action:work", "action", 1, nil, nil},
			{"get", "first_batch", 0, []string{"--ticket", "mine"}, nil},
			{"get", "stream", 1, []string{"--ticket", "mine"}, nil},
			{"get", "stream", 0, []string{"--cmd", "mine"}, []string{"--stall-info"}},
			{"put", "stream", 0, []string{"--path", "mine", "--rows", "10", "--batches", "2"}, nil},
			{"exchange", "first_batch", 0, []string{"--path", "mine", "--rows", "10", "--batches", "2"}, nil},
		} {
			t.Run(fmt.Sprintf("%s %s of %s, %d slots", transport, tt.latency, tt.op, tt.slots), func(t *testing.T) {
				uri := known(t, append([]string{"--batches", "2", "--stall-after", "4", "--stall", "1"}, tt.server...)...)
				args := append([]string{uri, "--op", tt.op, "--transport", transport, "-r", fmt.Sprint(rps), "-z", fmt.Sprintf("%ds", seconds), "--warmup", "0s"}, tt.args...)
				if tt.slots > 0 {
					args = append(args, "-c", fmt.Sprint(tt.slots))
				}
				tr := alone(t, nil, args...)
				server := ask(t, uri)
				stalled, drained := server.Stalled*1e9, server.Drained*1e9 // what the first that had to wait waited, and what serving all of them took then
				if tr.Status != results.StatusOK || stalled == 0 {
					t.Fatalf("%s %s, stalled for %v", tr.Status, tr.Error, stalled)
				}
				response, service := tr.Latencies[tt.latency], tr.Latencies[tt.latency+results.FromActual]
				want := stalled - (rps*seconds-math.Ceil(0.99*rps*seconds))*1e9/rps
				t.Logf("p99 %v (want %v, and %v for the queue at most), max %v (want %v), actual p99 %v, max %v; %s", time.Duration(response.P99), time.Duration(want), time.Duration(drained),
					time.Duration(response.Max), time.Duration(stalled), time.Duration(service.P99), time.Duration(service.Max), tr.Verdict)
				for _, c := range []struct{ got, want float64 }{{float64(response.P99), want}, {float64(response.Max), stalled}} {
					if c.got < 0.95*c.want || c.got > 1.05*c.want+drained {
						t.Errorf("%v, want %v, and up to %v for the queue", time.Duration(c.got), time.Duration(c.want), time.Duration(drained))
					}
				}
				if tt.slots == 1 && float64(service.P99) > want/2 {
					t.Errorf("p99 from the actual start is %v: it tells of waiting for a slot", time.Duration(service.P99))
				}
				if math.Abs(float64(response.Count)-rps*seconds) > 3 {
					t.Errorf("%d response times, want %d", response.Count, rps*seconds)
				}
			})
		}
	}
}
