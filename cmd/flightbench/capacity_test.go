package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// capacityOf runs flightbench capacity and returns what it found.
func capacityOf(t *testing.T, args ...string) (*results.Capacity, string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := exitCode(run(t.Context(), append([]string{"capacity", "-O", "json", "-o", t.TempDir()}, args...), strings.NewReader(""), &out, &errs), &errs)
	var d struct{ Run results.Run }
	if err := json.Unmarshal(out.Bytes(), &d); err != nil || d.Run.Capacity == nil {
		t.Fatalf("%v: exit %d, %s", err, code, errs.String())
	}
	return d.Run.Capacity, errs.String(), code
}

// What cannot be searched is told in a line, before anything is started.
func TestCapacityRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--slo", "speed>=5"}, `--slo "speed" is no metric`},
		{[]string{"--slo", "stream.p99<=+5%"}, "--slo stream.p99<=+5% limits a change, and there is nothing to compare with"},
		{[]string{"--slo", "stream.p99>=5ms"}, "of stream.p99 less is better"},
		{[]string{"--slo", "nonsense"}, `--slo "nonsense": write METRIC<=VALUE`},
		{[]string{"--over", "rows"}, `--over "rows" is unknown: use rps, rate, concurrency, connections`},
		{[]string{"--op", "info", "--over", "rate"}, "--op info moves none: use --over rps"},
		{[]string{"--from", "2GB/s", "--to", "1GB/s"}, "--from 2.00 GB/s is not below --to 1.00 GB/s"},
		{[]string{"--from", "100"}, `--from "100" is no rate of bytes above 0: write 50MB/s or 2GB/s`},
		{[]string{"--over", "rps", "--to", "1GB/s"}, `--to "1GB/s" is no load for --over rps: write a number`},
		{[]string{"--over", "rps", "--to", "-5"}, `--to "-5" is no load: use one above 0`},
		{[]string{"--over", "concurrency", "--from", "1.5"}, "use a whole number"},
		{[]string{"--max-time", "5s"}, "--max-time 5s is too short to say anything: with trials of 1.00 s give at least 24s"},
		{[]string{"--max-time", "0s"}, "--max-time 0s is no length of time"},
		{[]string{"--rows", "128,4096"}, "capacity searches one configuration, and these flags make 2"},
		{[]string{"--plan", "many"}, `--plan: "many"`},
		{[]string{"--utilisation", "50%"}, "--utilisation is of --plan: give that, too"},
		{[]string{"--rps", "5"}, "unknown flag: --rps"},
		{[]string{"--arrival", "uniform"}, `--arrival "uniform" is unknown: use constant or poisson`},
		{[]string{"--arrival", "poisson", "--over", "concurrency"}, "--arrival poisson spreads the starts of an open loop, and over concurrency a stream begins when another ends"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		_, stderr, code := flightbench(t, append([]string{"capacity", "-o", dir}, c.args...)...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, %q, want %q", c.args, code, stderr, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q: it made %s", c.args, dir)
		}
	}
}

// quick are trials too short to be judged by, but enough to go all the way.
var quick = []string{"-z", "150ms", "--warmup", "20ms", "--max-time", "8s"}

func TestCapacityOutcomes(t *testing.T) {
	k := &capable{workers: 2, service: 5 * time.Millisecond}
	uri := k.start(t)
	search := func(args ...string) (*results.Capacity, string, int) {
		t.Helper()
		return capacityOf(t, append(append([]string{uri, "--op", "action:work"}, quick...), args...)...)
	}

	c, stderr, code := search("--slo", "action.p99<=1ms")
	if code != exitMissed || c.Outcome != results.CapacityLowest || !strings.Contains(stderr, "No load meets every objective") || !strings.Contains(stderr, "times the limit") {
		t.Errorf("missed at the lowest load: exit %d, %s", code, stderr)
	}
	if _, stderr, code = search("--slo", "first_batch.p99<=1ms"); code != exitUsage || !strings.Contains(stderr, "--slo first_batch.p99<=1ms: no trial has first_batch.p99") {
		t.Errorf("a figure that this operation does not have: exit %d, %s", code, stderr)
	}
	if _, stderr, code = capacityOf(t, append([]string{"grpc://127.0.0.1:1", "--op", "action:work"}, quick...)...); code != exitFailed || !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("unreachable: exit %d, %s", code, stderr)
	}
	if c, stderr, code = search("--slo", "action.p99<=1ms", "--arrival", "poisson"); code != exitMissed || len(c.Loads) == 0 {
		t.Errorf("Poisson arrivals: exit %d, %s", code, stderr)
	}
	// A busy machine may have the bound missed, but not more found than is there.
	c, stderr, code = search("--to", "60", "--slo", "action.p99<=10s")
	if c.To != 60 || c.Load > 60 || c.Outcome == results.CapacityHighest && code != 0 {
		t.Errorf("bounded: exit %d, %+v, %s", code, c, stderr)
	}
	c, stderr, _ = search("--slo", "action.p99<=10s")
	if c.Outcome == results.CapacityFound && (c.Load > 800 || len(c.Loads) < 3 || c.Unit != "calls/s" || c.Seconds <= 0) {
		t.Errorf("400 a second were found as %+v: %s", c, stderr)
	}
}

// An interrupted search says what it knows, and goes on.
func TestCapacityResume(t *testing.T) {
	k := &capable{workers: 2, service: 5 * time.Millisecond}
	dir := t.TempDir()
	args := append([]string{"capacity", k.start(t), "--op", "action:work", "-o", filepath.Join(dir, "out")}, quick...)
	cmd := exec.Command("flightbench", args...)
	run := killAfter(t, cmd, dir, 5)
	before, err := results.Open(run)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("flightbench", "capacity", "--resume", run).CombinedOutput()
	after, err2 := results.Open(run)
	if err2 != nil || after.Run.Capacity == nil || len(after.Run.Resumed) != 1 || after.Run.Status != results.StatusComplete {
		t.Fatalf("%v, %v: %s", err, err2, out)
	}
	if got := after.Run.Capacity.Trials; got != len(after.Trials) {
		t.Errorf("the answer is of %d trials, and %d are stored", got, len(after.Trials))
	}
	for i, was := range before.Trials {
		if is := after.Trials[i]; is.ID != was.ID || !is.Started.Equal(was.Started) {
			t.Errorf("trial %d is %s, begun %v; it was %s, begun %v", i, is.ID, is.Started, was.ID, was.Started)
		}
	}
}

// TestCapacityTruth searches servers whose capacity is arithmetic. It takes two
// minutes a try; FLIGHTBENCH_GROUND_TRUTH is the number of them.
func TestCapacityTruth(t *testing.T) {
	tries, err := strconv.Atoi(os.Getenv("FLIGHTBENCH_GROUND_TRUTH"))
	if err != nil || tries < 1 {
		t.Skip("NOT RUN: it takes minutes; scripts/capacity-truth.sh, or FLIGHTBENCH_GROUND_TRUTH=1, runs it")
	}
	usl := func(n float64) float64 { return 60 * n / (1 + 0.05*(n-1) + 0.002*n*(n-1)) }
	peak := 0.0
	for n := 1.0; n < 1000; n++ {
		peak = max(peak, usl(n))
	}
	for _, c := range []struct {
		name   string
		server *capable
		want   float64
		args   []string
	}{
		{"4 workers of 10 ms", &capable{workers: 4, service: 10 * time.Millisecond}, 400, []string{"--op", "action:work"}},
		{"16 workers of 20 ms, p99", &capable{workers: 16, service: 20 * time.Millisecond}, 800, []string{"--op", "action:work", "--slo", "action.p99<=100ms"}},
		{"bucket of 100 MB/s", &capable{bytes: 100e6, rows: 16384, batches: 8}, 100e6, []string{"--ticket", "any"}},
		{"bucket, streams of 1 MB", &capable{bytes: 100e6, rows: 16384, batches: 8}, 100e6 / (8 * 16384 * 8), []string{"--ticket", "any", "--over", "rps"}},
		{"by a law", &capable{usl: usl}, peak, []string{"--op", "action:work"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := 0
			for range tries {
				found, stderr, code := capacityOf(t, append(c.args, c.server.start(t))...)
				off := found.Load/c.want - 1
				if math.Abs(off) <= 0.05 {
					good++
				}
				t.Logf("want %s, found %s (%+.1f %%), %s to %s, in %.0f s, limited by %s", found.Format(c.want), found.Format(found.Load), 100*off,
					found.Format(found.Low), found.Format(found.High), found.Seconds, found.LimitedBy)
				var text strings.Builder
				if err := found.WriteText(&text, 0); err != nil || code != 0 {
					t.Errorf("%v, exit %d: %s", err, code, stderr)
				}
				t.Logf("\n%s", text.String())
			}
			if t.Logf("%d of %d within 5 %%", good, tries); good*10 < tries*9 {
				t.Errorf("only %d of %d within 5 %%", good, tries)
			}
		})
	}
}
