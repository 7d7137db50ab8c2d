package merge

import (
	"fmt"
	"time"

	"flightbench/results"
)

// window is a span of wall time.
type window struct{ from, to time.Time }

func (w window) length() time.Duration { return w.to.Sub(w.from) }

func windowOf(t *results.Trial) window { return window{t.Started, t.Started.Add(seconds(t.Seconds))} }

func seconds(s float64) time.Duration { return time.Duration(s * 1e9) }

// intersect is what the windows have in common; it may end before it begins.
func intersect(windows []window) window {
	w := windows[0]
	for _, o := range windows[1:] {
		if o.from.After(w.from) {
			w.from = o.from
		}
		if o.to.Before(w.to) {
			w.to = o.to
		}
	}
	return w
}

// span is the intervals [first, last) of a trial's timeline that lie wholly
// within a window.
type span struct {
	window
	first, last int
}

// rounding is how far an interval may stick out of a window that it lies in:
// its ends are sums of floating-point seconds.
const rounding = time.Microsecond

// spanIn finds the whole intervals of t within w.
func spanIn(t *results.Trial, w window) span {
	s := span{window: window{w.from, w.from}}
	for i, iv := range t.Timeline {
		from := t.Started.Add(seconds(iv.Start))
		to := t.Started.Add(seconds(iv.Start + iv.Seconds))
		if from.Before(w.from.Add(-rounding)) || to.After(w.to.Add(rounding)) {
			continue
		}
		if s.last == s.first {
			s.first, s.from = i, from
		}
		s.last, s.to = i+1, to
	}
	return s
}

// fit finds the common window of a set and what of each trial lies in it, and
// refuses windows that have less than half in common.
func (m *Merge) fit(s *set) error {
	var windows []window
	for _, t := range s.trials {
		if t.Status == results.StatusFailed || t.Seconds <= 0 {
			return nil // there is nothing to add up
		}
		windows = append(windows, windowOf(t))
	}
	s.common = intersect(windows)
	for i, w := range windows {
		if 2*s.common.length() < w.length() {
			return fmt.Errorf("%s: %s have %s in common, less than half of %s's %s: have the generators begin at the same time (%s)", s.label,
				m.told(windows), length(max(0, s.common.length())), m.parts[i].name, length(w.length()), "with the same --seed, so that they take the configurations in the same order")
		}
	}
	first := windows[0].from
	for _, w := range windows {
		if w.from.Before(first) {
			first = w.from
		}
	}
	for i, t := range s.trials {
		sp := spanIn(t, s.common)
		if 2*sp.length() < s.common.length() {
			return fmt.Errorf("%s: the timeline of %s has %s of whole intervals within the common window of %s: it is too coarse to be merged", s.label,
				m.parts[i].name, length(sp.length()), length(s.common.length()))
		}
		s.spans = append(s.spans, sp)
		p := m.parts[i]
		p.offset = max(p.offset, windows[i].from.Sub(first))
		p.cut = max(p.cut, 1-sp.length().Seconds()/t.Seconds)
	}
	return nil
}

// told names the windows: "the windows of a (10:00:00.000 to 10:00:05.000) and b (...)".
func (m *Merge) told(windows []window) string {
	const clock = "15:04:05.000"
	text := "the windows of "
	for i, w := range windows {
		switch {
		case i > 0 && i == len(windows)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += fmt.Sprintf("%s (%s to %s)", m.parts[i].name, w.from.UTC().Format(clock), w.to.UTC().Format(clock))
	}
	return text
}

func length(d time.Duration) string { return results.FormatSeconds(d.Seconds()) }
