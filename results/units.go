package results

import (
	"math"
	"strconv"
	"strings"
)

// Everything is stored in base units; the functions of this file scale for
// people, to three significant digits. GB is 10^9 bytes.

var siPrefixes = []struct {
	factor float64
	prefix string
}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}}

// FormatNumber prints v to three significant digits, without an exponent
// above 10^-6: 0, 0.0123, 1.23, 12.3, 123, 12,300.
func FormatNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	if v == 0 {
		return "0"
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	if err != nil {
		r = v
	}
	switch a := math.Abs(r); {
	case a < 1e-6:
		return strconv.FormatFloat(r, 'e', 2, 64)
	case a >= 1e15:
		return strconv.FormatFloat(r, 'g', 3, 64)
	case a >= 100:
		return FormatInteger(int64(r))
	default:
		return strconv.FormatFloat(r, 'f', 2-int(math.Floor(math.Log10(a))), 64)
	}
}

// FormatInteger prints n with commas between its thousands.
func FormatInteger(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// FormatSI prints v with an SI prefix before unit: FormatSI(2.75e9, "B/s") is
// "2.75 GB/s". Without a unit and a prefix it is the bare number.
func FormatSI(v float64, unit string) string {
	for _, p := range siPrefixes {
		if math.Abs(v) >= p.factor*0.9995 {
			return strings.TrimRight(FormatNumber(v/p.factor)+" "+p.prefix+unit, " ")
		}
	}
	return strings.TrimRight(FormatNumber(v)+" "+unit, " ")
}

// FormatNanoseconds prints a latency: 850 ns, 12.3 µs, 1.93 ms, 2.05 s.
func FormatNanoseconds(ns float64) string {
	for _, u := range []struct {
		factor float64
		unit   string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if math.Abs(ns) >= u.factor*0.9995 {
			return FormatNumber(ns/u.factor) + " " + u.unit
		}
	}
	return FormatNumber(ns) + " ns"
}

// FormatSeconds prints a duration of s seconds as FormatNanoseconds does.
func FormatSeconds(s float64) string { return FormatNanoseconds(s * 1e9) }

// FormatBytes prints a size exactly, scaled only where no digit is lost:
// 64 kB, 1 MB, 64 KiB, 65,537 B.
func FormatBytes(n int64) string {
	for _, p := range siPrefixes {
		if f := int64(p.factor); n != 0 && n%f == 0 && f > 1 {
			return FormatInteger(n/f) + " " + p.prefix + "B"
		}
	}
	for i, prefix := range []string{"G", "M", "K"} {
		if f := int64(1) << (30 - 10*i); n != 0 && n%f == 0 {
			return FormatInteger(n/f) + " " + prefix + "iB"
		}
	}
	return FormatInteger(n) + " B"
}

// ByteRate is the unit that fits a column whose largest value is most bytes a
// second, and what a value is divided by to be in it.
func ByteRate(most float64) (unit string, scale float64) {
	switch {
	case most >= 0.9995e9 || !(most > 0):
		return "GB/s", 1e9
	case most >= 0.9995e6:
		return "MB/s", 1e6
	}
	return "kB/s", 1e3
}

// String prints m scaled, with its unit.
func (m Metric) String() string {
	switch m.Unit {
	case "ns":
		return FormatNanoseconds(m.Value)
	case "s", "s/call", "s/query":
		return FormatSeconds(m.Value) + strings.TrimPrefix(m.Unit, "s")
	case "", "1":
		return FormatSI(m.Value, "")
	case "s/GB", "%":
		return FormatNumber(m.Value) + " " + m.Unit
	}
	if strings.HasPrefix(m.Unit, "B") || strings.HasPrefix(m.Unit, "bytes") {
		return FormatSI(m.Value, "B"+strings.TrimPrefix(strings.TrimPrefix(m.Unit, "bytes"), "B"))
	}
	return FormatSI(m.Value, "") + " " + m.Unit
}
