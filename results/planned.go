package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Planned is what a run would measure: what `-O json` of a dry run prints.
type Planned struct {
	Schema     int       `json:"schema"`
	Name       string    `json:"name"`
	Repeat     int       `json:"repeat"`                // rounds; with Until the least of them
	Trials     int       `json:"trials"`                // of all rounds; with Until at least
	Seconds    float64   `json:"seconds"`               // estimated, of all trials
	Until      float64   `json:"until,omitempty"`       // rounds are added until every interval is at most ± this fraction of its median
	MaxSeconds float64   `json:"max_seconds,omitempty"` // that they may take
	Guessed    int       `json:"guessed"`               // trials that end with their streams, whose time is only guessed
	Seed       uint64    `json:"seed"`
	Configs    []Config  `json:"configs"` // as asked for; a trial finds the rest out
	Each       []float64 `json:"each"`    // seconds that a trial of each Config is estimated to take
}

// Print writes p as a table, JSON or CSV. width is that of the terminal, 0
// where lines may have any length.
func (p Planned) Print(w io.Writer, format string, width int) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(p)
	case "csv":
		return p.writeCSV(w)
	}
	return p.table().WriteText(w, width)
}

func (p Planned) table() Table {
	groups := make([]Group, len(p.Configs))
	for i, c := range p.Configs {
		groups[i] = Group{Config: c, Place: i + 1}
	}
	b := tableBuilder{groups: groups, axes: Varying(groups), cells: make([][]string, len(groups))}
	b.add(Column{Name: "#", Axis: true, Right: true}, func(g Group) string { return strconv.Itoa(g.Place) })
	for _, a := range b.axes {
		b.add(axisColumn(a), func(g Group) string { return g.Config.Value(a) })
	}
	b.figure("", "a trial takes", func(g Group) string { return FormatSeconds(p.Each[g.Place-1]) })
	noun := func(n int, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return FormatInteger(int64(n)) + " " + one + "s"
	}
	t := Table{Title: fmt.Sprintf("%s: %s, %s in %s", p.Name, noun(p.Trials, "trial"), noun(len(p.Configs), "configuration"), noun(p.Repeat, "round")),
		Common: Common(groups, b.axes), Parts: []Part{{Columns: b.columns, Rows: b.cells}},
		Key: fmt.Sprintf("All of it takes about %v, by what is asked for. Nothing was started or measured.", roughly(p.Seconds))}
	if p.Until > 0 {
		t.Title = fmt.Sprintf("%s: at least %s, %s in %s", p.Name, noun(p.Trials, "trial"), noun(len(p.Configs), "configuration"), noun(max(p.Repeat, IntervalRounds), "round"))
		t.Key = fmt.Sprintf("It takes at least about %v, by what is asked for, and at most %v: rounds are added until each interval is at most %s. Nothing was started or measured.",
			roughly(p.Seconds), roughly(p.MaxSeconds), FormatWidth(p.Until))
	}
	if p.Guessed > 0 {
		t.Notes = append(t.Notes, Note{NoteFact, fmt.Sprintf("%s with their streams: how long that takes is a guess", noun(p.Guessed, "trial")+map[bool]string{true: " ends", false: " end"}[p.Guessed == 1])})
	}
	return t
}

// roughly is s seconds without what nobody knows of them.
func roughly(s float64) time.Duration {
	d := time.Duration(s * float64(time.Second))
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

func (p Planned) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	row := []string{"run", "place", "repeat", "estimated_seconds"}
	for _, name := range configNames {
		row = append(row, "config_"+name)
	}
	if err := out.Write(row); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	for i, c := range p.Configs {
		row = append(row[:0], Clean(p.Name), strconv.Itoa(i+1), strconv.Itoa(p.Repeat), float(p.Each[i]))
		for _, name := range configNames {
			v, _ := c.Axis(name)
			row = append(row, Clean(v))
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}
