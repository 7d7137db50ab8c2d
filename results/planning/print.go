package planning

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"flightbench/results"
	"flightbench/results/model"
)

// Formats are those of Print.
var Formats = []string{"table", "json"}

// CheckFormat refuses what Print cannot print.
func CheckFormat(format string) error {
	for _, f := range Formats {
		if f == format {
			return nil
		}
	}
	return fmt.Errorf("%q is unknown: use %s", format, strings.Join(Formats, " or "))
}

// Print writes the plan in format.
func (p *Plan) Print(w io.Writer, format string) error {
	switch err := CheckFormat(format); {
	case err != nil:
		return err
	case format == "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(p)
	}
	_, err := io.WriteString(w, p.text())
	return err
}

// Sentence says the plan in one.
func (p *Plan) Sentence() string {
	noun := "servers"
	if p.Servers.Value == 1 {
		noun = "server"
	}
	return fmt.Sprintf("%s takes %s %s, none used to more than %s %%; with one to spare %s.", p.Demand, count(p.Servers), noun, share(p.Utilisation), count(p.Spare))
}

func share(v float64) string { return fmt.Sprintf("%.3g", 100*v) }

// count prints a number of servers with its interval.
func count(e model.Estimate) string {
	whole := func(v float64) string {
		if v >= 1<<53 { // no whole number any more
			return results.FormatNumber(v)
		}
		return results.FormatInteger(int64(v))
	}
	switch {
	case e.Low == e.High:
		return whole(e.Value)
	case math.IsInf(e.High, 1):
		return whole(e.Value) + " (or more)"
	}
	return fmt.Sprintf("%s (%s to %s)", whole(e.Value), whole(e.Low), whole(e.High))
}

// interval prints e by format; the interval only where it tells something.
func interval(e model.Estimate, format func(float64) string) string {
	v, low, high := format(e.Value), format(e.Low), format(e.High)
	switch {
	case low == v && high == v:
		return v
	case math.IsInf(e.High, 1):
		return v + " (or more)"
	case e.Low == 0 && e.High > 0:
		return "at most " + high
	}
	if unit := unitOf(low, high); unit != "" && unit == unitOf(v, high) {
		low, high = strings.TrimSuffix(low, unit), strings.TrimSuffix(high, unit)
	}
	return fmt.Sprintf("%s (%s to %s)", v, low, high)
}

// unitOf is the unit with its space where a and b have the same, else "".
func unitOf(a, b string) string {
	_, x, _ := strings.Cut(a, " ")
	_, y, _ := strings.Cut(b, " ")
	if x == y && x != "" {
		return " " + x
	}
	return ""
}

func (n Need) format(v float64) string {
	switch n.Unit {
	case "B", "bit/s":
		return results.FormatSI(v, n.Unit)
	case "streams":
		return results.FormatLoad(v, n.Unit)
	}
	return results.FormatNumber(v) + " " + n.Unit
}

// text is the plan as a table.
func (p *Plan) text() string {
	var b strings.Builder
	rate := func(v float64) string { return formatRate(v, p.Demand.Unit) }
	b.WriteString("plan: " + p.Sentence() + "\n\n")
	columns(&b, [][]string{
		{"one server holds", interval(p.Capacity, rate)},
		{"servers (N)", count(p.Servers), fmt.Sprintf("each carries %s, %s %% of what it holds", rate(p.Each), share(p.Each/p.Capacity.Value))},
		{"one may be lost (N+1)", count(p.Spare), fmt.Sprintf("each carries %s, %s %%", rate(p.Demand.Rate/p.Spare.Value), share(p.Demand.Rate/p.Spare.Value/p.Capacity.Value))},
	})
	needs, unknown := [][]string{{"", "for all", "each of N", ""}}, []string{}
	for _, n := range p.Needs {
		switch {
		case n.Total != nil:
			needs = append(needs, []string{n.Name, interval(*n.Total, n.format), n.format(n.Each.Value), n.Note})
		case n.Each != nil:
			needs = append(needs, []string{n.Name, "", interval(*n.Each, n.format), n.Note})
		default:
			unknown = append(unknown, n.Name+": "+n.Note)
		}
	}
	if len(needs) > 1 {
		b.WriteByte('\n')
		columns(&b, needs)
	}
	list(&b, "not known", unknown)
	list(&b, "assumptions", p.Assumptions)
	return b.String()
}

// list writes a heading with its items, nothing where there are none.
func list(b *strings.Builder, head string, items []string) {
	if len(items) == 0 {
		return
	}
	b.WriteString("\n" + head + "\n")
	for _, s := range items {
		b.WriteString(fold("  - "+s, "    ", 120))
	}
}

// columns writes rows with their cells under each other, the first indented.
func columns(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range rows {
		var line strings.Builder
		for i, c := range r {
			line.WriteString("  " + c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// fold breaks s between words into lines of at most width; the further ones
// begin with indent.
func fold(s, indent string, width int) string {
	var b strings.Builder
	line := ""
	for _, word := range strings.SplitAfter(s, " ") {
		if line != "" && utf8.RuneCountInString(line+strings.TrimSpace(word)) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}
