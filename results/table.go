package results

import (
	"fmt"
	"slices"
	"strings"
)

// Table is the summary of a run: a row per Config.
type Table struct {
	Title   string // name, trials, status
	Common  string // what all Configs share
	Columns []Column
	Rows    [][]string // a cell per column, "–" where there is nothing to say
	Key     string     // how to read the figures
	Notes   []Note     // errors first, then warnings, then facts
}

// Column is the two-line head of a column. Neighbours with an equal, not
// empty Over share it.
type Column struct {
	Over, Name string
	Axis       bool // part of what identifies the row
	Right      bool // aligned to the right
}

// tableLatencies are the latencies of streams that the table shows, where a
// trial has them.
var tableLatencies = []string{"query", "first_batch", "batch_gap", "put_ack", "exchange", "cancel", "cancel_seen"}

// Tabulate summarises trials. Repeats of a Config are one row: the median of
// each figure, and the least and greatest of its rate. Only columns that a
// trial has a figure for are there.
func Tabulate(run Run, trials []*Trial) Table {
	groups := GroupTrials(trials)
	b := tableBuilder{groups: groups, axes: Varying(groups), cells: make([][]string, len(groups))}
	for _, g := range groups {
		b.repeats = max(b.repeats, len(g.Trials))
	}
	for _, a := range b.axes {
		b.add(axisColumn(a), func(g Group) string { return g.Config.Value(a) })
	}
	streams := b.any(func(g Group) bool { return g.Metric(BodyRate).N > 0 })
	calls := b.any(Group.OfCalls)
	if streams {
		b.streams()
	}
	if calls {
		b.calls()
	}
	if b.any(func(g Group) bool { return g.errors() > 0 }) {
		b.figure("", "errors", func(g Group) string { return FormatInteger(g.errors()) })
	}
	b.add(Column{Name: "verdict"}, Group.Verdict)
	return Table{Title: title(run, trials), Common: Common(groups, b.axes), Columns: b.columns, Rows: b.cells,
		Key: key(b.repeats, streams, calls), Notes: notes(groups)}
}

// tableBuilder adds columns to a table, a cell a group.
type tableBuilder struct {
	groups  []Group
	axes    []string
	repeats int
	columns []Column
	cells   [][]string
}

func (b *tableBuilder) any(is func(Group) bool) bool { return slices.ContainsFunc(b.groups, is) }

func (b *tableBuilder) add(c Column, cell func(Group) string) {
	b.columns = append(b.columns, c)
	for i, g := range b.groups {
		b.cells[i] = append(b.cells[i], cell(g))
	}
}

func (b *tableBuilder) figure(over, name string, cell func(Group) string) {
	b.add(Column{Over: over, Name: name, Right: true}, cell)
}

// median adds a column of a metric, printed by format.
func (b *tableBuilder) median(over, name, metric string, format func(float64) string) {
	b.figure(over, name, func(g Group) string { return orDash(g.Metric(metric), format) })
}

// rate adds the columns of what a trial is measured by: head and unit make the
// head of the single column where nothing was repeated.
func (b *tableBuilder) rate(head, unit, metric string, format func(float64) string) {
	if b.repeats < 2 {
		b.median(head, unit, metric, format)
		return
	}
	over := strings.TrimSpace(head + " " + unit)
	b.median(over, "median", metric, format)
	b.figure(over, "min–max", func(g Group) string {
		s := g.Metric(metric)
		if s.N < 2 {
			return "–"
		}
		return format(s.Min) + "–" + format(s.Max)
	})
}

// percentiles adds p50 and p99 of the latency that name gives for a group.
func (b *tableBuilder) percentiles(over string, name func(Group) string) {
	b.figure(over, "p50", func(g Group) string { return orDash(g.Latency(name(g), P50), latency) })
	b.figure(over, "p99", func(g Group) string { return orDash(g.Latency(name(g), P99), latency) })
}

// streams adds the columns of trials that moved batches.
func (b *tableBuilder) streams() {
	gigabytes := func(v float64) string { return FormatNumber(v / 1e9) }
	b.rate("body", "GB/s", BodyRate, gigabytes)
	if slices.Contains(b.axes, "compression") { // body bytes fall with the codec
		b.median("logical", "GB/s", LogicalRate, gigabytes)
	}
	b.median("", "rows/s", RowRate, func(v float64) string { return FormatSI(v, "") })
	if b.any(func(g Group) bool { return g.Metric(QueryRate).N > 0 }) {
		b.median("", "queries/s", QueryRate, FormatNumber)
	}
	b.open()
	for _, name := range tableLatencies {
		if b.any(func(g Group) bool { return g.Latency(name, P50).N > 0 }) {
			b.percentiles(name, func(Group) string { return name })
		}
	}
	b.median("CPU s/GB", "client", ClientCPU, FormatNumber)
	b.median("CPU s/GB", "server", ServerCPU, FormatNumber)
}

// open adds the columns of an open loop, once.
func (b *tableBuilder) open() {
	if slices.ContainsFunc(b.columns, func(c Column) bool { return c.Name == "asked" }) || !b.any(func(g Group) bool { return g.Metric(AskedRate).N > 0 }) {
		return
	}
	b.median("streams/s", "asked", AskedRate, FormatNumber)
	b.median("streams/s", "achieved", AchievedRate, FormatNumber)
	if b.any(func(g Group) bool { return g.Metric(BodyRate).N > 0 }) {
		b.percentiles("stream", func(Group) string { return "stream" })
	}
}

// calls adds the columns of trials of calls.
func (b *tableBuilder) calls() {
	micros := func(v float64) string { return FormatNumber(v * 1e6) }
	b.rate("", "calls/s", CallRate, FormatNumber)
	b.open()
	b.percentiles("call", Group.CallLatency)
	b.median("CPU µs/call", "client", ClientCallCPU, micros)
	b.median("CPU µs/call", "server", ServerCallCPU, micros)
}

// key says how to read the figures.
func key(repeats int, streams, calls bool) string {
	var parts []string
	if repeats > 1 {
		parts = append(parts, fmt.Sprintf("Figures are medians of up to %d repeats.", repeats))
	}
	if streams {
		parts = append(parts, "GB is 10^9 bytes of Arrow IPC bodies.")
	}
	if calls {
		parts = append(parts, "A call is over when its whole answer is there.")
	}
	if streams || calls {
		parts = append(parts, "Latencies are percentiles within a trial.")
	}
	return strings.Join(parts, " ")
}

func axisColumn(axis string) Column {
	_, numeric := Config{}.Number(axis)
	over, name := "", axis
	if head, tail, ok := cutLast(axis, "_"); ok {
		over, name = head, tail
	}
	return Column{Over: over, Name: name, Axis: true, Right: numeric}
}

func title(run Run, trials []*Trial) string {
	name := run.Name
	if name == "" {
		name = "run"
	}
	s := fmt.Sprintf("%s: %d trials", name, len(trials))
	if len(trials) == 1 {
		s = name + ": 1 trial"
	}
	if run.Planned > len(trials) {
		s += fmt.Sprintf(" of %d", run.Planned)
	}
	if run.Status != "" {
		s += ", " + run.Status
	}
	return s
}

func orDash(s Spread, format func(float64) string) string {
	if s.N == 0 {
		return "–"
	}
	return format(s.Median)
}

// Verdict is "valid" where every trial of the group is, or else what they are
// and how many of them: "failed 1/3".
func (g Group) Verdict() string {
	counts := map[string]int{}
	for _, t := range g.Trials {
		counts[t.Outcome()]++
	}
	order := []string{StatusFailed, StatusPartial, VerdictGeneratorBound, VerdictUnstable, VerdictIncomplete, VerdictClock, VerdictValid}
	var parts []string
	for _, v := range InOrder(counts, order) {
		switch n := counts[v]; {
		case n == len(g.Trials):
			return v
		case v != VerdictValid:
			parts = append(parts, fmt.Sprintf("%s %d/%d", v, n, len(g.Trials)))
		}
	}
	return strings.Join(parts, ", ")
}

// Outcome is the status of a trial that did not end ok, or else its verdict.
func (t *Trial) Outcome() string {
	switch {
	case t.Status != StatusOK:
		return t.Status
	case t.Verdict == "":
		return "no verdict"
	}
	return t.Verdict
}

// latency prints a percentile. Below the histogram's range its figure is only
// the bucket's.
func latency(ns float64) string {
	if ns < float64(LatencyMin) {
		return "<" + FormatNanoseconds(float64(LatencyMin))
	}
	return FormatNanoseconds(ns)
}
