package bench

import (
	"fmt"
	"math"
	"slices"
	"time"

	"flightbench/results"
)

// The limits of verdicts. Each is where a figure stops being about the server.
const (
	// Shorter windows are not judged: one garbage collection, or one tick of
	// the system's counters, is a tenth of them.
	judgedFrom = 0.9 // seconds

	// A process rarely gets the last tenth of its CPUs: what waits for the
	// other end, for locks or for memory is in there.
	cpuLimit = 0.9
	// With so much of the time busy in the client, a server that answered at
	// once would make the figure better by a fifth at most. Where client and
	// server share a machine that is much in use, the client also seems busy
	// while others have its CPU: there it must have used so many times what the
	// server did.
	busyLimit   = 0.8
	busyFactor  = 2
	muchInUse   = 0.75
	fullMachine = 0.9
	// Above this p99, goroutines that are ready queue behind others; a
	// scheduler that has processors to spare takes microseconds.
	schedLimit = 1e-3 // seconds
	// ... and only if the client is near its limit is that its own fault.
	schedCPU = 0.75
	// Starts later than this (the project's own promise for an idle machine),
	// and later than a tenth of the response time that they are part of.
	lateLimit = time.Millisecond
	lateShare = 0.1
	// A neighbour matters if it takes so much of the machine, while the client
	// wants a CPU nearly all of the time and waits for so much of what it wants.
	// A third of the time is enough where the transport itself says that streams
	// do not wait for the server nearly all of the time. By the estimate for
	// other transports, and in calls, they also seem to while the client's own
	// reader waits for a CPU.
	othersLimit  = 0.2
	blockedLimit = 0.9
	wantedLimit  = 0.75
	wantedLeast  = 0.33
	starvedLimit = 0.25
	// A cgroup's quota that stops the client for a twentieth of the time is
	// what is measured.
	throttledLimit = 0.05

	// The hypervisor's share of CPU time from which on rates are its, too.
	stealLimit = 0.05
	// The rates of the window's first and last third may differ by so much of
	// the median, and the middle half of the intervals by so much, before the
	// median says little; the noise of counting is added.
	driftLimit    = 0.3
	spreadLimit   = 0.5
	leastInterval = 6 // intervals, or there is no spread

	// NTP slews a clock by 0.05 % at most.
	skewShare = 0.005
	skewLeast = 0.01 // seconds
)

// believe gives a trial that is valid so far another verdict if there are
// figures against it. What there is against it beside its verdict is told as
// warnings.
func (t *trial) believe(v vitals) {
	out := t.out
	if v.seconds < judgedFrom {
		return
	}
	if v.together() {
		t.warn("client and server used up this machine's CPU together: each may do more on a machine of its own")
	}
	for _, doubt := range []struct {
		verdict  string
		evidence []string
	}{
		{results.VerdictClock, clockDoubts(v)},
		{results.VerdictGeneratorBound, slices.Concat(t.boundDoubts(v), t.lateDoubts())},
		{results.VerdictUnstable, slices.Concat(stealDoubts(v), t.rateDoubts())},
	} {
		switch {
		case len(doubt.evidence) == 0:
		case out.Verdict == results.VerdictValid:
			out.Verdict, out.Evidence = doubt.verdict, doubt.evidence
		default:
			for _, e := range doubt.evidence {
				t.warn(doubt.verdict + " as well: " + e)
			}
		}
	}
}

func clockDoubts(v vitals) []string {
	if math.Abs(v.skew) <= max(skewLeast, skewShare*v.seconds) {
		return nil
	}
	return []string{fmt.Sprintf("the wall clock moved by %+.3f s against the monotonic one within %.1f s", v.skew, v.seconds)}
}

// boundDoubts are reasons to think that the client was the limit.
//
// Note: a machine that client and server share is soon fully used, and that
// alone says nothing: who of them limits the other shows in what the client's
// streams spend their time with, and in whether it uses up what it may use.
func (t *trial) boundDoubts(v vitals) (out []string) {
	share := v.client / (v.seconds * v.cores)
	mine := !t.config.InProcess && !t.kind.rung // else the CPU time is the server's as well, or what is measured
	if mine && share >= cpuLimit {
		out = append(out, fmt.Sprintf("client CPU %.2f of %.3g cores%s", v.client/v.seconds, v.cores, v.serverUsed()))
	}
	if mine && share >= schedCPU && v.sched >= schedLimit {
		out = append(out, fmt.Sprintf("1 in 100 goroutines of the client waited %s or more to run, while it used %.2f of %.3g cores",
			results.FormatSeconds(v.sched), v.client/v.seconds, v.cores))
	}
	if wanted := v.client + v.waited; mine && v.cores*v.seconds < v.machine && share < schedCPU && v.waited >= 0 && wanted >= cpuLimit*v.cores*v.seconds && v.sched >= schedLimit {
		out = append(out, fmt.Sprintf("the client wanted all of the %.3g cores that GOMAXPROCS lets it use (it used %.2f and waited for %.2f more), and 1 in 100 of its goroutines waited %s or more to run",
			v.cores, v.client/v.seconds, v.waited/v.seconds, results.FormatSeconds(v.sched)))
	}
	shared := v.here && v.machine > 0 && v.machine-v.idle >= muchInUse*v.machine
	if busy := t.out.Metrics[results.TimeBusy]; mine && busy.Value >= busyLimit && t.exactTimes() && !t.kind.calls && (!shared || v.server >= 0 && v.client >= busyFactor*v.server) {
		out = append(out, fmt.Sprintf("streams spent %.0f %% of their time busy in the client, %.0f %% waiting for data", busy.Value*100, t.out.Metrics[results.TimeWaiting].Value*100))
	}
	wanted := v.client + v.waited
	least := wantedLimit
	blocked, idle := t.out.Metrics[results.TimeWaiting].Value+t.out.Metrics[results.TimeFlow].Value, t.out.Metrics[results.TimeIdle].Value
	if t.exactTimes() && !t.kind.calls && blocked < blockedLimit*(1-idle) {
		least = wantedLeast
	}
	if v.waited >= 0 && v.others >= othersLimit*v.machine && wanted >= least*v.seconds && v.waited >= starvedLimit*wanted {
		out = append(out, fmt.Sprintf("other processes used %.0f %% of the machine's CPU, and the client waited for a CPU for %.0f %% of the time that it wanted one",
			100*v.others/v.machine, 100*v.waited/wanted))
	}
	if v.throttled >= throttledLimit*v.seconds {
		out = append(out, fmt.Sprintf("the client's cgroup was throttled for %.2f of %.2f s", v.throttled, v.seconds))
	}
	return out
}

// together tells whether client and server used up a machine that they share.
func (v vitals) together() bool {
	return v.here && v.server >= 0 && v.machine > 0 && v.machine-v.idle >= fullMachine*v.machine && v.others < othersLimit*v.machine
}

func (v vitals) serverUsed() string {
	if v.server < 0 {
		return ""
	}
	return fmt.Sprintf(", the server's %.2f", v.server/v.seconds)
}

// lateDoubts are those about the pacer.
func (t *trial) lateDoubts() []string {
	late, ok := t.out.Latencies[metricNames[latLateness]]
	if !ok {
		return nil
	}
	worst := int64(0)
	for _, m := range responses {
		worst = max(worst, t.out.Latencies[metricNames[m+fromActual]].P99)
	}
	if late.P99 <= int64(lateLimit) || float64(late.P99) <= lateShare*float64(worst) {
		return nil
	}
	return []string{fmt.Sprintf("1 in 100 starts was %s late or more, where the p99 of what followed is %s",
		results.FormatNanoseconds(float64(late.P99)), results.FormatNanoseconds(float64(worst)))}
}

func stealDoubts(v vitals) []string {
	if v.machine <= 0 || v.stolen < stealLimit*v.machine {
		return nil
	}
	return []string{fmt.Sprintf("the hypervisor took %.1f %% of the CPU time", 100*v.stolen/v.machine)}
}

// rateDoubts are those about the rates of the timeline. In an open loop they
// are the asked ones.
func (t *trial) rateDoubts() (out []string) {
	if t.load != nil {
		return nil
	}
	rates, noise := t.rates()
	if len(rates) < leastInterval {
		return nil
	}
	mid := quantile(rates, 0.5)
	third := len(rates) / 3
	first, last := quantile(rates[:third], 0.5), quantile(rates[len(rates)-third:], 0.5)
	if d := (last - first) / mid; math.Abs(d) > driftLimit+noise {
		out = append(out, fmt.Sprintf("the rate of the window's last third differs by %+.0f %% from its first's", 100*(last-first)/first))
	}
	if d := (quantile(rates, 0.75) - quantile(rates, 0.25)) / mid; d > spreadLimit+noise {
		out = append(out, fmt.Sprintf("the middle half of the intervals' rates spreads over %.0f %% of the median", 100*d))
	}
	return out
}

// rates are those of the timeline's whole intervals, in batches or calls a
// second, and the relative noise that counting so few of them brings. There
// are none where an interval holds too few to tell.
func (t *trial) rates() (rates []float64, noise float64) {
	var counts []float64
	lines := t.out.Timeline
	if len(lines) > 0 && lines[len(lines)-1].Seconds < t.interval().Seconds()/2 {
		lines = lines[:len(lines)-1]
	}
	for _, iv := range lines {
		n := float64(iv.Batches)
		if t.kind.calls {
			n = float64(iv.Streams)
		}
		counts, rates = append(counts, n), append(rates, n/iv.Seconds)
	}
	mid := quantile(counts, 0.5)
	if mid < 20 {
		return nil, 0
	}
	return rates, 3 / math.Sqrt(mid)
}

// quantile is the q-th of values, 0 where there are none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	at := q * float64(len(v)-1)
	i := int(at)
	if i+1 == len(v) {
		return v[i]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}
