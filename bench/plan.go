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
	if err := checkAxes(axes); err != nil {
		return nil, err
	}
	configs, err := product(base, axes)
	if err != nil {
		return nil, err
	}
	return settle(configs)
}

// OneAtATime returns the point of every axis' first value and those that
// differ from it in one axis: what each value is worth by itself. Operations
// and targets are not compared with each other, so each has all of the points.
func OneAtATime(base results.Config, axes []Axis) ([]results.Config, error) {
	if err := checkAxes(axes); err != nil {
		return nil, err
	}
	var whole, first []Axis
	for _, a := range axes {
		if a.Name == "op" || a.Name == "target" {
			whole = append(whole, a)
		} else {
			first = append(first, Axis{a.Name, a.Values[:1]})
		}
	}
	points := [][]Axis{first}
	for _, a := range axes {
		if a.Name == "op" || a.Name == "target" {
			continue
		}
		for _, v := range a.Values[1:] {
			p := slices.Clone(first)
			p[slices.IndexFunc(p, func(b Axis) bool { return b.Name == a.Name })].Values = []string{v}
			points = append(points, p)
		}
	}
	wholes, err := product(base, whole)
	if err != nil {
		return nil, err
	}
	var configs []results.Config
	for _, w := range wholes {
		for _, p := range points {
			c, err := product(w, p)
			if err != nil {
				return nil, err
			}
			configs = append(configs, c...)
		}
	}
	return settle(configs)
}

// checkAxes refuses empty and repeated axes and values.
func checkAxes(axes []Axis) error {
	for i, a := range axes {
		if slices.ContainsFunc(axes[:i], func(b Axis) bool { return b.Name == a.Name }) {
			return fmt.Errorf("axis %s is given twice: put its values into one comma list", a.Name)
		}
		if a.Name == "batch_bytes" && slices.ContainsFunc(axes, func(b Axis) bool { return b.Name == "rows" }) {
			return fmt.Errorf("axes rows and batch_bytes both say how large a batch is: give one of them")
		}
		if len(a.Values) == 0 {
			return fmt.Errorf("axis %s has no value: give at least one", a.Name)
		}
		for j, v := range a.Values {
			if slices.Contains(a.Values[:j], v) {
				return fmt.Errorf("axis %s names %q twice: use --repeat to measure a point again", a.Name, v)
			}
		}
	}
	return nil
}

func product(base results.Config, axes []Axis) ([]results.Config, error) {
	configs := []results.Config{base}
	for _, a := range axes {
		var next []results.Config
		for _, c := range configs {
			for _, v := range a.Values {
				p := c
				if err := set(&p, a.Name, v); err != nil {
					return nil, err
				}
				next = append(next, p)
			}
		}
		configs = next
	}
	return configs, nil
}

// settle validates the Configs. What asks for no workload does not differ by
// one: such Configs take the first one's, and equal ones are measured once.
func settle(configs []results.Config) ([]results.Config, error) {
	var out []results.Config
	seen := map[string]bool{}
	for _, c := range configs {
		if err := Validate(c); err != nil {
			return nil, err
		}
		if k, _ := kindOf(c.Op); k.calls && requestOf(c, k) == "" {
			f := configs[0]
			c.Workload, c.Rows, c.BatchBytes, c.Compression, c.Decode = f.Workload, f.Rows, f.BatchBytes, f.Compression, f.Decode
		}
		if !seen[c.Key()] {
			seen[c.Key()] = true
			out = append(out, c)
		}
	}
	return out, nil
}

// set gives the field of c that axis names its value.
func set(c *results.Config, axis, value string) error {
	texts := map[string]*string{"target": &c.Target, "op": &c.Op, "transport": &c.Transport, "tls": &c.TLS,
		"workload": &c.Workload, "compression": &c.Compression, "decode": &c.Decode, "auth": &c.Auth}
	if p, ok := texts[axis]; ok {
		*p = value
		return nil
	}
	n, err := ParseCount(value)
	none := n == 0 && (axis == "headers" || axis == "middleware")
	if err != nil || n <= 0 && !none {
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
	case "headers":
		c.Headers = int(n)
	case "middleware":
		c.Middleware = int(n)
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
