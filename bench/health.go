package bench

// vitals are what the machine and both processes did during the window. What
// is not known is negative.
type vitals struct {
	seconds   float64
	cores     float64 // that this process may use
	client    float64 // CPU seconds of this process
	server    float64 // CPU seconds of the server
	here      bool    // the server is on this machine
	machine   float64 // CPU seconds that the machine had
	idle      float64 // of them those that nobody used
	others    float64 // CPU seconds that neither client nor server used, where both are on this machine
	stolen    float64 // CPU seconds that the hypervisor took
	waited    float64 // seconds that threads of this process waited for a CPU
	throttled float64 // seconds that the cgroup was kept from running
	sched     float64 // p99 of seconds from a goroutine's being ready to its running
	skew      float64 // seconds by which the wall clock went faster than the monotonic one
}

// vitals compares the window's ends.
func (t *trial) vitals(first, last *sample) *vitals {
	a, b := t.began, t.ended
	elapsed := b.wall.Sub(a.wall)
	v := &vitals{
		seconds: elapsed.Seconds(), cores: coresAllowed(), client: seconds(last.usage.cpuNanos - first.usage.cpuNanos),
		server: -1, machine: -1, others: -1, stolen: -1, waited: -1, throttled: -1, sched: -1,
		skew: (b.wall.Round(0).Sub(a.wall.Round(0)) - elapsed).Seconds(),
	}
	if a, b := t.processBegin, t.processEnd; a != nil && b != nil {
		v.server = b.CPUSeconds - a.CPUSeconds
	}
	if t.begin != nil && t.end != nil && !t.config.InProcess {
		v.server = between(t.begin, t.end).CPUSeconds
	}
	if v.server < 0 && a.listener >= 0 && b.listener >= a.listener && !t.config.InProcess {
		v.server = b.listener - a.listener
	}
	if a.total >= 0 && b.total > a.total {
		v.machine, v.idle, v.stolen = b.total-a.total, b.idle-a.idle, b.stolen-a.stolen
		v.here = t.target.Local()
		known := t.config.InProcess || v.server >= 0
		if known && v.here || !v.here { // else a local server's share is not known
			v.others = max(0, v.machine-v.idle-v.stolen-v.client)
			if v.here {
				v.others = max(0, v.others-max(0, v.server))
			}
		}
	}
	if a.waited >= 0 && b.waited >= a.waited {
		v.waited = b.waited - a.waited
	}
	if a.throttled >= 0 && b.throttled >= a.throttled {
		v.throttled = b.throttled - a.throttled
	}
	if p99, ok := schedP99(a.sched, b.sched); ok {
		v.sched = p99
	}
	return v
}

// reportHealth tells them, and what the runtime and the sockets say.
func (t *trial) reportHealth(put putMetric, v vitals) {
	known := func(name string, value float64, unit string) {
		if value >= 0 {
			put(name, value, unit, "lower")
		}
	}
	known("client_cpu_share", v.client/(v.seconds*v.cores), "1")
	known("client_cpu_wait_seconds", v.waited, "s")
	known("client_throttled_seconds", v.throttled, "s")
	known("client_scheduler_p99_seconds", v.sched, "s")
	sum, longest := gcPauses(t.began.gc, t.ended.gc)
	put("client_gc_pause_seconds", sum.Seconds(), "s", "lower")
	put("client_gc_pause_max_seconds", longest.Seconds(), "s", "lower")
	if v.machine > 0 {
		put("steal_share", v.stolen/v.machine, "1", "lower")
		known("others_cpu_share", v.others/v.machine, "1")
	}
	if k := t.ended.tcp; k.Sockets > 0 {
		put("tcp_rtt_seconds", k.RTT.Seconds(), "s", "lower")
		if n := k.Retransmits - t.began.tcp.Retransmits; n >= 0 { // else a socket is gone
			put("tcp_retransmits", float64(n), "segments", "lower")
		}
	}
}
