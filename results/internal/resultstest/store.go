package resultstest

import (
	"testing"

	"flightbench/results"
)

// Store writes run and trials to a new run directory and reads it back.
func Store(tb testing.TB, run results.Run, trials []*results.Trial) *results.Loaded {
	tb.Helper()
	w, err := results.Create(tb.TempDir(), run)
	if err != nil {
		tb.Fatal(err)
	}
	for _, t := range trials {
		if err := w.Append(t); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(results.StatusComplete); err != nil {
		tb.Fatal(err)
	}
	l, err := results.Open(w.Dir())
	if err != nil {
		tb.Fatal(err)
	}
	return l
}
