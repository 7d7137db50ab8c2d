package resultstest

import (
	"math"
	"math/rand/v2"
	"time"

	"flightbench/results"
)

// calls are operations that move no batches, and their latencies.
var calls = map[string]string{
	"info": "info", "poll": "poll", "schema": "schema", "list-flights": "list_flights", "list-actions": "list_actions",
	"action": "action", "handshake": "handshake",
}

// callTrial is Trial of an operation that moves no batches.
func callTrial(id string, round int, c results.Config, name string, rng *rand.Rand) *results.Trial {
	each := callSeconds(c)
	if c.Op != "info" && c.Op != "poll" && c.Op != "schema" {
		c.Request = ""
	}
	rate := math.Min(4, float64(c.Concurrency)) / each * (1 + 0.08*(rng.Float64()-0.5))
	t := &results.Trial{
		ID: id, Round: round, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid,
		Started: Start.Add(time.Duration(rng.IntN(50_000)) * time.Millisecond), Seconds: c.Duration,
		Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{}, Hists: map[string]*results.Encoded{},
	}
	for s := range int(c.Duration) {
		n := int64(rate * (1 + 0.1*(rng.Float64()-0.5)))
		iv := results.Interval{Start: float64(s), Seconds: 1, Streams: n, Bytes: results.Bytes{Wire: n * 400}}
		t.Timeline = append(t.Timeline, iv)
		t.Streams += iv.Streams
		t.Bytes.Wire += iv.Bytes.Wire
	}
	metric := func(name, unit, better string, v float64) {
		t.Metrics[name] = results.Metric{Value: v, Unit: unit, Better: better}
	}
	metric(results.CallRate, "calls/s", "higher", float64(t.Streams)/t.Seconds)
	metric(results.WireRate, "B/s", "higher", float64(t.Bytes.Wire)/t.Seconds)
	metric(results.ClientCallCPU, "s/call", "lower", each*0.4*(1+0.05*rng.Float64()))
	metric(results.ServerCallCPU, "s/call", "lower", each*0.5*(1+0.05*rng.Float64()))
	metric("client_allocs_per_call", "1/call", "lower", 61.5)
	latency(t, rng, name, each*1e9, 0.3, 1000)
	t.Whole = results.Whole{Streams: t.Streams + 4, Cut: 4}
	return t
}

// callSeconds says how long a call of c might take.
func callSeconds(c results.Config) float64 {
	s := map[string]float64{"list-flights": 2.1e-4, "handshake": 1.6e-4, "schema": 0.7e-4}[c.Op]
	if s == 0 {
		s = 0.9e-4
	}
	if c.TLS != "off" {
		s += 0.06e-4
	}
	if c.Auth != "none" {
		s += 0.04e-4
	}
	return s + 0.6e-6*float64(c.Headers) + 0.3e-6*float64(c.Middleware)
}
