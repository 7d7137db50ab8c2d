package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flightbench/results"
)

// runOf runs flightbench and returns the directory of its run. Its figures
// may be doubtful, since tests share their machine.
func runOf(t *testing.T, args ...string) *results.Loaded {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("flightbench", append([]string{"run", "-o", out}, args...)...)
	text, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != exitNotValid {
		t.Fatalf("flightbench run %v: %v\n%s", args, err, text)
	}
	return opened(t, out)
}

// opened is the only run in a folder.
func opened(t *testing.T, out string) *results.Loaded {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v, runs %v, want one", err, dirs)
	}
	l, err := results.Open(dirs[0])
	if err != nil || len(l.Warnings) > 0 {
		t.Fatalf("%v, warnings %q", err, l.Warnings)
	}
	return l
}

func smallRun(t *testing.T, repeat int) *results.Loaded {
	return runOf(t, "--op", "get,put", "--rows", "500,4096", "--repeat", strconv.Itoa(repeat), "-z", "300ms", "--warmup", "50ms", "--batches", "20")
}

// exported runs export on l and returns what it printed.
func exported(t *testing.T, l *results.Loaded, args ...string) string {
	t.Helper()
	stdout, stderr, code := flightbench(t, append([]string{"export", l.Dir}, args...)...)
	if code != 0 || stderr != "" {
		t.Fatalf("export %v: code %d, %s", args, code, stderr)
	}
	return stdout
}

// TestExportPyarrow has pyarrow read the tables as CSV and as Parquet, and
// check every cell that trials.jsonl has.
func TestExportPyarrow(t *testing.T) {
	py, l, dir := python(t), smallRun(t, 1), t.TempDir()
	for _, table := range []string{"trials", "timeline", "latencies"} {
		for _, format := range []string{"csv", "parquet"} {
			exported(t, l, "--format", format, "--what", table, "-o", filepath.Join(dir, table+"."+format))
		}
	}
	out, err := exec.Command(py, "../../scripts/peers/pyarrow_export.py", l.Dir, dir).CombinedOutput()
	if err != nil || strings.Count(string(out), "ok ") != 6 {
		t.Errorf("%v, want ok of 6 files\n%s", err, out)
	}
}

// TestExportBenchstat has benchstat compare a run with itself: it finds every
// Config once, with the median that the run has, and no difference.
func TestExportBenchstat(t *testing.T) {
	l := smallRun(t, 5)
	var files []string
	for _, name := range []string{"old.txt", "new.txt"} {
		files = append(files, filepath.Join(t.TempDir(), name))
		exported(t, l, "--format", "benchfmt", "--metrics", "body_bytes_per_second,stream.p99", "-o", files[len(files)-1])
	}
	cmd := exec.Command("go", append([]string{"tool", "benchstat", "-format", "csv"}, files...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints // of too few samples
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("benchstat: %v\n%s", err, &complaints)
	}
	groups := results.GroupTrials(l.Trials)
	if len(groups) != 4 {
		t.Fatalf("%d configurations, want 4", len(groups))
	}
	rates, latencies, _ := strings.Cut(string(out), "stream_p99-sec")
	for _, g := range groups {
		c := g.Config
		name := fmt.Sprintf("%s/workload=perf/rows=%d/transport=direct/compression=none/concurrency=%d-%d", map[string]string{"get": "Get", "put": "Put"}[c.Op], c.Rows, c.Concurrency, c.GOMAXPROCS)
		if c.GOMAXPROCS == 1 {
			name = strings.TrimSuffix(name, "-1")
		}
		for _, part := range []struct {
			text  string
			value float64
		}{{rates, g.Metric(results.BodyRate).Median}, {latencies, g.Latency("stream", results.P99).Median / 1e9}} {
			m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `,([0-9.e+-]+),[^,]*,([0-9.e+-]+),[^,]*,~,p=1.000 n=5`).FindStringSubmatch(part.text)
			if m == nil {
				t.Errorf("%s is not in what benchstat says:\n%s", name, part.text)
				continue
			}
			old, _ := strconv.ParseFloat(m[1], 64)
			if m[1] != m[2] || math.Abs(old-part.value) > 1e-6*part.value {
				t.Errorf("%s: medians %s and %s, want %v", name, m[1], m[2], part.value)
			}
		}
	}
	if stdout := exported(t, l, "--format", "benchfmt"); !strings.Contains(stdout, "Unit B/s better=higher\n") || !strings.Contains(stdout, "Unit stream_p99-ns better=lower\n") ||
		!strings.Contains(stdout, "goos: "+l.Run.Environment.OS+"\n") || !strings.Contains(stdout, "goarch: ") {
		t.Errorf("units or machine are not told:\n%s", stdout)
	}
}

// TestHistogramLogReader has HdrHistogram's own reader, in Java, read latency.hlog
// and finds in every tag what trials.jsonl says of it; its log processor and
// ours write the same distribution.
func TestHistogramLogReader(t *testing.T) {
	java, l, dir := javaPeer(t), smallRun(t, 1), t.TempDir()
	hlog := filepath.Join(l.Dir, results.HlogFile)
	want := map[string]string{}
	for _, tr := range l.Trials {
		for name, s := range tr.Latencies {
			want[tr.ID+"."+name] = fmt.Sprintf("%d %d %d %d", s.Count, s.Max, s.P50, s.P99)
		}
	}
	lines := strings.Split(strings.TrimSpace(runClient(t, java, "hlog", hlog)), "\n")
	for _, line := range lines {
		tag, figures, _ := strings.Cut(line, " ")
		if want[tag] != figures {
			t.Errorf("%s: the reader has count, max, p50, p99 %s, trials.jsonl has %s", tag, figures, want[tag])
		}
	}
	if len(lines) != len(want) || len(want) < 10 {
		t.Errorf("the reader has %d tags, trials.jsonl %d, want the same and 10 at least", len(lines), len(want))
	}
	exported(t, l, "--format", "hgrm", "-o", dir)
	runClient(t, java, append([]string{"hgrm", hlog, dir}, slices.Collect(maps.Keys(want))...)...)
	for _, g := range results.GroupTrials(l.Trials) {
		for name, s := range g.Trials[0].Latencies {
			file := fmt.Sprintf("%s-%d-rows.%s.hgrm", g.Config.Op, g.Config.Rows, name)
			ours, total := distribution(t, filepath.Join(dir, file))
			theirs, _ := distribution(t, filepath.Join(dir, g.Trials[0].ID+"."+name+".hgrm"))
			if total != s.Count || len(ours) != len(theirs) {
				t.Errorf("%s: %d samples in %d lines, want %d in %d", file, total, len(ours), s.Count, len(theirs))
				continue
			}
			for i := range ours {
				if !alike(ours[i], theirs[i]) {
					t.Errorf("%s: line %d is %q, HdrHistogram's %q", file, i+1, ours[i], theirs[i])
				}
			}
		}
	}
}

// distribution is the words of a percentile distribution's lines, with the
// figures at its end, and its total count.
func distribution(t *testing.T, path string) (lines [][]string, total int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#[StartTime") || strings.HasPrefix(line, "#[Overall") {
			continue
		}
		if _, n, ok := strings.Cut(line, "Total count    ="); ok {
			total, _ = strconv.ParseInt(strings.Trim(n, " ]\n"), 10, 64)
		}
		lines = append(lines, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" ,]\n", r) }))
	}
	return lines, total
}

// alike tells whether two lines hold the same words, and numbers that differ by
// one in their last digit at most: Java rounds a half up, Go to the even digit.
func alike(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool {
		v, errX := strconv.ParseFloat(x, 64)
		w, errY := strconv.ParseFloat(y, 64)
		if errX != nil || errY != nil {
			return x == y
		}
		_, decimals, _ := strings.Cut(x, ".")
		_, others, _ := strings.Cut(y, ".")
		unit := math.Pow10(-len(decimals))
		if decimals == "" {
			unit = 0 // a count
		}
		return len(decimals) == len(others) && math.Abs(v-w) <= 1.5*unit
	})
}
