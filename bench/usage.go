package bench

import (
	"runtime/metrics"

	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// usage is what this process has consumed since it began.
type usage struct {
	cpuNanos     int64
	allocBytes   int64
	allocObjects int64
	syscalls     int64 // read and write calls, -1 where the system does not count them
	rss          int64 // now
}

// usageReader reads usage with few allocations of its own.
type usageReader struct {
	self    *process.Process
	samples []metrics.Sample
}

func newUsageReader() (*usageReader, error) {
	self, err := process.NewProcess(int32(unix.Getpid()))
	if err != nil {
		return nil, err
	}
	return &usageReader{self: self, samples: []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"},
	}}, nil
}

func (r *usageReader) read() usage {
	u := usage{syscalls: -1}
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) == nil {
		u.cpuNanos = ru.Utime.Nano() + ru.Stime.Nano()
	}
	metrics.Read(r.samples)
	u.allocBytes = int64(r.samples[0].Value.Uint64())
	u.allocObjects = int64(r.samples[1].Value.Uint64())
	if io, err := r.self.IOCounters(); err == nil {
		u.syscalls = int64(io.ReadCount + io.WriteCount)
	}
	if m, err := r.self.MemoryInfo(); err == nil {
		u.rss = int64(m.RSS)
	}
	return u
}
