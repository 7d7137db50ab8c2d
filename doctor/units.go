package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// size is n bytes for people. HTTP/2's window of 65,535 is called 64 KiB.
func size(n int64) string {
	if n == 1<<16-1 || n == 1<<31-1 {
		n++
	}
	for _, u := range []struct {
		n    int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.n {
			v, digits := float64(n)/float64(u.n), 2
			if v >= 100 {
				digits = 0
			} else if v >= 10 {
				digits = 1
			}
			s := strconv.FormatFloat(v, 'f', digits, 64)
			if digits > 0 {
				s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
			}
			return s + " " + u.name
		}
	}
	return number(n) + " bytes"
}

// number is n with a comma after each three digits.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span is d for people, with two or three digits.
func span(d time.Duration) string {
	digits := func(v float64, unit string) string {
		switch {
		case v < 1:
			return fmt.Sprintf("%.2f %s", v, unit)
		case v < 10:
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	if d < 100*time.Microsecond {
		return digits(float64(d)/1e3, "µs")
	}
	if d < time.Second {
		return digits(float64(d)/1e6, "ms")
	}
	return digits(d.Seconds(), "s")
}

// rate is b bytes in d, in decimal units as networks are sold.
func rate(bytesPerSecond float64) string {
	if bytesPerSecond >= 1e9 {
		return fmt.Sprintf("%.1f GB/s", bytesPerSecond/1e9)
	}
	if bytesPerSecond < 1e6 {
		return fmt.Sprintf("%.3g kB/s", bytesPerSecond/1e3)
	}
	return fmt.Sprintf("%.3g MB/s", bytesPerSecond/1e6)
}
