package compare

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"flightbench/results"
)

// WriteText prints c as text: what else differs, a line a figure, what it
// comes to, and the gates. Where the lines would be wider than width columns
// (0: unlimited) they go without p, then without interval, and then without the
// word rounds that Key says as well.
func (c *Comparison) WriteText(w io.Writer, width int) error {
	b := bufio.NewWriter(w)
	b.WriteString(results.Fold(results.Clean(c.Title()), 2, width) + "\n")
	c.writeDifferences(b)
	for _, n := range c.Notes {
		b.WriteString(results.Fold("note: "+results.Clean(n), 2, width) + "\n")
	}
	for _, columns := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 6}, {0, 1, 2, 3, 6}} {
		lines := c.lines(columns)
		last := len(columns) == 5
		if last && !fits(lines, width) {
			for i, l := range lines {
				if s, ok := strings.CutSuffix(l, " rounds)"); ok {
					lines[i] = s + ")"
				}
			}
		}
		if last || fits(lines, width) {
			b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
			break
		}
	}
	b.WriteString("\n" + results.Fold(c.Summary(), 2, width) + "\n")
	if k := c.Key(); k != "" {
		b.WriteString(results.Fold(k, 2, width) + "\n")
	}
	for i, j := range c.Gates {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(results.Fold(results.Clean(j.String()), 2, width) + "\n")
	}
	return b.Flush()
}

func fits(lines []string, width int) bool {
	return width <= 0 || !slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > width })
}

// Title says what is compared, and on how many rounds.
func (c *Comparison) Title() string {
	rounds := c.rounds() + " each"
	if c.Paired {
		return fmt.Sprintf("%s and %s by %s within %s: %s, side by side", c.Old.Name, c.New.Name, strings.Join(c.By, ", "), c.Old.Path, rounds)
	}
	return fmt.Sprintf("old %s (%s) and new %s (%s): %s, one after the other", c.Old.Path, orNone(c.Old.Started), c.New.Path, orNone(c.New.Started), rounds)
}

// rounds is on how many rounds the cells stand.
func (c *Comparison) rounds() string {
	low, high := 0, 0
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if high == 0 || cell.Rounds < low {
				low = cell.Rounds
			}
			high = max(high, cell.Rounds)
		}
	}
	switch {
	case low != high:
		return fmt.Sprintf("%d to %d rounds", low, high)
	case low == 1:
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", low)
}

func (c *Comparison) writeDifferences(b *bufio.Writer) {
	wide := 0
	for _, d := range c.Differences {
		wide = max(wide, utf8.RuneCountInString(d.What))
	}
	for i, d := range c.Differences {
		if i == 0 {
			b.WriteString("the sides differ in:\n")
		}
		b.WriteString("  " + padded(d.What, wide) + "  " + d.Old + " → " + d.New + "\n")
	}
}

// heads are the names of the table's columns.
func (c *Comparison) heads() []string {
	old, new := c.Old.Name, c.New.Name
	if old, new = shortened(old), shortened(new); !c.Paired || old == new {
		old, new = "old", "new"
	}
	return []string{"", old, new, "change", "95 % interval", "p", ""}
}

// shortened cuts the name of a side to what a column holds.
func shortened(s string) string {
	const most = 14
	r := []rune(results.Clean(s))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most-1]) + "…"
}

// cells are the columns of a cell's line.
func (c Cell) columns() []string {
	return []string{"  " + c.Figure.Label(), c.value(c.Old), c.value(c.New), c.changeText(), c.intervalText(), pText(c.P), c.shortVerdict()}
}

// shortVerdict is verdictText as it fits into a table; Key explains it.
func (c Cell) shortVerdict() string {
	switch {
	case c.Outcome != Unknown:
		return c.Word
	case c.MoreRounds > 0:
		return fmt.Sprintf("cannot tell (+%s rounds)", results.FormatInteger(int64(c.MoreRounds)))
	case c.Reason == drifting:
		return "cannot tell (drift)"
	case c.Reason == noRatio:
		return "cannot tell (zeros)"
	case c.Reason == tooNoisy:
		return "cannot tell (noise)"
	}
	return "cannot tell"
}

// lines lay the cells out: a head, and for each pair its name and its cells.
func (c *Comparison) lines(columns []int) []string {
	heads := c.heads()
	rows := [][]string{heads}
	for _, p := range c.Pairs {
		if len(p.Cells) > 0 {
			rows = append(rows, []string{results.Clean(p.Name())})
		}
		for _, cell := range p.Cells {
			rows = append(rows, cell.columns())
		}
	}
	wide := make([]int, len(heads))
	for _, r := range rows {
		if len(r) == len(heads) {
			for i, s := range r {
				wide[i] = max(wide[i], utf8.RuneCountInString(s))
			}
		}
	}
	var lines []string
	for _, r := range rows {
		if len(r) == 1 {
			lines = append(lines, r[0])
			continue
		}
		var line []string
		for _, i := range columns {
			if i == 0 || i == 6 {
				line = append(line, padded(r[i], wide[i]))
			} else {
				line = append(line, strings.Repeat(" ", wide[i]-utf8.RuneCountInString(r[i]))+r[i])
			}
		}
		lines = append(lines, strings.TrimRight(strings.Join(line, "  "), " "))
	}
	return lines
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// Summary says in a sentence what the comparison comes to.
func (c *Comparison) Summary() string {
	words := map[string]int{}
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if cell.Outcome == Better || cell.Outcome == Worse {
				words[cell.Word]++
			}
		}
	}
	var parts []string
	for _, word := range []string{"slower", "faster", Worse, Better} {
		if words[word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", words[word], word))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no difference found in any")
		if c.Count(Same) == 0 {
			parts[0] = "none is known to differ"
		}
	}
	if n := c.Count(Same); n > 0 && len(words) > 0 {
		parts = append(parts, fmt.Sprintf("%d without a difference", n))
	}
	if n := c.Count(Unknown); n > 0 {
		parts = append(parts, fmt.Sprintf("of %d one cannot tell", n))
	}
	noun := "figures"
	if c.cells() == 1 {
		noun = "figure"
	}
	return fmt.Sprintf("%d %s: %s.", c.cells(), noun, strings.Join(parts, ", "))
}

// Key says how to read the words.
func (c *Comparison) Key() string {
	var parts []string
	if n := c.Count(Same); n > 0 {
		parts = append(parts, fmt.Sprintf("No difference found: the whole interval is within ±%s.", c.detect()))
	}
	var some, none, drift, few, noisy, lucky bool
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if cell.Outcome != Unknown {
				continue
			}
			some = some || cell.MoreRounds > 0
			lucky = lucky || cell.P > 1-confidence && cell.shift.excludesZero()
			none = none || cell.MoreRounds == 0 && cell.Reason == tooNoisy
			drift = drift || cell.Reason == drifting
			few = few || cell.Reason == tooFew
			noisy = noisy || cell.Reason == tooNoisy
		}
	}
	why := "too noisy"
	switch {
	case few && noisy:
		why = "too few rounds, or too noisy"
	case few:
		why = "too few rounds"
	}
	if some {
		parts = append(parts, fmt.Sprintf("Cannot tell: %s. So many more rounds would tell a change of %s, or a larger one that shows already.", why, c.detect()))
	}
	if none {
		parts = append(parts, "Cannot tell (noise): 1,000 more rounds would not tell it.")
	}
	if drift {
		parts = append(parts, "Cannot tell (drift): the figures move by as much during a run; measure both sides in one run and compare it with --by.")
	}
	if lucky {
		parts = append(parts, fmt.Sprintf("Interval without 0 but p above %.2g: each interval is of its figure alone, p allows for there being %d.", 1-confidence, c.cells()))
	}
	return strings.Join(parts, "\n")
}

// detect is the change that matters: "5 %".
func (c *Comparison) detect() string {
	return strconv.FormatFloat(math.Round(c.Detect*1e6)/1e4, 'f', -1, 64) + " %"
}

// String is a line about the gate.
func (j Judgement) String() string {
	s := "gate " + j.Gate + ": " + j.Status
	if j.Pair != "" {
		s += " at " + j.Pair
	}
	return s + ": " + j.Text
}
