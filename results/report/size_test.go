package report_test

import (
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

// The report of 200 trials can still be sent by mail, and says what it does not
// draw.
func TestReportOfManyTrials(t *testing.T) {
	if raceDetector {
		t.Skip("it draws 60 pictures and starts no goroutine")
	}
	trials := resultstest.Matrix(5, resultstest.Ops("get", "put"), resultstest.Rows(128, 1024, 8192, 65536), resultstest.Streams(1, 2, 4, 8, 16))
	resultstest.TimeShares(trials)
	for i, tr := range trials {
		if i%7 == 0 {
			tr.Verdict, tr.Evidence = results.VerdictUnstable, []string{"the hypervisor took 9 % of the CPU time"}
		}
	}
	html := render(t, resultstest.Store(t, resultstest.Run(len(trials)), trials))
	t.Logf("%d trials, %d bytes, %d pictures", len(trials), len(html), strings.Count(html, "<svg "))
	if len(html) > 5e6 {
		t.Errorf("%d bytes", len(html))
	}
	for _, want := range []string{" of 40 configurations are drawn: of each operation the one", "29 of 200 trials are not valid: 29 unstable", "hatched: not valid", "<h2>Where the time went</h2>"} {
		if !strings.Contains(html, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}
