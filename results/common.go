package results

import (
	"slices"
	"strings"
)

// NotVerified is what every output says of a run whose client did not verify
// the server's certificate.
const NotVerified = "TLS NOT VERIFIED"

// quietValues are values that say nothing: nobody asked for anything there.
var quietValues = map[string][]string{
	"batch_bytes": {"0"}, "auth": {"none"}, "headers": {"0"}, "middleware": {"0"}, "location": {"listed"},
	"request": {"flightbench", "path", "cmd", "ticket", "sql"}, // what is asked for is said by its own field
	"poll":    {"false"}, "ordered": {"false"}, "transaction": {"false"}, "timeout": {"0"}, "stall": {"0"}, "rps": {"0"}, "rate": {"0"},
	"total": {"0"}, "endpoints": {"0", "1"}, "entropy": {"0", "1"}, "window": {"0"}, "conn_window": {"0"}, "read_buffer": {"0"}, "write_buffer": {"0"}, "max_frame": {"0"},
	"rtt": {"0"}, "bandwidth": {"0"}, "loss": {"0"},
}

// commonFields are the fields that Common tells, in its order.
var commonFields = append(slices.Clone(Axes), "request", "path", "cmd", "ticket", "sql", "params", "table", "ingest_mode", "transaction",
	"poll", "ordered", "location", "timeout", "stall", "cancel_after", "provoke", "rps", "rate", "schedule", "arrival",
	"total", "endpoints", "entropy", "window", "conn_window", "read_buffer", "write_buffer", "max_frame", "rtt", "bandwidth", "loss")

// Common tells what the groups share, but for the axes and for what says
// nothing: defaults of what a run seldom asks for, and the workload where
// nobody asks for one. A certificate that was not verified is told in any case.
func Common(groups []Group, axes []string) string {
	return strings.Join(shared(groups, axes), " · ")
}

// shared is Common in its parts.
func shared(groups []Group, axes []string) (parts []string) {
	if len(groups) == 0 {
		return nil
	}
	c := groups[0].Config
	if slices.ContainsFunc(groups, func(g Group) bool { return g.Config.TLSSkipVerify }) {
		parts = append(parts, NotVerified)
	}
	for _, a := range commonFields {
		v, _ := c.Axis(a)
		if v == "" || slices.Contains(quietValues[a], v) || slices.Contains(axes, a) || varies(groups, a) ||
			c.blank(a) || a == "rows" && allByBytes(groups) || !slices.ContainsFunc(groups, func(g Group) bool { return g.concerns(a) }) {
			continue
		}
		parts = append(parts, c.Phrase(a))
	}
	return parts
}

// concerns tells whether the axis has a meaning for g: who asks for no
// workload has none, and a call carries no batches.
func (g Group) concerns(axis string) bool {
	sends := slices.Contains([]string{"put", "exchange", "ingest"}, g.Config.Op)
	asks := sends || g.Config.Request == "flightbench" || g.Config.Request == "perf" ||
		g.Config.Request == "" && g.Config.Op == "get" // not resolved, or of an older flightbench
	switch axis {
	case "workload", "rows", "batch_bytes":
		return asks
	case "compression":
		return asks && !g.OfCalls()
	case "decode":
		return !g.OfCalls()
	}
	return true
}
