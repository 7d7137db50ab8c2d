package resultstest

import (
	"math"
	"math/rand/v2"
	"time"

	"flightbench/results"
)

// queryTrial is Trial of SQL: small answers, by GetFlightInfo and DoGet.
func queryTrial(id string, round int, c results.Config, rng *rand.Rand) *results.Trial {
	const rows, size = 4, 128 // of an answer
	c.Workload, c.Rows, c.Compression = "", 0, ""
	c.Request, c.SQL = "sql", "SELECT count(*) FROM lineitem GROUP BY l_linestatus"
	each := 4.1e-4
	if c.Op == "prepared" {
		each = 2.9e-4
	}
	if c.TLS != "off" {
		each *= 1.05
	}
	each *= 1 + 0.002*float64(c.Headers)
	rate := math.Min(4, float64(c.Concurrency)) / each * (1 + 0.08*(rng.Float64()-0.5))
	t := &results.Trial{
		ID: id, Round: round, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid,
		Started: Start.Add(time.Duration(rng.IntN(50_000)) * time.Millisecond), Seconds: c.Duration,
		Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{}, Hists: map[string]*results.Encoded{},
	}
	for s := range int(c.Duration) {
		n := int64(rate * (1 + 0.1*(rng.Float64()-0.5)))
		iv := results.Interval{Start: float64(s), Seconds: 1, Streams: n, Batches: n, Rows: rows * n,
			Bytes: results.Bytes{Logical: size * n, Body: size * n, Wire: n * 900}}
		t.Timeline = append(t.Timeline, iv)
		t.Streams += n
	}
	t.Batches, t.Rows = t.Streams, rows*t.Streams
	t.Bytes = results.Bytes{Logical: size * t.Streams, Body: size * t.Streams, Wire: 900 * t.Streams}
	metric := func(name, unit, better string, v float64) {
		t.Metrics[name] = results.Metric{Value: v, Unit: unit, Better: better}
	}
	persecond := func(n int64) float64 { return float64(n) / t.Seconds }
	metric(results.QueryRate, "queries/s", "higher", persecond(t.Streams))
	metric(results.BodyRate, "B/s", "higher", persecond(t.Bytes.Body))
	metric(results.LogicalRate, "B/s", "higher", persecond(t.Bytes.Logical))
	metric(results.WireRate, "B/s", "higher", persecond(t.Bytes.Wire))
	metric(results.RowRate, "rows/s", "higher", persecond(t.Rows))
	metric(results.ClientQueryCPU, "s/query", "lower", each*0.4*(1+0.05*rng.Float64()))
	metric(results.ServerQueryCPU, "s/query", "lower", each*0.5*(1+0.05*rng.Float64()))
	metric(results.ClientCPU, "s/GB", "lower", each*0.4/size*1e9)
	metric(results.ServerCPU, "s/GB", "lower", each*0.5/size*1e9)
	latency(t, rng, "query", each*1e9, 0.3, 1000)
	latency(t, rng, "info", each*0.4e9, 0.3, 1000)
	latency(t, rng, "first_batch", each*0.5e9, 0.3, 1000)
	latency(t, rng, "stream", each*0.6e9, 0.3, 1000)
	if c.Op == "prepared" {
		latency(t, rng, "prepare", 2.2e5, 0.3, 2)
		latency(t, rng, "bind", 1.1e5, 0.3, 1000)
	}
	for i, iv := range t.Timeline { // each interval's own number of them
		if iv.Latencies == nil {
			t.Timeline[i].Latencies = map[string]results.Latency{}
		}
		t.Timeline[i].Latencies["query"] = results.Latency{Unit: "ns", Count: iv.Streams}
	}
	t.Whole = results.Whole{Streams: t.Streams, Batches: t.Batches, Rows: t.Rows, Body: t.Bytes.Body}
	return t
}
