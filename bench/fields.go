package bench

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/results"
)

// fieldKind is how the value of a Config field is written.
type fieldKind int

const (
	aWord      fieldKind = iota
	aCount               // 65536, 64Ki, 10M
	aSize                // the same, also with a B: 2MiB
	aSpan                // 1.5s, 200ms; the field holds seconds
	aNumber              // 0.5
	aBool                // true, false
	aSeed                // a whole number without a unit
	aByteRate            // 2GB/s
	aBandwidth           // 1Gbit, 125MB/s; the field holds bytes a second
	aShare               // 0.1%; the field holds a fraction
)

// field is a Config field that may be set.
type field struct {
	name  string // its JSON name
	kind  fieldKind
	least int64 // smallest count or size; Validate knows the other bounds
}

// fields are the settable fields of a Config, in the order in which axes
// expand: the last one fastest. The others are found out by a trial, or follow
// from how a target is trusted.
var fields = []field{
	{"target", aWord, 0}, {"op", aWord, 0}, {"transport", aWord, 0}, {"tls", aWord, 0}, {"workload", aWord, 0},
	{"rows", aCount, 1}, {"batch_bytes", aSize, 1}, {"compression", aWord, 0}, {"decode", aWord, 0},
	{"concurrency", aCount, 1}, {"connections", aCount, 1}, {"auth", aWord, 0}, {"headers", aCount, 0}, {"middleware", aCount, 0},
	{"batches", aCount, 0}, {"endpoints", aCount, 1}, {"entropy", aNumber, 0}, {"distinct", aCount, 0}, {"put_ack", aWord, 0}, {"seed", aSeed, 0},
	{"window", aSize, 0}, {"conn_window", aSize, 0}, {"read_buffer", aSize, 0}, {"write_buffer", aSize, 0}, {"max_frame", aSize, 0}, {"max_message", aSize, 0},
	{"rtt", aSpan, 0}, {"bandwidth", aBandwidth, 0}, {"loss", aShare, 0},
	{"path", aWord, 0}, {"cmd", aWord, 0}, {"ticket", aWord, 0}, {"sql", aWord, 0}, {"params", aWord, 0}, {"table", aWord, 0}, {"ingest_mode", aWord, 0},
	{"transaction", aBool, 0}, {"poll", aBool, 0}, {"ordered", aBool, 0}, {"location", aWord, 0},
	{"rps", aNumber, 0}, {"rate", aByteRate, 0}, {"schedule", aWord, 0}, {"arrival", aWord, 0},
	{"timeout", aSpan, 0}, {"stall", aSpan, 0}, {"cancel_after", aWord, 0}, {"provoke", aWord, 0}, {"in_process", aBool, 0},
	{"total", aCount, 1}, {"duration", aSpan, 0}, {"warmup", aSpan, 0},
}

// instead are the fields that say the same in two ways: setting one unsets
// the other.
var instead = map[string]string{"rows": "batch_bytes", "batch_bytes": "rows", "total": "duration", "duration": "total"}

// Instead is the field that name takes the place of, "" where there is none:
// rows and batch_bytes both size a batch, total and duration both end a trial.
func Instead(name string) string { return instead[name] }

// Fields are the names of the Config fields that Set knows, and that an Axis
// may have.
func Fields() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// FieldName is the JSON name of the field that s names, with dashes as a flag
// or with underscores.
func FieldName(s string) (string, error) {
	_, name, err := fieldOf(s)
	return name, err
}

func fieldOf(s string) (field, string, error) {
	name := strings.ReplaceAll(s, "-", "_")
	if i := slices.IndexFunc(fields, func(f field) bool { return f.name == name }); i >= 0 {
		return fields[i], name, nil
	}
	if _, ok := (results.Config{}).Axis(name); ok {
		return field{}, "", fmt.Errorf("%q is no axis: a trial finds it out, it cannot be set", s)
	}
	return field{}, "", fmt.Errorf("%q is no axis: use %s", s, strings.Join(Fields(), ", "))
}

// Set gives the field of c that name names its value, written as on the
// command line. It checks how the value is written; Validate checks the rest.
// A field unsets the one that it is Instead of.
func Set(c *results.Config, name, value string) error {
	f, name, err := fieldOf(name)
	if err != nil {
		return err
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("--%s %q %s", strings.ReplaceAll(name, "_", "-"), value, fmt.Sprintf(format, args...))
	}
	v := fieldValue(c, name)
	switch f.kind {
	case aWord:
		v.SetString(value)
	case aBool:
		if value != "true" && value != "false" {
			return refuse("is neither true nor false")
		}
		v.SetBool(value == "true")
	case aNumber:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return refuse("is no number")
		}
		v.SetFloat(n)
	case aByteRate:
		n, err := ParseByteRate(value)
		if err != nil {
			return refuse("is no rate of bytes above 0 (examples: 2GB/s, 500MiB/s)")
		}
		v.SetFloat(n)
	case aBandwidth:
		n, err := ParseBandwidth(value)
		if err != nil {
			return refuse("is no bandwidth (examples: 1Gbit, 100Mbit, 125MB/s; 0 for no limit)")
		}
		v.SetFloat(n)
	case aShare:
		n, err := parseShare(value)
		if err != nil {
			return refuse("is no share (examples: 0.1%%, 2%%, 0)")
		}
		v.SetFloat(n)
	case aSeed:
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return refuse("is no whole number of 0 or more")
		}
		v.SetUint(n)
	case aSpan:
		s, err := parseSpan(value)
		if err != nil {
			return refuse("%v", err)
		}
		v.SetFloat(s)
	case aCount, aSize:
		n, err := ParseCount(value)
		switch {
		case err == nil && f.kind == aCount && strings.HasSuffix(value, "B"):
			return refuse("is a size in bytes, and %s is a count: leave the B out", strings.ReplaceAll(name, "_", " "))
		case err != nil:
			return refuse("is no whole number (examples: 65536, 64Ki%s)", map[bool]string{true: ", 2MiB", false: ", 10M"}[f.kind == aSize])
		case n < f.least && f.least > 0:
			return refuse("is no positive whole number")
		case n < f.least:
			return refuse("is negative: use 0 or more")
		case v.OverflowInt(n):
			return refuse("is too large")
		}
		v.SetInt(n)
	}
	if other := instead[name]; other != "" {
		fieldValue(c, other).SetZero()
	}
	return nil
}

// parseSpan reads a length of time and returns its seconds.
func parseSpan(s string) (float64, error) {
	if s == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return 0, fmt.Errorf("has no unit: write %ss or %sms", s, s)
		}
		return 0, fmt.Errorf("is no length of time (examples: 1.5s, 200ms, 2m)")
	}
	return d.Seconds(), nil
}

// fieldValue is the field of c whose JSON name is name.
func fieldValue(c *results.Config, name string) reflect.Value {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == name {
			return v.Field(i)
		}
	}
	panic("bench: a Config has no field " + name) // TestEveryFieldIsThere finds it
}
