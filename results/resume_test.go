package results_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightbench/results"
)

// plannedRun is a run of two Configs in two rounds.
func plannedRun() results.Run {
	a := results.Config{Op: "get", Rows: 1, Seed: 1<<64 - 1}
	b := a
	b.Rows, b.Window = 2, 1<<20
	return results.Run{Name: "r", Planned: 4, Plan: results.PlanOf([]results.Config{a, b}, 2), Seed: 1<<64 - 1}
}

// ended is a trial with one histogram of one sample.
func ended(id, status string) *results.Trial {
	h := results.NewHistogram()
	_ = h.RecordValue(12345)
	return &results.Trial{ID: id, Round: int(id[0] - '0'), Status: status, Started: time.Now(), Errors: map[string]int64{}, Config: results.Config{Op: "get"},
		Hists: map[string]*results.Encoded{"stream": {Intervals: []results.IntervalHistogram{{Seconds: 1, Histogram: h}}}}}
}

func TestPlanRoundTrip(t *testing.T) {
	b, err := json.Marshal(plannedRun())
	if err != nil {
		t.Fatal(err)
	}
	var run results.Run
	if err := json.Unmarshal(b, &run); err != nil {
		t.Fatal(err)
	}
	configs, err := run.Plan.Configs()
	if err != nil || len(configs) != 2 || configs[0].Seed != 1<<64-1 || configs[1].Rows != 2 || configs[1].Window != 1<<20 || configs[1].Op != "get" {
		t.Errorf("%+v, %v", configs, err)
	}
	if len(run.Plan.Points[0]) != 0 || len(run.Plan.Points[1]) != 2 {
		t.Errorf("points %s", run.Plan.Points)
	}
	run.Plan.Points[0]["colour"] = json.RawMessage(`"red"`)
	if _, err := run.Plan.Configs(); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("a field that no Config has: %v", err)
	}
}

// TestResume goes on with runs that ended in many ways: what went well stays
// as it was stored, the rest is gone, and new trials can be appended.
func TestResume(t *testing.T) {
	for _, tt := range []struct {
		name   string
		trials []*results.Trial
		damage func(t *testing.T, dir string)
		kept   string
		warn   string // a part of the warnings
	}{
		{"nothing yet", nil, nil, "", ""},
		{"no files yet", nil, func(t *testing.T, dir string) { remove(t, dir, results.TrialsFile); remove(t, dir, results.HlogFile) }, "", ""},
		{"all well", []*results.Trial{ended("1.1", "ok"), ended("1.2", "ok")}, nil, "1.1 1.2", ""},
		{"partial", []*results.Trial{ended("1.1", "ok"), ended("1.2", "partial")}, nil, "1.1", "partial: 1, to be measured again"},
		{"failed", []*results.Trial{ended("1.1", "failed"), ended("1.2", "ok"), ended("2.1", "failed")}, nil, "1.2", "failed: 2, to be measured again"},
		{"torn line", []*results.Trial{ended("1.1", "ok"), ended("1.2", "ok")}, func(t *testing.T, dir string) { cut(t, dir, results.TrialsFile, 9) }, "1.1", "torn"},
		{"line without its end", []*results.Trial{ended("1.1", "ok"), ended("1.2", "ok")}, func(t *testing.T, dir string) { cut(t, dir, results.TrialsFile, 1) }, "1.1 1.2", ""},
		{"torn histogram", []*results.Trial{ended("1.1", "ok"), ended("1.2", "partial")}, func(t *testing.T, dir string) { cut(t, dir, results.HlogFile, 9) }, "1.1", "torn"},
		{"damaged line", []*results.Trial{ended("1.1", "ok")}, func(t *testing.T, dir string) { add(t, dir, results.TrialsFile, "{}\nnonsense\n") }, "1.1", "damaged"},
		{"histograms without a trial", []*results.Trial{ended("1.1", "ok"), ended("1.2", "ok")}, func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, results.TrialsFile))
			if err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(string(b), "\n")
			if err := os.WriteFile(filepath.Join(dir, results.TrialsFile), []byte(line+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "1.1", "1.2"},
		{"a later version's field", []*results.Trial{ended("1.1", "ok")}, func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, results.TrialsFile))
			if err != nil {
				t.Fatal(err)
			}
			b = []byte(strings.Replace(string(b), "{", `{"later":5,`, 1))
			if err := os.WriteFile(filepath.Join(dir, results.TrialsFile), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "1.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := results.Create(t.TempDir(), plannedRun())
			if err != nil {
				t.Fatal(err)
			}
			for _, tr := range tt.trials {
				if err := w.Append(tr); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(results.StatusPartial); err != nil {
				t.Fatal(err)
			}
			if tt.damage != nil {
				tt.damage(t, w.Dir())
			}
			w, l, err := results.Resume(w.Dir())
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(l.Trials); got != tt.kept {
				t.Errorf("kept %q, want %q", got, tt.kept)
			}
			if said := strings.Join(l.Warnings, "; "); !strings.Contains(said, tt.warn) {
				t.Errorf("warnings %q do not tell %q", said, tt.warn)
			}
			for _, id := range []string{"1.1", "1.2", "2.1", "2.2"} {
				if err := w.Append(ended(id, "ok")); (err != nil) != strings.Contains(tt.kept, id) {
					t.Errorf("append %s: %v", id, err)
				}
			}
			if err := w.Close(results.StatusComplete); err != nil {
				t.Fatal(err)
			}
			l, err = results.Open(w.Dir())
			if err != nil || len(l.Trials) != 4 || len(l.Warnings) != 0 || len(l.Run.Resumed) != 1 || l.Run.Seed != 1<<64-1 {
				t.Fatalf("%v, trials %s, warnings %q, run %+v", err, ids(l.Trials), l.Warnings, l.Run)
			}
			for _, tr := range l.Trials {
				if e, err := l.Histograms(tr, "stream"); err != nil || len(e.Intervals) != 1 || e.Intervals[0].Histogram.TotalCount() != 1 {
					t.Errorf("trial %s: histograms %+v, %v", tr.ID, e, err)
				}
			}
			left, err := filepath.Glob(filepath.Join(w.Dir(), "*"))
			if err != nil || len(left) != 3 {
				t.Errorf("files %v, %v, want run.json, trials.jsonl and latency.hlog", left, err)
			}
			b, err := os.ReadFile(filepath.Join(w.Dir(), results.TrialsFile))
			if err != nil || strings.Contains(tt.name, "later") != strings.Contains(string(b), `"later":5`) {
				t.Errorf("%v: a line that is kept is not as it was: %s", err, b)
			}
		})
	}
}

func TestResumeRefuses(t *testing.T) {
	if _, _, err := results.Resume(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "no run directory") {
		t.Errorf("no directory: %v", err)
	}
	w, err := results.Create(t.TempDir(), plannedRun())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := results.Resume(w.Dir()); err == nil || !strings.Contains(err.Error(), "another flightbench is writing") {
		t.Errorf("while it is written: %v", err)
	}
	if err := w.Append(ended("1.1", "ok")); err != nil {
		t.Errorf("the writer after another was refused: %v", err)
	}
	if err := w.Append(ended("7.9", "ok")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(results.StatusPartial); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first leaves no lock behind
		if _, _, err := results.Resume(w.Dir()); err == nil || !strings.Contains(err.Error(), "trial 7.9 is none of the plan") {
			t.Errorf("a trial of another run: %v", err)
		}
	}
	run := plannedRun()
	run.Plan = nil
	if w, err = results.Create(t.TempDir(), run); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(results.StatusPartial); err != nil {
		t.Fatal(err)
	}
	if _, _, err := results.Resume(w.Dir()); err == nil || !strings.Contains(err.Error(), "holds no plan") {
		t.Errorf("no plan: %v", err)
	}
}

func ids(trials []*results.Trial) string {
	var s []string
	for _, t := range trials {
		s = append(s, t.ID)
	}
	return strings.Join(s, " ")
}

func remove(t *testing.T, dir, name string) {
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// cut takes the last n bytes of a file.
func cut(t *testing.T, dir, name string, n int64) {
	path := filepath.Join(dir, name)
	i, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, i.Size()-n)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, dir, name, text string) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprint(f, text)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
