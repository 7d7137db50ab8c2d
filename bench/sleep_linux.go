package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepsClosely tells whether sleep is more exact than the runtime's timers.
const sleepsClosely = true

// sleep blocks its thread for d, to within some 60 µs.
func sleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // interrupted: the caller looks at the clock
}
