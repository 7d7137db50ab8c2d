package bench

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"flightbench/internal/target"
)

// moment is what the machine, the Go runtime and the streams had used at one
// end of the window. What the system does not tell is negative.
type moment struct {
	wall      time.Time // with the monotonic clock's reading
	nanos     int64     // target.Nanos
	times     shares
	total     float64 // CPU seconds of the machine, idle ones among them
	idle      float64
	stolen    float64 // taken by the hypervisor
	listener  float64 // CPU seconds of the process that listens at a local server's port
	waited    float64 // seconds that this process' threads waited for a CPU
	throttled float64 // seconds that its cgroup was kept from running
	sched     *metrics.Float64Histogram
	gc        debug.GCStats
	tcp       target.TCP
}

// look takes a moment.
func (t *trial) look() *moment {
	m := &moment{wall: time.Now(), nanos: target.Nanos(), total: -1, listener: -1, waited: runDelay(), throttled: throttled()}
	if t.listener > 0 {
		if u, err := target.ProcessUsage(t.listener); err == nil {
			m.listener = u.CPUSeconds
		}
	}
	m.times = t.whereTimeWent(m.nanos)
	if c, err := cpu.Times(false); err == nil && len(c) == 1 {
		c := c[0] // guest time is part of user time
		m.idle, m.stolen = c.Idle+c.Iowait, c.Steal
		m.total = c.User + c.System + c.Idle + c.Nice + c.Iowait + c.Irq + c.Softirq + c.Steal
	}
	s := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(s)
	if s[0].Value.Kind() == metrics.KindFloat64Histogram {
		m.sched = s[0].Value.Float64Histogram()
	}
	debug.ReadGCStats(&m.gc)
	t.connMu.Lock()
	defer t.connMu.Unlock()
	for _, c := range t.conns {
		k := c.TCP()
		m.tcp.Sockets += k.Sockets
		m.tcp.Retransmits += k.Retransmits
		m.tcp.RTT = max(m.tcp.RTT, k.RTT)
	}
	return m
}

// schedP99 is the time in seconds that 99 of 100 goroutines waited at most,
// from being ready to running, between a and b; ok is false if there was none.
func schedP99(a, b *metrics.Float64Histogram) (p99 float64, ok bool) {
	if a == nil || b == nil || len(a.Counts) != len(b.Counts) {
		return 0, false
	}
	var all, below uint64
	for i := range b.Counts {
		all += b.Counts[i] - a.Counts[i]
	}
	for i := range b.Counts {
		if below += b.Counts[i] - a.Counts[i]; all > 0 && below*100 >= all*99 {
			return max(0, b.Buckets[i]), true // the bucket's lower bound: its upper one may be infinite
		}
	}
	return 0, false
}

// gcPauses are those that ended between a and b: their sum, and the longest of
// those that are remembered.
func gcPauses(a, b debug.GCStats) (sum, longest time.Duration) {
	n := min(int(b.NumGC-a.NumGC), len(b.Pause)) // the latest are first
	for _, p := range b.Pause[:n] {
		longest = max(longest, p)
	}
	return b.PauseTotal - a.PauseTotal, longest
}

// runDelay is how long the threads of this process were ready to run and did
// not, in seconds; -1 where the system does not tell.
func runDelay() float64 {
	files, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil || len(files) == 0 {
		return -1
	}
	var ns int64
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		if parts := strings.Fields(string(b)); len(parts) == 3 {
			n, _ := strconv.ParseInt(parts[1], 10, 64)
			ns += n
		}
	}
	return float64(ns) / 1e9
}

// cgroup is the folder of this process' cgroup (v2), "" where there is none.
func cgroup() string {
	for line := range strings.Lines(readFile("/proc/self/cgroup")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join("/sys/fs/cgroup", path)
		}
	}
	return ""
}

// throttled is how long the cgroup was kept from running, in seconds; -1 where
// the system does not tell.
func throttled() float64 {
	for line := range strings.Lines(readFile(filepath.Join(cgroup(), "cpu.stat"))) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "throttled_usec "); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return -1
			}
			return float64(n) / 1e6
		}
	}
	return -1
}

// coresAllowed is how many CPUs this process may use at a time: what
// GOMAXPROCS, the machine and the cgroup let it.
func coresAllowed() float64 {
	n := float64(min(runtime.GOMAXPROCS(0), runtime.NumCPU()))
	if quota, period, ok := strings.Cut(strings.TrimSpace(readFile(filepath.Join(cgroup(), "cpu.max"))), " "); ok {
		q, err := strconv.ParseFloat(quota, 64)
		p, perr := strconv.ParseFloat(period, 64)
		if err == nil && perr == nil && q > 0 && p > 0 {
			n = min(n, q/p)
		}
	}
	return n
}

func readFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}
