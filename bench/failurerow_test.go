package bench

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/results"
)

// TestRowOfFailures plays iterations to the counts: "g" went well, "b" failed,
// "m" is a batch that arrived, and "w" is longer than a server is waited for.
func TestRowOfFailures(t *testing.T) {
	const slots = 4
	long := strings.Repeat("b", 40)
	for _, c := range []struct {
		name, play  string
		ended, lost bool // while it ran, or once it was over
	}{
		{"all is well", "mgmgmg", false, false},
		{"none went well", "bbbbbbbb", true, true},
		{"... and failures take their time", "bbbbwb", true, true},
		{"the first of each slot fails", "bbbbb" + "mgmg", false, false},
		{"... and nothing else comes", "bbbb", false, true},
		{"the server is gone", "mg" + long + "w" + long, true, true},
		{"... for a moment", "mg" + long + "w" + "g" + long + "g", false, false},
		{"... and the window ends", "mg" + long, false, true},
		{"... while data were on their way", "mgb" + "m" + long + "w" + long, true, true},
		{"... of the first streams, that never ended", "m" + long + "w" + long, true, true},
		{"... and the window ends before all data had come", "mgb" + long + "m", false, false},
		{"one stream goes on", "mg" + strings.Repeat("bbbbbbbbbbbbbbbbbbwm", 20), false, false},
		{"a few failed", "mg" + "bbbbbbbb" + "w" + "bbbb", false, false},
		{"half fail", strings.Repeat("mgb", 100) + strings.Repeat("b", 17) + "w" + "b", false, false},
		{"nine of ten fail", strings.Repeat("mg"+"bbbbbbbbb", 100) + long + "w" + long, false, false},
		{"... and then all", strings.Repeat("mg"+"bbbbbbbbb", 100) + strings.Repeat(long, 4) + "w" + "b", true, true},
	} {
		var f failures
		var batches int64
		moved := func() int64 { return batches }
		ended, failed := false, 0
		for _, what := range c.play {
			switch what {
			case 'g':
				f.succeed()
			case 'b':
				failed++
				ended = f.fail(status.Error(codes.Unavailable, "gone"), failed <= slots, slots, moved) != nil
			case 'm':
				batches++
			case 'w':
				f.rowBegan = f.rowBegan.Add(-2 * patience)
			}
		}
		if ended != c.ended {
			t.Errorf("%s: ended %v, want %v", c.name, ended, c.ended)
		}
		if lost := f.lost(slots, moved) != nil; lost != c.lost {
			t.Errorf("%s: lost %v, want %v", c.name, lost, c.lost)
		}
	}
}

// TestMostFailed calls figures incomplete that are those of a minority, unless
// the failures were asked for.
func TestMostFailed(t *testing.T) {
	for _, c := range []struct {
		good, bad int
		provoke   string
		verdict   string
	}{
		{100, 0, "", results.VerdictValid},
		{50, 50, "", results.VerdictValid},
		{34, 1330, "", results.VerdictIncomplete},
		{34, 1330, "internal:2", results.VerdictValid},
	} {
		tr := &trial{out: &results.Trial{Status: results.StatusOK, Batches: 9, Config: results.Config{Provoke: c.provoke}}, before: &results.Peer{}}
		for range c.good {
			tr.failures.succeed()
		}
		for range c.bad {
			tr.failures.add(status.Error(codes.Internal, "no"))
		}
		tr.judge()
		if tr.out.Verdict != c.verdict || (len(tr.out.Evidence) > 0) != (c.verdict != results.VerdictValid) || (len(tr.warnings) > 0) != (c.bad > 0) {
			t.Errorf("%+v: %s %q, warnings %q", c, tr.out.Verdict, tr.out.Evidence, tr.warnings)
		}
	}
}

// TestRowBeginsWhenItsFirstFails is about the time that a row has lasted.
func TestRowBeginsWhenItsFirstFails(t *testing.T) {
	var f failures
	f.succeed()
	moved := int64(0)
	before := time.Now()
	for range 3 {
		moved++
		_ = f.fail(status.Error(codes.Internal, "no"), false, 4, func() int64 { return moved })
		if f.still != 1 || f.rowBegan.Before(before) {
			t.Errorf("a row of %d since %v, want 1 since now", f.still, time.Since(f.rowBegan))
		}
		before = f.rowBegan
	}
}
