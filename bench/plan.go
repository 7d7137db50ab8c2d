package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"flightbench/results"
)

// Axis is a Config field, named as in results.Axes, and the values it takes.
type Axis struct {
	Name   string
	Values []string
}

// Plan is what a run measures: Configs, repeated in rounds.
type Plan struct {
	Configs []results.Config
	Repeat  int
	Seed    uint64
}

// Expand returns base at every point of the axes' product, the last axis
// fastest. It refuses empty, unknown and repeated axes and values.
func Expand(base results.Config, axes []Axis) ([]results.Config, error) {
	configs := []results.Config{base}
	for i, a := range axes {
		if slices.ContainsFunc(axes[:i], func(b Axis) bool { return b.Name == a.Name }) {
			return nil, fmt.Errorf("axis %s is given twice: put its values into one comma list", a.Name)
		}
		if len(a.Values) == 0 {
			return nil, fmt.Errorf("axis %s has no value: give at least one", a.Name)
		}
		var next []results.Config
		for _, c := range configs {
			for j, v := range a.Values {
				if slices.Contains(a.Values[:j], v) {
					return nil, fmt.Errorf("axis %s names %q twice: use --repeat to measure a point again", a.Name, v)
				}
				p := c
				if err := set(&p, a.Name, v); err != nil {
					return nil, err
				}
				next = append(next, p)
			}
		}
		configs = next
	}
	for _, c := range configs {
		if err := Validate(c); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

// set gives the field of c that axis names its value.
func set(c *results.Config, axis, value string) error {
	texts := map[string]*string{"target": &c.Target, "op": &c.Op, "transport": &c.Transport, "tls": &c.TLS,
		"workload": &c.Workload, "compression": &c.Compression, "decode": &c.Decode}
	if p, ok := texts[axis]; ok {
		*p = value
		return nil
	}
	n, err := ParseCount(value)
	if err != nil || n <= 0 {
		return fmt.Errorf("--%s %q is no positive whole number", strings.ReplaceAll(axis, "_", "-"), value)
	}
	switch axis {
	case "rows":
		c.Rows, c.BatchBytes = n, 0
	case "batch_bytes":
		c.Rows, c.BatchBytes = 0, n
	case "concurrency":
		c.Concurrency = int(n)
	case "connections":
		c.Connections = int(n)
	default:
		return fmt.Errorf("%q is no axis: use %s", axis, strings.Join(results.Axes, ", "))
	}
	return nil
}

// ParseCount reads a whole number with an optional unit: k, M, G are powers of
// ten, Ki, Mi, Gi powers of two, each with or without a B.
func ParseCount(s string) (int64, error) {
	digits := strings.TrimRight(s, "kKMGiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no whole number (examples: 65536, 64Ki, 2MiB)", s)
	}
	unit := strings.TrimSuffix(s[len(digits):], "B")
	factor, ok := map[string]int64{"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}[unit]
	if !ok {
		return 0, fmt.Errorf("%q has the unknown unit %q: use k, M, G, Ki, Mi or Gi", s, unit)
	}
	if p := n * factor; p/factor == n {
		return p, nil
	}
	return 0, fmt.Errorf("%q is too large", s)
}

// Round returns the indices of Configs in the order of round (from 1): a
// permutation that Seed and round decide.
func (p Plan) Round(round int) []int {
	return rand.New(rand.NewPCG(p.Seed, uint64(round))).Perm(len(p.Configs))
}

// Trials is the number of trials of the whole plan.
func (p Plan) Trials() int { return p.Repeat * len(p.Configs) }
