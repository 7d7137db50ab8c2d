package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"flightbench/results"
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
	w := Words{
		Fast:  sentence(fast(l, groups, best, base)),
		Limit: sentence(limits(l, best)),
		Sure:  sentence(sure(l, groups)),
	}
	// A search answers a question of its own.
	if c := l.Run.Capacity; c != nil {
		w.Fast = sentence(c.Lines()[:1])
		if c.Limit != "" {
			w.Limit = sentence([]string{c.Limit})
		}
		w.Sure = sentence(sureOf(c, l.Trials))
	}
	if t := l.Run.Tuning; t != nil {
		w.Fast = sentence(t.Lines()[:1])
	}
	return w
}

// String is a line for each question.
func (w Words) String() string {
	return "How fast:        " + w.Fast + "\nWhat limited it: " + w.Limit + "\nHow sure:        " + w.Sure + "\n"
}

// sureOf says how sure the answer of a search is.
func sureOf(c *results.Capacity, trials []*results.Trial) (parts []string) {
	if c.Low > 0 && c.High > 0 {
		parts = append(parts, fmt.Sprintf("the %.0f %% interval is %s to %s", 100*c.Level, c.Format(c.Low), c.Format(c.High)))
	}
	held, at := 0, 0
	for _, f := range c.Confirmed {
		if f.Above {
			continue
		}
		if at++; f.Held {
			held++
		}
	}
	if at > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d longer trials at the answer held", held, at))
	}
	valid := 0
	for _, t := range trials {
		if t.Verdict == results.VerdictValid {
			valid++
		}
	}
	return append(parts, fmt.Sprintf("%d of %d trials are valid", valid, len(trials)))
}

// sentence joins parts.
func sentence(parts []string) string {
	text := results.Clean(strings.Join(parts, "; "))
	if text == "" {
		return ""
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[n:], ".") + "."
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

func percent(share float64) string {
	p := share * 100
	if p >= 9.95 {
		return fmt.Sprintf("%.0f %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}
