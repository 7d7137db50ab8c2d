package merge

import (
	"math"
	"time"

	"flightbench/results"
)

// mostSlots bounds the merged timeline, whose histograms are in memory at once.
const mostSlots = 200

// slots cut the time that all spans cover at the ends of the first part's
// intervals. A piece at either end that is shorter than half an interval is part
// of its neighbour.
func (s set) slots() []window {
	var spans []window
	for _, sp := range s.spans {
		spans = append(spans, sp.window)
	}
	all := intersect(spans)
	if all.length() <= 0 {
		return []window{s.common}
	}
	t, sp := s.trials[0], s.spans[0]
	intervals := t.Timeline[sp.first:sp.last]
	step := (len(intervals) + mostSlots - 1) / mostSlots
	usual := sp.length() / time.Duration(len(intervals))
	slots := []window{all}
	for i := step; i < len(intervals); i += step {
		at := t.Started.Add(seconds(intervals[i].Start))
		k := len(slots) - 1
		if at.Sub(slots[k].from) < usual/2 || all.to.Sub(at) < usual/2 {
			continue
		}
		slots[k].to = at
		slots = append(slots, window{at, all.to})
	}
	return slots
}

// timeline counts in slots what the parts counted in intervals of their own,
// each spread evenly over its time: a picture, of which no figure is made. What
// the spans have outside of the slots is in none.
func (s set) timeline(slots []window) []results.Interval {
	out := make([]results.Interval, len(slots))
	for k, w := range slots {
		iv := &out[k]
		iv.Start, iv.Seconds = w.from.Sub(s.common.from).Seconds(), w.length().Seconds()
		iv.Latencies = map[string]results.Latency{}
		for i, t := range s.trials {
			line := t.Timeline[s.spans[i].first:s.spans[i].last]
			within := func(count func(results.Interval) int64) int64 {
				return until(t, line, w.to, count) - until(t, line, w.from, count)
			}
			iv.Bytes.Logical += within(func(iv results.Interval) int64 { return iv.Bytes.Logical })
			iv.Bytes.Body += within(func(iv results.Interval) int64 { return iv.Bytes.Body })
			iv.Bytes.Wire += within(func(iv results.Interval) int64 { return iv.Bytes.Wire })
			iv.Rows += within(func(iv results.Interval) int64 { return iv.Rows })
			iv.Batches += within(func(iv results.Interval) int64 { return iv.Batches })
			iv.Streams += within(func(iv results.Interval) int64 { return iv.Streams })
			iv.Pace = addPace(iv.Pace, t, line, w)
		}
	}
	return out
}

// until is how much t had counted at a time; rounded, so that the slots' counts
// add up to what was counted from the first to the last.
func until(t *results.Trial, line []results.Interval, at time.Time, count func(results.Interval) int64) int64 {
	sum := 0.0
	for _, iv := range line {
		sum += float64(count(iv)) * share(t, iv, at)
	}
	return int64(math.Round(sum))
}

// share is how much of an interval lies before a time, 0 to 1.
func share(t *results.Trial, iv results.Interval, at time.Time) float64 {
	past := at.Sub(t.Started.Add(seconds(iv.Start)))
	if past >= seconds(iv.Seconds)-rounding {
		return 1
	}
	return max(0, past.Seconds()/iv.Seconds)
}

// addPace adds t's rates in w, weighted by time, to p, which is nil in a closed
// loop.
func addPace(p *results.Pace, t *results.Trial, line []results.Interval, w window) *results.Pace {
	for _, iv := range line {
		if iv.Pace == nil {
			continue
		}
		if p == nil {
			p = &results.Pace{}
		}
		weight := (share(t, iv, w.to) - share(t, iv, w.from)) * iv.Seconds / w.length().Seconds()
		p.Asked += iv.Pace.Asked * weight
		p.Started += iv.Pace.Started * weight
		p.Ended += iv.Pace.Ended * weight
	}
	return p
}
