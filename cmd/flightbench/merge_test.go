package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// twoGenerators runs two processes at once against one server, and returns
// their runs.
func twoGenerators(t *testing.T) (a, b *results.Loaded) {
	t.Helper()
	uri := begin(t, "flightbench", "serve")
	dirs := []string{t.TempDir(), t.TempDir()}
	var cmds []*exec.Cmd
	var texts [2]strings.Builder
	for i, dir := range dirs {
		cmd := exec.Command("flightbench", "run", uri, "--op", "get", "--rows", "4096", "-c", "1", "-z", "4s", "--warmup", "100ms", "--repeat", "1", "--batches", "20", "-o", dir)
		cmd.Stdout, cmd.Stderr = &texts[i], &texts[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 && cmd.ProcessState.ExitCode() != exitNotValid {
			t.Fatalf("%v\n%s", err, texts[i].String())
		}
	}
	return opened(t, dirs[0]), opened(t, dirs[1])
}

// inCommon is what tr counted in the intervals that lie within the window from
// from to to, and their length.
func inCommon(tr *results.Trial, from, to time.Time) (batches, gaps int64, seconds float64) {
	const ns = 1e9
	for _, iv := range tr.Timeline {
		begin := tr.Started.Add(time.Duration(iv.Start * ns))
		end := tr.Started.Add(time.Duration((iv.Start + iv.Seconds) * ns))
		if begin.Before(from.Add(-time.Microsecond)) || end.After(to.Add(time.Microsecond)) {
			continue
		}
		batches, gaps, seconds = batches+iv.Batches, gaps+iv.Latencies["batch_gap"].Count, seconds+iv.Seconds
	}
	return batches, gaps, seconds
}

// TestMerge merges what two processes measured at once, and finds their sums in
// a run directory that report, compare and export take as any other.
func TestMerge(t *testing.T) {
	a, b := twoGenerators(t)
	x, y := a.Trials[0], b.Trials[0]
	from, to := x.Started, x.Started.Add(time.Duration(x.Seconds*1e9))
	if y.Started.After(from) {
		from = y.Started
	}
	if end := y.Started.Add(time.Duration(y.Seconds * 1e9)); end.Before(to) {
		to = end
	}
	if to.Sub(from) < 2*time.Second {
		t.Skipf("SKIPPED: the machine is so busy that two processes began %v apart", x.Started.Sub(y.Started).Abs())
	}
	out := t.TempDir()
	stdout, stderr, code := flightbench(t, "merge", "-o", out, "--name", "both", a.Dir, b.Dir)
	if code != 0 && code != exitNotValid || !strings.Contains(stderr, "windows began up to ") || !strings.Contains(stdout, "2 streams · 2 connections") {
		t.Fatalf("code %d\n%s\n%s", code, stdout, stderr)
	}
	l := opened(t, out)
	got := l.Trials[0]
	n, gaps, rate := int64(0), int64(0), 0.0
	for _, tr := range []*results.Trial{x, y} {
		batches, samples, seconds := inCommon(tr, from, to)
		n, gaps, rate = n+batches, gaps+samples, rate+float64(batches)/seconds
	}
	if got.Batches != n || got.Rows != 4096*n || got.Bytes.Body != 4096*32*n {
		t.Errorf("%d batches, %d rows, %d body bytes, want those of %d batches", got.Batches, got.Rows, got.Bytes.Body, n)
	}
	if v := got.Metrics[results.BatchRate].Value; math.Abs(v-rate) > 1e-6*rate {
		t.Errorf("%v batches/s, want %v", v, rate)
	}
	h, err := l.Histograms(got, "batch_gap")
	if err != nil {
		t.Fatal(err)
	}
	if sum, _ := h.Merged(); sum.TotalCount() != gaps || got.Latencies["batch_gap"].Count != gaps {
		t.Errorf("%d samples in latency.hlog, %d in trials.jsonl, want %d", sum.TotalCount(), got.Latencies["batch_gap"].Count, gaps)
	}
	if x.Verdict == results.VerdictValid && y.Verdict == results.VerdictValid && got.Verdict != results.VerdictValid {
		t.Errorf("verdict %s of two valid trials", got.Verdict)
	}
	checkParts(t, l, a, b)
	other := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(other, os.DirFS(l.Dir)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"report", l.Dir}, {"compare", l.Dir, other}, {"export", "--format", "csv", l.Dir}, {"export", "--format", "hgrm", "--latency", "batch_gap", l.Dir},
	} {
		if _, stderr, code := flightbench(t, args...); code != 0 {
			t.Errorf("%v: code %d: %s", args, code, stderr)
		}
	}
}

// checkParts expects run.json to say what l was merged from.
func checkParts(t *testing.T, l, a, b *results.Loaded) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.Dir, results.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	var run struct {
		Status string
		Parts  []struct{ Name, Dir string }
	}
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	if run.Status != results.StatusComplete || len(run.Parts) != 2 || run.Parts[0].Dir != a.Dir || run.Parts[1].Dir != b.Dir || run.Parts[0].Name == run.Parts[1].Name {
		t.Errorf("run.json says %+v", run)
	}
}
