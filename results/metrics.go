package results

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Names of the metrics that the table, the plots and the report read. Trials
// that moved batches have the former, trials of calls CallRate and the costs
// of a call.
const (
	BodyRate    = "body_bytes_per_second"
	LogicalRate = "logical_bytes_per_second"
	WireRate    = "wire_bytes_per_second"
	RowRate     = "rows_per_second"
	BatchRate   = "batches_per_second"
	StreamRate  = "streams_per_second"
	ClientCPU   = "client_cpu_seconds_per_gigabyte"
	ServerCPU   = "server_cpu_seconds_per_gigabyte"

	AskedRate     = "asked_streams_per_second" // of an open loop
	AchievedRate  = "achieved_streams_per_second"
	QueryRate     = "queries_per_second"
	CallRate      = "calls_per_second"
	ClientCallCPU = "client_cpu_seconds_per_call"
	ServerCallCPU = "server_cpu_seconds_per_call"

	ClientQueryCPU = "client_cpu_seconds_per_query"
	ServerQueryCPU = "server_cpu_seconds_per_query"
)

// Metrics are the metrics of the contract in the order in which they are
// printed. A trial may hold fewer, and others after them.
var Metrics = []string{
	BodyRate, LogicalRate, WireRate, RowRate, BatchRate, StreamRate, QueryRate, CallRate,
	AskedRate, AchievedRate, "asked_body_bytes_per_second", "delayed_starts", "missed_starts", "peak_streams_in_flight",
	ClientCPU, ServerCPU, ClientQueryCPU, ServerQueryCPU, ClientCallCPU, ServerCallCPU,
	"client_alloc_bytes_per_gigabyte", "server_alloc_bytes_per_gigabyte", "client_allocs_per_batch", "client_allocs_per_call",
	"client_syscalls_per_gigabyte", "client_peak_rss_bytes", "client_rss_growth_bytes", "server_rss_bytes", "server_peak_rss_bytes",
	"time_share_waiting", "time_share_flow_control", "time_share_busy", "time_share_idle",
	"client_cpu_share", "client_cpu_wait_seconds", "client_throttled_seconds", "client_scheduler_p99_seconds", "client_gc_pause_seconds", "client_gc_pause_max_seconds",
	"steal_share", "others_cpu_share", "tcp_rtt_seconds", "tcp_retransmits",
	"error_share",
}

// Latencies are the latencies of the contract in the order in which they are
// printed. A trial may hold fewer, and others after them.
var Latencies = []string{"info", "query", "first_batch", "batch_gap", "stream", "put_ack", "exchange", "cancel", "cancel_seen",
	"poll", "schema", "list_flights", "list_actions", "action", "handshake", "catalog", "begin", "commit", "prepare", "bind", "lateness"}

// callLatencies are those that a call may be measured by, the one that stands
// for the whole call before those of its parts.
var callLatencies = []string{"catalog", "poll", "schema", "list_flights", "list_actions", "action", "handshake", "begin", "commit", "prepare", "info"}

// latencyDocs say between which two events a latency lies.
var latencyDocs = map[string]string{
	"info":         "call to answer of GetFlightInfo",
	"query":        "GetFlightInfo called to last status",
	"first_batch":  "call to first batch",
	"batch_gap":    "batch to next batch",
	"stream":       "call to status",
	"put_ack":      "batch sent to its ack",
	"exchange":     "batch sent to its echo",
	"cancel":       "cancel to end of call",
	"cancel_seen":  "cancel to the handler's notice of it (embedded server on this machine)",
	"poll":         "call to answer",
	"schema":       "call to answer",
	"list_flights": "call to answer",
	"list_actions": "call to answer",
	"action":       "call to answer",
	"handshake":    "call to answer",
	"catalog":      "call to last row",
	"begin":        "BeginTransaction to answer",
	"commit":       "EndTransaction to answer",
	"prepare":      "CreatePreparedStatement to answer",
	"bind":         "parameters sent to their acceptance",
	"lateness":     "stream due to its actual start, where none had to wait for another's end",
}

// LatencyDoc says between which two events the latency lies, "" for one that
// is not of the contract. In an open loop the time that a stream was late is in
// it, unless its name ends with [FromActual].
func LatencyDoc(name string) string {
	if of, ok := strings.CutSuffix(name, FromActual); ok && latencyDocs[of] != "" {
		return latencyDocs[of] + ", from the actual start of an open loop's stream"
	}
	return latencyDocs[name]
}

// InOrder lists the names in set: those of order first and in its order, the
// others after them by name.
func InOrder[V any](set map[string]V, order []string) []string {
	var names []string
	for _, n := range order {
		if _, ok := set[n]; ok {
			names = append(names, n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(order, n) {
			names = append(names, n)
		}
	}
	return names
}

func (m Metric) finite() bool { return !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) }

// Storable is t as JSON can hold it: no nil list or object where the contract
// has one, and no figure that is no number; each that was left out is a
// warning. t itself is not changed.
func (t *Trial) Storable() *Trial {
	c := *t
	c.Warnings = append([]string{}, t.Warnings...)
	c.Metrics = make(map[string]Metric, len(t.Metrics))
	for _, name := range InOrder(t.Metrics, Metrics) {
		m := t.Metrics[name]
		if !m.finite() {
			c.Warnings = append(c.Warnings, fmt.Sprintf("metric %s was %v and is left out", name, m.Value))
			continue
		}
		c.Metrics[name] = m
	}
	if c.Errors == nil {
		c.Errors = map[string]int64{}
	}
	if c.Latencies == nil {
		c.Latencies = map[string]Latency{}
	}
	if c.Timeline == nil {
		c.Timeline = []Interval{}
	}
	return &c
}
