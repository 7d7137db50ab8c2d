package results

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lines say in words what was found, the answer first.
func (c *Capacity) Lines() []string {
	lines := []string{c.answerLine()}
	if s := c.objectivesLine(); s != "" {
		lines = append(lines, s)
	}
	if c.Limit != "" && c.Outcome != CapacityUntold { // whose first line names it
		lines = append(lines, "Limited by "+c.Limit+".")
	}
	if s := c.confirmedLine(); s != "" {
		lines = append(lines, s)
	}
	lines = append(lines, c.overloadLines()...)
	return append(lines, c.timeLine())
}

func (c *Capacity) answerLine() string {
	switch c.Outcome {
	case CapacityFound:
		s := fmt.Sprintf("Capacity: %s%s is the highest load that met every objective", c.Format(c.Load), c.bytesAt(c.Load))
		if c.LimitedBy == LimitGenerator {
			s = fmt.Sprintf("Capacity: at least %s%s: what limited it was on this side, not the server", c.Format(c.Load), c.bytesAt(c.Load))
		} else if c.LimitedBy == LimitNeighbours {
			s = fmt.Sprintf("Capacity: at least %s%s: other processes used this machine meanwhile, and an idle one may hold more", c.Format(c.Load), c.bytesAt(c.Load))
		}
		if c.High == 0 {
			return s + "; at which load one begins to be missed is not known yet."
		}
		return s + fmt.Sprintf("; where one begins to be missed lies from %s to %s (%.0f %% sure).", c.Format(round3(c.Low)), c.Format(round3(c.High)), 100*c.Level)
	case CapacityHighest:
		return fmt.Sprintf("Every objective is still met at %s%s, the highest load that was allowed: this is the bound, not the server's capacity. Raise --to.", c.Format(c.Load), c.bytesAt(c.Load))
	case CapacityLowest:
		return "No load meets every objective: " + c.lowestText()
	}
	s := "Nothing can be said of the capacity"
	switch {
	case c.Lost != "":
		s += ": " + c.Lost
	case len(c.Confirmed) > 0:
		s += ": no load that held for a short time did so for longer"
	case len(c.Loads) > 0:
		s += fmt.Sprintf(": no load from %s on was found to hold within %v; a longer --max-time tries more, and lower ones", c.Format(c.Loads[0].Load), time.Duration(c.Budget*float64(time.Second)))
	}
	if c.Limit != "" {
		s += "; limited by " + c.Limit
	}
	return s + "."
}

// lowestText says what was missed at the lowest load, by how much, and what to
// look at.
func (c *Capacity) lowestText() string {
	if len(c.Loads) == 0 {
		return "none was tried."
	}
	l := c.Loads[0]
	s := fmt.Sprintf("at %s, the lowest that was tried, %s is missed", c.Format(l.Load), gateText(l.Worst))
	for _, o := range c.Objectives {
		if f, ok := l.Figures[o.Figure]; ok && o.Gate == l.Worst && f.N > 0 {
			v := formatFigure(o.Figure, f.Median)
			if s += ": it is " + v; o.Limit > 0 && f.Median > o.Limit {
				s += fmt.Sprintf(", %s times the limit", FormatNumber(f.Median/o.Limit))
			}
			if strings.Contains(o.Figure, ".") && c.Unloaded.P50 > o.Limit {
				return s + fmt.Sprintf(". One stream at a time takes %s already: raise the limit, ask for less at a time, or see where its time goes with `flightbench run -c 1`.", FormatNanoseconds(c.Unloaded.P50))
			}
		}
	}
	if l.Worst == KeepsUp {
		return s + fmt.Sprintf(": %s of %s streams/s were achieved. Allow lower loads by a lower --from.", FormatNumber(l.Achieved.Median), FormatNumber(l.Asked))
	}
	if c.From > 0 && l.Load <= c.From {
		return s + ". Allow lower loads by a lower --from."
	}
	return s + ". Look at the trials' warnings and errors, and at one stream at a time: `flightbench run -c 1`."
}

// bytesAt is the body rate at a load that is not one, in parentheses.
func (c *Capacity) bytesAt(load float64) string {
	l := c.At(load)
	switch {
	case l == nil || c.Over == "rate" && l.Achieved.N == 0:
		return ""
	case c.Over == "rate":
		return fmt.Sprintf(" (%s streams/s)", FormatNumber(l.Achieved.Median))
	case c.Over == "rps" && l.Bytes.N > 0 && l.Bytes.Median > 0:
		return fmt.Sprintf(" (%s)", FormatSI(l.Bytes.Median, "B/s"))
	case c.Over != "rps" && l.Bytes.Median > 0:
		return fmt.Sprintf(" (%s, %s streams/s)", FormatSI(l.Bytes.Median, "B/s"), FormatNumber(l.Achieved.Median))
	case c.Over != "rps":
		return fmt.Sprintf(" (%s calls/s)", FormatNumber(l.Achieved.Median))
	}
	return ""
}

// round3 is v to three digits.
func round3(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	return r
}

// gateText is a gate as one would write it.
func gateText(gate string) string { return strings.Replace(gate, "error_share", "errors", 1) }

func (c *Capacity) objectivesLine() string {
	var asked, taken []string
	for _, o := range c.Objectives {
		switch {
		case o.Gate == KeepsUp:
			asked = append(asked, "keeps up (at least 99 % of what is asked for is achieved)")
		case o.Why == "":
			asked = append(asked, gateText(o.Gate))
		default:
			taken = append(taken, fmt.Sprintf("%s (%s)", gateText(o.Gate), o.Why))
		}
	}
	s := "Objectives: " + strings.Join(append(asked, taken...), ", ")
	if len(asked)+len(taken) == 0 {
		return ""
	}
	if len(taken) > 0 {
		s += "; no --slo was given, so defaults were taken"
	}
	return s + "."
}

func (c *Capacity) confirmedLine() string {
	var parts []string
	for _, f := range c.Confirmed {
		s := fmt.Sprintf("%s %s", c.Format(f.Load), yes(f.Held, "held", "did not hold"))
		if f.Seconds > 0 {
			s += " for " + FormatSeconds(f.Seconds)
		}
		if f.Text != "" {
			s += " (" + f.Text + ")"
		}
		parts = append(parts, s)
	}
	s := ""
	if len(parts) > 0 {
		s = "Longer trials: " + strings.Join(parts, "; ") + "."
	}
	if c.Outcome == CapacityFound && !c.Sure() {
		s += yes(s == "", "", " ") + "No longer trial has confirmed the answer itself: " + c.Format(c.Load) + " held for a short time only."
	}
	return s
}

// Sure tells whether a longer trial held at c's Load.
func (c *Capacity) Sure() bool {
	return slices.ContainsFunc(c.Confirmed, func(f Confirmation) bool { return f.Held && f.Load >= c.Load })
}

// overloadLines say what an overload did to the server.
func (c *Capacity) overloadLines() (lines []string) {
	if n := len(c.Deaths); n > 0 {
		lowest, last := c.Deaths[0], c.Deaths[n-1]
		for _, d := range c.Deaths {
			if d.Load < lowest.Load {
				lowest = d
			}
		}
		s := "The server went away at " + c.Format(lowest.Load)
		if n > 1 {
			s = fmt.Sprintf("The server went away %d times, at %s and more", n, c.Format(lowest.Load))
		}
		if last.Recovered > 0 {
			s += ", and was back after " + FormatSeconds(last.Recovered)
		} else {
			s += ", and did not come back"
		}
		lines = append(lines, s+": "+strings.TrimSuffix(FirstLine(last.Error, 160), ".")+".")
	}
	switch h := c.Hysteresis; {
	case h.Found:
		lines = append(lines, fmt.Sprintf("Hysteresis: %s held on the way up, and no longer after an overload of %s: the answer is of the server after it.", c.Format(h.Load), c.Format(h.After)))
	case h.Tested:
		lines = append(lines, fmt.Sprintf("After an overload of %s a single stream was served again within %s, and %s held as before.", c.Format(h.After), FormatSeconds(h.Recover), c.Format(h.Load)))
	}
	return lines
}

func (c *Capacity) timeLine() string {
	s := fmt.Sprintf("It took %v and %d %s", time.Duration(c.Seconds*float64(time.Second)).Round(time.Second), c.Trials, yes(c.Trials == 1, "trial", "trials"))
	switch {
	case c.Told || c.Outcome == CapacityUntold:
	case c.Lost != "":
		s += ", and ended early: " + c.Lost
	case c.Outcome == CapacityFound:
		s += fmt.Sprintf("; the interval is wider than was aimed at (5 %%): a longer --max-time narrows it (now %v)", time.Duration(c.Budget*float64(time.Second)))
	}
	return s + "."
}

// formatFigure prints a figure of an objective: a latency in its unit, a share
// in percent.
func formatFigure(figure string, v float64) string {
	switch {
	case strings.Contains(figure, "."):
		return FormatNanoseconds(v)
	case figure == "error_share":
		return FormatNumber(100*v) + " %"
	case strings.Contains(figure, "bytes_per_second"):
		return FormatSI(v, "B/s")
	}
	return FormatNumber(v)
}

// Table lists the loads that were tried: what was asked, what came of it, and
// how often it held.
func (c *Capacity) Table() Table {
	p := Part{Columns: []Column{{Name: c.axisName(), Axis: true, Right: true}, {Name: "achieved", Right: true}}}
	figures := []string{}
	for _, o := range c.Objectives {
		if o.Figure != "" {
			figures = append(figures, o.Figure)
			p.Columns = append(p.Columns, Column{Name: strings.Replace(o.Figure, "error_share", "errors", 1), Right: true})
		}
	}
	p.Columns = append(p.Columns, Column{Name: "held", Right: true}, Column{Name: "missed by"})
	for _, l := range c.Loads {
		achieved := FormatNumber(l.Achieved.Median) + "/s"
		if c.Over == "rate" {
			achieved = FormatSI(l.Bytes.Median, "B/s")
		}
		if l.Achieved.N == 0 {
			achieved = "–"
		}
		row := []string{c.Format(l.Load), achieved}
		for _, f := range figures {
			if s := l.Figures[f]; s.N > 0 {
				row = append(row, formatFigure(f, s.Median))
			} else {
				row = append(row, "–")
			}
		}
		by := gateText(l.Worst)
		if l.Excused > 0 {
			by = strings.TrimPrefix(by+fmt.Sprintf(" (%d repeated)", l.Excused), " ")
		}
		p.Rows = append(p.Rows, append(row, fmt.Sprintf("%d of %d", l.Held, l.Held+l.Missed), by))
	}
	return Table{Title: "Loads that were tried, medians of their trials:", Parts: []Part{p}}
}

func (c *Capacity) axisName() string {
	return map[string]string{"rps": "asked", "rate": "asked"}[c.Over] + map[string]string{"concurrency": "streams", "connections": "connections"}[c.Over]
}

// WriteText prints the answer in words and the table of loads. width is that of
// the terminal, 0 where lines may have any length.
func (c *Capacity) WriteText(w io.Writer, width int) error {
	for _, l := range c.Lines() {
		if _, err := fmt.Fprintln(w, Fold(Clean(l), 2, width)); err != nil {
			return err
		}
	}
	if len(c.Loads) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return c.Table().WriteText(w, width)
}
