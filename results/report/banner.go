package report

import (
	"fmt"
	"strings"

	"flightbench/results"
)

// banner is what nobody may miss: which trials are not valid and why, and what
// they warn of.
type banner struct {
	Title string
	Alarm bool // nothing in the run is valid, or something failed
	Notes []results.Note
	More  []results.Note // that are folded
}

// bannerNotes is how many of a banner's notes are shown at once.
const bannerNotes = 8

// newBanner is that of trials, whose table has the notes; nil where there is
// nothing to tell.
func newBanner(trials []*results.Trial, notes []results.Note) *banner {
	b := &banner{}
	counts := map[string]int{}
	bad, failed := 0, false
	for _, t := range trials {
		if o := t.Outcome(); o != results.VerdictValid && o != results.StatusUnavailable {
			counts[o]++
			bad++
			failed = failed || o == results.StatusFailed
		}
	}
	for _, n := range notes {
		switch {
		case n.Kind == results.NoteFact:
		case len(b.Notes) < bannerNotes:
			b.Notes = append(b.Notes, n)
		default:
			b.More = append(b.More, n)
		}
	}
	var verdicts []string
	for _, v := range results.InOrder(counts, nil) {
		verdicts = append(verdicts, fmt.Sprintf("%d %s", counts[v], v))
	}
	b.Alarm = failed || bad > 0 && bad == len(trials)
	switch n := len(b.Notes) + len(b.More); {
	case bad == 1 && len(trials) == 1:
		b.Title = "The trial is not valid: " + strings.Join(results.InOrder(counts, nil), "")
	case bad > 0 && bad == len(trials):
		b.Title = fmt.Sprintf("None of %d trials is valid: %s", len(trials), strings.Join(verdicts, ", "))
	case bad > 0:
		b.Title = fmt.Sprintf("%d of %d trials are not valid: %s", bad, len(trials), strings.Join(verdicts, ", "))
	case n == 0:
		return nil
	case n == 1:
		b.Title = "1 warning"
	default:
		b.Title = fmt.Sprintf("%d warnings", n)
	}
	return b
}
