package merge

import (
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// rates are counted in the parts' spans and added: the generators ran at once.
var rates = map[string]func(results.Interval) int64{
	results.BodyRate:    func(iv results.Interval) int64 { return iv.Bytes.Body },
	results.LogicalRate: func(iv results.Interval) int64 { return iv.Bytes.Logical },
	results.WireRate:    func(iv results.Interval) int64 { return iv.Bytes.Wire },
	results.RowRate:     func(iv results.Interval) int64 { return iv.Rows },
	results.BatchRate:   func(iv results.Interval) int64 { return iv.Batches },
	results.StreamRate:  func(iv results.Interval) int64 { return iv.Streams },
	results.CallRate:    func(iv results.Interval) int64 { return iv.Streams },
	results.QueryRate:   func(iv results.Interval) int64 { return iv.Latencies["query"].Count },
}

// paces are those of an open loop, of which the timeline has the rates.
var paces = map[string]func(*results.Pace) float64{
	results.AskedRate:    func(p *results.Pace) float64 { return p.Asked },
	results.AchievedRate: func(p *results.Pace) float64 { return p.Ended },
}

// sums are of whole windows and add up; worsts are of whole windows, and the
// worst of the generators stands for all.
var (
	sums = []string{"asked_body_bytes_per_second", "delayed_starts", "missed_starts", "peak_streams_in_flight", "client_peak_rss_bytes", "client_rss_growth_bytes",
		"client_cpu_wait_seconds", "client_throttled_seconds", "client_gc_pause_seconds", "tcp_retransmits"}
	worsts = []string{"client_cpu_share", "client_scheduler_p99_seconds", "client_gc_pause_max_seconds", "steal_share", "others_cpu_share", "tcp_rtt_seconds"}
)

// means are of whole windows, each weighted by how much it is a mean of.
var means = map[string]func(*results.Trial) float64{
	results.ClientCPU:                 bodyBytes,
	"client_alloc_bytes_per_gigabyte": bodyBytes,
	"client_syscalls_per_gigabyte":    bodyBytes,
	"client_allocs_per_batch":         func(t *results.Trial) float64 { return float64(t.Batches) },
	results.ClientCallCPU:             streams,
	"client_allocs_per_call":          streams,
	results.ClientQueryCPU:            func(t *results.Trial) float64 { return float64(t.Latencies["query"].Count) },
	"time_share_waiting":              slotTime,
	"time_share_flow_control":         slotTime,
	"time_share_busy":                 slotTime,
	"time_share_idle":                 slotTime,
	"error_share":                     begun,
}

func bodyBytes(t *results.Trial) float64 { return float64(t.Bytes.Body) }
func streams(t *results.Trial) float64   { return float64(t.Streams) }
func slotTime(t *results.Trial) float64  { return float64(t.Config.Concurrency) * t.Seconds }
func begun(t *results.Trial) float64 {
	n := t.Whole.Streams
	for _, e := range t.Errors {
		n += e
	}
	return float64(n)
}

// servers are what the server used, by the rate that it is divided by; "" for
// what is divided by none. Every generator saw the whole server, so one counts.
var servers = map[string]string{
	results.ServerCPU: results.BodyRate, "server_alloc_bytes_per_gigabyte": results.BodyRate,
	results.ServerQueryCPU: results.QueryRate, results.ServerCallCPU: results.CallRate,
	"server_rss_bytes": "", "server_peak_rss_bytes": "",
}

// metrics merges those that all parts have, or of a server any of them; what is
// left out is told.
func (s set) metrics(out *results.Trial) {
	have, lacking := map[string]results.Metric{}, map[string]bool{}
	for _, t := range s.trials {
		for name, m := range t.Metrics {
			have[name] = m
		}
	}
	for name := range have {
		for _, t := range s.trials {
			if _, ok := t.Metrics[name]; !ok {
				lacking[name] = true
			}
		}
	}
	var left []string
	for _, name := range results.InOrder(have, results.Metrics) {
		m, ok := have[name], !lacking[name]
		if _, server := servers[name]; server {
			continue
		}
		if ok {
			m.Value, ok = s.metric(name)
		}
		if !ok {
			left = append(left, name)
			continue
		}
		out.Metrics[name] = m
	}
	s.ofServer(out)
	if len(left) > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("not merged, since a part lacks it or there is no rule for it: %s", strings.Join(left, ", ")))
	}
}

// metric merges one, but for what ofServer does.
func (s set) metric(name string) (v float64, ok bool) {
	switch {
	case rates[name] != nil:
		for i, t := range s.trials {
			v += s.rate(i, t, rates[name])
		}
	case paces[name] != nil:
		for i, t := range s.trials {
			v += s.pace(i, t, name)
		}
	case slices.Contains(sums, name):
		for _, t := range s.trials {
			v += t.Metrics[name].Value
		}
	case slices.Contains(worsts, name):
		for i, t := range s.trials {
			if x := t.Metrics[name].Value; i == 0 || x > v {
				v = x
			}
		}
	case means[name] != nil:
		weights := 0.0
		for _, t := range s.trials {
			w := means[name](t)
			v, weights = v+w*t.Metrics[name].Value, weights+w
		}
		if weights == 0 {
			return 0, false
		}
		v /= weights
	default:
		return 0, false
	}
	return v, true
}

// rate is what part i counted in its span, a second of it.
func (s set) rate(i int, t *results.Trial, count func(results.Interval) int64) float64 {
	var n int64
	for _, iv := range t.Timeline[s.spans[i].first:s.spans[i].last] {
		n += count(iv)
	}
	return float64(n) / s.spans[i].length().Seconds()
}

// pace is the mean of a rate of part i's open loop over its span. One that ends
// with its total asks for less at its end; there the trial's own figure holds.
func (s set) pace(i int, t *results.Trial, name string) (v float64) {
	if name == results.AskedRate && t.Config.Total > 0 {
		return t.Metrics[name].Value
	}
	for _, iv := range t.Timeline[s.spans[i].first:s.spans[i].last] {
		if iv.Pace != nil {
			v += paces[name](iv.Pace) * iv.Seconds
		}
	}
	return v / s.spans[i].length().Seconds()
}

// ofServer takes the server's figures from the part with the longest window that
// has them. Where they were divided by what that generator moved alone, rather
// than by what the server says it moved for all, they are scaled by its share.
func (s set) ofServer(out *results.Trial) {
	for name, rate := range servers {
		var of *results.Trial
		for _, t := range s.trials {
			if _, has := t.Metrics[name]; has && (of == nil || t.Seconds > of.Seconds) {
				of = t
			}
		}
		if of == nil {
			continue
		}
		m := of.Metrics[name]
		byServer := rate == results.BodyRate && of.Server != nil && of.Server.Body > 0 && of.Config.Request != "sql"
		if rate != "" && !byServer && out.Metrics[rate].Value > 0 {
			m.Value *= of.Metrics[rate].Value / out.Metrics[rate].Value
			if !slices.Contains(out.Approximate, name) {
				out.Approximate = append(out.Approximate, name)
			}
		}
		out.Metrics[name] = m
	}
	slices.Sort(out.Approximate)
}
