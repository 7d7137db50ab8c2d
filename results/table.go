package results

import (
	"fmt"
	"slices"
	"strings"
)

// Table is the summary of a run: a Part for each Kind of what it measured.
type Table struct {
	Title  string // name, trials, status
	Common string // what all Configs share
	Parts  []Part
	Key    string // how to read the figures
	Notes  []Note // errors first, then warnings, then facts
}

// Part is a table of one Kind: a row per Config.
type Part struct {
	Head    string // its kind, what its rows share beside Common, and the base that they depart from; "" where there is nothing to say
	Columns []Column
	Rows    [][]string // a cell per column, "–" where there is nothing to say
}

// Column is the two-line head of a column. Neighbours with an equal, not
// empty Over share it.
type Column struct {
	Over, Name string
	Axis       bool // part of what identifies the row
	Right      bool // aligned to the right
}

// streamLatencies are the latencies of streams and queries that the table
// shows, where a trial has them.
var streamLatencies = []string{"query", "prepare", "bind", "begin", "commit", "first_batch", "batch_gap", "put_ack", "exchange", "cancel", "cancel_seen"}

// Tabulate summarises trials. Repeats of a Config are one row: the median of
// each figure, with an interval of that of its rate, or the least and greatest
// one where they are too few for an interval. Only columns that a
// trial has a figure for are there, and nothing of what measured nothing but
// the notes, where its Configs have no name of their own. Rungs of ladders are
// not in it: see TellLadders.
func Tabulate(run Run, trials []*Trial) Table {
	groups := GroupTrials(WithoutRungs(trials))
	axes := Varying(groups)
	drifts := FindDrifts(groups)
	t := Table{Title: title(run, trials), Common: Common(groups, axes), Notes: notesWith(groups, drifts)}
	if u := untilOf(run, trials); u != nil {
		t.tell(u.note(run))
	}
	verdicts := map[string]string{}
	for i, g := range groups {
		verdicts[g.Config.Key()] = g.verdict(drifts, i)
	}
	var of [][]Group
	for _, k := range Kinds {
		if gs := slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return g.Kind() != k }); len(gs) > 0 {
			of = append(of, gs)
		}
	}
	var keys reading
	for _, gs := range of {
		b := &tableBuilder{kind: gs[0].Kind(), groups: gs, axes: Varying(gs), keys: &keys, verdicts: verdicts}
		p := b.part()
		if len(of) > 1 {
			p.Head = b.kind.Name + partHead(gs, b.axes, groups, axes)
		}
		if b.base != "" {
			p.Head = strings.TrimPrefix(p.Head+" · "+b.base, " · ")
		}
		if len(p.Columns) > 1 {
			t.Parts = append(t.Parts, p)
		}
	}
	t.Key = keys.String()
	return t
}

// tell adds n behind the other notes of its kind.
func (t *Table) tell(n Note) {
	i := len(t.Notes)
	for i > 0 && slices.Index(noteKinds, t.Notes[i-1].Kind) > slices.Index(noteKinds, n.Kind) {
		i--
	}
	t.Notes = slices.Insert(t.Notes, i, n)
}

// partHead is what the groups of a part share, and not all groups do.
func partHead(part []Group, axes []string, all []Group, allAxes []string) string {
	told := shared(all, allAxes)
	own := slices.DeleteFunc(shared(part, axes), func(s string) bool { return slices.Contains(told, s) })
	if len(own) == 0 {
		return ""
	}
	return ": " + strings.Join(own, " · ")
}

// tableBuilder adds columns to a part, a cell a group.
type tableBuilder struct {
	kind    *Kind
	groups  []Group
	axes    []string
	repeats int
	columns []Column
	cells   [][]string
	base    string // names that which the groups depart from
	keys    *reading

	verdicts map[string]string // by the Config's key
}

// part lays the groups out.
func (b *tableBuilder) part() Part {
	for _, g := range b.groups {
		b.repeats = max(b.repeats, len(g.Trials))
	}
	b.keys.repeats = max(b.keys.repeats, b.repeats)
	stars := Departures(b.groups)
	if stars != nil {
		b.departures(stars)
	}
	b.cells = make([][]string, len(b.groups))
	for _, a := range b.axes {
		b.add(axisColumn(a), func(g Group) string { return g.Config.Value(a) })
	}
	if stars != nil {
		b.add(Column{Name: "changed", Axis: true}, changed(stars))
	}
	if b.any(func(g Group) bool { return len(g.Measured()) > 0 }) {
		b.figures(stars)
	}
	if b.any(func(g Group) bool { return g.errors() > 0 }) {
		b.figure("", "errors", func(g Group) string { return FormatInteger(g.errors()) })
	}
	b.add(Column{Name: "verdict"}, func(g Group) string { return b.verdicts[g.Config.Key()] })
	return Part{Columns: b.columns, Rows: b.cells}
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
