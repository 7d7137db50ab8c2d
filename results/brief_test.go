package results_test

import (
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

func TestBrief(t *testing.T) {
	const trace = "Traceback (most recent call last):\n  File \"x.py\", line 1, in get\n    raise ValueError('no')\nValueError: no\n"
	for _, c := range []struct{ message, first, brief string }{
		{"no route to host", "no route to host", "no route to host"},
		{"DoGet: boom. Detail: Python exception: " + trace, "DoGet: boom", "DoGet: boom"},
		{"rpc error: code = Internal desc = " + trace, "rpc error: code = Internal desc = ValueError: no", "rpc error: code = Internal desc = ValueError: no"},
		{trace, "ValueError: no", "ValueError: no"},
		{"Traceback (most recent call last):", "", ""},
		{"one\r\n\ttwo\x1b[31m", "one", "one two [31m"},
		{"", "", ""},
		{strings.Repeat("ä", 31), strings.Repeat("ä", 29) + "…", strings.Repeat("ä", 29) + "…"},
	} {
		n := 60
		if strings.HasPrefix(c.message, "ä") {
			n = 30
		}
		if got := results.FirstLine(c.message, n); got != c.first {
			t.Errorf("first line of %q is %q, want %q", c.message, got, c.first)
		}
		if got := results.Brief(c.message, n); got != c.brief {
			t.Errorf("%q in brief is %q, want %q", c.message, got, c.brief)
		}
	}
}

// Streams that failed are told once, whether or not their trial warned of them,
// and a long message is cut.
func TestFailedStreamsAreToldOnce(t *testing.T) {
	trials := resultstest.Matrix(2, resultstest.Ops("get"), resultstest.Rows(128, 4096))
	for _, tr := range trials {
		if tr.Config.Rows == 128 {
			tr.Failures, tr.Errors = map[string]int64{"timed_out": 1500}, map[string]int64{"DeadlineExceeded": 1500}
			tr.Warnings = []string{"1500 of 4000 streams failed (timed_out 1500), the first: " + strings.Repeat("long ", 1000), "it rains"}
		}
	}
	var got []string
	for _, n := range results.Tabulate(resultstest.Run(4), trials).Notes {
		got = append(got, n.Kind+": "+n.Text)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "error: 128 rows: 3,000 of 8,000 streams failed: timed_out × 3000 (gRPC: DeadlineExceeded × 3000); first: long long") ||
		len([]rune(got[0])) > 450 || got[1] != "warning: 128 rows: it rains" {
		t.Errorf("notes are %q", got)
	}
}

// Warnings that differ in nothing but numbers are told together.
func TestWarningsAreToldTogether(t *testing.T) {
	trials := resultstest.Matrix(3)
	for i, share := range []string{"9", "12.5", "11"} {
		trials[i].Warnings = []string{"of 4 cores " + share + " % were stolen"}
	}
	if notes := results.Tabulate(resultstest.Run(3), trials).Notes; len(notes) != 1 || notes[0].Text != "of 4 cores 9–12.5 % were stolen" {
		t.Errorf("notes are %q", notes)
	}
}

func TestFormatChange(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0.0 %", 0.88: "−12 %", 1.034: "+3.4 %", 0.9999: "0.0 %", 2.5: "+150 %", 0.966: "−3.4 %", 0.9004: "−10 %"} {
		if got := results.FormatChange(ratio); got != want {
			t.Errorf("%v is %q, want %q", ratio, got, want)
		}
	}
}
