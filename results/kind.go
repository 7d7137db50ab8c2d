package results

import "slices"

// Kind is what trials are measured by, and how that is written. The figures of
// one Kind stand in one table.
type Kind struct {
	Name                 string // of a heading: Streams, Queries, Calls
	Rate                 string // metric: how much was done a second
	ClientCPU, ServerCPU string // metrics: what a unit of it cost
	Cost                 string // head of the costs: CPU s/GB, CPU µs/query
	CostScale            float64

	unit string // of Rate; "" for bytes, which take the unit that fits
}

// The kinds: batches moved, queries answered, and calls that move no batches.
var (
	KindStreams = &Kind{"Streams", BodyRate, ClientCPU, ServerCPU, "CPU s/GB", 1, ""}
	KindQueries = &Kind{"Queries", QueryRate, ClientQueryCPU, ServerQueryCPU, "CPU µs/query", 1e-6, "queries/s"}
	KindCalls   = &Kind{"Calls", CallRate, ClientCallCPU, ServerCallCPU, "CPU µs/call", 1e-6, "calls/s"}

	Kinds = []*Kind{KindStreams, KindQueries, KindCalls}
)

// Unit is the unit that fits rates of which the largest is most, and what a
// rate is divided by to be in it.
func (k *Kind) Unit(most float64) (unit string, scale float64) {
	if k.unit == "" {
		return ByteRate(most)
	}
	return k.unit, 1
}

// FormatRate prints a rate with its unit: 2.75 GB/s, 12,300 calls/s.
func (k *Kind) FormatRate(v float64) string {
	unit, scale := k.Unit(v)
	return FormatNumber(v/scale) + " " + unit
}

// Operations that are of a Kind even where nothing was measured. Those that
// are not named here make calls.
var (
	streamOps = []string{"get", "put", "exchange", "ingest"}
	queryOps  = []string{"query", "prepared"}
)

// Kind is what t is measured by.
func (t *Trial) Kind() *Kind {
	has := func(metric string) bool { _, ok := t.Metrics[metric]; return ok }
	switch op := t.Config.Op; {
	case has(CallRate):
		return KindCalls
	case has(QueryRate) || slices.Contains(queryOps, op):
		return KindQueries
	case has(BodyRate) || slices.Contains(streamOps, op):
		return KindStreams
	}
	return KindCalls
}

// Kind is what the measured trials of g are measured by, or its other ones
// where there are none.
func (g Group) Kind() *Kind {
	trials := g.Measured()
	if len(trials) == 0 {
		trials = g.Trials
	}
	if len(trials) == 0 {
		return (&Trial{Config: g.Config}).Kind()
	}
	return trials[0].Kind()
}

// Most is the greatest value of the metric among the groups' measured trials,
// 0 where none has it.
func Most(groups []Group, metric string) (most float64) {
	for _, g := range groups {
		most = max(most, g.Metric(metric).Max)
	}
	return most
}

// Latencies are those that say most of g, by name.
func (g Group) Latencies() []string {
	switch g.Kind() {
	case KindQueries:
		return []string{"query"}
	case KindCalls:
		if name := g.CallLatency(); name != "" {
			return []string{name}
		}
		return nil
	}
	return []string{"batch_gap", "put_ack", "exchange"}
}
