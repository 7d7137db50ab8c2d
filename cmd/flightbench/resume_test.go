package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// TestResumeAfterKill kills a run of 60 tiny trials with -9 again and again,
// and goes on with it each time: at the end each Config was measured exactly
// once a round, and what was stored is as it was.
func TestResumeAfterKill(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "many.yaml")
	text := []byte(`config: {batches: 1, total: 1, in_process: true, entropy: 0.5}
warmup: 0
axes: {op: [get, put], rows: [1, 2, 3, 4, 5], window: [0, 1Mi]}
repeat: 3
`)
	if err := os.WriteFile(suite, text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("flightbench", "run", "-f", suite, "-o", filepath.Join(dir, "out"))
	var stored []byte
	for _, lines := range []int{1, 15, 16, 40} {
		run := killAfter(t, cmd, dir, lines)
		b, err := os.ReadFile(filepath.Join(run, results.TrialsFile))
		if err != nil {
			t.Fatal(err)
		}
		if whole := stored[:bytes.LastIndexByte(stored, '\n')+1]; !bytes.HasPrefix(b, whole) {
			t.Error("a stored trial was changed")
		}
		stored = b
		if err := os.WriteFile(suite, []byte("changed: since\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command("flightbench", "run", "--resume", run)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := runIn(dir)
	l, err := results.Open(run)
	if err != nil || len(l.Warnings) > 0 || l.Run.Status != results.StatusComplete || len(l.Run.Resumed) != 4 || l.Run.Suite != string(text) {
		t.Fatalf("%v, warnings %q, status %s, resumed at %v", err, l.Warnings, l.Run.Status, l.Run.Resumed)
	}
	seen := map[string]int{}
	for _, tr := range l.Trials {
		c := tr.Config
		seen[fmt.Sprint(tr.Round, c.Op, c.Rows, c.Window)]++
		if tr.Status != results.StatusOK || c.Entropy != 0.5 || !c.InProcess || len(tr.Warnings) > 0 && strings.Contains(strings.Join(tr.Warnings, " "), "resume") {
			t.Errorf("trial %s is %s, %q: %+v", tr.ID, tr.Status, tr.Warnings, c)
		}
	}
	if len(l.Trials) != 60 || len(seen) != 60 {
		t.Errorf("%d trials of %d points, want 60 of 60", len(l.Trials), len(seen))
	}
	// Nothing is left to do.
	before := len(l.Trials)
	if out, err := exec.Command("flightbench", "run", "--resume", run).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if l, err = results.Open(run); err != nil || len(l.Trials) != before {
		t.Errorf("%v, %d trials after going on with a complete run, want %d", err, len(l.Trials), before)
	}
}

func runIn(dir string) string {
	runs, _ := filepath.Glob(filepath.Join(dir, "out", "*"))
	if len(runs) != 1 {
		return ""
	}
	return runs[0]
}

// killAfter runs cmd until its run directory under dir has lines trials, kills
// it with -9 and returns the directory. While it runs, nobody else may go on.
func killAfter(t *testing.T, cmd *exec.Cmd, dir string, lines int) string {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		b, _ := os.ReadFile(filepath.Join(runIn(dir), results.TrialsFile))
		if bytes.Count(b, []byte("\n")) < lines {
			continue
		}
		if lines == 1 {
			if _, _, err := results.Resume(runIn(dir)); err == nil || !strings.Contains(err.Error(), "another flightbench is writing") {
				t.Errorf("going on with a run under way: %v", err)
			}
		}
		return runIn(dir)
	}
	t.Fatalf("there were not %d trials within a minute", lines)
	return ""
}

// TestResumeRefuses names what may not be said with --resume, and what must be.
func TestResumeRefuses(t *testing.T) {
	uri := "grpc://127.0.0.1:1"
	verb := "run"
	begun := func(command ...string) string {
		w, err := results.Create(t.TempDir(), results.Run{Name: "r", Planned: 1, Command: append([]string{"flightbench", verb}, redacted(command)...),
			Plan: results.PlanOf([]results.Config{{Op: "get", Target: uri, GOMAXPROCS: runtime.GOMAXPROCS(0)}}, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(results.StatusPartial); err != nil {
			t.Fatal(err)
		}
		return w.Dir()
	}
	plain := begun(uri)
	verb = "capacity"
	search := begun(uri)
	verb = "run"
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--resume", t.TempDir()}, exitFailed, "no run directory"},
		{[]string{"--resume", search}, exitUsage, "begun by another verb: flightbench capacity --resume"},
		{[]string{"--resume", plain, "--until", "2%"}, exitUsage, "--until is said by the run"},
		{[]string{"--resume", plain, uri}, exitUsage, "name none with --resume"},
		{[]string{"--resume", plain, "--rows", "5"}, exitUsage, "--rows is said by the run"},
		{[]string{"--resume", plain, "-f", "tour"}, exitUsage, "--file is said by the run"},
		{[]string{"--resume", plain, "-O", "xml"}, exitUsage, "xml"},
		{[]string{"--resume", begun(uri, "--token", "hunter2")}, exitUsage, "its --token was not stored"},
		{[]string{"--resume", begun(uri, "-H", "x-key: hunter2")}, exitUsage, "give all its -H again"},
		{[]string{"--resume", begun(uri, "--colour")}, exitUsage, "cannot be read by this version"},
	} {
		// Not by flightbench(), which adds --output.
		var out, errs bytes.Buffer
		code := exitCode(run(t.Context(), append([]string{"run"}, tt.args...), strings.NewReader(""), &out, &errs), &errs)
		if code != tt.code || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: exit %d, %s, want %d and %q", tt.args, code, &errs, tt.code, tt.want)
		}
	}
}
