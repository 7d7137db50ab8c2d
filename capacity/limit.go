package capacity

import (
	"fmt"

	"flightbench/results"
)

// Shares from which on something is what limits.
const (
	cpuUsedUp    = 0.85 // of a machine's cores
	linkUsedUp   = 0.85 // of the bandwidth that is imitated
	flowShare    = 0.5  // of the streams' time that senders waited for windows
	rttTimes     = 3    // as long as unloaded, and
	rttLonger    = 1e-3 // by so many seconds
	aboveAtMost  = 1.6  // times the answer: what is further above tells of overload, not of the limit
	generatorsOf = 0.5  // of the misses
)

// limit says what limited the server, by the trials that missed just above
// the answer, or without one by those at it.
func (s *Search) limit(c *results.Capacity) {
	var at []try
	pick := func(is func(try) bool) {
		for _, t := range s.tries {
			if len(at) < len(s.tries) && is(t) {
				at = append(at, t)
			}
		}
	}
	if pick(func(t try) bool {
		return t.outcome == missed && t.load >= c.Load && t.load <= max(c.High, c.Load*aboveAtMost)
	}); len(at) == 0 {
		pick(func(t try) bool { return t.outcome == missed })
	}
	if len(at) == 0 { // the way up ended with what was missed for no fault of the server's
		pick(func(t try) bool { return t.outcome == excused && t.load > c.Load })
	}
	if len(at) == 0 || c.Outcome == results.CapacityHighest || c.Outcome == results.CapacityLowest {
		return
	}
	generators, errors := 0, 0
	var client, server, flow, rtt, others, wire []float64
	for _, t := range at {
		m := t.trial.Metrics
		if t.generator {
			generators++
		}
		if t.died || t.objective == "errors" || m["error_share"].Value > 0.001 {
			errors++
		}
		client = appendMetric(client, t.trial, "client_cpu_share", float64(t.trial.Config.GOMAXPROCS))
		if v, ok := serverCores(t.trial); ok {
			server = append(server, v)
		}
		flow = appendMetric(flow, t.trial, "time_share_flow_control", 1)
		others = appendMetric(others, t.trial, "others_cpu_share", 1)
		rtt = appendMetric(rtt, t.trial, "tcp_rtt_seconds", 1)
		if b := s.o.Config.Bandwidth; b > 0 {
			wire = appendMetric(wire, t.trial, results.WireRate, 1/b)
		}
	}
	cl, sv, cores := results.SpreadOf(client), results.SpreadOf(server), float64(s.o.Cores)
	use := cpuText(cl, sv, cores, s.o.Local)
	alone := s.unloaded.Metrics["tcp_rtt_seconds"].Value
	r := results.SpreadOf(rtt)
	say := func(by, format string, args ...any) { c.LimitedBy, c.Limit = by, fmt.Sprintf(format, args...)+use }
	switch {
	case s.o.Local && sv.N > 0 && cores > 0 && cl.Median+sv.Median >= cpuUsedUp*cores && sv.Median >= 0.25*cores:
		say(results.LimitMachine, "this machine's CPU, which client and server share: each may do more on a machine of its own")
	case float64(generators) > generatorsOf*float64(len(at)) && results.SpreadOf(others).Median >= othersLimit:
		say(results.LimitGenerator, "other processes, which used %.0f %% of this machine's CPU: search again when it is idle", 100*results.SpreadOf(others).Median)
	case float64(generators) > generatorsOf*float64(len(at)):
		say(results.LimitGenerator, "the generator, this client: %s", evidence(at))
	case s.o.Local && sv.N > 0 && cores > 0 && sv.Median >= cpuUsedUp*cores:
		say(results.LimitServerCPU, "the server's CPU")
	case 2*errors > len(at):
		say(results.LimitErrors, "failures: above it the server fails or refuses calls (%s)", failures(at))
	case results.SpreadOf(wire).Median >= linkUsedUp:
		say(results.LimitNetwork, "the network: %.0f %% of the %s that it is given were used", 100*results.SpreadOf(wire).Median, results.FormatSI(s.o.Config.Bandwidth, "B/s"))
	case results.SpreadOf(flow).Median >= flowShare:
		say(results.LimitFlowControl, "flow control: senders waited for the receiver's windows for %.0f %% of the time", 100*results.SpreadOf(flow).Median)
	case r.N > 0 && alone > 0 && r.Median > rttTimes*alone && r.Median-alone > rttLonger && !s.o.Local:
		say(results.LimitNetwork, "the network: its round trip went up from %s to %s", results.FormatSeconds(alone), results.FormatSeconds(r.Median))
	case s.o.Local && results.SpreadOf(others).Median >= othersLimit:
		say(results.LimitNeighbours, "the server, or by other processes, which used %.0f %% of this machine's CPU (which of them cannot be told): search again when it is idle", 100*results.SpreadOf(others).Median)
	default:
		say(results.LimitServer, "the server itself: streams waited for it, though CPU was left")
		if sv.N == 0 {
			say(results.LimitServer, "the server: streams waited for it, and neither this client nor flow control held them up")
		}
	}
}

func appendMetric(to []float64, t *results.Trial, name string, times float64) []float64 {
	if m, ok := t.Metrics[name]; ok {
		return append(to, m.Value*times)
	}
	return to
}

// serverCores is how many cores the server used up.
func serverCores(t *results.Trial) (float64, bool) {
	for _, of := range []struct {
		cost, rate string
		per        float64
	}{{results.ServerCallCPU, results.CallRate, 1}, {results.ServerQueryCPU, results.QueryRate, 1}, {results.ServerCPU, results.BodyRate, 1e9}} {
		cost, ok := t.Metrics[of.cost]
		rate, ok2 := t.Metrics[of.rate]
		if ok && ok2 {
			return cost.Value * rate.Value / of.per, true
		}
	}
	return 0, false
}

// cpuText is what client and server used, in words.
func cpuText(client, server results.Spread, cores float64, local bool) string {
	if client.N == 0 {
		return ""
	}
	text := fmt.Sprintf("; CPU: client %.2f", client.Median)
	if server.N > 0 {
		text += fmt.Sprintf(", server %.2f", server.Median)
	}
	switch {
	case cores == 0:
		return text + " cores"
	case local:
		return text + fmt.Sprintf(" of %.0f cores", cores)
	}
	return text + fmt.Sprintf(" cores; this machine has %.0f", cores)
}

// evidence is the first that was found against a generator.
func evidence(tries []try) string {
	for _, t := range tries {
		if t.generator && len(t.trial.Evidence) > 0 {
			return t.trial.Evidence[0]
		}
	}
	return "see the verdicts"
}

// failures is the first error of tries.
func failures(tries []try) string {
	for _, t := range tries {
		if t.trial.Error != "" {
			return t.trial.Error
		}
	}
	for _, t := range tries {
		if t.text != "" {
			return t.text
		}
	}
	return "see the trials' errors"
}
