package bench

import (
	"runtime"
	"slices"
	"sync/atomic"

	"flightbench/internal/wire"
	"flightbench/results"
)

// metric indexes the latencies of the design.
type metric int

const (
	latInfo metric = iota
	latFirstBatch
	latBatchGap
	latStream
	latPutAck
	latExchange
	latCancel
	latCancelSeen
	latPoll
	latSchema
	latListFlights
	latListActions
	latAction
	latHandshake
	latQuery
	latPrepare
	latBind
	latBegin
	latCommit
	latCatalog
	latLateness
	baseMetrics // those above exist in every loop

	// In an open loop a response metric m is from the intended start, and
	// m+fromActual the same from the actual one.
	fromActual  = baseMetrics
	metricCount = 2 * baseMetrics
)

var metricNames = [metricCount]string{"info", "first_batch", "batch_gap", "stream", "put_ack", "exchange", "cancel", "cancel_seen",
	"poll", "schema", "list_flights", "list_actions", "action", "handshake",
	"query", "prepare", "bind", "begin", "commit", "catalog", "lateness"}

func init() {
	for m := range baseMetrics {
		metricNames[m+fromActual] = metricNames[m] + results.FromActual
	}
}

// responses are the metrics that begin with an iteration, so that waiting for
// its start is part of what a user waits for.
var responses = []metric{latInfo, latFirstBatch, latStream, latPoll, latSchema, latListFlights, latListActions, latAction, latHandshake,
	latQuery, latCatalog}

// openMetrics are those of an open loop whose operation records these.
func openMetrics(of []metric) []metric {
	out := append(slices.Clone(of), latLateness)
	for _, m := range of {
		if slices.Contains(responses, m) {
			out = append(out, m+fromActual)
		}
	}
	return out
}

// window is the measured span on the trial's clock, in nanoseconds since its
// start. Both ends may be moved while streams record: the begin once, when a
// warm-up of unknown length is over, the end when a trial is cut short.
type window struct {
	begin, end atomic.Int64
}

func (w *window) holds(now int64) bool { return now >= w.begin.Load() && now < w.end.Load() }

// counters counts what one stream slot moved. The whole* fields hold every
// batch, the others only those whose end lay inside the window. The goroutines
// of the slot, one or few, add to a field, the sampler reads it.
type counters struct {
	logical, body, rows, batches, streams           atomic.Int64
	wholeBody, wholeRows, wholeBatches, wholeStream atomic.Int64
	cut, acks, realigned                            atomic.Int64
	wholeCanceled, failovers, endpointRenewals      atomic.Int64
	starts, ends, delayed                           atomic.Int64 // iterations of an open loop: begun, gone well, begun late because none was free
	_                                               [64]byte     // the next slot's line is its own
}

// recorder is what one stream slot writes to: counters of its own, and
// histograms that it shares with few others.
type recorder struct {
	*counters
	window *window
	hists  *[metricCount]*histogram
}

// batch counts a batch that ended at now, and tells whether it is measured.
func (r *recorder) batch(now int64, s wire.Sizes) {
	r.wholeBatches.Add(1)
	r.wholeRows.Add(s.Rows)
	r.wholeBody.Add(s.Body)
	if r.window.holds(now) {
		r.batches.Add(1)
		r.rows.Add(s.Rows)
		r.body.Add(s.Body)
		r.logical.Add(s.Logical)
	}
}

// bytes counts bytes of a batch that is counted elsewhere: the way out of an
// exchange.
func (r *recorder) bytes(now int64, s wire.Sizes) {
	r.wholeBody.Add(s.Body)
	if r.window.holds(now) {
		r.body.Add(s.Body)
		r.logical.Add(s.Logical)
	}
}

// stream counts a stream that ended by itself at now.
func (r *recorder) stream(now int64) {
	r.wholeStream.Add(1)
	if r.window.holds(now) {
		r.streams.Add(1)
	}
}

// latency records now-since under m if now lies inside the window.
func (r *recorder) latency(m metric, now, since int64) {
	if r.window.holds(now) {
		r.sample(m, now-since)
	}
}

// sample records a latency of the window. One that the operation does not list
// is not kept.
func (r *recorder) sample(m metric, ns int64) {
	if h := r.hists[m]; h != nil {
		h.record(ns)
	}
}

// recorders holds the recorders of a trial, one a stream slot.
//
// Note: up to sharedFrom slots every slot has histograms of its own; beyond it
// they are shared round robin, since memory and the sampler's sweep would grow
// with the streams, while an atomic add on a rarely shared line costs a few ns.
type recorders struct {
	all    []recorder
	shards [][metricCount]*histogram
	used   []metric
}

// used are the latencies that can be recorded.
func newRecorders(used []metric, slots int, w *window) *recorders {
	n := min(slots, max(16, 2*runtime.GOMAXPROCS(0)))
	rs := &recorders{all: make([]recorder, slots), shards: make([][metricCount]*histogram, n), used: used}
	for i := range rs.shards {
		for _, m := range rs.used {
			rs.shards[i][m] = newHistogram()
		}
	}
	for i := range rs.all {
		rs.all[i] = recorder{counters: &counters{}, window: w, hists: &rs.shards[i%n]}
	}
	return rs
}

// totals sums the windowed counts of every slot.
func (rs *recorders) totals() (t interval) {
	for i := range rs.all {
		r := rs.all[i].counters
		t.bytes.Logical += r.logical.Load()
		t.bytes.Body += r.body.Load()
		t.rows += r.rows.Load()
		t.batches += r.batches.Load()
		t.streams += r.streams.Load()
		t.starts += r.starts.Load()
		t.ends += r.ends.Load()
	}
	return t
}

// whole sums the unwindowed counts of every slot.
func (rs *recorders) whole() (w results.Whole) {
	for i := range rs.all {
		r := rs.all[i].counters
		w.Streams += r.wholeStream.Load()
		w.Batches += r.wholeBatches.Load()
		w.Rows += r.wholeRows.Load()
		w.Body += r.wholeBody.Load()
		w.Cut += r.cut.Load()
		w.Acks += r.acks.Load()
		w.RealignBytes += r.realigned.Load()
		w.Canceled += r.wholeCanceled.Load()
		w.Failovers += r.failovers.Load()
		w.EndpointRenewals += r.endpointRenewals.Load()
	}
	return w
}

// outOfRange sums the samples of m below and above the histograms' range.
func (rs *recorders) outOfRange(m metric) (below, above int64) {
	for i := range rs.shards {
		below += rs.shards[i][m].below.Load()
		above += rs.shards[i][m].above.Load()
	}
	return below, above
}
