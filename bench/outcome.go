package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"flightbench/results"
)

const gigabyte = 1e9

// report fills the trial's result from what was recorded, also when it failed
// half way.
func (t *trial) report() {
	out := t.out
	out.Metrics, out.Latencies = map[string]results.Metric{}, map[string]results.Latency{}
	out.Hists = map[string]*results.Encoded{}
	if t.recs != nil {
		out.Whole = t.recs.whole()
	}
	if t.sampler != nil && len(t.sampler.samples) >= 2 {
		t.reportWindow()
	}
	if t.session != nil {
		out.Whole.Renewals = t.session.Renewals()
	}
	if t.servers.home != nil {
		out.Served = t.servers.served()
	}
	if t.failures.codes != nil {
		out.Errors, out.Failures = t.failures.codes, t.failures.kinds
	}
	out.Whole.WireRead, out.Whole.WireWritten = t.wireBytes()
	if t.control != nil {
		out.Whole.ControlRead, out.Whole.ControlWritten = t.control.conn.Wire()
	}
	if t.before != nil && t.after != nil {
		out.Server = between(t.before, t.after)
	}
	t.judge()
	if out.Verdict == results.VerdictValid && t.health != nil {
		t.believe(*t.health)
	}
	out.Warnings = append([]string{}, t.warnings...)
}

func (t *trial) reportWindow() {
	out, s := t.out, t.sampler
	begin := t.window.begin.Load()
	first, last := &s.samples[0], &s.samples[len(s.samples)-1]
	end := min(t.window.end.Load(), last.at)
	out.Seconds = seconds(end - begin)
	d := last.totals.minus(first.totals)
	out.Bytes, out.Rows, out.Batches, out.Streams = d.bytes, d.rows, d.batches, d.streams
	spans := s.spans(begin, end, t.interval())
	timeline, hists := s.timeline(spans, begin)
	t.paced(timeline, spans)
	out.Timeline = timeline
	for _, m := range t.recs.used {
		below, above := t.recs.outOfRange(m)
		h := s.histogram(m, 0, len(s.samples)-1)
		if h.TotalCount() == 0 && above == 0 {
			continue
		}
		out.Latencies[metricNames[m]] = results.Summarise(h, below, above)
		out.Hists[metricNames[m]] = hists[m]
		if above > 0 {
			t.warn(fmt.Sprintf("%d samples of %s were over 1 h, and are in no percentile", above, metricNames[m]))
		}
	}
	t.reportMetrics(first, last)
	t.markRelayed()
}

func (t *trial) reportMetrics(first, last *sample) {
	out := t.out
	put := func(name string, value float64, unit, better string) {
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			out.Metrics[name] = results.Metric{Value: value, Unit: unit, Better: better}
		}
	}
	rate := func(n int64) float64 { return float64(n) / out.Seconds }
	if t.began != nil && t.ended != nil {
		t.health = t.vitals(first, last)
		t.reportHealth(put, *t.health)
		t.reportTimes(put)
	}
	t.reportLoad(put, last.totals.minus(first.totals))
	put("error_share", float64(t.failures.total())/float64(t.begun()), "1", "lower")
	if t.kind.calls {
		t.reportCalls(put, first, last)
		return
	}
	put("body_bytes_per_second", rate(out.Bytes.Body), "B/s", "higher")
	put("logical_bytes_per_second", rate(out.Bytes.Logical), "B/s", "higher")
	// The socket's count is of the samples, whose distance may differ from the window's length by a wake-up.
	put("wire_bytes_per_second", float64(out.Bytes.Wire)/seconds(last.at-first.at), "B/s", "higher")
	put("rows_per_second", rate(out.Rows), "rows/s", "higher")
	put("batches_per_second", rate(out.Batches), "batches/s", "higher")
	put("streams_per_second", rate(out.Streams), "streams/s", "higher")
	u, v := first.usage, last.usage
	if n := out.Latencies[metricNames[latQuery]].Count; n > 0 {
		put("queries_per_second", rate(n), "queries/s", "higher")
		put("client_cpu_seconds_per_query", seconds(v.cpuNanos-u.cpuNanos)/float64(n), "s/query", "lower")
		if t.begin != nil && t.end != nil && !t.config.InProcess {
			put("server_cpu_seconds_per_query", between(t.begin, t.end).CPUSeconds/float64(n), "s/query", "lower")
		}
	}

	// Costs relate what was used to what was moved between the same two samples.
	gb := float64(last.wholeBody-first.wholeBody) / gigabyte
	if gb > 0 {
		put("client_cpu_seconds_per_gigabyte", seconds(v.cpuNanos-u.cpuNanos)/gb, "s/GB", "lower")
		put("client_alloc_bytes_per_gigabyte", float64(v.allocBytes-u.allocBytes)/gb, "B/GB", "lower")
		if u.syscalls >= 0 {
			put("client_syscalls_per_gigabyte", float64(v.syscalls-u.syscalls)/gb, "1/GB", "lower")
		}
	}
	put("client_allocs_per_batch", float64(v.allocObjects-u.allocObjects)/float64(out.Batches), "1/batch", "lower")
	put("client_peak_rss_bytes", float64(t.sampler.peakRSS), "B", "lower")
	put("client_rss_growth_bytes", float64(v.rss-u.rss), "B", "lower") // over the window: flat after warm-up is about 0
	t.reportServer(put, first, last)
}

// begun is the number of iterations in and out of the window, with those that
// were cut.
func (t *trial) begun() int64 {
	return t.failures.good.Load() + t.failures.total() + t.out.Whole.Cut
}

// putMetric adds a metric to the trial, unless its value is no number.
type putMetric func(name string, value float64, unit, better string)

// reportCalls is reportMetrics of an operation that moves no batches.
func (t *trial) reportCalls(put putMetric, first, last *sample) {
	calls := float64(t.out.Streams)
	put("calls_per_second", calls/t.out.Seconds, "calls/s", "higher")
	put("wire_bytes_per_second", float64(t.out.Bytes.Wire)/seconds(last.at-first.at), "B/s", "higher")
	between := float64(last.wholeStreams - first.wholeStreams)
	put("client_cpu_seconds_per_call", seconds(last.usage.cpuNanos-first.usage.cpuNanos)/between, "s/call", "lower")
	put("client_allocs_per_call", float64(last.usage.allocObjects-first.usage.allocObjects)/between, "1/call", "lower")
	put("client_peak_rss_bytes", float64(t.sampler.peakRSS), "B", "lower")
	t.reportServer(put, first, last)
}

// reportServer tells what the server's side cost, by its own word or, where it
// is not ours, by that of the system that it runs on.
func (t *trial) reportServer(put putMetric, first, last *sample) {
	// Note: equal process ids tell nothing, two containers may both have 1.
	if t.config.InProcess {
		t.warn("client and server share a process: the client's CPU and allocations are those of both")
		return
	}
	cpu, body := math.NaN(), float64(last.wholeBody-first.wholeBody)
	if a, b := t.processBegin, t.processEnd; a != nil && b != nil {
		if cpu = b.CPUSeconds - a.CPUSeconds; cpu < 0 { // it counts those that live
			cpu = math.NaN()
			t.warn("processes of the server ended during the window: its CPU is not known")
		}
		if served := t.servers.served(); served != nil {
			t.warn(fmt.Sprintf("the server's CPU and memory are those of process %d alone, and streams came from %s: where these are other processes the rest is missing",
				t.target.PID, strings.Join(slices.Sorted(maps.Keys(served)), ", ")))
		}
		put("server_rss_bytes", float64(b.RSS), "B", "lower")
		put("server_peak_rss_bytes", float64(b.PeakRSS), "B", "lower")
	}
	if t.begin != nil && t.end != nil {
		p := between(t.begin, t.end)
		cpu = p.CPUSeconds
		if t.config.Request != RequestSQL { // of which it counts no bytes
			body = float64(p.Body)
		}
		if body > 0 {
			put("server_alloc_bytes_per_gigabyte", float64(p.AllocBytes)/body*gigabyte, "B/GB", "lower")
		}
	}
	switch {
	case t.kind.calls:
		put("server_cpu_seconds_per_call", cpu/float64(last.wholeStreams-first.wholeStreams), "s/call", "lower")
	case body > 0:
		put("server_cpu_seconds_per_gigabyte", cpu/body*gigabyte, "s/GB", "lower")
	}
}

// between is what the server did from a to b.
func between(a, b *results.Peer) *results.Peer {
	p := *b
	p.Streams -= a.Streams
	p.Batches -= a.Batches
	p.Rows -= a.Rows
	p.Body -= a.Body
	p.CPUSeconds -= a.CPUSeconds
	p.AllocBytes -= a.AllocBytes
	return &p
}

// judge gives the verdict, and warns where counts do not add up.
func (t *trial) judge() {
	out := t.out
	out.Verdict = results.VerdictValid
	if out.Status != results.StatusOK {
		out.Verdict = results.VerdictIncomplete
		return
	}
	if out.Config.TLSSkipVerify {
		t.warn("the server's certificate was NOT verified (--tls-skip-verify): anybody may have answered")
	}
	if n := t.failures.total(); n > 0 {
		what := "streams"
		if t.kind.calls {
			what = "calls"
		}
		t.warn(fmt.Sprintf("%d of %d %s failed (%s), the first: %v", n, t.begun(), what, t.failures.told(), t.failures.first))
		if n > t.failures.good.Load() && out.Config.Provoke == "" {
			out.Verdict = results.VerdictIncomplete
			out.Evidence = []string{fmt.Sprintf("%d of %d %s failed: the figures are those of the few that did not", n, t.begun(), what)}
		}
	}
	if t.kind.calls {
		if out.Streams == 0 {
			out.Verdict = results.VerdictIncomplete
			t.warn("no call ended inside the window: the server stalls, or --duration is too short")
		}
		return
	}
	switch {
	case out.Batches == 0:
		out.Verdict = results.VerdictIncomplete
		t.warn(why(out))
	case t.kind.primary == latQuery && out.Latencies[metricNames[latQuery]].Count == 0, t.kind.name == OpIngest && out.Streams == 0:
		out.Verdict = results.VerdictIncomplete
		t.warn(fmt.Sprintf("no %s was complete within the window: make it longer with --duration, or measure --total of them", out.Config.Op))
	}
	if t.before == nil && out.Config.Request == RequestFlightbench && out.Config.Op == OpGet && out.Config.Rows > 0 && out.Rows != out.Batches*out.Config.Rows {
		t.warn(fmt.Sprintf("the server sent batches of %.0f rows on average, not of --rows %d: it decides by itself what it sends",
			float64(out.Rows)/float64(out.Batches), out.Config.Rows))
	}
	if p := out.Server; p != nil && out.Config.Request != RequestSQL && out.Whole.Cut == 0 && out.Whole.Canceled == 0 && out.Whole.Renewals == 0 && t.failures.total() == 0 && out.Served == nil && (p.Rows != out.Whole.Rows || p.Batches != out.Whole.Batches) {
		t.warn(fmt.Sprintf("the server counted %d rows in %d batches, the client %d in %d: another client may use this server",
			p.Rows, p.Batches, out.Whole.Rows, out.Whole.Batches))
	}
	if out.Config.Op == OpPut && out.Config.PutAck != AckNone && out.Whole.Acks == 0 && out.Whole.Streams > 0 {
		t.warn("the server acknowledged no batch: there is no put_ack latency")
	}
	if out.Config.Op == OpExchange && out.Batches > 0 && t.cancelAfter == (cancelAfter{}) && out.Latencies[metricNames[latExchange]].Count == 0 {
		t.warn("the server does not echo app_metadata: there is no exchange latency")
	}
}

// why says what a trial lacks in whose window no batch ended.
func why(t *results.Trial) string {
	if t.Whole.Canceled > 0 {
		return fmt.Sprintf("%d streams were canceled before a batch had ended in them: raise --cancel-after", t.Whole.Canceled)
	}
	if t.Streams > 0 {
		return fmt.Sprintf("none of the %d streams that ended carried a batch: ask the server for data that it has", t.Streams)
	}
	return "no batch ended inside the window: the server stalls, or --duration is too short for its batches"
}
