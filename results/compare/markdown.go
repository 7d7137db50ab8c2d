package compare

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"flightbench/results"
)

// WriteMarkdown prints c for a pull request: what it comes to and the gates,
// what differs, and the figures that changed; the others fold.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "### flightbench: %s\n\n", markdown(c.Summary()))
	b.WriteString(markdown(c.Title()) + ".\n\n")
	if len(c.Gates) > 0 {
		b.WriteString("| gate | | configuration | found |\n| --- | --- | --- | --- |\n")
		for _, j := range c.Gates {
			fmt.Fprintf(b, "| `%s` | **%s** | %s | %s |\n", j.Gate, j.Status, markdown(j.Pair), markdown(j.Text))
		}
		b.WriteString("\n")
	}
	if len(c.Differences) > 0 {
		b.WriteString("| the sides differ in | old | new |\n| --- | --- | --- |\n")
		for _, d := range c.Differences {
			fmt.Fprintf(b, "| %s | %s | %s |\n", markdown(d.What), markdown(d.Old), markdown(d.New))
		}
		b.WriteString("\n")
	}
	for _, n := range c.Notes {
		fmt.Fprintf(b, "> %s\n\n", markdown(n))
	}
	changed := func(cell Cell) bool { return cell.Outcome == Better || cell.Outcome == Worse }
	if c.Count(Better)+c.Count(Worse) > 0 {
		c.writeMarkdownTable(b, changed)
	}
	if n := c.Count(Same) + c.Count(Unknown); n > 0 {
		fmt.Fprintf(b, "<details><summary>%d figures without a known difference</summary>\n\n", n)
		c.writeMarkdownTable(b, func(cell Cell) bool { return !changed(cell) })
		b.WriteString("</details>\n")
	}
	if k := c.Key(); k != "" {
		b.WriteString("\n" + markdown(strings.ReplaceAll(k, "\n", " ")) + "\n")
	}
	return b.Flush()
}

func (c *Comparison) writeMarkdownTable(b *bufio.Writer, has func(Cell) bool) {
	h := c.heads()
	fmt.Fprintf(b, "| configuration | figure | %s | %s | change | 95 %% interval | p | |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n", markdown(h[1]), markdown(h[2]))
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if !has(cell) {
				continue
			}
			word := cell.verdictText()
			if cell.Outcome == Better || cell.Outcome == Worse {
				word = "**" + word + "**"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", markdown(p.Name()), markdown(cell.Figure.Label()),
				cell.value(cell.Old), cell.value(cell.New), cell.changeText(), cell.intervalText(), markdown(pText(cell.P)), word)
		}
	}
	b.WriteString("\n")
}

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "@", "&#64;", "#", `\#`)

// markdown is s as text of one line, which no reader takes for markup.
func markdown(s string) string { return markdownEscapes.Replace(results.Clean(s)) }
