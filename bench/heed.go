package bench

import (
	"fmt"
	"slices"

	"flightbench/results"
)

// asks tells whether k asks for a FlightInfo and reads its endpoints.
func (k opKind) asks() bool { return k.name == OpGet || k.isSQL() && k.name != OpIngest }

// ofWorkload tells whether c sends the workload or asks for it.
func ofWorkload(c results.Config, k opKind) bool {
	return k.sends() || requestOf(c, k) == RequestFlightbench
}

// heeded says which operations heed a flag, where others neither do nor are
// refused by Validate: a list of operations may share a flag that some need.
var heeded = []struct {
	flags []string
	by    string
	heeds func(results.Config, opKind) bool
}{
	{[]string{"poll", "ordered", "location"}, "get, query, prepared and the catalogs of Flight SQL, which read the endpoints of a FlightInfo",
		func(_ results.Config, k opKind) bool { return k.asks() }},
	{[]string{"endpoints"}, "get, info, poll and schema of a workload",
		func(c results.Config, k opKind) bool { return !k.sends() && ofWorkload(c, k) }},
	{[]string{"put-ack"}, "put and ingest", func(_ results.Config, k opKind) bool { return k.name == OpPut || k.name == OpIngest }},
	{[]string{"ingest-mode"}, "ingest", func(_ results.Config, k opKind) bool { return k.name == OpIngest }},
	{[]string{"workload", "rows", "batch-bytes", "compression"}, "operations that send or ask for a workload", ofWorkload},
	{[]string{"decode"}, "operations that move batches", func(_ results.Config, k opKind) bool { return !k.calls && k.name != OpIngest }},
}

// CheckHeeded refuses a given flag that no operation of configs heeds.
func CheckHeeded(configs []results.Config, given func(flag string) bool) error {
	for _, h := range heeded {
		used := false
		for _, c := range configs {
			k, err := kindOf(c.Op)
			if err != nil {
				return err
			}
			used = used || h.heeds(c, k)
		}
		for _, flag := range h.flags {
			if !used && given(flag) {
				return fmt.Errorf("--%s is for %s, and there is nothing of that kind to measure: leave it out", flag, h.by)
			}
		}
	}
	return nil
}

// Shapes tells whether the field is one of the shape of a stream or a call, of
// which one value may be given to operations of which none heeds it: it sets
// nothing apart, and is blank in their Configs. Several would be an axis of
// nothing.
func Shapes(field string) bool {
	return slices.Contains(results.Axes, field) || field == "put_ack" || field == "endpoints"
}
