// Package planning says what a load takes, by the capacity that was found of
// one server: servers, network, cores and memory, each with its interval, and
// what is assumed.
package planning

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"flightbench/results"
)

// Demand is the load that is planned for.
type Demand struct {
	Rate float64 `json:"rate"` // above 0
	Unit string  `json:"unit"` // B/s, streams/s, queries/s, calls/s; "/s": of whatever the run counts
}

const demandExamples = "write 25GB/s, 200Gbit/s, 500streams/s, 2k queries/s, or 500/s for whatever the run counts"

var demandForm = regexp.MustCompile(`^\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]*)\s*([A-Za-z]*)/s\s*$`)

// demandUnits are what may stand before "/s".
var demandUnits = map[string]struct {
	unit   string
	factor float64
}{
	"": {"/s", 1}, "k": {"/s", 1e3}, "M": {"/s", 1e6},
	"stream": {"streams/s", 1}, "streams": {"streams/s", 1}, "query": {"queries/s", 1}, "queries": {"queries/s", 1}, "call": {"calls/s", 1}, "calls": {"calls/s", 1},
	"B": {"B/s", 1}, "kB": {"B/s", 1e3}, "MB": {"B/s", 1e6}, "GB": {"B/s", 1e9}, "TB": {"B/s", 1e12},
	"KiB": {"B/s", 1 << 10}, "MiB": {"B/s", 1 << 20}, "GiB": {"B/s", 1 << 30}, "TiB": {"B/s", 1 << 40},
	"bit": {"B/s", 1. / 8}, "kbit": {"B/s", 1e3 / 8}, "Mbit": {"B/s", 1e6 / 8}, "Gbit": {"B/s", 1e9 / 8}, "Tbit": {"B/s", 1e12 / 8},
}

// ParseDemand reads a load such as 25GB/s, 500/s or 2k streams/s. Bytes are
// those of Arrow IPC bodies. An error says what to write instead.
func ParseDemand(s string) (Demand, error) {
	m := demandForm.FindStringSubmatch(s)
	if m == nil {
		return Demand{}, fmt.Errorf("%q is no load: %s", s, demandExamples)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return Demand{}, fmt.Errorf("%q: %s is no number: %s", s, m[1], demandExamples)
	}
	prefix, unit := demandUnits[m[2]], demandUnits[m[2]]
	if m[3] != "" { // "2k streams/s"
		unit = demandUnits[m[3]]
		if prefix.unit != "/s" || !strings.HasSuffix(unit.unit, "s/s") {
			return Demand{}, fmt.Errorf("%q: %q is no unit: %s", s, m[2]+" "+m[3], demandExamples)
		}
		unit.factor *= prefix.factor
	}
	if unit.unit == "" {
		return Demand{}, fmt.Errorf("%q: %q is no unit: %s", s, m[2]+"/s", demandExamples)
	}
	d := Demand{v * unit.factor, unit.unit}
	if !(d.Rate > 0) || math.IsInf(d.Rate, 0) {
		return Demand{}, fmt.Errorf("%q: a plan needs a load above 0: %s", s, demandExamples)
	}
	return d, nil
}

// String is the demand for people.
func (d Demand) String() string { return formatRate(d.Rate, d.Unit) }

func formatRate(v float64, unit string) string {
	if math.IsInf(v, 0) {
		return "no limit"
	}
	return strings.Replace(results.FormatLoad(v, unit), " /s", "/s", 1)
}

// ParseUtilisation reads the share of its capacity that a server may be used
// to: 70% or 0.7.
func ParseUtilisation(s string) (float64, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		v /= 100
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no share: write 70%% or 0.7", s)
	case v > 1 && !percent:
		return 0, fmt.Errorf("%q is more than all: write 70%% or 0.7", s)
	}
	return v, checkUtilisation(v)
}

func checkUtilisation(v float64) error {
	if !(v > 0 && v <= 1) {
		return fmt.Errorf("a utilisation of %s %% is impossible: it lies above 0 and up to 100 %%", share(v))
	}
	return nil
}
