package results

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Summary is what the trials of a run say together: part of the Document.
type Summary struct {
	Configs []ConfigSummary `json:"configs"`
	Drift   *Drift          `json:"drift,omitempty"` // of all Configs together
	Until   *UntilSummary   `json:"until,omitempty"`
}

// ConfigSummary is the primary figure of one Config over its trials.
type ConfigSummary struct {
	Trials     []string `json:"trials"` // their ids
	Verdict    string   `json:"verdict"`
	Metric     string   `json:"metric"` // "" where no trial ended ok
	Unit       string   `json:"unit"`
	Better     string   `json:"better"`
	N          int      `json:"n"`
	Median     *float64 `json:"median"`     // null where there is none
	Low        *float64 `json:"low"`        // of its interval; null with fewer than 6 trials
	High       *float64 `json:"high"`       //
	Confidence float64  `json:"confidence"` // of the interval
	Drift      *Drift   `json:"drift,omitempty"`
}

// What ended a run with Plan.Until.
const (
	EndedNarrow      = "until"
	EndedTime        = "max-time"
	EndedInterrupted = "interrupted"
)

// UntilSummary is what became of Plan.Until.
type UntilSummary struct {
	Asked  float64 `json:"asked"` // half of an interval as a fraction of its median
	Ended  string  `json:"ended"` // until, max-time, interrupted
	Rounds int     `json:"rounds"`
	Wide   int     `json:"wide"` // Configs whose interval is wider, or that never gave a figure

	groups []Group
	wide   []int // of the groups
}

// SummaryOf is what the trials of run say together. Rungs of ladders are the
// last of its Configs; whether they drift is asked of them by themselves, so
// that all else is as in the table.
func SummaryOf(run Run, trials []*Trial) *Summary {
	groups := GroupTrials(WithoutRungs(trials))
	drifts := FindDrifts(groups)
	s := &Summary{Configs: []ConfigSummary{}, Drift: drifts.Machine, Until: untilOf(run, trials)}
	s.add(groups, drifts)
	rungs := GroupTrials(rungsOf(trials))
	s.add(rungs, FindDrifts(rungs))
	return s
}

func (s *Summary) add(groups []Group, drifts Drifts) {
	for i, g := range groups {
		_, values, name, m := g.primary()
		c := ConfigSummary{Verdict: g.verdict(drifts, i), Metric: name, Unit: m.Unit, Better: m.Better, Confidence: Confidence, Drift: drifts.Groups[i]}
		for _, t := range g.Trials {
			c.Trials = append(c.Trials, t.ID)
		}
		median := MedianOf(values)
		if c.N = median.N; c.N > 0 {
			c.Median = &median.At
		}
		if median.Bounded() {
			c.Low, c.High = &median.Low, &median.High
		}
		s.Configs = append(s.Configs, c)
	}
}

// verdict is g's, the group i, in a run that drifts so.
func (g Group) verdict(d Drifts, i int) string {
	v := g.Verdict()
	if v == VerdictValid && (d.Groups[i].unstable() || d.Machine.unstable()) {
		return VerdictUnstable + ": drift"
	}
	return v
}

// untilOf is what became of the run's Plan.Until, which holds for rungs of
// ladders, too; nil where it has none.
func untilOf(run Run, trials []*Trial) *UntilSummary {
	if run.Plan == nil || run.Plan.Until == 0 {
		return nil
	}
	u := &UntilSummary{Asked: run.Plan.Until, Ended: EndedNarrow, groups: GroupTrials(slices.Concat(WithoutRungs(trials), rungsOf(trials)))}
	failed := 0
	for i, g := range u.groups {
		for _, t := range g.Trials {
			u.Rounds = max(u.Rounds, t.Round)
		}
		_, m := g.Primary()
		if m.N == 0 {
			failed++
		}
		if m.N == 0 || m.Width() > u.Asked {
			u.wide = append(u.wide, i)
		}
	}
	u.Wide = len(u.wide)
	switch {
	case run.Status != StatusComplete:
		u.Ended = EndedInterrupted
	case u.Wide > failed: // one that failed does not hold the others up
		u.Ended = EndedTime
	}
	return u
}

// note tells what ended the run, and how wide is what remained.
func (u *UntilSummary) note(run Run) Note {
	asked := strings.TrimPrefix(FormatWidth(u.Asked), "±")
	rounds := fmt.Sprintf("after %d rounds", u.Rounds)
	if u.Rounds == 1 {
		rounds = "after 1 round"
	}
	if len(u.wide) == 0 {
		return Note{NoteFact, fmt.Sprintf("--until %s ended it %s: every interval is that narrow", asked, rounds)}
	}
	if !slices.ContainsFunc(u.groups, func(g Group) bool { _, m := g.Primary(); return m.N > 0 }) && u.Ended == EndedNarrow {
		return Note{NoteWarning, fmt.Sprintf("the run ended %s, without --until %s: nothing was measured that could become narrow", rounds, asked)}
	}
	const shown = 5
	names := NamesOf(u.groups)
	var parts []string
	for _, i := range u.wide[:min(shown, len(u.wide))] {
		_, m := u.groups[i].Primary()
		width := FormatWidth(m.Width())
		switch {
		case m.N == 0:
			width = "(nothing was measured)"
		case !m.Bounded():
			width = fmt.Sprintf("(%d rounds, an interval takes %d)", m.N, IntervalRounds)
		}
		parts = append(parts, strings.TrimSpace(names[i]+" "+width))
	}
	if more := len(u.wide) - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	wide := strings.Join(parts, "; ")
	switch u.Ended {
	case EndedInterrupted:
		return Note{NoteWarning, fmt.Sprintf("interrupted %s, before --until %s was reached. What remained: %s", rounds, asked, wide)}
	case EndedTime:
		limit := time.Duration(run.Plan.MaxSeconds * float64(time.Second))
		return Note{NoteWarning, fmt.Sprintf("--max-time %v ended it %s, before --until %s was reached: another round did not fit. What remained: %s", limit, rounds, asked, wide)}
	}
	return Note{NoteWarning, fmt.Sprintf("--until %s ended it %s: every interval is that narrow but for %s", asked, rounds, wide)}
}

// notes are the warnings that d makes.
func (d Drifts) notes(tell func(kind, text string, trials ...*Trial), groups []Group) {
	if d.Machine != nil {
		var all []*Trial
		for _, g := range groups {
			all = append(all, g.Trials...)
		}
		tell(NoteWarning, d.Machine.String()+": the machine or the server changed meanwhile, and medians hold both states", all...)
	}
	for i, g := range groups {
		if d.Groups[i] != nil {
			text := d.Groups[i].String()
			if d.Machine != nil {
				text += ", beside what all did"
			}
			tell(NoteWarning, text, g.Trials...)
		}
	}
}
