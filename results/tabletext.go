package results

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteTable prints the summary of trials as text: a line per Config. Where a
// line would be wider than width columns, the rest follows in a further block
// that begins with the same axes, and sentences are folded; width ≤ 0 is
// unlimited.
func WriteTable(w io.Writer, run Run, trials []*Trial, width int) error {
	if err := Tabulate(run, trials).WriteText(w, width); err != nil {
		return err
	}
	return WriteLadders(w, trials, width)
}

// WriteText prints t, see WriteTable.
func (t Table) WriteText(w io.Writer, width int) error {
	b := bufio.NewWriter(w)
	b.WriteString(Clean(t.Title) + "\n")
	if t.Common != "" {
		b.WriteString(Fold(Clean(t.Common), 2, width) + "\n")
	}
	for _, p := range t.Parts {
		if p.Head != "" {
			b.WriteString("\n" + Clean(p.Head) + "\n")
		}
		for i, block := range p.blocks(width) {
			if i > 0 || p.Head == "" {
				b.WriteString("\n")
			}
			p.writeBlock(b, block)
		}
	}
	if len(t.Parts) > 0 && t.Key != "" {
		b.WriteString("\n" + Fold(t.Key, 0, width) + "\n")
	}
	for i, n := range t.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(Fold(n.Kind+": "+n.Text, 2, width) + "\n")
	}
	return b.Flush()
}

const columnGap = "  "

// unit is a run of columns that stay in one block: a column, or those that
// share a head.
func (p Part) units() [][]int {
	var units [][]int
	for i, c := range p.Columns {
		if i > 0 && c.Over != "" && c.Over == p.Columns[i-1].Over && !c.Axis {
			units[len(units)-1] = append(units[len(units)-1], i)
			continue
		}
		units = append(units, []int{i})
	}
	return units
}

// blocks parts the columns so that each block fits into width, the axes at
// the head of each.
func (p Part) blocks(width int) [][]int {
	widths := p.widths()
	size := func(cols []int) int {
		n := 0
		for _, c := range cols {
			n += widths[c] + len(columnGap)
		}
		return n - len(columnGap)
	}
	var axes []int
	for i, c := range p.Columns {
		if c.Axis {
			axes = append(axes, i)
		}
	}
	var blocks [][]int
	block := append([]int{}, axes...)
	for _, u := range p.units() {
		if p.Columns[u[0]].Axis {
			continue
		}
		if width > 0 && len(block) > len(axes) && size(append(append([]int{}, block...), u...)) > width {
			blocks = append(blocks, block)
			block = append([]int{}, axes...)
		}
		block = append(block, u...)
	}
	return append(blocks, block)
}

// widths are the columns' widths in characters, wide enough for a shared head.
func (p Part) widths() []int {
	w := make([]int, len(p.Columns))
	for i, c := range p.Columns {
		w[i] = utf8.RuneCountInString(c.Name)
		for _, r := range p.Rows {
			w[i] = max(w[i], utf8.RuneCountInString(Clean(r[i])))
		}
	}
	for _, u := range p.units() {
		total := len(columnGap) * (len(u) - 1)
		for _, i := range u {
			total += w[i]
		}
		if lack := utf8.RuneCountInString(p.Columns[u[0]].Over) - total; lack > 0 {
			w[u[0]] += lack
		}
	}
	return w
}

func (p Part) writeBlock(b *bufio.Writer, cols []int) {
	widths := p.widths()
	in := map[int]bool{}
	for _, c := range cols {
		in[c] = true
	}
	var over, name []string
	for _, u := range p.units() {
		if !in[u[0]] {
			continue
		}
		total := len(columnGap) * (len(u) - 1)
		for _, i := range u {
			total += widths[i]
			name = append(name, pad(p.Columns[i].Name, widths[i], p.Columns[i].Right))
		}
		over = append(over, pad(p.Columns[u[0]].Over, total, p.Columns[u[0]].Right))
	}
	if strings.TrimSpace(strings.Join(over, "")) != "" {
		line(b, over)
	}
	line(b, name)
	for _, r := range p.Rows {
		cells := make([]string, len(cols))
		for i, c := range cols {
			cells[i] = pad(Clean(r[c]), widths[c], p.Columns[c].Right)
		}
		line(b, cells)
	}
}

func line(b *bufio.Writer, cells []string) {
	b.WriteString(strings.TrimRight(strings.Join(cells, columnGap), " ") + "\n")
}

func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return fill + s
	}
	return s + fill
}
