package target

import (
	"errors"
	"fmt"

	"github.com/shirou/gopsutil/v4/process"
)

// Usage is what a process and its descendants have used.
type Usage struct {
	CPUSeconds float64 // since they began, user and system; of those that live
	RSS        int64   // bytes now
	PeakRSS    int64   // bytes, the sum of each one's own peak; 0 where the system does not tell
}

// ProcessUsage reads the usage of a process of this machine and of its
// descendants, such as a shell's. Descendants that end meanwhile are left out.
func ProcessUsage(pid int) (Usage, error) {
	var u Usage
	if pid <= 0 {
		return u, fmt.Errorf("process %d: a process has a number above 0", pid)
	}
	if err := u.add(int32(pid)); err != nil {
		if errors.Is(err, process.ErrorProcessNotRunning) {
			return Usage{}, fmt.Errorf("process %d does not exist on this machine", pid)
		}
		return Usage{}, fmt.Errorf("process %d: read what it uses: %w", pid, err)
	}
	below, err := descendants(int32(pid))
	if err != nil {
		return Usage{}, fmt.Errorf("process %d: find its children: %w", pid, err)
	}
	for _, child := range below {
		_ = u.add(child) // it has ended since
	}
	return u, nil
}

// add adds what one process has used.
func (u *Usage) add(pid int32) error {
	p, err := process.NewProcess(pid)
	if err != nil {
		return err
	}
	times, err := p.Times()
	if err != nil {
		return err
	}
	mem, err := p.MemoryInfo()
	if err != nil {
		return err
	}
	u.CPUSeconds += times.User + times.System
	u.RSS += int64(mem.RSS)
	u.PeakRSS += peakRSS(pid)
	return nil
}

// descendants lists the children of pid, theirs, and so on.
func descendants(pid int32) ([]int32, error) {
	all, err := process.Processes()
	if err != nil {
		return nil, err
	}
	children := map[int32][]int32{}
	for _, p := range all {
		if parent, err := p.Ppid(); err == nil {
			children[parent] = append(children[parent], p.Pid)
		}
	}
	var out []int32
	for next := children[pid]; len(next) > 0; {
		out = append(out, next...)
		var below []int32
		for _, c := range next {
			below = append(below, children[c]...)
		}
		next = below
	}
	return out, nil
}
