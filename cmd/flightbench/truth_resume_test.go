package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"flightbench/results"
)

// TestResumeAfterKillsAtRandom kills a run of 200 trials with -9 at random
// moments, early ones among them, and goes on with it each time: no trial that
// was finished is lost, changed or measured again.
func TestResumeAfterKillsAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	suite := filepath.Join(dir, "many.yaml")
	if err := os.WriteFile(suite, []byte(`config: {batches: 1, total: 1, in_process: true}
warmup: 0
axes: {op: [get, put], rows: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], window: [0, 1Mi]}
repeat: 5
`), 0o644); err != nil {
		t.Fatal(err)
	}
	fresh := func() *exec.Cmd {
		return exec.Command("flightbench", "run", "-f", suite, "-o", filepath.Join(dir, "out"))
	}
	cmd, resumed, anew := fresh(), 0, 0
	var whole []byte // the lines of trials that were finished
	for kill := range 10 {
		least, most := bytes.Count(whole, []byte("\n")), 0 // trials to wait for
		if kill >= 4 {
			most = least + rng.IntN(25)
		}
		killAt(t, cmd, dir, most, time.Duration(rng.IntN(200))*time.Millisecond)
		run := runIn(dir)
		l, err := results.Open(run)
		if err != nil { // killed before there was a run
			if anew++; len(whole) > 0 {
				t.Fatalf("kill %d: %v, with %d trials in the run", kill, err, least)
			}
			if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
				t.Fatal(err)
			}
			cmd = fresh()
			continue
		}
		b, err := os.ReadFile(filepath.Join(run, results.TrialsFile))
		if err != nil && !os.IsNotExist(err) || !bytes.HasPrefix(b, whole) {
			t.Fatalf("kill %d: %v, or a finished trial was changed", kill, err)
		}
		whole = bytes.Clone(b[:bytes.LastIndexByte(b, '\n')+1])
		if n := bytes.Count(whole, []byte("\n")); n != len(l.Trials) {
			t.Fatalf("kill %d: %d trials stored, %d read", kill, n, len(l.Trials))
		}
		resumed++
		cmd = exec.Command("flightbench", "run", "--resume", run)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := results.Open(runIn(dir))
	if err != nil || len(l.Warnings) > 0 || l.Run.Status != results.StatusComplete {
		t.Fatalf("%v, warnings %q, status %s", err, l.Warnings, l.Run.Status)
	}
	seen := map[string]bool{}
	for _, tr := range l.Trials {
		c := tr.Config
		seen[fmt.Sprint(tr.Round, c.Op, c.Rows, c.Window)] = true
		if tr.Status != results.StatusOK {
			t.Errorf("trial %s is %s: %s", tr.ID, tr.Status, tr.Error)
		}
	}
	t.Logf("gone on with %d times, begun anew %d times", resumed, anew)
	if len(l.Trials) != 200 || len(seen) != 200 || resumed < 5 {
		t.Errorf("%d trials of %d points, gone on with %d times, want 200 of 200, 5 or more", len(l.Trials), len(seen), resumed)
	}
}

// killAt runs cmd until its run directory under dir has so many trials, and a
// little longer, and kills it with -9, unless it has ended by then.
func killAt(t *testing.T, cmd *exec.Cmd, dir string, trials int, later time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for have := -1; have < trials; {
		b, _ := os.ReadFile(filepath.Join(runIn(dir), results.TrialsFile))
		have = bytes.Count(b, []byte("\n"))
		select {
		case <-ended:
			have = trials
		case <-time.After(2 * time.Millisecond):
		}
	}
	select {
	case <-ended:
	case <-time.After(later):
	}
	_ = cmd.Process.Kill()
	<-ended
}
