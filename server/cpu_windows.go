package server

import "golang.org/x/sys/windows"

// cpuSeconds is this process's user and kernel time since it began.
func cpuSeconds() (float64, error) {
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user); err != nil {
		return 0, err
	}
	ticks := func(t windows.Filetime) float64 {
		return float64(uint64(t.HighDateTime)<<32 | uint64(t.LowDateTime)) // of 100 ns
	}
	return (ticks(kernel) + ticks(user)) / 1e7, nil
}
