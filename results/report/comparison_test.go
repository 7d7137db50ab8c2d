package report_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/internal/resultstest"
	"flightbench/results/report"
)

// twoTargets is a run of an old server and one that is slower and says so.
func twoTargets() []*results.Trial {
	trials := resultstest.Matrix(8, resultstest.Targets("old", "new<b>"), resultstest.Ops("get", "put"))
	for _, t := range trials {
		if m := t.Metrics[results.BodyRate]; t.Config.Target == "old" {
			m.Value *= 1.5
			t.Metrics[results.BodyRate] = m
		}
	}
	return trials
}

func TestWriteComparison(t *testing.T) {
	l := resultstest.Store(t, resultstest.Run(32), twoTargets())
	l.Warnings = append(l.Warnings, "a line <of> it is torn")
	gate, err := compare.ParseGate("body_bytes_per_second>=-3%")
	if err != nil {
		t.Fatal(err)
	}
	page := func(gates ...compare.Gate) string {
		c, err := compare.Within(l, compare.Options{By: []string{"target"}, Base: "old", Detect: 0.05, Gates: gates})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "page.html")
		if err := report.WriteComparison(path, "v1", c, l, l); err != nil {
			t.Fatal(err)
		}
		if *keep != "" {
			if err := report.WriteComparison(filepath.Join(*keep, "comparison.html"), "v1", c, l, l); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Pairs {
			for _, cell := range p.Cells {
				line := cell.Line()
				if !strings.Contains(string(b), line.Figure) || !strings.Contains(string(b), line.New) {
					t.Errorf("the page lacks %+v", line)
				}
			}
		}
		return string(b)
	}
	missed, plain := page(gate), page()
	for _, want := range []string{"A gate is missed", `<td class="worse">missed</td>`, `<td class="worse">slower</td>`, "body_bytes_per_second&gt;=-3%", "a line &lt;of&gt; it is torn", "old → new&lt;b&gt;", "<svg ", "Latencies of both sides", "prefers-color-scheme:dark"} {
		if !strings.Contains(missed, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(plain, "A gate is missed") || strings.Contains(plain, "<h3>Gates") {
		t.Error("a page without gates tells of some")
	}
	outside := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|src=|@import|url\(|href="http|\son\w+=|ZgotmplZ|<b>"`)
	if m := outside.FindAllString(missed, -1); m != nil {
		t.Errorf("the page is not self-contained, or lets markup through: %q", m)
	}
}

func TestWriteComparisonTellsWhatItCannot(t *testing.T) {
	l := &results.Loaded{Run: resultstest.Run(32), Trials: twoTargets()}
	for _, tr := range l.Trials {
		tr.Hists = nil
	}
	c, err := compare.Within(l, compare.Options{By: []string{"target"}, Detect: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := report.WriteComparison(path, "v1", c, l, l); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), "have no histograms on both sides") {
		t.Errorf("the page does not say that histograms are missing: %v", err)
	}
	if err := report.WriteComparison(filepath.Join(path, "no", "folder"), "v1", c, l, l); err == nil || !strings.Contains(err.Error(), "write the comparison") {
		t.Errorf("a file that cannot be: %v", err)
	}
}

// A run of several targets compares them in its own report.
func TestReportComparesTargets(t *testing.T) {
	html := render(t, resultstest.Store(t, resultstest.Run(32), twoTargets()))
	for _, want := range []string{"<h2>The targets compared</h2>", `<td class="better">faster</td>`, "old is faster: "} {
		if !strings.Contains(html, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

func TestBanner(t *testing.T) {
	warn := func(s string) func(*results.Trial) {
		return func(t *results.Trial) { t.Warnings = []string{s} }
	}
	fail := func(t *results.Trial) { t.Status, t.Error = results.StatusFailed, "connection reset" }
	var many []*results.Trial
	for i := range 12 {
		many = append(many, of("get", []float64{1e9}, warn(strings.Repeat("x", i+1)))...)
		many[i].ID = string(rune('a' + i))
	}
	for _, c := range []struct {
		name      string
		trials    []*results.Trial
		want, not []string
	}{
		{"nothing to tell", of("get", []float64{1e9}), nil, []string{`class="banner`}},
		{"a warning", of("get", []float64{1e9}, warn("the disk is slow")), []string{`class="banner"><h2>⚠ 1 warning</h2>`, "<p>the disk is slow</p>"}, []string{"alarmed\""}},
		{"one trial", of("get", []float64{1e9}, bound), []string{`class="banner alarmed"><h2>⚠ The trial is not valid: generator-bound</h2>`, "client CPU 1.95 of 2 cores"}, nil},
		{"none valid", of("get", []float64{1e9, 1e9}, bound), []string{`alarmed"><h2>⚠ None of 2 trials is valid: 2 generator-bound</h2>`}, nil},
		{"some", append(of("get", []float64{1e9, 1e9}), of("put", []float64{1e9}, bound)...), []string{`class="banner"><h2>⚠ 1 of 3 trials are not valid: 1 generator-bound</h2>`}, []string{"alarmed\""}},
		{"a failure", append(of("get", []float64{1e9, 1e9}), of("put", []float64{1e9}, fail)...), []string{`alarmed"><h2>⚠ 1 of 3 trials are not valid: 1 failed</h2>`, "<strong>error:</strong> put: connection reset"}, nil},
		{"many", many, []string{"⚠ 12 warnings", "<summary>4 more</summary>"}, nil},
	} {
		html := render(t, &results.Loaded{Dir: t.TempDir(), Run: resultstest.Run(len(c.trials)), Trials: c.trials})
		_, body, _ := strings.Cut(html, "</style>")
		for _, w := range c.want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: the report does not say %q", c.name, w)
			}
		}
		for _, w := range c.not {
			if strings.Contains(body, w) {
				t.Errorf("%s: the report says %q", c.name, w)
			}
		}
		if !strings.Contains(body, "<dt>How fast</dt><dd>Get") {
			t.Errorf("%s: the report lacks its sentences", c.name)
		}
	}
}
