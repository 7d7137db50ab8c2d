package results

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Spread is where the repeats of one figure lie.
type Spread struct {
	N                int
	Median, Min, Max float64

	// Of the median, with Confidence; both 0 where they were not asked for or there are too few values.
	Low, High float64 `json:",omitempty"`
}

// Unsure tells of a Ratio that nobody can say which of the two is more: its
// interval, or with too few rounds for one the rounds themselves, lie on both
// sides of 1.
func (s Spread) Unsure() bool {
	low, high := s.bounds()
	return s.N > 1 && low <= 1 && high >= 1
}

// bounds are its interval, or with too few rounds for one the rounds' own.
func (s Spread) bounds() (low, high float64) {
	if s.Low > 0 {
		return s.Low, s.High
	}
	return s.Min, s.Max
}

// SpreadOf summarises values; the zero Spread where there is none.
func SpreadOf(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	return Spread{N: n, Median: v[(n-1)/2]/2 + v[n/2]/2, Min: v[0], Max: v[n-1]}
}

// Group is the repeats of one Config.
type Group struct {
	Config Config
	Place  int      // of the Config in the plan of its run, from 1; 0 where that is not known
	Trials []*Trial // by round
}

// GroupTrials gathers the repeats of each Config, ordered by Axes and then by
// the other fields. A trial that failed before its Config was resolved belongs
// to those at the same place of the plan.
func GroupTrials(trials []*Trial) []Group {
	var groups []Group
	index := map[string]int{}
	for _, t := range trials {
		key := t.Config.Key()
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, Group{Config: t.Config, Place: t.place()})
		}
		groups[i].Trials = append(groups[i].Trials, t)
	}
	groups = joinUnresolved(groups)
	plan := OrderOf(groups)
	order := append(slices.Clone(Axes), configNames...)
	slices.SortStableFunc(groups, func(a, b Group) int {
		for _, axis := range order {
			if c := plan.Compare(a.Config, b.Config, axis); c != 0 {
				return c
			}
		}
		return 0
	})
	for _, g := range groups {
		slices.SortStableFunc(g.Trials, func(a, b *Trial) int { return cmp.Compare(a.Round, b.Round) })
	}
	return groups
}

// place is the second number of an ID, "round.place".
func (t *Trial) place() int {
	_, after, _ := strings.Cut(t.ID, ".")
	n, err := strconv.Atoi(after)
	if err != nil {
		return 0
	}
	return n
}

// joinUnresolved moves groups of failed trials alone to the group that has the
// same place in the plan and the same value of every axis but rows, which a
// trial resolves.
func joinUnresolved(groups []Group) []Group {
	axes := slices.DeleteFunc(slices.Clone(Axes), func(a string) bool { return a == "rows" })
	failed := func(g Group) bool {
		return !slices.ContainsFunc(g.Trials, func(t *Trial) bool { return t.Status != StatusFailed })
	}
	var out []Group
	for _, g := range groups {
		if !failed(g) {
			out = append(out, g)
		}
	}
	for _, g := range groups {
		if !failed(g) {
			continue
		}
		i := slices.IndexFunc(out, func(o Group) bool {
			return g.Place > 0 && o.Place == g.Place && o.Config.Tuple(axes) == g.Config.Tuple(axes)
		})
		if i < 0 {
			out = append(out, g)
		} else {
			out[i].Trials = append(out[i].Trials, g.Trials...)
		}
	}
	return out
}

// Measured are the trials whose figures stand for the Group: those that ended
// ok, or where there is none the partial ones. Failed trials never do.
func (g Group) Measured() []*Trial {
	for _, status := range []string{StatusOK, StatusPartial} {
		var ts []*Trial
		for _, t := range g.Trials {
			if t.Status == status {
				ts = append(ts, t)
			}
		}
		if len(ts) > 0 {
			return ts
		}
	}
	return nil
}

// Metric is the spread of a metric over the measured trials that have it as a
// finite number; N is 0 where none has.
func (g Group) Metric(name string) Spread {
	var v []float64
	for _, t := range g.Measured() {
		if m, ok := t.Metrics[name]; ok && m.finite() {
			v = append(v, m.Value)
		}
	}
	return SpreadOf(v)
}

// Latency is the spread of a figure of a latency, in nanoseconds, over the
// measured trials that have a sample of it.
func (g Group) Latency(name string, figure func(Latency) float64) Spread {
	var v []float64
	for _, t := range g.Measured() {
		if l, ok := t.Latencies[name]; ok && l.Count > 0 {
			v = append(v, figure(l))
		}
	}
	return SpreadOf(v)
}

// OfCalls tells whether g measured calls rather than batches.
func (g Group) OfCalls() bool { return g.Metric(CallRate).N > 0 }

// CallLatency is the name of the latency that a call of g is measured by; ""
// where g is not of calls or has none.
func (g Group) CallLatency() string {
	if !g.OfCalls() {
		return ""
	}
	for _, name := range callLatencies {
		if g.Latency(name, P50).N > 0 {
			return name
		}
	}
	return ""
}

// errors is the number of iterations that failed in all trials of g.
func (g Group) errors() (n int64) {
	for _, t := range g.Trials {
		n += t.errors()
	}
	return n
}

// P50 and P99 are figures for Group.Latency.
func P50(l Latency) float64 { return float64(l.P50) }

// P99 is the 99th percentile.
func P99(l Latency) float64 { return float64(l.P99) }

// Varying are the Config fields that tell the groups apart: the Axes that
// vary, and only where these leave two groups equal, the other fields that
// vary. Fields that follow from an axis (rows, where batches are sized by
// bytes) are none.
func Varying(groups []Group) []string {
	var axes []string
	for _, a := range Axes {
		if a == "rows" && allByBytes(groups) {
			continue
		}
		if varies(groups, a) {
			axes = append(axes, a)
		}
	}
	// "rows" is tried again: a file's own batches differ where all else is equal.
	told := distinct(groups, axes)
	for _, name := range configNames {
		if told == len(groups) {
			break
		}
		if slices.Contains(axes, name) {
			continue
		}
		with := append(slices.Clone(axes), name)
		if n := distinct(groups, with); n > told {
			axes, told = with, n
		}
	}
	return axes
}

func allByBytes(groups []Group) bool {
	return !slices.ContainsFunc(groups, func(g Group) bool { return g.Config.BatchBytes <= 0 })
}

func varies(groups []Group, axis string) bool {
	for _, g := range groups {
		if CompareAxis(g.Config, groups[0].Config, axis) != 0 {
			return true
		}
	}
	return false
}

// distinct counts the groups that the axes alone tell apart.
func distinct(groups []Group, axes []string) int {
	seen := map[string]bool{}
	for _, g := range groups {
		seen[g.Config.Tuple(axes)] = true
	}
	return len(seen)
}

// Tuple identifies the Config's values of the axes.
func (c Config) Tuple(axes []string) string {
	var b []byte
	for _, a := range axes {
		v, _ := c.Axis(a)
		b = append(append(b, v...), 0)
	}
	return string(b)
}
