package results

import (
	"slices"
	"strconv"
	"strings"
)

// maxAsked is how many characters of a path, command, ticket or statement are
// shown.
const maxAsked = 40

// askedFields are the fields that say in somebody's own words what is asked for.
var askedFields = []string{"path", "cmd", "ticket", "sql"}

// Value is the value of the axis for people: 65,536, 1 MB, zstd:3. "–" stands
// for one that is not set. What is asked for is shortened.
func (c Config) Value(axis string) string {
	s, ok := c.Axis(axis)
	if !ok || s == "" || c.blank(axis) {
		return "–"
	}
	if v, ok := c.Number(axis); ok && axis != "seed" {
		switch {
		case axis == "rate":
			return FormatSI(v, "B/s")
		case axis == "bandwidth" && v > 0:
			return FormatSI(v*8, "bit/s")
		case axis == "loss":
			return FormatNumber(v*100) + " %"
		case axis == "rtt" || axis == "timeout" || axis == "stall" || axis == "duration" || axis == "warmup":
			return FormatSeconds(v)
		case v == 0 && slices.Contains(tuningFields, axis):
			return "default"
		case v == 0 && (axis == "batches" || axis == "distinct"):
			return "auto"
		case slices.Contains(byteAxes, axis):
			return FormatBytes(int64(v))
		case v == float64(int64(v)):
			return FormatInteger(int64(v))
		}
	}
	if slices.Contains(askedFields, axis) {
		return shorten(Clean(s), maxAsked)
	}
	return s
}

// workloadFields say what a workload is, for Configs that send or ask for one.
var workloadFields = []string{"workload", "rows", "batch_bytes", "compression"}

// concerning are fields that are empty where c does nothing that they concern:
// it decodes nothing, puts nothing, reads no endpoints.
var concerning = []string{"decode", "put_ack", "location", "target", "transport", "tls", "auth"}

// blank tells whether the axis says nothing of c, which has no workload, or
// does nothing that the axis concerns.
func (c Config) blank(axis string) bool {
	v, _ := c.Axis(axis)
	return v == "" && slices.Contains(concerning, axis) || c.Workload == "" && slices.Contains(workloadFields, axis) && (v == "" || v == "0")
}

// Label names a Config by the axes: "get · 65,536 rows · zstd:1". An axis that
// says nothing of it is left out.
func (c Config) Label(axes []string) string {
	var parts []string
	for _, a := range axes {
		if s := c.Phrase(a); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// Phrase is the value of the axis with as much of its name as it takes to be
// understood alone: "65,536 rows", "4 streams", "zstd:3", "TLS on"; "" where c
// has no workload and the axis is one of its, or does nothing that it concerns.
func (c Config) Phrase(axis string) string {
	if c.blank(axis) {
		return ""
	}
	v := c.Value(axis)
	n, numeric := c.Number(axis)
	if n == 0 && (axis == "rps" || axis == "rate") { // a closed loop has none
		return ""
	}
	count := func(noun string) string {
		switch n {
		case 0:
			return "no " + noun + "s"
		case 1:
			return v + " " + noun
		}
		return v + " " + noun + "s"
	}
	switch axis {
	case "op":
		if name, way, ok := c.Rung(); ok { // ceiling socket get
			return strings.TrimSpace(strings.Replace(name, ":", " ", 1) + " " + way)
		}
		return v
	case "workload", "target":
		return v
	case "compression":
		if v == "none" {
			return "no codec"
		}
		return v
	case "rows":
		if n == 0 {
			return "file's batches"
		}
		return count("row")
	case "batch_bytes":
		return v + " batches"
	case "concurrency":
		if c.Open() {
			return "at most " + count("stream")
		}
		return count("stream")
	case "rtt":
		return v + " round trip"
	case "loss":
		return v + " lost"
	case "rps":
		return v + " streams/s"
	case "arrival":
		return v + " arrivals"
	case "connections":
		return count("connection")
	case "headers":
		return count("header")
	case "endpoints":
		return count("endpoint")
	case "total":
		return count("measured stream")
	case "batches":
		return v + " batches a stream"
	case "middleware":
		return count("middleware")
	case "tls":
		if v == "mtls" {
			return "mTLS"
		}
		return "TLS " + v
	case "auth":
		if v == "none" {
			return "no auth"
		}
		return v + " auth"
	case "poll":
		return yes(c.Poll, "by PollFlightInfo", "by GetFlightInfo")
	case "ordered":
		return yes(c.Ordered, "endpoints in order", "endpoints in parallel")
	case "transaction":
		return yes(c.Transaction, "in transactions", "without transactions")
	case "cancel_after":
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return "canceled after " + v + " batches"
		}
		return "canceled after " + v
	case "provoke":
		return "provoked: " + v
	}
	if _, ok := c.Axis(axis); ok && (numeric || slices.Contains(namedFields, axis)) {
		return strings.ReplaceAll(axis, "_", " ") + " " + v
	}
	return v
}

// namedFields are words that need the name of their field to be understood.
var namedFields = append([]string{"in_process", "decode", "put_ack", "server_transport", "location", "request", "table", "ingest_mode", "params", "tls_min", "tls_skip_verify", "schedule"}, askedFields...)

func yes(is bool, then, otherwise string) string {
	if is {
		return then
	}
	return otherwise
}

// shorten takes out the middle of s where it has more than n characters.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	tail := n / 3
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}
