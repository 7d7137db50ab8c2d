package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flightbench/results"
)

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
		because = ", because of: " + first
	}
	switch {
	case all == 0 && len(l.Trials) > 0:
		return []string{"no trial is stored but those of ceilings"}
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
		text := fmt.Sprintf("%s are too few for a 95 %% interval of a median, which takes %d", rounds(least, most), results.IntervalRounds)
		if len(apart) > 0 { // else all rates are 0
			text += fmt.Sprintf("; rates of a configuration lie up to %s apart", percent(slices.Max(apart)))
		}
		return text
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
