package bench

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"flightbench/results"
)

// Host watches the machine for the length of a run.
type Host struct {
	env   results.Environment
	start []cpu.TimesStat
}

// WatchHost reads what the machine is. What the system does not tell stays
// empty.
func WatchHost(ctx context.Context) *Host {
	h := &Host{env: results.Environment{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		Go: runtime.Version(), GOGC: os.Getenv("GOGC"), GOMEMLIMIT: os.Getenv("GOMEMLIMIT"),
		Governor:    firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		ClockSource: firstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
	}}
	if info, err := host.InfoWithContext(ctx); err == nil {
		h.env.Hostname, h.env.Kernel = info.Hostname, info.KernelVersion
		if info.VirtualizationRole == "guest" {
			h.env.Virtual = info.VirtualizationSystem
		}
	}
	if cpus, err := cpu.InfoWithContext(ctx); err == nil && len(cpus) > 0 {
		h.env.CPU = cpus[0].ModelName
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.env.MemoryBytes = int64(m.Total)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			switch d.Path {
			case "google.golang.org/grpc":
				h.env.GRPC = d.Version
			case "github.com/apache/arrow-go/v18":
				h.env.Arrow = d.Version
			}
		}
	}
	h.start, _ = cpu.TimesWithContext(ctx, false)
	return h
}

// Environment is what was read, with the share of CPU time that the hypervisor
// has taken since.
func (h *Host) Environment(ctx context.Context) results.Environment {
	env := h.env
	if now, err := cpu.TimesWithContext(ctx, false); err == nil && len(now) == 1 && len(h.start) == 1 {
		a, b := h.start[0], now[0]
		// Guest time is part of user time.
		total := func(t cpu.TimesStat) float64 {
			return t.User + t.System + t.Idle + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal
		}
		if d := total(b) - total(a); d > 0 {
			env.StealShare = (b.Steal - a.Steal) / d
		}
	}
	return env
}

func firstLine(path string) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}
