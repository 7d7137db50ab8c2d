package results

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Table is the summary of a run: a row per Config.
type Table struct {
	Title   string // name, trials, status
	Common  string // what all Configs share
	Columns []Column
	Rows    [][]string // a cell per column, "–" where there is nothing to say
	Key     string     // how to read the figures
	Notes   []Note     // errors first, then warnings
}

// Column is the two-line head of a column. Neighbours with an equal, not
// empty Over share it.
type Column struct {
	Over, Name string
	Axis       bool // part of what identifies the row
	Right      bool // aligned to the right
}

// Note is an error or a warning below a table.
type Note struct {
	Error bool
	Text  string
}

// Tabulate summarises trials. Repeats of a Config are one row: the median of
// each figure, and the least and greatest of its GB/s.
func Tabulate(run Run, trials []*Trial) Table {
	groups := GroupTrials(trials)
	axes := Varying(groups)
	t := Table{Title: title(run, trials), Common: Common(groups, axes)}
	repeats := 0
	for _, g := range groups {
		repeats = max(repeats, len(g.Trials))
	}

	cells := make([][]string, len(groups))
	add := func(c Column, cell func(Group) string) {
		t.Columns = append(t.Columns, c)
		for i, g := range groups {
			cells[i] = append(cells[i], cell(g))
		}
	}
	for _, a := range axes {
		add(axisColumn(a), func(g Group) string { return g.Config.Value(a) })
	}
	figure := func(over, name string, value func(Group) string) {
		add(Column{Over: over, Name: name, Right: true}, value)
	}
	if repeats > 1 {
		figure("body GB/s", "median", func(g Group) string { return gigabytes(g.Metric(BodyRate).Median, g.Metric(BodyRate).N) })
		figure("body GB/s", "min–max", spreadCell)
	} else {
		figure("body", "GB/s", func(g Group) string { return gigabytes(g.Metric(BodyRate).Median, g.Metric(BodyRate).N) })
	}
	figure("", "rows/s", func(g Group) string {
		return orDash(g.Metric(RowRate), func(v float64) string { return FormatSI(v, "") })
	})
	for _, name := range []string{"first_batch", "batch_gap", "put_ack", "exchange"} {
		if !slices.ContainsFunc(groups, func(g Group) bool { return g.Latency(name, P50).N > 0 }) {
			continue
		}
		figure(name, "p50", func(g Group) string { return orDash(g.Latency(name, P50), latency) })
		figure(name, "p99", func(g Group) string { return orDash(g.Latency(name, P99), latency) })
	}
	figure("CPU s/GB", "client", func(g Group) string { return orDash(g.Metric(ClientCPU), FormatNumber) })
	figure("CPU s/GB", "server", func(g Group) string { return orDash(g.Metric(ServerCPU), FormatNumber) })
	add(Column{Name: "verdict"}, Group.Verdict)
	t.Rows = cells

	t.Key = "GB is 10^9 bytes of Arrow IPC bodies. Latencies are percentiles within a trial."
	if repeats > 1 {
		t.Key = fmt.Sprintf("Figures are medians of up to %d repeats; GB is 10^9 bytes of Arrow IPC bodies. Latencies are percentiles within a trial.", repeats)
	}
	t.Notes = notes(groups)
	return t
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

// Common tells the Axes that are none of axes, which the groups share.
func Common(groups []Group, axes []string) string {
	if len(groups) == 0 {
		return ""
	}
	c := groups[0].Config
	var parts []string
	for _, a := range Axes {
		v, _ := c.Axis(a)
		if slices.Contains(axes, a) || v == "" || a == "batch_bytes" && v == "0" || a == "rows" && allByBytes(groups) {
			continue
		}
		parts = append(parts, c.Phrase(a))
	}
	return strings.Join(parts, " · ")
}

func orDash(s Spread, format func(float64) string) string {
	if s.N == 0 {
		return "–"
	}
	return format(s.Median)
}

func gigabytes(v float64, n int) string {
	if n == 0 {
		return "–"
	}
	return FormatNumber(v / 1e9)
}

func spreadCell(g Group) string {
	s := g.Metric(BodyRate)
	if s.N < 2 {
		return "–"
	}
	return gigabytes(s.Min, s.N) + "–" + gigabytes(s.Max, s.N)
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

// notes gathers errors and warnings; equal ones are told once, with the
// trials that had them.
func notes(groups []Group) []Note {
	var order []Note
	ids := map[Note][]string{}
	tell := func(isError bool, id, text string) {
		n := Note{isError, text}
		if _, ok := ids[n]; !ok {
			order = append(order, n)
		}
		ids[n] = append(ids[n], id)
	}
	for _, g := range groups {
		for _, t := range g.Trials {
			if t.Status == StatusFailed || len(t.Errors) > 0 || t.Error != "" {
				tell(true, t.ID, t.failure())
			}
		}
		for _, t := range g.Trials {
			for _, w := range t.Warnings {
				tell(false, t.ID, w)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b Note) int {
		switch {
		case a.Error == b.Error:
			return 0
		case a.Error:
			return -1
		default:
			return 1
		}
	})
	for i, n := range order {
		order[i].Text = Clean(trialList(ids[n]) + ": " + n.Text)
	}
	return order
}

// failure says what went wrong in t: its codes with their counts, and its
// first error.
func (t *Trial) failure() string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(t.Errors)) {
		parts = append(parts, code+" × "+strconv.FormatInt(t.Errors[code], 10))
	}
	s := strings.Join(parts, ", ")
	switch {
	case t.Error == "":
	case s == "":
		s = t.Error
	default:
		s += "; first: " + t.Error
	}
	if s == "" {
		return t.Status
	}
	if t.Status == StatusFailed {
		return "failed: " + s
	}
	return s
}

func trialList(ids []string) string {
	slices.Sort(ids)
	const shown = 6
	head := "trial "
	if len(ids) > 1 {
		head = "trials "
	}
	if len(ids) > shown {
		return head + strings.Join(ids[:shown], ", ") + fmt.Sprintf(" and %d more", len(ids)-shown)
	}
	return head + strings.Join(ids, ", ")
}

// Clean replaces the control characters of s, which may come from a server,
// so that it is one line, cannot steer a terminal and fits into XML.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// latency prints a percentile. Below the histogram's range its figure is only
// the bucket's.
func latency(ns float64) string {
	if ns < float64(LatencyMin) {
		return "<" + FormatNanoseconds(float64(LatencyMin))
	}
	return FormatNanoseconds(ns)
}
