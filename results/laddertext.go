package results

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxLadders is how many ladders are printed in full; of more there is a line
// each.
const maxLadders = 3

// LadderPage is what is told of the ladders of a run.
type LadderPage struct {
	Common string // what all of them share
	Parts  []LadderPart
	Key    string // how to read the figures
	Notes  []Note // of the rungs' trials
}

// LadderPart is a table of ladders and what it comes to.
type LadderPart struct {
	Part
	Sentences []string
	Missing   []string // rungs without a figure, and why
}

// TellLadders lays the ladders of trials out: a table each, or where there are
// many and all is false a line each; nil where there is none.
func TellLadders(trials []*Trial, all bool) *LadderPage {
	ladders := Ladders(trials)
	if len(ladders) == 0 {
		return nil
	}
	var flights []Group
	for _, l := range ladders {
		flights = append(flights, l.Flight)
	}
	axes := Varying(flights)
	page := &LadderPage{Common: Common(flights, axes), Notes: rungNotes(trials), Key: "× Flight: the rung's rate by that of Flight, the median of the rounds' ratios. Step: how much of the time that Flight takes for a gigabyte " +
		"the rung adds to those above it; a rung that was slower than Flight is no ceiling. encode, decode and codecs are work that one end does by itself, with all its streams."}
	if all || len(ladders) <= maxLadders {
		for _, l := range ladders {
			p := l.Part()
			if label := l.Flight.Config.Label(axes); label != "" {
				p.Head = "Ceilings of " + label
			}
			page.Parts = append(page.Parts, p)
		}
		return page
	}
	page.Parts = []LadderPart{compact(ladders, axes)}
	return page
}

// rungNotes are the warnings of the rungs' trials. What a server does not have
// is told by the ladder itself.
func rungNotes(trials []*Trial) []Note {
	rungs := rungsOf(trials)
	if len(rungs) == 0 {
		return nil
	}
	return notes(GroupTrials(rungs))
}

// Part is the table of l: a row per rung that has a figure.
func (l Ladder) Part() LadderPart {
	p := LadderPart{Part: Part{Head: "Ceilings"}}
	most := 0.0 // of the chain: a decoder that only counts is beyond all scales
	for _, r := range l.Rungs {
		if r.Chain {
			most = max(most, r.Rate.Max)
		}
	}
	unit, scale := ByteRate(most)
	number := func(v float64) string { return FormatNumber(v / scale) }
	over := "body " + unit
	p.Columns = []Column{{Name: "rung", Axis: true}, {Over: over, Name: "median", Right: true}}
	repeated := slices.ContainsFunc(l.Rungs, func(r Rung) bool { return r.Rate.N > 1 })
	spread := "min–max"
	if bounded := func(r Rung) bool { return r.Group.Interval(BodyRate).Bounded() }; slices.ContainsFunc(l.Rungs, bounded) {
		spread = fmt.Sprintf("%.0f %%", Confidence*100)
	}
	if repeated {
		p.Columns = append(p.Columns, Column{Over: over, Name: spread, Right: true})
	}
	p.Columns = append(p.Columns, Column{Name: "× Flight", Right: true}, Column{Name: "step", Right: true},
		Column{Over: "CPU s/GB", Name: "client", Right: true}, Column{Over: "CPU s/GB", Name: "server", Right: true},
		Column{Name: "verdict"}, Column{Name: "what it moves"})
	for _, r := range l.Rungs {
		if r.Missing != "" {
			p.Missing = append(p.Missing, r.Name+": "+r.Missing)
			continue
		}
		row := []string{r.Name, number(r.Rate.Median)}
		if repeated {
			row = append(row, spreadOf(r, number))
		}
		row = append(row, r.times(), r.step(), orDash(r.Group.Metric(ClientCPU), FormatNumber), orDash(r.Group.Metric(ServerCPU), FormatNumber), r.Group.Verdict(), r.What)
		p.Rows = append(p.Rows, row)
	}
	if s := l.Sentence(); s != "" {
		p.Sentences = []string{s}
	}
	return p
}

// spreadOf is where r's median lies, or its repeats.
func spreadOf(r Rung, number func(float64) string) string {
	if m := r.Group.Interval(BodyRate); m.Bounded() {
		return number(m.Low) + "–" + number(m.High)
	}
	if r.Rate.N < 2 {
		return "–"
	}
	return number(r.Rate.Min) + "–" + number(r.Rate.Max)
}

// times prints r's rate by Flight's.
func (r Rung) times() string {
	switch {
	case r.Flight:
		return "1"
	case r.Share.N == 0 || r.Share.Median == 0:
		return "–"
	case r.Share.Unsure():
		return "≈ " + FormatNumber(1/r.Share.Median)
	}
	return FormatNumber(1 / r.Share.Median)
}

// step prints how much of Flight's time r adds.
func (r Rung) step() string {
	switch {
	case !r.Chain:
		return "–"
	case r.Slower:
		return "slower"
	case r.OfTime == 0:
		return "none"
	}
	return percent(r.OfTime)
}

// compact is a line per ladder.
func compact(ladders []Ladder, axes []string) (p LadderPart) {
	p.Head = "Ceilings"
	var flights []Group
	var names []string // of the rungs, in the order of the first ladder that has each
	for _, l := range ladders {
		flights = append(flights, l.Flight)
		for _, r := range l.Rungs {
			if !r.Flight && r.Rate.N > 0 && !slices.Contains(names, r.Name) {
				names = append(names, r.Name)
			}
		}
	}
	unit, scale := ByteRate(Most(flights, BodyRate))
	for _, a := range axes {
		p.Columns = append(p.Columns, axisColumn(a))
	}
	p.Columns = append(p.Columns, Column{Over: "Flight", Name: unit, Right: true})
	for _, n := range names {
		p.Columns = append(p.Columns, Column{Over: n, Name: unit, Right: true}, Column{Over: n, Name: "× Flight", Right: true})
	}
	p.Columns = append(p.Columns, Column{Name: "largest step"})
	for _, l := range ladders {
		var row []string
		for _, a := range axes {
			row = append(row, l.Flight.Config.Value(a))
		}
		row = append(row, FormatNumber(l.Flight.Metric(BodyRate).Median/scale))
		for _, n := range names {
			if r := l.rung(n); r != nil {
				row = append(row, FormatNumber(r.Rate.Median/scale), r.times())
			} else {
				row = append(row, "–", "–")
			}
		}
		largest := "–"
		if r := l.Largest(); r != nil {
			largest = fmt.Sprintf("%s, %s", l.stepName(*r), percent(r.OfTime))
		}
		p.Rows = append(p.Rows, append(row, largest))
		for _, r := range l.Rungs {
			if text := r.Name + ": " + r.Missing; r.Missing != "" && !slices.Contains(p.Missing, text) {
				p.Missing = append(p.Missing, text)
			}
		}
	}
	return p
}

// WriteLadders prints the ladders of trials as text, as WriteTable does its
// table; nothing where there is none.
func WriteLadders(w io.Writer, trials []*Trial, width int) error {
	page := TellLadders(trials, false)
	if page == nil {
		return nil
	}
	b := bufio.NewWriter(w)
	for _, p := range page.Parts {
		b.WriteString("\n" + Clean(p.Head) + "\n")
		for i, block := range p.blocks(width) {
			if i > 0 {
				b.WriteString("\n")
			}
			p.writeBlock(b, block)
		}
		for _, s := range p.Sentences {
			b.WriteString(s + "\n")
		}
		for _, m := range p.Missing {
			b.WriteString("missing: " + m + "\n")
		}
	}
	b.WriteString("\n" + page.Key + "\n")
	for i, n := range page.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(n.Kind + ": " + strings.TrimSpace(n.Text) + "\n")
	}
	return b.Flush()
}
