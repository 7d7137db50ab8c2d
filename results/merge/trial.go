package merge

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"flightbench/results"
)

// merged adds up a set. Counts, rates, latencies and the timeline are those of
// the spans; what is known of whole windows only (CPU, memory, errors) is theirs.
func (m *Merge) merged(s set) (*results.Trial, error) {
	first := s.trials[0]
	out := &results.Trial{
		ID: first.ID, Round: first.Round, Phase: first.Phase, Config: s.config(), Status: results.StatusOK, Verdict: results.VerdictValid,
		Started: s.common.from, Seconds: s.common.length().Seconds(),
		Errors: map[string]int64{}, Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{},
	}
	for i, t := range s.trials {
		m.judge(out, m.parts[i].name, t)
		out.Took = max(out.Took, t.Took)
		addCounts(out.Errors, t.Errors)
		out.Failures, out.Served = addMap(out.Failures, t.Failures), addMap(out.Served, t.Served)
		addFields(&out.Whole, t.Whole)
		for _, name := range t.Approximate {
			if !slices.Contains(out.Approximate, name) {
				out.Approximate = append(out.Approximate, name)
			}
		}
	}
	m.warn(out, s)
	if s.spans == nil {
		out.Started, out.Seconds = first.Started, 0
		return out, nil
	}
	for i := range s.trials {
		d := s.counts(i)
		addFields(&out.Bytes, d.Bytes)
		out.Rows, out.Batches, out.Streams = out.Rows+d.Rows, out.Batches+d.Batches, out.Streams+d.Streams
	}
	out.Server = s.trials[s.widest()].Server
	slots := s.slots()
	out.Timeline = s.timeline(slots)
	if err := m.latencies(out, s, slots); err != nil {
		return nil, err
	}
	s.metrics(out)
	return out, nil
}

// config is the first part's, with what the generators asked for together.
func (s set) config() results.Config {
	c := s.trials[0].Config
	for _, t := range s.trials[1:] {
		c.GOMAXPROCS += t.Config.GOMAXPROCS
		c.Concurrency += t.Config.Concurrency
		c.Connections += t.Config.Connections
		c.Total += t.Config.Total
		c.RPS += t.Config.RPS
		c.Rate += t.Config.Rate
	}
	return c
}

// The words of Status and Verdict, the best first: the worst part's stands for
// all.
var (
	statuses = []string{results.StatusOK, results.StatusPartial, results.StatusFailed}
	verdicts = []string{results.VerdictValid, results.VerdictUnstable, results.VerdictGeneratorBound, results.VerdictClock, results.VerdictIncomplete}
)

// judge adds what t says of itself; a word that nobody knows is the worst.
func (m *Merge) judge(out *results.Trial, name string, t *results.Trial) {
	out.Status, out.Verdict = worst(statuses, out.Status, t.Status), worst(verdicts, out.Verdict, t.Verdict)
	if t.Error != "" && out.Error == "" {
		out.Error = name + ": " + t.Error
	}
	for _, e := range t.Evidence {
		out.Evidence = append(out.Evidence, name+": "+e)
	}
}

func worst(order []string, a, b string) string {
	rank := func(s string) int {
		if i := slices.Index(order, s); i >= 0 {
			return i
		}
		return len(order)
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// warn adds the warnings of the parts with the names of those that have them.
// That another client uses the server is no news here.
func (m *Merge) warn(out *results.Trial, s set) {
	var texts []string
	who := map[string][]string{}
	for i, t := range s.trials {
		for _, w := range t.Warnings {
			if strings.HasSuffix(w, "another client may use this server") {
				continue
			}
			if who[w] == nil {
				texts = append(texts, w)
			}
			if name := m.parts[i].name; !slices.Contains(who[w], name) {
				who[w] = append(who[w], name)
			}
		}
	}
	for _, w := range texts {
		out.Warnings = append(out.Warnings, strings.Join(who[w], ", ")+": "+w)
	}
	if s.trials[0].Config.Schedule != "" {
		out.Warnings = append(out.Warnings, fmt.Sprintf("each of the %d generators followed --schedule %s by itself: together they asked for as many times more", len(s.trials), s.trials[0].Config.Schedule))
	}
}

// counts is what part i counted in its span.
func (s set) counts(i int) (d results.Interval) {
	t, sp := s.trials[i], s.spans[i]
	d.Seconds = sp.length().Seconds()
	for _, iv := range t.Timeline[sp.first:sp.last] {
		addFields(&d.Bytes, iv.Bytes)
		d.Rows, d.Batches, d.Streams = d.Rows+iv.Rows, d.Batches+iv.Batches, d.Streams+iv.Streams
	}
	return d
}

// widest is the part whose window is the longest: what the server said of
// itself holds for all parts, and is taken from it.
func (s set) widest() (at int) {
	for i, t := range s.trials {
		if t.Seconds > s.trials[at].Seconds || s.trials[at].Server == nil && t.Server != nil {
			at = i
		}
	}
	return at
}

// latencies adds up the histograms of the spans' intervals, for the whole
// window and for each slot of the timeline.
func (m *Merge) latencies(out *results.Trial, s set, slots []window) error {
	out.Hists = map[string]*results.Encoded{}
	names := map[string]bool{}
	for _, t := range s.trials {
		for name := range t.Latencies {
			names[name] = true
		}
	}
	for _, name := range results.InOrder(names, results.Latencies) {
		all, bySlot := results.NewHistogram(), make([]*hdrhistogram.Histogram, len(slots))
		var below, above int64
		for i, t := range s.trials {
			if err := m.add(i, t, s.spans[i], name, all, bySlot, slots); err != nil {
				return fmt.Errorf("%s: %w", s.label, err)
			}
			below, above = below+t.Latencies[name].Below, above+t.Latencies[name].Above // of whole windows: no interval tells its own
		}
		if all.TotalCount() == 0 && above == 0 {
			continue
		}
		if below = min(below, all.TotalCount()); above > 0 {
			out.Warnings = append(out.Warnings, fmt.Sprintf("%d samples of %s were over 1 h, and are in no percentile", above, name))
		}
		out.Latencies[name] = results.Summarise(all, below, above)
		e := &results.Encoded{}
		for k, h := range bySlot {
			if h == nil {
				continue
			}
			iv := &out.Timeline[k]
			iv.Latencies[name] = results.Summarise(h, 0, 0)
			e.Intervals = append(e.Intervals, results.IntervalHistogram{Start: iv.Start, Seconds: iv.Seconds, Histogram: h})
		}
		out.Hists[name] = e
	}
	return nil
}

// add adds the histograms of part i's intervals. An interval belongs to the slot
// in which its middle lies: the log's times are rounded to milliseconds.
func (m *Merge) add(i int, t *results.Trial, sp span, name string, all *hdrhistogram.Histogram, bySlot []*hdrhistogram.Histogram, slots []window) error {
	var seen, dropped int64
	err := m.parts[i].EachHistogram(t, name, func(iv results.IntervalHistogram) {
		seen += iv.Histogram.TotalCount()
		middle := t.Started.Add(seconds(iv.Start + iv.Seconds/2))
		if middle.Before(sp.from) || !middle.Before(sp.to) {
			return
		}
		k := 0
		for k < len(slots)-1 && !middle.Before(slots[k].to) {
			k++
		}
		if bySlot[k] == nil {
			bySlot[k] = results.NewHistogram()
		}
		dropped += bySlot[k].Merge(iv.Histogram) + all.Merge(iv.Histogram)
	})
	if err != nil {
		return err
	}
	if want := t.Latencies[name].Count; seen != want {
		return fmt.Errorf("%s of %s holds %d samples of %s of trial %s, which measured %d: what is left cannot be merged", results.HlogFile, m.parts[i].Dir, seen, name, t.ID, want)
	}
	if dropped > 0 {
		return fmt.Errorf("%s of %s holds samples of %s of trial %s that are out of the range of 1 µs to 1 h", results.HlogFile, m.parts[i].Dir, name, t.ID)
	}
	return nil
}

func addCounts(to, from map[string]int64) {
	for name, n := range from {
		to[name] += n
	}
}

// addMap is addCounts to a map that is nil until there is something in it.
func addMap(to, from map[string]int64) map[string]int64 {
	if to == nil && len(from) > 0 {
		to = map[string]int64{}
	}
	addCounts(to, from)
	return to
}

// addFields adds the fields of from, a struct of int64, to those of *to.
func addFields[T results.Bytes | results.Whole](to *T, from T) {
	a, b := reflect.ValueOf(to).Elem(), reflect.ValueOf(from)
	for i := range a.NumField() {
		a.Field(i).SetInt(a.Field(i).Int() + b.Field(i).Int())
	}
}
