package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// rate adds the columns of what a trial is measured by: head and unit make the
// head of the single column where nothing was repeated.
func (b *tableBuilder) rate(head, unit, metric string, format func(float64) string) {
	if b.repeats < 2 {
		b.median(head, unit, metric, format)
		return
	}
	over := strings.TrimSpace(head + " " + unit)
	b.median(over, "median", metric, format)
	if !b.any(func(g Group) bool { return g.Interval(metric).Bounded() }) {
		b.keys.spread = true
		b.figure(over, "min–max", func(g Group) string {
			s := g.Metric(metric)
			if s.N < 2 {
				return "–"
			}
			return format(s.Min) + "–" + format(s.Max)
		})
		return
	}
	b.keys.intervals = true
	b.figure(over, "95 %", func(g Group) string {
		m := g.Interval(metric)
		if !m.Bounded() {
			return "–"
		}
		return format(m.Low) + "–" + format(m.High)
	})
	b.figure(over, "±", func(g Group) string { return plain(g.Interval(metric)) })
}

// plain is the width of an interval below a head of ±.
func plain(m Median) string { return strings.TrimPrefix(FormatWidth(m.Width()), "±") }

// figures adds the columns of what b's kind is measured by.
func (b *tableBuilder) figures(stars []Star) {
	number := func(v float64) string { return FormatNumber(v) }
	logical := b.kind != KindCalls && slices.Contains(b.departed(stars), "compression") // body bytes fall with the codec
	unit, scale := ByteRate(Most(b.groups, BodyRate))
	if logical {
		unit, scale = ByteRate(max(Most(b.groups, BodyRate), Most(b.groups, LogicalRate)))
	}
	bytes := func(v float64) string { return FormatNumber(v / scale) }
	switch b.kind {
	case KindStreams:
		b.rate("body", unit, BodyRate, bytes)
		b.keys.unit(unit)
	case KindQueries:
		b.rate("", "queries/s", QueryRate, number)
	case KindCalls:
		b.keys.calls = true
		b.rate("", "calls/s", CallRate, number)
	}
	if stars != nil && !logical {
		b.versus(b.columns[len(b.columns)-1].Over, stars)
	}
	if b.kind == KindQueries && b.has(BodyRate) {
		b.median("body", unit, BodyRate, bytes)
		b.keys.unit(unit)
	}
	if logical {
		b.median("logical", unit, LogicalRate, bytes)
		if stars != nil {
			b.versus("logical", stars)
		}
	}
	if b.kind != KindCalls {
		b.median("", "rows/s", RowRate, func(v float64) string { return FormatSI(v, "") })
	}
	b.open()
	if b.kind == KindCalls {
		b.percentiles("call", Group.CallLatency)
	} else {
		for _, name := range streamLatencies {
			if b.any(func(g Group) bool { return g.Latency(name, P50).N > 0 }) {
				b.percentiles(name, func(Group) string { return name })
			}
		}
	}
	cost := func(v float64) string { return FormatNumber(v / b.kind.CostScale) }
	b.median(b.kind.Cost, "client", b.kind.ClientCPU, cost)
	b.median(b.kind.Cost, "server", b.kind.ServerCPU, cost)
}

// has tells whether a group has the metric.
func (b *tableBuilder) has(metric string) bool {
	return b.any(func(g Group) bool { return g.Metric(metric).N > 0 })
}

// open adds the columns of an open loop.
func (b *tableBuilder) open() {
	if !b.has(AskedRate) {
		return
	}
	b.median("streams/s", "asked", AskedRate, FormatNumber)
	b.median("streams/s", "achieved", AchievedRate, FormatNumber)
	if b.has(BodyRate) {
		b.percentiles("stream", func(Group) string { return "stream" })
	}
}

// percentiles adds p50 and p99 of the latency that name gives for a group.
func (b *tableBuilder) percentiles(over string, name func(Group) string) {
	b.keys.latencies = true
	b.figure(over, "p50", func(g Group) string { return orDash(g.Latency(name(g), P50), FormatLatency) })
	primary := func(g Group) Median { // of an open loop
		if figure, m := g.Primary(); g.Config.Open() && figure == name(g)+".p50" {
			return m
		}
		return Median{}
	}
	if b.any(func(g Group) bool { return primary(g).Bounded() }) {
		b.keys.intervals = true
		b.figure(over, "±", func(g Group) string { return plain(primary(g)) })
	}
	b.figure(over, "p99", func(g Group) string {
		s := g.P99(name(g))
		b.keys.few = b.keys.few || strings.HasPrefix(s, Few)
		return cmp.Or(s, "–")
	})
}

// departures has the rows in the order of the stars, named by what differs
// from the base.
func (b *tableBuilder) departures(stars []Star) {
	b.groups = nil
	for _, s := range stars {
		b.groups = append(b.groups, s.Base)
		for _, r := range s.Relatives {
			b.groups = append(b.groups, r.Group)
		}
	}
	b.base = baseOf(stars, b.departed(stars))
	b.axes = slices.DeleteFunc(slices.Clone(b.axes), func(a string) bool { return !slices.Contains(WholeAxes, a) })
}

// baseOf names the base of all stars, of which some may lack a workload; "" where
// they are not the same.
func baseOf(stars []Star, axes []string) string {
	var parts []string
	for _, a := range axes {
		var phrases []string
		for _, s := range stars {
			if p := s.Base.Config.Phrase(a); p != "" && !slices.Contains(phrases, p) {
				phrases = append(phrases, p)
			}
		}
		if len(phrases) > 1 {
			return ""
		}
		parts = append(parts, phrases...)
	}
	return BaseName + ": " + strings.Join(parts, " · ")
}

// departed are the axes in which rows differ.
func (b *tableBuilder) departed(stars []Star) []string {
	if stars == nil {
		return b.axes
	}
	var axes []string
	for _, s := range stars {
		for _, a := range s.Axes() {
			if !slices.Contains(axes, a) {
				axes = append(axes, a)
			}
		}
	}
	return axes
}

// changed names each row by what differs from its base.
func changed(stars []Star) func(Group) string {
	names := map[string]string{}
	for _, s := range stars {
		names[s.Base.Config.Key()] = BaseName
		for _, r := range s.Relatives {
			names[r.Group.Config.Key()] = r.Name()
		}
	}
	return func(g Group) string { return names[g.Config.Key()] }
}

// versus adds the column of rates relative to the base's.
func (b *tableBuilder) versus(over string, stars []Star) {
	changes := map[string]string{}
	for _, s := range stars {
		for _, r := range s.Relatives {
			ratio := Ratio(r.Group, s.Base, s.Rate())
			if ratio.N == 0 {
				continue
			}
			text := FormatChange(ratio.Median)
			if ratio.Unsure() {
				b.keys.unsure = true
				text = "≈ " + text
			}
			changes[r.Group.Config.Key()] = text
		}
	}
	b.figure(over, "vs base", func(g Group) string {
		if c, ok := changes[g.Config.Key()]; ok {
			return c
		}
		return "–"
	})
}

// FormatChange prints a ratio as a change: −12 %, +3.4 %.
func FormatChange(ratio float64) string {
	percent := (ratio - 1) * 100
	decimals := 1
	if math.Abs(percent) >= 9.95 {
		decimals = 0
	}
	s := fmt.Sprintf("%+.*f %%", decimals, percent)
	switch {
	case strings.Trim(s, "+-0. %") == "":
		return "0.0 %"
	case percent < 0:
		return "−" + s[1:]
	}
	return s
}

// FormatLatency prints a percentile in nanoseconds. Below the histogram's range
// its figure is only the bucket's.
func FormatLatency(ns float64) string {
	if ns < float64(LatencyMin) {
		return "<" + FormatNanoseconds(float64(LatencyMin))
	}
	return FormatNanoseconds(ns)
}

// Few marks a percentile of so few samples that it is the greatest of them, or
// nearly: a p99 of fewer than 100, a p99.9 of fewer than 1,000.
const Few = "~"

const (
	minP99  = 100
	minP999 = 1_000
)

// FormatP99 prints the 99th percentile of l, marked where its samples are Few.
func (l Latency) FormatP99() string { return l.format(l.P99, minP99) }

// FormatP999 is FormatP99 of the 99.9th.
func (l Latency) FormatP999() string { return l.format(l.P999, minP999) }

func (l Latency) format(ns, least int64) string {
	if l.Count < least {
		return Few + FormatLatency(float64(ns))
	}
	return FormatLatency(float64(ns))
}

// P99 prints the median over the repeats of the 99th percentile of a latency,
// marked where a repeat's samples are Few; "" where there is none.
func (g Group) P99(name string) string { return g.percentile(name, P99, minP99) }

// P999 is P99 of the 99.9th.
func (g Group) P999(name string) string {
	return g.percentile(name, func(l Latency) float64 { return float64(l.P999) }, minP999)
}

func (g Group) percentile(name string, figure func(Latency) float64, least float64) string {
	s := g.Latency(name, figure)
	if s.N == 0 {
		return ""
	}
	if g.Latency(name, func(l Latency) float64 { return float64(l.Count) }).Min < least {
		return Few + FormatLatency(s.Median)
	}
	return FormatLatency(s.Median)
}

// reading gathers what it takes to read the figures of a table.
type reading struct {
	repeats                       int
	units                         []string
	calls, latencies, few, unsure bool
	intervals, spread             bool // of the repeats
}

func (r *reading) unit(u string) {
	if !slices.Contains(r.units, u) {
		r.units = append(r.units, u)
	}
}

// String says how to read the figures.
func (r *reading) String() string {
	var parts []string
	if r.repeats > 1 && (len(r.units) > 0 || r.latencies || r.calls) {
		parts = append(parts, fmt.Sprintf("Figures are medians of up to %d repeats.", r.repeats))
	}
	if r.intervals {
		parts = append(parts, "95 %: where the true median lies in 95 of 100 cases; ±: half its width, relative to the median.")
	}
	if r.spread && r.repeats > 1 {
		parts = append(parts, fmt.Sprintf("An interval of the median takes %d repeats.", IntervalRounds))
	}
	var units []string
	for _, u := range r.units {
		units = append(units, fmt.Sprintf("%s is 10^%d", strings.TrimSuffix(u, "/s"), map[string]int{"GB/s": 9, "MB/s": 6, "kB/s": 3}[u]))
	}
	if len(units) > 0 {
		parts = append(parts, strings.Join(units, ", ")+" bytes of Arrow IPC bodies.")
	}
	if r.calls {
		parts = append(parts, "A call is over when its whole answer is there.")
	}
	if r.latencies {
		parts = append(parts, "Latencies are percentiles within a trial.")
	}
	if r.few {
		parts = append(parts, "~: of fewer than 100 samples.")
	}
	if r.unsure {
		parts = append(parts, "≈: not to be told from the base, the rounds (from 6 on the interval of their median) lie on both sides of it.")
	}
	return strings.Join(parts, " ")
}
