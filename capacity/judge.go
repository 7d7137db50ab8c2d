package capacity

import (
	"fmt"
	"math"
	"strings"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// outcome is what a trial says of its load.
type outcome int

const (
	held    outcome = iota // every objective was met
	missed                 // one was not
	excused                // one was not, and not for a fault of the server's
)

// judgement is an outcome and why.
type judgement struct {
	outcome    outcome
	objective  string // that was missed by the most, "" where none was
	text       string // what was found of it, for people
	generator  bool   // missed, and the generator was the limit
	neighbours bool   // missed, while other processes used this machine
	died       bool   // the server went away
}

// objectives are what loads are judged by.
type objectives struct {
	gates []compare.Gate
	open  bool // loads are of an open loop,
	bytes bool // and of bytes
	alone results.Unloaded
}

// DefaultGates are the objectives where nobody names one: few errors, and a
// response time that is no more than tenfold that of the unloaded server, or
// 50 ms where that is less. why says so.
func DefaultGates(u results.Unloaded) (gates []compare.Gate, why []string, err error) {
	limit, text := 10*u.P50, fmt.Sprintf("tenfold the %s of the unloaded server", results.FormatNanoseconds(u.P50))
	if limit < leastLimit {
		limit, text = leastLimit, fmt.Sprintf("the unloaded server takes %s; 50 ms are allowed, as less tells more of schedulers than of overload", results.FormatNanoseconds(u.P50))
	}
	for _, s := range []string{fmt.Sprintf("%s.p99<=%sms", u.Latency, number(nice(limit)/1e6)), "errors<=0.1%"} {
		g, err := compare.ParseGate(s)
		if err != nil {
			return nil, nil, err
		}
		gates = append(gates, g)
	}
	return gates, []string{text, "a load that makes calls fail is too high"}, nil
}

const leastLimit = 50e6 // ns

// nice rounds up to 1, 1.5, 2, 3, 5 or 7 times a power of ten.
func nice(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 1.5, 2, 3, 5, 7, 10} {
		if m*unit >= v*0.999 {
			return m * unit
		}
	}
	return v
}

func number(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}

// judge says what t says of its load. A metric that no trial has is an error.
func (o objectives) judge(t *results.Trial) judgement {
	j := judgement{}
	worst := 0.0
	miss := func(by float64, objective, text string) {
		if j.outcome = missed; by >= worst {
			worst, j.objective, j.text = by, objective, text
		}
	}
	if o.open && t.Status != results.StatusFailed {
		if lost, share := o.backlog(t); lost > 0 {
			miss(share, results.KeepsUp, fmt.Sprintf("%s asked, %s achieved", rate(t, results.AskedRate), rate(t, results.AchievedRate)))
		}
	}
	for _, g := range o.gates {
		m, ok := g.Figure.Of(t)
		if !ok && t.Status != results.StatusFailed && t.Streams == 0 && t.Batches == 0 {
			miss(1, g.String(), "nothing ended within the window")
			continue
		}
		v, err := g.JudgeTrials([]*results.Trial{t})
		switch {
		case err != nil:
		case v.Status == compare.GateMissed:
			miss(excess(g, m.Value), g.String(), fmt.Sprintf("%s %s", g.Figure, v.Text))
		case j.outcome == held && g.Figure != "error_share":
			j.text = strings.TrimPrefix(fmt.Sprintf("%s, %s %s", j.text, g.Figure, v.Text), ", ")
		}
	}
	if t.Status == results.StatusFailed {
		miss(math.Inf(1), "errors", t.Error)
		j.died = gone(t)
		return j
	}
	if j.outcome == missed && t.Seconds > 0 {
		j.generator = t.Verdict == results.VerdictGeneratorBound
		j.neighbours = t.Metrics["others_cpu_share"].Value >= othersLimit
		if j.generator || j.neighbours || t.Verdict == results.VerdictClock || t.Verdict == results.VerdictUnstable && t.Metrics["steal_share"].Value > 0 {
			j.outcome = excused
		}
	}
	return j
}

// gone tells whether t, which failed, found no server.
func gone(t *results.Trial) bool {
	return t.Failures["unavailable"] > 0 || t.Errors["Unavailable"] > 0 || len(t.Errors) == 0
}

// othersLimit is the share of this machine's CPU that other processes used, from
// which on what was missed may be their fault.
const othersLimit = 0.2

// excess is by how much of the limit v is beyond it.
func excess(g compare.Gate, v float64) float64 {
	limit := g.Limit
	if limit == 0 {
		return 1
	}
	return min(1, math.Abs(v-limit)/limit)
}

// backlog is by how many streams t fell behind what was asked for, beyond
// what chance has in flight at the window's ends, and by which share of what
// was asked; 0 where it kept up.
//
// Note: what was begun less what has ended is the growth of what is in flight.
// A server that keeps up has as much of it at both ends of the window but for
// chance, which is about the root of what an unloaded server would have.
func (o objectives) backlog(t *results.Trial) (streams, share float64) {
	asked := t.Metrics[results.AskedRate].Value * t.Seconds
	if t.Config.Arrival == bench.ArrivalPoisson { // of which asked is the mean
		asked = t.Metrics["missed_starts"].Value
		for _, iv := range t.Timeline {
			if iv.Pace != nil {
				asked += iv.Pace.Started * iv.Seconds
			}
		}
	}
	if !(asked > 0) {
		return 0, 0
	}
	done := t.Metrics[results.AchievedRate].Value * t.Seconds
	if bytes := t.Metrics["asked_body_bytes_per_second"].Value; o.bytes && bytes > 0 {
		done = asked * t.Metrics[results.BodyRate].Value / bytes // of streams that have not ended, what came
	}
	if lost := asked - done; lost > o.tolerance(asked, asked/t.Seconds) {
		return lost, lost / asked
	}
	return 0, 0
}

// tolerance is how many streams of those asked for, at so many a second, a
// server that keeps up may leave undone.
func (o objectives) tolerance(asked, perSecond float64) float64 {
	chance := 1 + math.Sqrt(perSecond*o.alone.P50/1e9)
	if o.bytes { // those of streams under way are counted as they come
		chance /= 2
	}
	return behindLimit*asked + chance
}

// behindLimit is the share of the streams asked for that a server which keeps
// up may leave undone.
const behindLimit = 0.01

func rate(t *results.Trial, name string) string {
	return results.FormatSI(t.Metrics[name].Value, "") + " /s"
}
