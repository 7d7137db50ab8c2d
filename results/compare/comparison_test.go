package compare_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/internal/resultstest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scaled changes the metrics and latencies of trials of which is holds: rates
// and times by factor, which is more than 1 where they are faster.
func scaled(trials []*results.Trial, factor float64, is func(results.Config) bool) {
	for _, t := range trials {
		if !is(t.Config) {
			continue
		}
		for name, m := range t.Metrics {
			if strings.HasSuffix(name, "_per_second") {
				m.Value *= factor
			} else {
				m.Value /= factor
			}
			t.Metrics[name] = m
		}
		for name, l := range t.Latencies {
			l.P50, l.P99 = int64(float64(l.P50)/factor), int64(float64(l.P99)/factor)
			t.Latencies[name] = l
		}
	}
}

// twoTargets are two builds. The spare one is dropped: it only makes the dice
// fall otherwise, as in one of twenty tables something differs by luck.
var twoTargets = resultstest.Targets("old", "spare", "new")

// run makes up a run of get and put, whose rounds are slower from one to the
// next, by as much for all.
func run(rounds int, axes ...resultstest.Axis) *results.Loaded {
	trials := resultstest.Matrix(rounds, append([]resultstest.Axis{resultstest.Ops("get", "put"), resultstest.Rows(65536)}, axes...)...)
	trials = slices.DeleteFunc(trials, func(t *results.Trial) bool { return t.Config.Target == "spare" })
	places := map[string]int{}
	for _, t := range trials {
		scaled([]*results.Trial{t}, 1-0.02*float64(t.Round), func(results.Config) bool { return true })
		key := t.Config.Key()
		if places[key] == 0 {
			places[key] = 2*len(places) + 1
			if t.Config.Target == "new" { // the plan names it after old
				places[key] += 100
			}
		}
		t.ID = fmt.Sprintf("%d.%d", t.Round, places[key])
	}
	return &results.Loaded{Dir: "runs/1", Run: resultstest.Run(len(trials)), Trials: trials}
}

func target(name string) func(results.Config) bool {
	return func(c results.Config) bool { return c.Target == name }
}

var options = compare.Options{Detect: 0.05}

func by(fields ...string) compare.Options {
	o := options
	o.By = fields
	return o
}

func gates(t *testing.T, o compare.Options, text ...string) compare.Options {
	t.Helper()
	for _, s := range text {
		g, err := compare.ParseGate(s)
		if err != nil {
			t.Fatal(err)
		}
		o.Gates = append(o.Gates, g)
	}
	return o
}

func TestWithin(t *testing.T) {
	l := run(12, twoTargets)
	scaled(l.Trials, 0.88, func(c results.Config) bool { return c.Target == "new" && c.Op == "put" })
	c, err := compare.Within(l, by("target"))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Paired || len(c.Pairs) != 2 || c.Old.Name != "old" || c.New.Name != "new" {
		t.Fatalf("paired %v, %d pairs, %s and %s", c.Paired, len(c.Pairs), c.Old.Name, c.New.Name)
	}
	for _, p := range c.Pairs {
		if len(p.Cells) < 6 {
			t.Errorf("%s: %d cells", p.Name(), len(p.Cells))
		}
		for _, cell := range p.Cells {
			if cell.Rounds != 12 || cell.Old.N != 12 || cell.ChangeLow == nil || *cell.ChangeLow > *cell.Change || *cell.Change > *cell.ChangeHigh {
				t.Errorf("%s %s: %+v", p.Name(), cell.Figure, cell)
			}
			rate := cell.Figure == results.BodyRate
			switch {
			case p.Config.Op == "put" && rate && (cell.Word != "slower" || math.Abs(*cell.Change+0.12) > 0.03):
				t.Errorf("put is 12 %% slower, and %s is %s: %v", cell.Figure, cell.Word, *cell.Change)
			case p.Config.Op == "get" && (cell.Outcome == compare.Better || cell.Outcome == compare.Worse):
				t.Errorf("get is as fast, and %s is %s (p %v)", cell.Figure, cell.Word, cell.P)
			case p.Config.Op == "get" && rate && cell.Word != "no difference found":
				t.Errorf("get is as fast, and %s is %s: %v to %v", cell.Figure, cell.Word, *cell.ChangeLow, *cell.ChangeHigh)
			}
		}
	}
}

// TestFewRounds calls nothing different or alike on three rounds.
func TestFewRounds(t *testing.T) {
	l := run(3, twoTargets)
	scaled(l.Trials, 0.5, target("new"))
	c, err := compare.Within(l, by("target"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if cell.Word != "cannot tell: too few rounds" || cell.MoreRounds != 0 && cell.MoreRounds < 3 || cell.ChangeLow != nil {
				t.Errorf("%s: %s, %d more rounds, interval from %v", cell.Figure, cell.Word, cell.MoreRounds, cell.ChangeLow)
			}
		}
	}
}

func TestBetween(t *testing.T) {
	old, new := run(8, resultstest.Targets("grpc://a:1")), run(8, resultstest.Targets("grpc://b:2"))
	for i, tr := range new.Trials {
		tr.Config.GOMAXPROCS = 4
		scaled([]*results.Trial{tr}, 2*(1+0.001*float64(i%3)), target("grpc://b:2"))
	}
	new.Run.Environment.Kernel, new.Run.Version = "6.2.0", "v0.2.0"
	c, err := compare.Between(old, new, options)
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, d := range c.Differences {
		what = append(what, d.What)
	}
	if want := []string{"version", "kernel", "target", "gomaxprocs"}; !slices.Equal(what, want) {
		t.Errorf("differences %q, want %q", what, want)
	}
	if c.Paired || len(c.Pairs) != 2 {
		t.Fatalf("paired %v, %d pairs", c.Paired, len(c.Pairs))
	}
	// The rounds fall by 2 % each, which might go on from run to run: the interval is as wide as that.
	for _, p := range c.Pairs {
		if cell := p.Cells[0]; cell.Word != "faster" || *cell.ChangeLow > 0.6 || *cell.ChangeHigh < 1.4 {
			t.Errorf("%s: %s from %v to %v", cell.Figure, cell.Word, *cell.ChangeLow, *cell.ChangeHigh)
		}
	}
	again, err := compare.Between(old, old, options)
	if err != nil {
		t.Fatal(err)
	}
	if again.Count(compare.Better)+again.Count(compare.Worse) > 0 || len(again.Differences) > 0 {
		t.Errorf("a run differs from itself: %s %v", again.Summary(), again.Differences)
	}
}

func TestRefused(t *testing.T) {
	one, other := run(6), run(6)
	for _, tr := range other.Trials {
		tr.Config.Seed, tr.Config.Rows = 7, 128
	}
	incomplete := run(6)
	for _, tr := range incomplete.Trials {
		tr.Verdict = results.VerdictIncomplete
	}
	two := run(6, twoTargets)
	for _, c := range []struct {
		name string
		runs []*results.Loaded
		o    compare.Options
		want string
	}{
		{"other workload", []*results.Loaded{one, other}, options, "rows is 65,536 in OLD and 128 in NEW, seed is 1 in OLD and 7 in NEW; to compare in spite of it: --by rows,seed"},
		{"no valid trial", []*results.Loaded{one, incomplete}, options, "ended well"},
		{"no trial", []*results.Loaded{one, {}}, options, "NEW holds no trial"},
		{"one run, no field", []*results.Loaded{one}, options, "add --by"},
		{"one value", []*results.Loaded{one}, by("target"), "all trials have embedded: in this run vary op"},
		{"no such field", []*results.Loaded{one}, by("colour"), `--by "colour"`},
		{"no such base", []*results.Loaded{two}, compare.Options{By: []string{"target"}, Base: "older", Detect: 0.05}, `target has the values old, new`},
		{"base of two runs", []*results.Loaded{one, one}, compare.Options{Base: "old", Detect: 0.05}, "--base"},
		{"nothing matters", []*results.Loaded{one, one}, compare.Options{}, "detect"},
		{"ambiguous", []*results.Loaded{two, two}, by("target"), "differ in nothing but target"},
		{"gate without figure", []*results.Loaded{two}, gates(t, by("target"), "exchange.p99<=5ms"), "no configuration has exchange.p99"},
		{"gate in another unit", []*results.Loaded{two}, gates(t, by("target"), "rows_per_second>=5ms"), "measured in rows/s"},
	} {
		_, err := compare.Runs(c.runs, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", c.name, err, c.want)
		}
		if compare.IsGateError(err) != strings.HasPrefix(c.name, "gate") {
			t.Errorf("%s: is a gate's error: %v", c.name, compare.IsGateError(err))
		}
	}
	c, err := compare.Between(one, other, by("rows", "seed"))
	if err != nil || len(c.Pairs) != 2 || !strings.HasPrefix(string(c.Pairs[0].Cells[0].Figure), "rows_per_second") {
		t.Errorf("in spite of it: %v, %+v", err, c)
	}
}

// TestCodecs compares rows, not bytes, where bodies differ.
func TestCodecs(t *testing.T) {
	c, err := compare.Within(run(6, resultstest.Codecs("none", "lz4", "zstd")), by("compression"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range c.Pairs {
		names = append(names, p.Name())
		if f := p.Cells[0].Figure; f != results.RowRate {
			t.Errorf("%s: the rate is %s", p.Name(), f)
		}
	}
	if want := []string{"get: none → lz4", "get: none → zstd", "put: none → lz4", "put: none → zstd"}; !slices.Equal(names, want) {
		t.Errorf("pairs %q, want %q", names, want)
	}
}

// TestDroppedTrials counts none that failed or is incomplete, and pairs the
// rounds that are left.
func TestDroppedTrials(t *testing.T) {
	l := run(8, twoTargets)
	for _, tr := range l.Trials {
		if tr.Config.Op == "get" && tr.Config.Target == "old" && tr.Round == 2 {
			tr.Status = results.StatusFailed
		}
		if tr.Config.Op == "get" && tr.Config.Target == "new" && tr.Round == 5 {
			tr.Verdict = results.VerdictIncomplete
		}
		if tr.Config.Op == "put" && tr.Round == 1 {
			tr.Verdict = results.VerdictGeneratorBound
		}
	}
	c, err := compare.Within(l, by("target"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Pairs[0].Cells[0].Rounds, c.Pairs[1].Cells[0].Rounds; a != 6 || b != 8 {
		t.Errorf("get on %d rounds, put on %d, want 6 and 8", a, b)
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "2 of 30 trials are generator-bound") }) {
		t.Errorf("notes %q do not tell of the generator", c.Notes)
	}
}

func TestZeros(t *testing.T) {
	l := run(7, twoTargets)
	for _, tr := range l.Trials {
		m := results.Metric{Unit: "1", Better: "lower"}
		if tr.Config.Op == "put" && tr.Config.Target == "new" {
			m.Value = 0.01
		}
		tr.Metrics["error_share"] = m
	}
	o := by("target")
	o.Figures = []compare.Figure{"error_share"}
	c, err := compare.Within(l, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Pairs[0].Cells[0].Word; got != "no difference found" {
		t.Errorf("no errors on both sides: %s", got)
	}
	if cell := c.Pairs[1].Cells[0]; cell.Outcome != compare.Unknown || cell.Change != nil || !strings.Contains(cell.Word, "ratio") {
		t.Errorf("no errors against some: %s, change %v", cell.Word, cell.Change)
	}
}

// TestPrinted compares every output with what was looked at once.
func TestPrinted(t *testing.T) {
	l := run(10, twoTargets)
	scaled(l.Trials, 0.88, func(c results.Config) bool { return c.Target == "new" && c.Op == "put" })
	within, err := compare.Within(l, gates(t, by("target"), "body_bytes_per_second>=-3%", "put_ack.p99<=+10%", "first_batch.p99<=20ms", "client_cpu_seconds_per_gigabyte<=2s"))
	if err != nil {
		t.Fatal(err)
	}
	later := run(8)
	later.Dir, later.Run.Version, later.Run.Started = "runs/2", "v0.2.0", later.Run.Started.AddDate(0, 0, 1)
	between, err := compare.Between(run(8, resultstest.Codecs("none", "lz4")), later, options)
	if err != nil {
		t.Fatal(err)
	}
	for name, print := range map[string]func(*bytes.Buffer) error{
		"within.txt":   func(b *bytes.Buffer) error { return within.Print(b, "table", 100) },
		"narrow.txt":   func(b *bytes.Buffer) error { return within.Print(b, "table", 70) },
		"within.md":    func(b *bytes.Buffer) error { return within.Print(b, "markdown", 0) },
		"between.txt":  func(b *bytes.Buffer) error { return between.Print(b, "table", 100) },
		"within.bench": func(b *bytes.Buffer) error { return within.Print(b, "benchfmt", 0) },
	} {
		var b bytes.Buffer
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s differs; go test ./results/compare -update writes it anew, git diff shows how:\n%s", path, b.String())
		}
	}
}

// TestJSON is JSON with the fields of the contract, and without infinities.
func TestJSON(t *testing.T) {
	c, err := compare.Within(run(4, twoTargets), by("target"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b, "json", 0); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Schema int
		Pairs  []struct {
			Label string
			Cells []map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &d); err != nil || d.Schema != 1 || len(d.Pairs) != 2 {
		t.Fatalf("%v: %+v", err, d)
	}
	cell := d.Pairs[0].Cells[0]
	for _, name := range []string{"metric", "unit", "better", "old", "new", "rounds", "change", "change_low", "change_high", "p", "mann_whitney_p", "outcome", "word", "reason", "more_rounds"} {
		if _, ok := cell[name]; !ok {
			t.Errorf("a cell has no %s: %v", name, cell)
		}
	}
	if cell["change_low"] != nil {
		t.Errorf("4 rounds have no interval, and it begins at %v", cell["change_low"])
	}
}

// TestBenchstat lets benchstat read what is printed for it.
func TestBenchstat(t *testing.T) {
	l := run(10, twoTargets)
	scaled(l.Trials, 0.8, target("new"))
	c, err := compare.Within(l, by("target"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b, "benchfmt", 0); err != nil {
		t.Fatal(err)
	}
	r := benchfmt.NewReader(bytes.NewReader(b.Bytes()), "out")
	sides := map[string]int{}
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Fatal(rec)
		case *benchfmt.Result:
			sides[rec.GetConfig("side")]++
			if v, ok := rec.Value("B/s"); !ok || v < 1e6 {
				t.Errorf("%s: %v B/s", rec.Name, v)
			}
		}
	}
	if r.Err() != nil || sides["old"] != 20 || sides["new"] != 20 {
		t.Fatalf("%v: lines by side %v, want 20 each", r.Err(), sides)
	}
	path := filepath.Join(t.TempDir(), "both.txt")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "tool", "benchstat", "-col", "side", path).CombinedOutput()
	if err != nil {
		t.Fatalf("benchstat: %v\n%s", err, out)
	}
	for _, want := range []string{"Get/workload=perf/rows=65536", "B/s", "-20.", "put_ack_p99-sec", "p=0.000 n=10"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("benchstat does not print %q:\n%s", want, out)
		}
	}
}

// TestLoad reads a run directory and the JSON of the same run alike.
func TestLoad(t *testing.T) {
	trials := resultstest.Matrix(6, resultstest.Targets("old", "new"))
	stored := resultstest.Store(t, resultstest.Run(len(trials)), trials)
	path := filepath.Join(t.TempDir(), "run.json")
	var b bytes.Buffer
	if err := results.WriteJSON(&b, stored.Run, stored.Trials); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(b.String())
	var texts []string
	for _, p := range []string{stored.Dir, path} {
		l, err := compare.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := compare.Within(l, by("target"))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := c.Print(&out, "table", 0); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(out.String(), "\n")
		texts = append(texts, text)
	}
	if texts[0] != texts[1] {
		t.Errorf("of the directory:\n%s\nof the JSON:\n%s", texts[0], texts[1])
	}
	for text, want := range map[string]string{
		"": "neither", "{\n\n}x": "line 3", `{"schema":99,"trials":[]}`: "newer flightbench", `{"a":1}`: "no schema", `{"schema":1,"trials":[null]}`: "trial 1 is null",
	} {
		write(text)
		if _, err := compare.Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := compare.Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file is read")
	}
}

// TestEveryFigureHasADirection finds that what trials say is better is what
// gates take for it.
func TestEveryFigureHasADirection(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, op := range []string{"get", "put", "exchange", "info", "action:ping"} {
		c := resultstest.Config()
		c.Op = op
		tr := resultstest.Trial("1.1", 1, c, rng)
		for name, m := range tr.Metrics {
			if got := compare.Figure(name).Better(); got != m.Better {
				t.Errorf("%s: %s is better, %s says the trial", name, got, m.Better)
			}
		}
		if m, ok := compare.Figure("call.p99").Of(tr); ok != (op == "info" || op == "action:ping") || ok && m.Value == 0 {
			t.Errorf("%s: call.p99 is %v, %v", op, m, ok)
		}
	}
	for _, name := range results.Metrics {
		if _, err := compare.ParseFigure(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range results.Latencies {
		if _, err := compare.ParseFigure(name + ".p99"); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := compare.ParseFigures([]string{}); err == nil {
		t.Error("an empty list is taken")
	}
	for s, want := range map[string]string{"5%": "0.05", " 2.5 % ": "0.025", "5": "", "0%": "", "-5%": "", "100%": "", "": ""} {
		got, err := compare.ParseDetect(s)
		if text := fmt.Sprint(got); err == nil && text != want || err != nil && want != "" {
			t.Errorf("%q: %v, %v, want %q", s, got, err, want)
		}
	}
}

// TestDocs finds the example of docs/comparing.md to be what is printed.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/comparing.md")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/within.txt")
	if err != nil {
		t.Fatal(err)
	}
	table, gates, _ := strings.Cut(string(golden), "\n\ngate ")
	for _, part := range []string{table, "gate " + strings.TrimSpace(gates)} {
		if !strings.Contains(string(page), "```\n"+part+"\n```") {
			t.Errorf("docs/comparing.md does not show:\n%s", part)
		}
	}
}
