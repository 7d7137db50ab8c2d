package report

import (
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// limit is what limited a group: a cause, and the figures that say so.
type limit struct{ cause, figures string }

// limits says what limited the best of each operation; those of one cause
// together.
func limits(l *results.Loaded, best []results.Group) []string {
	var order []string
	ops, figures := map[string][]string{}, map[string][]string{}
	for _, g := range best {
		of := limitOf(g, l.Run.Environment)
		if ops[of.cause] == nil {
			order = append(order, of.cause)
		}
		ops[of.cause] = append(ops[of.cause], g.Config.Op)
		if of.figures != "" {
			figures[of.cause] = append(figures[of.cause], of.figures)
		}
	}
	var parts []string
	for _, cause := range order {
		text := list(ops[cause]) + ": " + cause
		if len(best) == 1 {
			text = cause
		}
		if f := figures[cause]; len(f) > 0 {
			for i := range f {
				if len(ops[cause]) > 1 {
					f[i] = ops[cause][i] + ": " + f[i]
				}
			}
			text += " (" + strings.Join(f[:min(len(f), mostParts)], "; ") + ")"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return []string{"nothing was measured"}
	}
	return append(parts, ceilings(l, best)...)
}

// list is words for people: "get, put and exchange".
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

const (
	mostly     = 0.5  // of the time of streams, for one share to be the cause
	fullShared = 0.8  // of a machine's cores, for client and server to have used it up
	short      = 0.25 // of the CPU time that a client wanted, for it to have lacked it
	spare      = 0.3  // of an open loop's time without a stream, to have time to spare
)

// limitOf is what limited g.
func limitOf(g results.Group, e results.Environment) limit {
	if boundMostly(g) {
		return limit{"the generator, not the server", reasonOf(boundTrial(g))}
	}
	waiting, flow, busy, idle := g.Metric(results.TimeWaiting), g.Metric(results.TimeFlow), g.Metric(results.TimeBusy), g.Metric(results.TimeIdle)
	cpu := cpuOf(g)
	if g.Config.Target == "embedded" && e.Cores > 0 && cpu.client+cpu.server >= fullShared*float64(e.Cores) {
		return limit{"this machine's CPU, which client and server share", cpu.String() + fmt.Sprintf(", of %d", e.Cores)}
	}
	if waiting.N == 0 {
		return limit{"not known, since trials tell no shares of time", cpu.String()}
	}
	if g.Config.Open() && idle.Median >= spare && keepsUp(g) {
		return limit{"nothing, the load that was asked for left time to spare", fmt.Sprintf("no stream was in flight for %s of the slots' time", percent(idle.Median))}
	}
	about := ""
	if slices.ContainsFunc(g.Measured(), func(t *results.Trial) bool { return slices.Contains(t.Approximate, results.TimeWaiting) }) {
		about = "about "
	}
	active := 1 - idle.Median
	if active <= 0 {
		return limit{"not known, since no time was spent in streams", ""}
	}
	figures := func(s results.Spread, what string) string {
		return joined(fmt.Sprintf("%s%s of the time of streams went into %s", about, percent(s.Median/active), what), cpu.String())
	}
	switch {
	case busy.Median >= mostly*active && starved(g, cpu.client):
		return limit{"CPU time, which the client had to wait for on this machine", fmt.Sprintf("it used %s cores and waited for %s more", results.FormatNumber(cpu.client), results.FormatNumber(cpuWait(g)))}
	case busy.Median >= mostly*active:
		return limit{"the client, which was busy", figures(busy, "work of the client")}
	case flow.Median >= mostly*active:
		return limit{"the receiver or its window, by flow control", figures(flow, "waiting to be let send")}
	case waiting.Median >= mostly*active:
		return limit{"the network or the server", figures(waiting, "waiting for data")}
	}
	return limit{"no one thing", fmt.Sprintf("%swaiting for data %s, flow control %s, busy in the client %s", about,
		percent(waiting.Median/active), percent(flow.Median/active), percent(busy.Median/active))}
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// cpuWait is for how many cores the threads of g's client waited, though ready
// to run; 0 where that is not known.
func cpuWait(g results.Group) float64 {
	var waits []float64
	for _, t := range g.Measured() {
		if m, ok := t.Metrics["client_cpu_wait_seconds"]; ok && t.Seconds > 0 {
			waits = append(waits, m.Value/t.Seconds)
		}
	}
	return results.SpreadOf(waits).Median
}

// starved tells whether g's client, which used so many cores, lacked more.
// While another has its CPU, a client seems to be busy.
func starved(g results.Group, used float64) bool {
	waited := cpuWait(g)
	return waited > 0 && waited >= short*(used+waited)
}

// boundMostly tells whether most trials of g are bound by the generator.
func boundMostly(g results.Group) bool {
	n := 0
	for _, t := range g.Measured() {
		if t.Verdict == results.VerdictGeneratorBound {
			n++
		}
	}
	return 2*n > len(g.Measured())
}

// boundTrial is the first trial of g that is bound by the generator.
func boundTrial(g results.Group) *results.Trial {
	i := slices.IndexFunc(g.Trials, func(t *results.Trial) bool { return t.Verdict == results.VerdictGeneratorBound })
	return g.Trials[i]
}

// cores is how many cores were in use; 0 where it is not known.
type cores struct{ client, server float64 }

// cpuOf is that of g: what a unit of its work costs, times its rate.
func cpuOf(g results.Group) cores {
	k := g.Kind()
	rate := g.Metric(k.Rate).Median
	if k == results.KindStreams {
		rate /= 1e9 // costs are of a gigabyte
	}
	return cores{g.Metric(k.ClientCPU).Median * rate, g.Metric(k.ServerCPU).Median * rate}
}

func (c cores) String() string {
	switch {
	case c.client > 0 && c.server > 0:
		return fmt.Sprintf("the client used %s cores and the server %s", results.FormatNumber(c.client), results.FormatNumber(c.server))
	case c.client > 0:
		return fmt.Sprintf("the client used %s cores", results.FormatNumber(c.client))
	}
	return ""
}

// ceilings says how far the best of each operation is from what the same bytes
// do without Flight, where that was measured.
func ceilings(l *results.Loaded, best []results.Group) (parts []string) {
	for _, ladder := range results.Ladders(l.Trials) {
		if slices.ContainsFunc(best, func(g results.Group) bool { return g.Config.Key() == ladder.Flight.Config.Key() }) {
			if s := strings.TrimSuffix(ladder.Sentence(), "."); s != "" {
				parts = append(parts, s)
			}
		}
	}
	return parts
}
