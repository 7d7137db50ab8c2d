package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flightbench/results"
	"flightbench/results/compare"
)

// Words answer the three questions that one asks of a run first, in a sentence
// each. They may hold words of servers, which are cleaned of control
// characters but of nothing else.
type Words struct {
	Fast  string // how fast
	Limit string // what limited it
	Sure  string // how sure
}

// InWords makes them of the trials of l alone; histograms are not read.
func InWords(l *results.Loaded) Words {
	groups := results.GroupTrials(results.WithoutRungs(l.Trials))
	best, base := tops(groups)
	return Words{
		Fast:  sentence(fast(l, groups, best, base)),
		Limit: sentence(limits(l, best)),
		Sure:  sentence(sure(l, groups)),
	}
}

// String is a line for each question.
func (w Words) String() string {
	return "How fast:        " + w.Fast + "\nWhat limited it: " + w.Limit + "\nHow sure:        " + w.Sure + "\n"
}

// sentence joins parts.
func sentence(parts []string) string {
	text := results.Clean(strings.Join(parts, "; "))
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// mostParts is how many operations or pairs a sentence tells of.
const mostParts = 4

// several cuts parts to mostParts and says how many more there are.
func several(parts []string, noun string) []string {
	if more := len(parts) - mostParts; more > 0 {
		return append(parts[:mostParts:mostParts], fmt.Sprintf("and %d more %s", more, noun))
	}
	return parts
}

// said are the axes that a sentence names by itself.
var said = []string{"op", "rps", "rate", "schedule"}

// fast says how fast: of several targets or a base how they compare, else the
// best of each operation.
func fast(l *results.Loaded, groups, best []results.Group, base bool) []string {
	if len(best) == 0 {
		return []string{"nothing was measured"}
	}
	if c := byTarget(l); c != nil {
		if parts := fastTargets(c); len(parts) > 0 {
			return several(parts, "configurations")
		}
	}
	axes := results.Varying(groups)
	stars := results.Departures(groups)
	var parts []string
	for i, g := range best {
		at := g.Config.Label(slices.DeleteFunc(slices.Clone(axes), func(a string) bool { return slices.Contains(said, a) }))
		if base {
			at = "the " + results.BaseName
		}
		text := speed(g)
		if at != "" && g.Config.Open() {
			text += ", at " + at
		} else if at != "" {
			text += " at " + at
		}
		if base && i < len(stars) {
			text += dearest(stars[i])
		}
		parts = append(parts, text)
	}
	return several(parts, "operations")
}

// speed says how fast g is: its rate, or where that was asked for, whether it
// kept up and how long users waited.
func speed(g results.Group) string {
	k := g.Kind()
	m := g.Interval(k.Rate)
	rate := k.FormatRate(m.At)
	asked, achieved := g.Metric(results.AskedRate), g.Metric(results.AchievedRate)
	if !g.Config.Open() || asked.N == 0 {
		least := ""
		if boundMostly(g) {
			least = "at least "
		}
		return fmt.Sprintf("%s reaches %s%s%s", g.Config.Op, least, rate, within(m, k))
	}
	text := fmt.Sprintf("%s keeps up with %s streams/s asked for", g.Config.Op, results.FormatNumber(asked.Median))
	if !keepsUp(g) {
		text = fmt.Sprintf("%s does not keep up: of %s streams/s asked for %s are achieved", g.Config.Op, results.FormatNumber(asked.Median), results.FormatNumber(achieved.Median))
	}
	if k != results.KindCalls {
		text += ", " + rate
	}
	if name, _ := g.Primary(); name != "" {
		name = strings.TrimSuffix(name, ".p50")
		text += fmt.Sprintf(", response time of a %s p50 %s and p99 %s", strings.ReplaceAll(name, "_", " "),
			results.FormatLatency(g.Latency(name, results.P50).Median), g.P99(name))
	}
	return text
}

// within says where the true median lies, as far as repeats tell.
func within(m results.Median, k *results.Kind) string {
	_, scale := k.Unit(m.At)
	switch {
	case m.Bounded():
		return fmt.Sprintf(" (95 %% interval %s to %s)", results.FormatNumber(m.Low/scale), results.FormatNumber(m.High/scale))
	case m.N > 1:
		return fmt.Sprintf(" (median of %d rounds)", m.N)
	}
	return " (one trial)"
}

// dearest is what costs most of what departs from a base.
func dearest(s results.Star) string {
	least, name := results.Spread{Median: 1}, ""
	for _, r := range s.Relatives {
		if ratio := results.Ratio(r.Group, s.Base, s.Rate()); ratio.N > 0 && ratio.Median < least.Median && !ratio.Unsure() {
			least, name = ratio, r.Name()
		}
	}
	if name == "" {
		return ", and nothing that departs from it is told to be slower"
	}
	text := fmt.Sprintf(", and of what departs from it %s costs most: %s of that rate is left", name, percent(least.Median))
	if least.N > 1 {
		text += fmt.Sprintf(" (%s to %s in %d rounds)", percent(least.Min), percent(least.Max), least.N)
	}
	return text
}

// fastTargets compares the rates of targets.
func fastTargets(c *compare.Comparison) (parts []string) {
	for _, p := range c.Pairs {
		for _, cell := range p.Cells[:min(1, len(p.Cells))] { // the first one is the rate
			pair := fmt.Sprintf("%s and %s: ", p.From, p.To)
			if p.Label != "" {
				pair = fmt.Sprintf("%s, ", p.Label) + pair
			}
			line := cell.Line()
			text := fmt.Sprintf("%s is %s: %s", p.To, cell.Word, line.Change)
			switch {
			case cell.Outcome == compare.Same:
				text = "no difference found"
			case cell.Outcome == compare.Unknown:
				text = "one " + line.Word
			case cell.ChangeLow != nil && cell.ChangeHigh != nil:
				text += fmt.Sprintf(" (95 %% interval %s)", line.Interval)
			}
			parts = append(parts, fmt.Sprintf("%s%s, %s against %s", pair, text, line.New, line.Old))
		}
	}
	return parts
}

// byTarget compares the targets of l; nil where it has one, or they have
// nothing in common.
func byTarget(l *results.Loaded) *compare.Comparison {
	trials := results.WithoutRungs(l.Trials)
	if len(trials) == 0 || !slices.ContainsFunc(trials, func(t *results.Trial) bool { return t.Config.Target != trials[0].Config.Target }) {
		return nil
	}
	of := *l
	of.Trials = trials
	c, err := compare.Within(&of, compare.Options{By: []string{"target"}, Detect: 0.05})
	if err != nil {
		return nil
	}
	return c
}

// sure says how sure: how much was measured, how far it lies apart, and
// whether it may be believed.
func sure(l *results.Loaded, groups []results.Group) (parts []string) {
	all, valid, first := 0, 0, ""
	counts := map[string]int{}
	for _, g := range groups {
		for _, t := range g.Trials {
			all++
			if o := t.Outcome(); o == results.VerdictValid {
				valid++
			} else {
				counts[o]++
				if reason := reasonOf(t); first == "" && reason != "" {
					first = reason
				}
			}
		}
	}
	var verdicts []string
	for _, v := range results.InOrder(counts, nil) {
		verdicts = append(verdicts, fmt.Sprintf("%d %s", counts[v], v))
	}
	because := ""
	if first != "" {
		because = ", because " + first
	}
	switch {
	case all == 0:
		return []string{"no trial is stored"}
	case valid == 0:
		parts = append(parts, fmt.Sprintf("not to be believed as it stands: no trial is valid (%s)%s", strings.Join(verdicts, ", "), because))
	case valid < all:
		parts = append(parts, fmt.Sprintf("not all of it is to be believed: %d of %d trials are not valid (%s)%s", all-valid, all, strings.Join(verdicts, ", "), because))
	case all == 1:
		parts = append(parts, "the one trial is valid")
	case all == 2:
		parts = append(parts, "both trials are valid")
	default:
		parts = append(parts, fmt.Sprintf("all %d trials are valid", all))
	}
	parts = append(parts, width(groups))
	if missing := l.Run.Planned - len(l.Trials); missing > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d planned trials are missing", missing, l.Run.Planned))
	}
	if s := l.Run.Environment.StealShare; s >= 0.01 {
		parts = append(parts, fmt.Sprintf("the hypervisor took %s of the CPU time", percent(s)))
	}
	return parts
}

// reasonOf is why t is not valid, in the words of its evidence.
func reasonOf(t *results.Trial) string {
	switch {
	case len(t.Evidence) > 0:
		return results.Brief(t.Evidence[0], 200)
	case t.Error != "":
		return results.Brief(t.Error, 200)
	}
	return ""
}

// width says how far the repeats of a figure lie apart.
func width(groups []results.Group) string {
	least, most := math.MaxInt, 0
	var widths, apart []float64
	for _, g := range groups {
		name, m := g.Primary()
		if name == "" {
			continue
		}
		least, most = min(least, m.N), max(most, m.N)
		if m.Bounded() {
			widths = append(widths, m.Width())
		}
		if s := g.Metric(g.Kind().Rate); s.N > 1 && s.Median > 0 {
			apart = append(apart, (s.Max-s.Min)/s.Median)
		}
	}
	switch {
	case most == 0:
		return "nothing tells how much it would vary"
	case most == 1:
		return "each configuration was measured once, so nothing tells how much it would vary: --repeat 6 gives intervals"
	case len(widths) == 0:
		return fmt.Sprintf("%s are too few for a 95 %% interval of a median, which takes %d; rates of a configuration lie up to %s apart", rounds(least, most), results.IntervalRounds, percent(slices.Max(apart)))
	}
	low, high := results.FormatWidth(slices.Min(widths)), results.FormatWidth(slices.Max(widths))
	if low != high {
		low += " to " + high
	}
	return fmt.Sprintf("over %s the 95 %% intervals of the medians are %s", rounds(least, most), low)
}

func rounds(least, most int) string {
	if least != most {
		return fmt.Sprintf("%d to %d rounds", least, most)
	}
	return fmt.Sprintf("%d rounds", most)
}

func percent(share float64) string {
	p := share * 100
	if p >= 9.95 {
		return fmt.Sprintf("%.0f %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}
