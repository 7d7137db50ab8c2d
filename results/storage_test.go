package results_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

func TestRoundTrip(t *testing.T) {
	trials := resultstest.Matrix(2, resultstest.Ops("get", "put"), resultstest.Rows(128, 65536))
	run := resultstest.Run(len(trials))
	l := resultstest.Store(t, run, trials)
	if len(l.Warnings) != 0 {
		t.Errorf("warnings: %q", l.Warnings)
	}
	if want := "20250304-050607-first-look"; filepath.Base(l.Dir) != want {
		t.Errorf("directory is %s, want %s", filepath.Base(l.Dir), want)
	}
	if !reflect.DeepEqual(l.Run, run) {
		t.Errorf("run is\n%+v, want\n%+v", l.Run, run)
	}
	if len(l.Trials) != len(trials) {
		t.Fatalf("%d trials, want %d", len(l.Trials), len(trials))
	}
	for i, got := range l.Trials {
		want := trials[i].Storable()
		hists := want.Hists
		want.Hists = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("trial %d is\n%+v, want\n%+v", i, got, want)
		}
		if names := l.LatencyNames(got); len(names) != len(hists) {
			t.Errorf("trial %d has histograms of %v, want %d", i, names, len(hists))
		}
		for name, e := range hists {
			d, err := l.Histograms(got, name)
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Intervals) != len(e.Intervals) {
				t.Fatalf("%s: %d intervals, want %d", name, len(d.Intervals), len(e.Intervals))
			}
			for j, iv := range d.Intervals {
				if w := e.Intervals[j]; iv.Start != w.Start || iv.Seconds != w.Seconds || !iv.Histogram.Equals(w.Histogram) {
					t.Errorf("%s: interval %d differs: %v+%v, want %v+%v", name, j, iv.Start, iv.Seconds, w.Start, w.Seconds)
				}
			}
			merged, dropped := d.Merged()
			if dropped != 0 || results.Summarise(merged, 0, 0) != got.Latencies[name] {
				t.Errorf("%s: the histograms do not give the trial's percentiles", name)
			}
		}
	}
}

// The log must be readable by tools that know nothing of us.
func TestHlogIsStandard(t *testing.T) {
	l := resultstest.Store(t, resultstest.Run(1), resultstest.Matrix(1))
	b, err := os.ReadFile(filepath.Join(l.Dir, results.HlogFile))
	if err != nil {
		t.Fatal(err)
	}
	r := hdrhistogram.NewHistogramLogReader(bytes.NewReader(b))
	tags := map[string]int64{}
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		tags[h.Tag()] += h.TotalCount()
		if h.StartTimeMs() < resultstest.Start.UnixMilli() || h.EndTimeMs() <= h.StartTimeMs() {
			t.Errorf("interval of %s is %d to %d ms", h.Tag(), h.StartTimeMs(), h.EndTimeMs())
		}
	}
	for name, lat := range l.Trials[0].Latencies {
		if got := tags["t001."+name]; got != lat.Count {
			t.Errorf("%s: %d samples in the log, want %d", name, got, lat.Count)
		}
	}
}

func TestKilledProcess(t *testing.T) {
	trials := resultstest.Matrix(3)
	w, err := results.Create(t.TempDir(), resultstest.Run(len(trials)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials[:2] {
		if err := w.Append(tr); err != nil {
			t.Fatal(err)
		}
	}
	// No Close; the third trial was being written.
	appendTo(t, filepath.Join(w.Dir(), results.HlogFile), "Tag=t003.stream,1741064767.890,1.000,0.1,HISTFAAA\nTag=t003.stream,17410")
	appendTo(t, filepath.Join(w.Dir(), results.TrialsFile), `{"id":"t003","round":3,"conf`)
	l, err := results.Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Trials) != 2 || l.Run.Status != results.StatusPartial {
		t.Errorf("%d trials, run is %s", len(l.Trials), l.Run.Status)
	}
	for _, want := range []string{"trials.jsonl: the last line (3) is torn", "latency.hlog: the last line", `trial "t003"`, "2 of 3 planned"} {
		if !strings.Contains(strings.Join(l.Warnings, "\n"), want) {
			t.Errorf("no warning says %q: %q", want, l.Warnings)
		}
	}
	if e, err := l.Histograms(l.Trials[1], "stream"); err != nil || len(e.Intervals) == 0 {
		t.Errorf("histograms of the second trial: %v, %v", e, err)
	}
}

func TestDamagedLines(t *testing.T) {
	l := resultstest.Store(t, resultstest.Run(3), resultstest.Matrix(3))
	trials := filepath.Join(l.Dir, results.TrialsFile)
	b, err := os.ReadFile(trials)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	lines[1] = strings.Replace(lines[1], `"seconds":`, `"seconds":oops`, 1)
	write(t, trials, strings.Join(lines, "")+lines[0]+"null\n")
	hlog := filepath.Join(l.Dir, results.HlogFile)
	b, err = os.ReadFile(hlog)
	if err != nil {
		t.Fatal(err)
	}
	write(t, hlog, strings.Replace(string(b), "HISTF", "H!STF", 1)+"Tag=without-a-comma\nTag=a,x,1,1,HIST\n")

	l, err = results.Open(l.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Trials) != 2 {
		t.Errorf("%d trials, want 2", len(l.Trials))
	}
	all := strings.Join(l.Warnings, "\n")
	for _, want := range []string{"trials.jsonl: line 2 is damaged", "trials.jsonl: line 4 is skipped: trial t001", "trials.jsonl: line 5", "latency.hlog: line", "2 of 3 planned"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning says %q:\n%s", want, all)
		}
	}
	if _, err := l.Histograms(l.Trials[0], "batch_gap"); err == nil || !strings.Contains(err.Error(), "line") {
		t.Errorf("a damaged histogram gave %v", err)
	}
	write(t, filepath.Join(l.Dir, results.RunFile), `{"schema":1,`)
	if l, err = results.Open(l.Dir); err != nil || len(l.Trials) != 2 || !strings.Contains(strings.Join(l.Warnings, "\n"), "run.json is damaged") {
		t.Errorf("a damaged run.json: %v", err)
	}
	write(t, filepath.Join(l.Dir, results.RunFile), `{"schema":99}`)
	if _, err = results.Open(l.Dir); err == nil || !strings.Contains(err.Error(), "newer flightbench") {
		t.Errorf("a newer schema: %v", err)
	}
}

func TestCreateErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	full := t.TempDir()
	write(t, filepath.Join(full, "x"), "")
	for name, create := range map[string]func() (*results.Writer, error){
		"a file is in the way": func() (*results.Writer, error) { return results.Create(filepath.Join(file, "out"), results.Run{}) },
		"no folder":            func() (*results.Writer, error) { return results.Create("", results.Run{}) },
		"not empty":            func() (*results.Writer, error) { return results.CreateAt(full, results.Run{}) },
	} {
		_, err := create()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.Contains(err.Error(), "--output") && !strings.Contains(err.Error(), "name an empty") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: no remedy in %q", name, err)
		}
	}
	if _, err := results.Open(full); err == nil || !strings.Contains(err.Error(), "no run directory") {
		t.Errorf("open of a folder without a run: %v", err)
	}
}

func TestNamesAndIDs(t *testing.T) {
	out := t.TempDir()
	run := results.Run{Name: "../../ä b\x00c", Started: resultstest.Start}
	for _, want := range []string{"20250304-050607-b-c", "20250304-050607-b-c-2", "20250304-050607-b-c-3"} {
		w, err := results.Create(out, run)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(w.Dir()) != want || filepath.Dir(w.Dir()) != out {
			t.Errorf("directory is %s, want %s in %s", w.Dir(), want, out)
		}
		tr := resultstest.Matrix(1)[0]
		for _, id := range []string{"", "a b", "a,b", "a\nb", "../x/y"} {
			tr.ID = id
			if err := w.Append(tr); err == nil {
				t.Errorf("trial id %q was taken", id)
			}
		}
		tr.ID = "1"
		if err := w.Append(tr); err != nil {
			t.Error(err)
		}
		if err := w.Append(tr); err == nil {
			t.Error("an id was taken twice")
		}
		if err := w.Close("done"); err == nil {
			t.Error("a run status was made up")
		}
		if err := w.Close(results.StatusPartial); err != nil {
			t.Error(err)
		}
		tr.ID = "2"
		if err := w.Append(tr); err == nil {
			t.Error("a closed run took a trial")
		}
	}
}

func TestNotANumber(t *testing.T) {
	tr := resultstest.Matrix(1)[0]
	tr.Metrics[results.ClientCPU] = results.Metric{Value: math.NaN(), Unit: "s/GB", Better: "lower"}
	tr.Metrics[results.BodyRate] = results.Metric{Value: math.Inf(1), Unit: "B/s", Better: "higher"}
	tr.Errors, tr.Timeline = nil, nil
	l := resultstest.Store(t, resultstest.Run(1), []*results.Trial{tr})
	got := l.Trials[0]
	if _, ok := got.Metrics[results.ClientCPU]; ok || len(got.Warnings) != 2 || len(tr.Warnings) != 0 {
		t.Errorf("metrics %v, warnings %q", got.Metrics, got.Warnings)
	}
	var b bytes.Buffer
	if err := results.WriteJSON(&b, l.Run, []*results.Trial{tr}); err != nil {
		t.Fatal(err)
	}
	for _, empty := range []string{`"errors": {}`, `"timeline": []`} {
		if !strings.Contains(b.String(), empty) {
			t.Errorf("no %s in the document", empty)
		}
	}
	var d results.Document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil || d.Schema != 1 || len(d.Trials) != 1 {
		t.Errorf("%v: %+v", err, d)
	}
}

func appendTo(t *testing.T, path, s string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, s); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, s string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
}
