package report

import (
	"html/template"

	"flightbench/results"
)

// latencyTable lists the latencies of each configuration.
func latencyTable(l *results.Loaded) (template.HTML, error) {
	rows := configLatencies(results.GroupTrials(l.Trials))
	if len(rows) == 0 {
		return "", nil
	}
	return fragment("latencies.tmpl", rows)
}

// configLatency is a latency of a configuration: medians over its repeats, and
// all of their samples.
type configLatency struct {
	Config, Name, Doc string
	Count             int64
	P50, P99, P999    string
	Max               string
}

// configLatencies are the latencies of the groups, in their order.
func configLatencies(groups []results.Group) (out []configLatency) {
	names := results.NamesOf(groups)
	for i, g := range groups {
		set := map[string]int64{}
		for _, t := range g.Measured() {
			for name, l := range t.Latencies {
				if l.Count > 0 {
					set[name] += l.Count
				}
			}
		}
		for _, name := range results.InOrder(set, results.Latencies) {
			row := configLatency{Config: names[i], Name: name, Doc: results.LatencyDoc(name), Count: set[name],
				P50: results.FormatLatency(g.Latency(name, results.P50).Median), P99: g.P99(name), P999: g.P999(name),
				Max: results.FormatLatency(g.Latency(name, func(l results.Latency) float64 { return float64(l.Max) }).Max)}
			out = append(out, row)
		}
	}
	return out
}
