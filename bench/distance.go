package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"flightbench/internal/target"
	"flightbench/results"
)

// bitUnits are what a bandwidth may be written in, in bits a second.
var bitUnits = []struct {
	unit   string
	factor float64
}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}} // bit last: it ends the others

// ParseBandwidth reads the bandwidth of a network, and returns bytes a second:
// bits as networks are sold (1Gbit, 100Mbit/s), or bytes (125MB/s); 0 is none.
func ParseBandwidth(s string) (float64, error) {
	if s == "0" {
		return 0, nil
	}
	number := strings.TrimSuffix(s, "/s")
	for _, u := range bitUnits {
		if digits, ok := strings.CutSuffix(number, u.unit); ok {
			v, err := strconv.ParseFloat(digits, 64)
			if err != nil || !(v > 0) || math.IsInf(v, 0) {
				break
			}
			return v * u.factor / 8, nil
		}
	}
	if v, err := ParseByteRate(s); err == nil {
		return v, nil
	}
	return 0, fmt.Errorf("%q is no bandwidth: write 1Gbit, 100Mbit or 125MB/s", s)
}

// parseShare reads a percentage and returns a fraction.
func parseShare(s string) (float64, error) {
	percent, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(percent, 64)
	if err != nil || !ok && v != 0 || !(v >= 0 && v < 100) {
		return 0, fmt.Errorf("%q is no share: write a percentage, such as 0.1%%", s)
	}
	return v / 100, nil
}

// linkOf is the network that the connections of c imitate by themselves. With
// loss it is the kernel that does, for rtt and bandwidth as well.
func linkOf(c results.Config) target.Link {
	if c.Loss > 0 {
		return target.Link{}
	}
	return target.Link{RTT: duration(c.RTT), Bandwidth: c.Bandwidth}
}

// far tells whether c imitates a network.
func far(c results.Config) bool { return c.RTT != 0 || c.Bandwidth != 0 || c.Loss != 0 }

// markRelayed says that what the client used holds what the imitation of the
// network did, which is in its process.
func (t *trial) markRelayed() {
	if linkOf(*t.config) == (target.Link{}) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.out.Metrics)) {
		if strings.HasPrefix(name, "client_") {
			t.out.Approximate = append(t.out.Approximate, name)
		}
	}
}

func validateDistance(c results.Config) error {
	if err := linkOf(c).Validate(); err != nil {
		return fmt.Errorf("--rtt and --bandwidth: %w", err)
	}
	if far(c) && c.InProcess {
		return fmt.Errorf("--in-process has no network that --rtt, --bandwidth or --loss could stand for: leave it out")
	}
	return nil
}
