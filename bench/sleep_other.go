//go:build !linux

package bench

import "time"

const sleepsClosely = false

func sleep(d time.Duration) { time.Sleep(d) }
