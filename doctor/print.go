package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// marks are the levels as Print shows them: what needs attention stands out without colour.
var marks = [...]string{Info: "·", OK: "ok", Warning: "WARNING", Problem: "PROBLEM"}

const (
	markWidth = 7
	leastText = 30 // columns for text, however narrow the screen
)

// glance is how many lines a report may have before its end repeats what to mend.
const glance = 8

// Print writes the report for people: a line a finding, wrapped to width columns, advice below its finding. Warnings and problems are
// marked by words; "·" is a fact that is neither good nor bad. A long report ends with problems and then warnings, in short, so that
// the end of the screen suffices.
func (r *Report) Print(w io.Writer, width int) error {
	topics := 0
	for _, l := range r.Lines {
		topics = max(topics, utf8.RuneCountInString(l.Topic))
	}
	indent := markWidth + 2 + topics + 2
	room := max(width-indent, leastText)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", clean(r.Target))
	last := ""
	for _, l := range r.Lines {
		topic := l.Topic
		if topic == last {
			topic = ""
		}
		last = l.Topic
		head := fmt.Sprintf("%-*s  %-*s  ", markWidth, marks[l.Level], topics, topic)
		put(&b, head, l.Text, room)
		if l.Advice != "" {
			put(&b, strings.Repeat(" ", indent)+"→ ", l.Advice, room-2)
		}
	}
	fmt.Fprintf(&b, "%s\n", r.summary())
	if len(r.Lines) > glance {
		r.repeat(&b, indent, room)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// repeat writes what to mend, the worst first: of each finding as much as two lines hold, and all of its advice.
func (r *Report) repeat(b *strings.Builder, indent, room int) {
	for _, level := range []Level{Problem, Warning} {
		for _, l := range r.Lines {
			if l.Level != level {
				continue
			}
			head := fmt.Sprintf("%-*s  %-*s", markWidth, marks[level], indent-markWidth-2, l.Topic)
			text := l.Text
			if lines := wrap(text, room-1); len(lines) > 2 {
				text = lines[0] + " " + lines[1] + "…"
			}
			put(b, head, text, room)
			if l.Advice != "" {
				put(b, strings.Repeat(" ", indent)+"→ ", l.Advice, room-2)
			}
		}
	}
}

// put writes text wrapped to room runes after head, and under it.
func put(b *strings.Builder, head, text string, room int) {
	for _, line := range wrap(text, room) {
		b.WriteString(strings.TrimRight(head+line, " ") + "\n")
		head = strings.Repeat(" ", utf8.RuneCountInString(head))
	}
}

func (r *Report) summary() string {
	n := [len(levelNames)]int{}
	for _, l := range r.Lines {
		n[l.Level]++
	}
	switch {
	case n[Problem]+n[Warning] == 0:
		return "nothing to mend"
	case n[Problem] == 0:
		return count(n[Warning], "warning")
	case n[Warning] == 0:
		return count(n[Problem], "problem")
	}
	return count(n[Problem], "problem") + ", " + count(n[Warning], "warning")
}

// count is "1 thing" or "2 things".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(int64(n)) + " " + thing + "s"
}

// wrap breaks s at spaces into lines of at most width runes; a longer word is broken itself.
func wrap(s string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > width {
			lines, line, used = append(lines, line), "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		for ; n > width; n -= width {
			r := []rune(word)
			lines, word = append(lines, string(r[:width])), string(r[width:])
		}
		line, used = line+word, used+n
	}
	return append(lines, line)
}
