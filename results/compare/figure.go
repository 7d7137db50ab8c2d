package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"flightbench/results"
)

// Figure names one number of a trial: a metric, "body_bytes_per_second", or a
// percentile of a latency, "batch_gap.p99". Latency "call" is the one that
// stands for the operation's call.
type Figure string

// percentiles are the figures of a latency.
var percentiles = map[string]func(results.Latency) float64{
	"min": func(l results.Latency) float64 { return float64(l.Min) }, "mean": func(l results.Latency) float64 { return l.Mean },
	"p50": results.P50, "p90": func(l results.Latency) float64 { return float64(l.P90) },
	"p95": func(l results.Latency) float64 { return float64(l.P95) }, "p99": results.P99,
	"p999":  func(l results.Latency) float64 { return float64(l.P999) },
	"p9999": func(l results.Latency) float64 { return float64(l.P9999) }, "max": func(l results.Latency) float64 { return float64(l.Max) },
}

// percentileOrder is that in which they are printed.
var percentileOrder = []string{"min", "mean", "p50", "p90", "p95", "p99", "p999", "p9999", "max"}

// ParseFigure checks the form of a name. Whether trials have such a figure is
// found when they are looked at: metrics beyond the contract are allowed.
func ParseFigure(s string) (Figure, error) {
	if s == "errors" {
		return "error_share", nil
	}
	name, percentile, dotted := strings.Cut(s, ".")
	if dotted && percentiles[percentile] == nil {
		return "", fmt.Errorf("%q: a latency has %s: write %s.p99", s, strings.Join(percentileOrder, ", "), name)
	}
	if dotted && results.LatencyDoc(name) == "" && name != "call" {
		return "", fmt.Errorf("%q: no latency is called %q: there are %s", s, name, strings.Join(results.Latencies, ", "))
	}
	if !dotted && results.LatencyDoc(name) != "" {
		return "", fmt.Errorf("%q is a latency: say which figure of it, such as %s.p50 or %s.p99", s, name, name)
	}
	if !dotted && !slices.Contains(results.Metrics, name) && name != "queries_per_second" {
		return "", fmt.Errorf("%q is no metric: there are errors, %s, and latencies such as batch_gap.p99", s, strings.Join(results.Metrics, ", "))
	}
	return Figure(s), nil
}

// ParseFigures reads a list of names; "primary" alone is none, "all" alone all.
func ParseFigures(list []string) (figures []Figure, all bool, err error) {
	if len(list) == 1 && (list[0] == "primary" || list[0] == "all") {
		return nil, list[0] == "all", nil
	}
	for _, s := range list {
		f, err := ParseFigure(s)
		if err != nil {
			return nil, false, err
		}
		figures = append(figures, f)
	}
	if len(figures) == 0 {
		return nil, false, errors.New("the list is empty: write primary, all, or names such as body_bytes_per_second,batch_gap.p99")
	}
	return figures, false, nil
}

// Of is the figure of t; ok is false where t has none.
func (f Figure) Of(t *results.Trial) (m results.Metric, ok bool) {
	name, percentile, dotted := strings.Cut(string(f), ".")
	if !dotted {
		m, ok = t.Metrics[name]
		return m, ok && !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0)
	}
	if name == "call" {
		name = results.Group{Trials: []*results.Trial{t}}.CallLatency()
	}
	l, ok := t.Latencies[name]
	if !ok || l.Count == 0 {
		return m, false
	}
	return results.Metric{Value: percentiles[percentile](l), Unit: "ns", Better: "lower"}, true
}

// Better is the direction that is better, "higher" or "lower", as the contract
// has it for the name.
func (f Figure) Better() string {
	if strings.HasSuffix(string(f), "_per_second") {
		return "higher"
	}
	return "lower"
}

// unit is what f is measured in, as far as its name tells: ns, B/s, B, s, 1;
// else "".
func (f Figure) unit() string {
	name := string(f)
	if strings.Contains(name, ".") {
		return "ns"
	}
	for _, u := range []struct{ suffix, unit string }{{"_bytes_per_second", "B/s"}, {"_bytes", "B"}, {"_seconds", "s"}, {"_share", "1"}} {
		if strings.HasSuffix(name, u.suffix) {
			return u.unit
		}
	}
	return ""
}

// Label is the figure's name for people.
func (f Figure) Label() string {
	if l := figureLabels[f]; l != "" {
		return l
	}
	name, percentile, dotted := strings.Cut(string(f), ".")
	if dotted {
		return name + " " + percentile
	}
	return strings.ReplaceAll(name, "_", " ")
}

var figureLabels = map[Figure]string{
	results.BodyRate: "body rate", results.LogicalRate: "logical rate", results.WireRate: "wire rate", results.RowRate: "rows",
	results.BatchRate: "batches", results.StreamRate: "streams", results.CallRate: "calls",
	results.ClientCPU: "client CPU", results.ServerCPU: "server CPU", results.ClientCallCPU: "client CPU", results.ServerCallCPU: "server CPU",
}

// isSpeed tells whether more or less of f is called faster and slower.
func (f Figure) isSpeed() bool {
	return strings.Contains(string(f), ".") || strings.HasSuffix(string(f), "_per_second")
}

// primaryLatencies are those of streams that a comparison looks at unasked.
var primaryLatencies = []string{"query", "first_batch", "batch_gap", "stream", "put_ack", "exchange"}

// primary are the figures that trials of old and new are judged by unasked:
// the rate, the median and 99th percentile of what one waits for, and CPU time.
// Where the sides send bodies of different size the rate is that of rows, and
// CPU time for each byte says nothing.
func primary(old, new []*results.Trial) []Figure {
	of := results.Group{Config: old[0].Config, Trials: old}
	if call := of.CallLatency(); of.OfCalls() {
		return []Figure{results.CallRate, Figure(call + ".p50"), Figure(call + ".p99"), results.ClientCallCPU, results.ServerCallCPU}
	}
	figures := []Figure{results.BodyRate}
	a, b := old[0].Config, new[0].Config
	bodies := a.Compression == b.Compression && a.Workload == b.Workload && a.Rows == b.Rows && a.BatchBytes == b.BatchBytes && a.Entropy == b.Entropy
	if !bodies {
		figures[0] = results.RowRate
	}
	for _, name := range primaryLatencies {
		figures = append(figures, Figure(name+".p50"), Figure(name+".p99"))
	}
	if bodies {
		figures = append(figures, results.ClientCPU, results.ServerCPU)
	}
	return figures
}

// every are all figures that a trial has, percentiles from the median up.
func every(trials []*results.Trial) []Figure {
	metrics, latencies := map[string]bool{}, map[string]bool{}
	for _, t := range trials {
		for name := range t.Metrics {
			metrics[name] = true
		}
		for name := range t.Latencies {
			latencies[name] = true
		}
	}
	var figures []Figure
	for _, name := range results.InOrder(metrics, results.Metrics) {
		figures = append(figures, Figure(name))
	}
	for _, name := range results.InOrder(latencies, results.Latencies) {
		for _, p := range []string{"p50", "p90", "p99", "p999", "max"} {
			figures = append(figures, Figure(name+"."+p))
		}
	}
	return figures
}
