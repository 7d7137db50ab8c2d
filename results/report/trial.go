package report

import (
	"encoding/json"
	"fmt"

	"flightbench/results"
	"flightbench/results/compare"
)

// trial is a Trial as the page shows it.
type trial struct {
	*results.Trial
	Label     string
	Outcome   string
	Bad       bool
	Metrics   []fact
	Latencies []latency
	Errors    []fact // by gRPC's codes
	Failures  []fact // the same by Flight's names
	Served    []fact // streams by address
	Config    string
	Counts    []fact
}

type latency struct {
	Name, Doc string
	results.Latency
}

func newTrial(t *results.Trial, axes []string) (trial, error) {
	v := trial{Trial: t, Label: compare.Label(t.Config, axes), Outcome: t.Outcome()}
	v.Bad = v.Outcome != results.VerdictValid
	for _, name := range results.InOrder(t.Metrics, results.Metrics) {
		v.Metrics = append(v.Metrics, fact{name, t.Metrics[name].String()})
	}
	for _, name := range results.InOrder(t.Latencies, results.Latencies) {
		v.Latencies = append(v.Latencies, latency{name, results.LatencyDoc(name), t.Latencies[name]})
	}
	v.Errors, v.Failures, v.Served = countFacts(t.Errors), countFacts(t.Failures), countFacts(t.Served)
	v.Counts = counts(t)
	b, err := json.MarshalIndent(t.Config, "", "  ")
	if err != nil {
		return v, fmt.Errorf("write the report: trial %s: %w", t.ID, err)
	}
	v.Config = string(b)
	return v, nil
}

func countFacts(counts map[string]int64) []fact {
	var fs []fact
	for _, name := range results.InOrder(counts, nil) {
		fs = append(fs, fact{name, results.FormatInteger(counts[name])})
	}
	return fs
}

// counts are what happened within the window, and what of the whole trial is
// out of the ordinary.
func counts(t *results.Trial) []fact {
	size := func(n int64) string { return results.FormatInteger(n) + " B" } // these are compared, not skimmed
	fs := []fact{{"window", results.FormatSeconds(t.Seconds)}}
	if _, ok := t.Metrics[results.CallRate]; ok {
		fs = append(fs, fact{"calls", results.FormatInteger(t.Streams)}, fact{"wire bytes", size(t.Bytes.Wire)})
	} else {
		fs = append(fs,
			fact{"streams", results.FormatInteger(t.Streams)},
			fact{"batches", results.FormatInteger(t.Batches)},
			fact{"rows", results.FormatInteger(t.Rows)},
			fact{"logical bytes", size(t.Bytes.Logical)},
			fact{"body bytes", size(t.Bytes.Body)},
			fact{"wire bytes", size(t.Bytes.Wire)})
	}
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"canceled streams, whole trial", t.Whole.Canceled}, {"logins anew, whole trial", t.Whole.Renewals},
		{"failovers, whole trial", t.Whole.Failovers}, {"endpoints renewed, whole trial", t.Whole.EndpointRenewals},
	} {
		if c.n > 0 {
			fs = append(fs, fact{c.name, results.FormatInteger(c.n)})
		}
	}
	return fs
}
