package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/results"
)

// Axis is a Config field, named as in Fields, and the values it takes, written
// as on the command line.
type Axis struct {
	Name   string
	Values []string
}

// Matrix is Configs in short: a base and the axes along which it varies.
type Matrix struct {
	Base results.Config
	Axes []Axis
	// OneAtATime measures the point of every axis' first value and those that
	// differ from it in one axis, what each value is worth by itself, instead
	// of the axes' product. Operations and targets are not compared with each
	// other, so each has all of the points.
	OneAtATime bool
	// Exclude leaves out the points that have, for every axis of one of its
	// elements, one of that axis' values.
	Exclude [][]Axis
	// Add adds points, for each element the product of its axes; of the other
	// axes they take the first value, but every operation and target.
	Add [][]Axis
}

// Plan is what a run measures: Configs, repeated in rounds.
type Plan struct {
	Configs []results.Config
	Repeat  int // rounds; with Until the least of them
	Seed    uint64
	Until   float64       // rounds are added until the interval of every Config's primary figure is at most ± this fraction of its median; 0: there are Repeat of them
	MaxTime time.Duration // with Until: what all trials may take
}

// TrialID is that of the Config i in round (from 1).
func TrialID(round, i int) string { return fmt.Sprintf("%d.%d", round, i+1) }

// Set gives the base one value of a field, instead of an axis of that name or
// of one that it is Instead of.
func (m *Matrix) Set(name, value string) error {
	name, err := FieldName(name)
	if err != nil {
		return err
	}
	m.Axes = slices.DeleteFunc(slices.Clone(m.Axes), func(a Axis) bool { return a.Name == name || a.Name == instead[name] })
	return Set(&m.Base, name, value)
}

// Vary gives the Matrix an axis in the place of one of that name or of one
// that it is Instead of; a single value is set in the base.
func (m *Matrix) Vary(a Axis) error {
	name, err := FieldName(a.Name)
	if err != nil {
		return err
	}
	if len(a.Values) == 1 {
		return m.Set(name, a.Values[0])
	}
	m.Axes = slices.Clone(m.Axes)
	a.Name = name
	if i := slices.IndexFunc(m.Axes, func(b Axis) bool { return b.Name == name || b.Name == instead[name] }); i >= 0 {
		m.Axes[i] = a
	} else {
		m.Axes = append(m.Axes, a)
	}
	return nil
}

// Values are what the field takes: its axis' values, or the base's one.
func (m *Matrix) Values(name string) []string {
	for _, a := range m.Axes {
		if a.Name == name {
			return a.Values
		}
	}
	if v, ok := m.Base.Axis(name); ok {
		return []string{v}
	}
	return nil
}

// Imply settles what is said without words, where it is not said otherwise: a
// statement makes a query, a file has batches of its own, an open loop needs
// many streams. said tells which fields were asked for by name.
func (m *Matrix) Imply(said func(field string) bool) error {
	asks := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return slices.ContainsFunc(m.Values(n), func(v string) bool { return v != "" && v != "0" })
		})
	}
	imply := func(name, value string) error {
		if said(name) || said(instead[name]) {
			return nil
		}
		return m.Set(name, value)
	}
	var errs []error
	switch {
	case asks("sql"):
		errs = append(errs, imply("op", OpQuery))
	case asks("table"):
		errs = append(errs, imply("op", OpIngest))
	case asks("path", "cmd", "ticket"):
		errs = append(errs, imply("op", OpGet))
	}
	if !asks("table") && !said("ingest_mode") {
		m.Base.IngestMode = ""
	}
	files := !slices.ContainsFunc(m.Values("workload"), func(w string) bool { return !strings.HasPrefix(w, "file:") })
	switch {
	case said("rows") || said("batch_bytes"):
	case asks("sql", "path", "cmd", "ticket"): // one Config: what is asked for has a size of its own
		errs = append(errs, m.Set("rows", "65536"))
	case files:
		errs = append(errs, m.Set("rows", "1"))
		m.Base.Rows = 0
	}
	if asks("rps", "rate", "schedule") {
		errs = append(errs, imply("arrival", ArrivalConstant), imply("concurrency", strconv.Itoa(OpenConcurrency)))
	}
	if s := m.Values("schedule"); len(s) == 1 && s[0] != "" {
		d, err := ScheduleLength(s[0])
		if err != nil {
			return fmt.Errorf("--schedule: %w", err)
		}
		errs = append(errs, imply("duration", d.String()))
	}
	return errors.Join(errs...)
}

// Expand returns the Matrix' Configs, the last axis fastest, added points
// last. It refuses empty, unknown and repeated axes and values, and Configs
// that are not valid.
func (m Matrix) Expand() ([]results.Config, error) {
	if err := checkAxes(m.Axes); err != nil {
		return nil, err
	}
	points := [][]Axis{m.Axes}
	if m.OneAtATime {
		points = starOf(m.Axes)
	}
	configs, err := products(m.Base, points)
	if err != nil {
		return nil, err
	}
	for _, e := range m.Exclude {
		matches, err := matcher(e)
		if err != nil {
			return nil, err
		}
		configs = slices.DeleteFunc(configs, matches)
	}
	for _, a := range m.Add {
		if err := checkAxes(a); err != nil {
			return nil, err
		}
		added, err := products(m.Base, [][]Axis{slices.Concat(addedTo(m.Axes, a), a)})
		if err != nil {
			return nil, err
		}
		configs = append(configs, added...)
	}
	if len(configs) == 0 {
		return nil, errors.New("no point is left to measure: exclude fewer")
	}
	return settle(configs)
}

// whole are the axes whose values are not measured against each other.
func whole(a Axis) bool { return a.Name == "op" || a.Name == "target" }

// starOf is the axes of the first point and of those that differ from it in
// one axis, for each operation and target in turn.
func starOf(axes []Axis) (points [][]Axis) {
	wholes := [][]Axis{{}}
	var first []Axis
	for _, a := range axes {
		if !whole(a) {
			first = append(first, Axis{a.Name, a.Values[:1]})
			continue
		}
		var next [][]Axis
		for _, w := range wholes {
			for _, v := range a.Values {
				next = append(next, append(slices.Clone(w), Axis{a.Name, []string{v}}))
			}
		}
		wholes = next
	}
	for _, w := range wholes {
		points = append(points, slices.Concat(w, first))
		for _, a := range axes {
			if whole(a) {
				continue
			}
			for _, v := range a.Values[1:] {
				p := slices.Clone(first)
				p[slices.IndexFunc(p, func(b Axis) bool { return b.Name == a.Name })].Values = []string{v}
				points = append(points, slices.Concat(w, p))
			}
		}
	}
	return points
}

// addedTo is what an added point takes of the axes that it does not name.
func addedTo(axes, point []Axis) (out []Axis) {
	for _, a := range axes {
		if slices.ContainsFunc(point, func(b Axis) bool { return b.Name == a.Name || b.Name == instead[a.Name] }) {
			continue
		}
		if !whole(a) {
			a.Values = a.Values[:1]
		}
		out = append(out, a)
	}
	return out
}

// matcher tells whether a Config has, for every axis, one of its values.
func matcher(axes []Axis) (func(results.Config) bool, error) {
	if err := checkAxes(axes); err != nil {
		return nil, err
	}
	return func(c results.Config) bool {
		for _, a := range axes {
			if !slices.ContainsFunc(a.Values, func(v string) bool { return equal(c, a.Name, v) }) {
				return false
			}
		}
		return true
	}, nil
}

// equal tells whether c has the value at the axis, however it is written.
func equal(c results.Config, axis, value string) bool {
	d := c
	if Set(&d, axis, value) != nil {
		return false
	}
	x, _ := c.Axis(axis)
	y, _ := d.Axis(axis)
	return x == y
}

// checkAxes refuses empty, unknown and repeated axes, and values that are
// repeated or not written as they should be.
func checkAxes(axes []Axis) error {
	for i, a := range axes {
		if _, err := FieldName(a.Name); err != nil {
			return err
		}
		if slices.ContainsFunc(axes[:i], func(b Axis) bool { return b.Name == a.Name }) {
			return fmt.Errorf("axis %s is given twice: put its values into one comma list", a.Name)
		}
		if other := instead[a.Name]; slices.ContainsFunc(axes[:i], func(b Axis) bool { return b.Name == other }) {
			return fmt.Errorf("axes %s and %s both say %s: give one of them", max(a.Name, other), min(a.Name, other),
				map[bool]string{true: "how large a batch is", false: "when a trial ends"}[other == "rows" || a.Name == "rows"])
		}
		if len(a.Values) == 0 {
			return fmt.Errorf("axis %s has no value: give at least one", a.Name)
		}
		if err := CheckAxis(a); err != nil {
			return err
		}
	}
	return nil
}

// CheckAxis refuses values of a that are repeated, or not written as those of
// its field are.
func CheckAxis(a Axis) error {
	for i, v := range a.Values {
		var c results.Config
		if err := Set(&c, a.Name, v); err != nil {
			return err
		}
		if k := slices.IndexFunc(a.Values[:i], func(w string) bool { return equal(c, a.Name, w) }); k >= 0 {
			if a.Name == "target" {
				return fmt.Errorf("two targets are called %q: give each server a name of its own, old=URI and new=URI", v)
			}
			return fmt.Errorf("axis %s names %q twice%s: use --repeat to measure a point again", a.Name, v,
				map[bool]string{false: fmt.Sprintf(", also as %q", a.Values[k])}[v == a.Values[k]])
		}
	}
	return nil
}

// maxPoints bounds a Matrix: more take hours for a round.
const maxPoints = 10_000

// products expands each of the points' axes.
func products(base results.Config, points [][]Axis) ([]results.Config, error) {
	var all []results.Config
	for _, axes := range points {
		n := 1
		for _, a := range axes {
			if n *= len(a.Values); n > maxPoints {
				return nil, fmt.Errorf("the axes make more than %d points: use fewer values, or the design one-at-a-time", maxPoints)
			}
		}
		configs := []results.Config{base}
		for _, a := range axes {
			var next []results.Config
			for _, c := range configs {
				for _, v := range a.Values {
					p := c
					if err := Set(&p, a.Name, v); err != nil {
						return nil, err
					}
					next = append(next, p)
				}
			}
			configs = next
		}
		all = append(all, configs...)
	}
	return all, nil
}

// settle validates the Configs. What is said of a workload, of acks or of how
// endpoints are read is left out of those that it does not concern; equal ones
// are measured once.
func settle(configs []results.Config) ([]results.Config, error) {
	var out []results.Config
	seen := map[string]bool{}
	for _, c := range configs {
		if err := Validate(c); err != nil {
			return nil, err
		}
		k, _ := kindOf(c.Op)
		if c.Op != OpPut && c.Op != OpIngest {
			c.PutAck = ""
		}
		if !k.asks() {
			c.Poll, c.Ordered, c.Location = false, false, ""
		}
		if !ofWorkload(c, k) { // what is said of one would be untrue
			c.Workload, c.Compression = "", ""
			c.Rows, c.BatchBytes, c.Batches, c.Endpoints, c.Distinct, c.Entropy = 0, 0, 0, 0, 0, 0
		}
		if k.calls {
			c.Decode = ""
		}
		if !seen[c.Key()] {
			seen[c.Key()] = true
			out = append(out, c)
		}
	}
	return out, nil
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

// Trials is the number of trials of the whole plan, at least where it has
// Until.
func (p Plan) Trials() int { return p.leastRounds() * len(p.Configs) }
