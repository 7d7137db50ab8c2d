package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/results"
)

// trial is one that failed with err, or measured nothing.
func trial(err string) *results.Trial {
	t := &results.Trial{Config: bench.DefaultConfig(), Status: results.StatusPartial}
	if err != "" {
		t.Status, t.Error = results.StatusFailed, err
	}
	return t
}

// measured is one of op with a rate and a latency.
func measured(rate string, v float64, op string, p99, samples int64) *results.Trial {
	t := &results.Trial{Config: bench.DefaultConfig(), Status: results.StatusOK}
	t.Config.Op = op
	t.Metrics = map[string]results.Metric{results.BodyRate: {Value: 629, Unit: "B/s"}}
	t.Metrics[rate] = results.Metric{Value: v}
	t.Latencies = map[string]results.Latency{bench.PrimaryLatency(t.Config): {Count: samples, P99: p99}}
	return t
}

// TestFit has the rate be the last to go.
func TestFit(t *testing.T) {
	parts := []string{"3/9", "about 2 min left", "old · exchange · 65,536 rows · zstd:3", "measure 1.2s of 3.0s", "2.13 GB/s", "exchange p99 9.81 ms"}
	for width, want := range map[int]string{
		0:   strings.Join(parts, "  "),
		200: strings.Join(parts, "  "),
		100: "3/9  about 2 min left  old · exchange · 65,…  measure 1.2s of 3.0s  2.13 GB/s  exchange p99 9.81 ms",
		80:  "3/9  about 2 min left  measure 1.2s of 3.0s  2.13 GB/s  exchange p99 9.81 ms",
		60:  "3/9  measure 1.2s of 3.0s  2.13 GB/s  exchange p99 9.81 ms",
		40:  "3/9  measure 1.2s of 3.0s  2.13 GB/s",
		20:  "3/9  2.13 GB/s",
		10:  "3/9  2.13",
	} {
		if got := fit(parts, []int{2, 1, 5, 3}, width); got != want {
			t.Errorf("in %d columns it is %q, want %q", width, got, want)
		}
	}
}

func TestPlainLine(t *testing.T) {
	for _, tt := range []struct {
		t    *results.Trial
		want string
	}{
		{trial("no\x1b[31m such thing\nTraceback:\n ..."), "1/4  get · 65,536 rows  failed: no [31m such thing"},
		{trial("DoGet: boom. Detail: Python exception: Traceback (most recent call last):\n  File"), "1/4  get · 65,536 rows  failed: DoGet: boom"},
		{measured(results.QueryRate, 12_345, "query", 12_000, 5000), "1/4  query · 65,536 rows  12,300 queries/s  query p99 12.0 µs"},
		{measured(results.BodyRate, 2.5e6, "get", 12_000, 50), "1/4  get · 65,536 rows  2.50 MB/s  batch_gap p99 ~12.0 µs"},
		{trial(""), "1/4  get · 65,536 rows  nothing measured  partial"},
	} {
		v := &plainView{varying: []string{"op", "rows"}}
		v.progress(bench.Progress{Trial: 1, Trials: 4})
		if got := v.line(tt.t); got != tt.want {
			t.Errorf("line %q, want %q", got, tt.want)
		}
	}
}

// TestLiveViewThatEnded goes on with plain lines when the live line is gone.
func TestLiveViewThatEnded(t *testing.T) {
	var out bytes.Buffer
	v := newLiveView(&out, &plainView{w: &out, varying: []string{"op"}})
	v.program.Quit()
	<-v.ended
	out.Reset()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.progress(bench.Progress{Trial: 1, Trials: 2})
		v.done(trial("gone"))
		v.close()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the run hangs with its live line")
	}
	if !strings.Contains(out.String(), "failed: gone") {
		t.Errorf("%q does not tell the trial", &out)
	}
}

func TestAbout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "about 1 s", 4400 * time.Millisecond: "about 4 s", 33 * time.Second: "about 35 s", 89 * time.Second: "about 90 s",
		90 * time.Second: "about 2 min", 59*time.Minute + 20*time.Second: "about 59 min", 62 * time.Minute: "about 1 h", 150 * time.Minute: "about 2 h 30 min",
	} {
		if got := about(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestFailed(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("broken"), exitFailed},
		{fmt.Errorf("read the file: %w", context.Canceled), exitInterrupted},
		{usage(errors.New("no such flag")), exitUsage},
	} {
		if code := exitCode(failed(tt.err), &bytes.Buffer{}); code != tt.code {
			t.Errorf("%v ends with %d, want %d", tt.err, code, tt.code)
		}
	}
}
