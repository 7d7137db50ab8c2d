package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// cell is what became of a feature with a server.
type cell struct {
	works   []string // transports of the client over which it does
	why     error    // of those over which it does not; the last of them
	lacks   string   // why it cannot work, where that is known
	untried bool     // there is nothing to try: see lacks
}

// String is the cell without its note.
func (c cell) String() string {
	switch {
	case len(c.works) == len(transports):
		return "yes"
	case len(c.works) > 0:
		return strings.Join(c.works, ", ")
	case c.lacks != "":
		return "–"
	}
	return "no"
}

// note says why the cell is not yes.
func (c cell) note() string {
	switch {
	case len(c.works) == len(transports):
		return ""
	case c.untried:
		return c.lacks
	case len(c.works) > 0:
		return "over the others: " + short(c.why)
	case c.lacks != "":
		return fmt.Sprintf("%s (tried: %s)", c.lacks, code(c.why))
	}
	return short(c.why)
}

var grpcCode = regexp.MustCompile(`code = (\w+)`)

// code is the gRPC code of an error, or all of it where it has none.
func code(err error) string {
	if err == nil {
		return short(err)
	}
	if m := grpcCode.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return short(err)
}

var (
	addresses = regexp.MustCompile(`(127\.0\.0\.1|\[::1\]):\d+`)
	files     = regexp.MustCompile(`/[^ "]*/compatibility\d+/`)
)

// maxNote bounds a note.
const maxNote = 220

// short is an error in one line that is the same in each run.
func short(err error) string {
	if err == nil {
		return "it works"
	}
	s := strings.Join(strings.Fields(err.Error()), " ")
	s = files.ReplaceAllString(addresses.ReplaceAllString(s, "$1:PORT"), "")
	s = strings.TrimPrefix(s, "flightbench: ")
	if r := []rune(s); len(r) > maxNote {
		s = string(r[:maxNote]) + " …"
	}
	return s
}

// table is the cells, by feature and column.
type table struct {
	version  string // of flightbench
	columns  []column
	features []feature
	cells    [][]cell
}

func newTable(version string, columns []column, features []feature) *table {
	t := &table{version: version, columns: columns, features: features}
	for range features {
		t.cells = append(t.cells, make([]cell, len(columns)))
	}
	return t
}

func (t *table) set(feature, column int, c cell) { t.cells[feature][column] = c }

// doubts lists cells that work although a column says that they cannot, and
// those that have nothing to try and no reason.
func (t *table) doubts() []string {
	var out []string
	for f, row := range t.cells {
		for i, c := range row {
			switch {
			case c.untried && c.lacks == "":
				out = append(out, fmt.Sprintf("%s, %s: nothing was run and no reason is given", t.features[f].name, t.columns[i].name))
			case !c.untried && c.lacks != "" && len(c.works) > 0:
				out = append(out, fmt.Sprintf("%s, %s: it works although %q: mend scripts/compatibility/columns.go", t.features[f].name, t.columns[i].name, c.lacks))
			}
		}
	}
	return out
}

// markdown is the page.
func (t *table) markdown(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Compatibility

What works with which server. `+"`scripts/compatibility.sh`"+` wrote this page on %s, in %v, with %s.
It started each server and ran flightbench against it, %d streams or calls for each cell, over each of the client's transports
(direct, grpc, stock). What the servers are, and what they serve, is in [scripts/peers](../scripts/peers/README.md).

- **yes**: it works, with the rows, errors or counts that were to come, over all three transports
- a list of transports: it works over these
- **–**: the server cannot do this, as the note says; it was tried nevertheless
- **no**: it does not work: the note says what came of it

`, time.Now().UTC().Format(time.DateOnly), took.Round(time.Second), t.version, streams)
	for _, c := range t.columns {
		fmt.Fprintf(&b, "- %s: %s\n", c.name, c.about)
	}
	notes := map[string]int{}
	var texts []string
	group := ""
	for f, feature := range t.features {
		if feature.group != group {
			group = feature.group
			fmt.Fprintf(&b, "\n## %s\n\n| |", group)
			for _, c := range t.columns {
				fmt.Fprintf(&b, " %s |", c.name)
			}
			fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(t.columns)))
		}
		fmt.Fprintf(&b, "| %s |", feature.name)
		for _, c := range t.cells[f] {
			fmt.Fprintf(&b, " %s", c)
			if note := c.note(); note != "" {
				if notes[note] == 0 {
					texts = append(texts, note)
					notes[note] = len(texts)
				}
				fmt.Fprintf(&b, " <sup>%d</sup>", notes[note])
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	if len(texts) > 0 {
		b.WriteString("\n## Notes\n\n")
		for i, text := range texts {
			fmt.Fprintf(&b, "%d. %s\n", i+1, escape(text))
		}
	}
	return b.String()
}

// escape keeps a server's words from being read as Markdown.
func escape(s string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`, "|", `\|`).Replace(s)
}
