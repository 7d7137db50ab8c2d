package export

import (
	"fmt"
	"slices"

	"flightbench/results"
)

// rowFunc is what a column holds of a row, whose kind R is a part of a trial.
type rowFunc[R any] func(R) any

// timelineRow is an interval of a trial.
type timelineRow struct {
	*results.Trial
	results.Interval
}

// timeline has a row per interval of each trial. Its latencies are those that
// any interval has.
func timeline(run results.Run, trials []*results.Trial) results.Sheet {
	var s results.Sheet
	var cells []rowFunc[timelineRow]
	add := func(c results.SheetColumn, f rowFunc[timelineRow]) {
		s.Columns, cells = append(s.Columns, c), append(cells, f)
	}
	for _, c := range results.IdentityColumns(run, results.Axes) {
		add(c.SheetColumn, func(r timelineRow) any { return c.Of(r.Trial) })
	}
	count := func(name, unit string, f func(timelineRow) int64) {
		add(results.SheetColumn{Name: name, Type: int64(0), Unit: unit}, func(r timelineRow) any { return f(r) })
	}
	number := func(name, unit string, f rowFunc[timelineRow]) {
		add(results.SheetColumn{Name: name, Type: float64(0), Unit: unit}, f)
	}
	number("start", "s", func(r timelineRow) any { return r.Start })
	number("seconds", "s", func(r timelineRow) any { return r.Interval.Seconds })
	count("logical_bytes", "B", func(r timelineRow) int64 { return r.Interval.Bytes.Logical })
	count("body_bytes", "B", func(r timelineRow) int64 { return r.Interval.Bytes.Body })
	count("wire_bytes", "B", func(r timelineRow) int64 { return r.Interval.Bytes.Wire })
	count("rows", "", func(r timelineRow) int64 { return r.Interval.Rows })
	count("batches", "", func(r timelineRow) int64 { return r.Interval.Batches })
	count("streams", "", func(r timelineRow) int64 { return r.Interval.Streams })
	pace := func(name string, f func(*results.Pace) float64) {
		number(name, "streams/s", func(r timelineRow) any {
			if r.Pace == nil {
				return nil
			}
			return f(r.Pace)
		})
	}
	pace("pace_asked", func(p *results.Pace) float64 { return p.Asked })
	pace("pace_started", func(p *results.Pace) float64 { return p.Started })
	pace("pace_ended", func(p *results.Pace) float64 { return p.Ended })
	names := map[string]bool{}
	for _, t := range trials {
		for _, iv := range t.Timeline {
			for name := range iv.Latencies {
				names[name] = true
			}
		}
	}
	for _, name := range results.InOrder(names, results.Latencies) {
		latency := func(suffix, unit string, f func(results.Latency) int64) {
			add(results.SheetColumn{Name: name + suffix, Type: int64(0), Unit: unit}, func(r timelineRow) any {
				if l, ok := r.Interval.Latencies[name]; ok {
					return f(l)
				}
				return nil
			})
		}
		latency("_count", "", func(l results.Latency) int64 { return l.Count })
		latency("_p50_ns", "ns", func(l results.Latency) int64 { return l.P50 })
		latency("_p99_ns", "ns", func(l results.Latency) int64 { return l.P99 })
		latency("_max_ns", "ns", func(l results.Latency) int64 { return l.Max })
	}
	s.Rows = func(yield func([]any) error) error {
		row := make([]any, len(cells))
		for _, t := range trials {
			for _, iv := range t.Timeline {
				for i, f := range cells {
					row[i] = f(timelineRow{t, iv})
				}
				if err := yield(row); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return s
}

// latencies has a row per bucket of each latency of each trial that holds a
// sample, whole trials at a time. Its histograms come from the run directory.
func latencies(l *results.Loaded, trials []*results.Trial) (results.Sheet, error) {
	if err := needHistograms(l, trials); err != nil {
		return results.Sheet{}, err
	}
	identity := results.IdentityColumns(l.Run, results.Axes)
	var s results.Sheet
	for _, c := range identity {
		s.Columns = append(s.Columns, c.SheetColumn)
	}
	s.Columns = append(s.Columns,
		results.SheetColumn{Name: "latency", Type: ""},
		results.SheetColumn{Name: "from_ns", Type: int64(0), Unit: "ns"},
		results.SheetColumn{Name: "to_ns", Type: int64(0), Unit: "ns"},
		results.SheetColumn{Name: "count", Type: int64(0)})
	s.Rows = func(yield func([]any) error) error {
		row := make([]any, len(s.Columns))
		for _, t := range trials {
			for i, c := range identity {
				row[i] = c.Of(t)
			}
			own := row[len(identity):]
			for _, name := range l.LatencyNames(t) {
				h, _, err := sum(l, []*results.Trial{t}, name)
				if err != nil {
					return err
				}
				own[0] = name
				for _, bar := range h.Distribution() {
					if bar.Count == 0 {
						continue
					}
					own[1], own[2], own[3] = bar.From, bar.To, bar.Count
					if err := yield(row); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	return s, nil
}

// needHistograms refuses a run that holds summaries of latencies alone.
func needHistograms(l *results.Loaded, trials []*results.Trial) error {
	some := false
	for _, t := range trials {
		if len(l.LatencyNames(t)) > 0 {
			return nil
		}
		some = some || len(t.Latencies) > 0
	}
	if !some {
		return fmt.Errorf("%s: no trial measured a latency", l.Dir)
	}
	return fmt.Errorf("%s holds no histograms, but their percentiles: name the run directory with its %s", l.Dir, results.HlogFile)
}

// unlogged tells of samples that trials counted, of the latencies that only
// names or of all, and that the log of a damaged run does not hold.
func unlogged(l *results.Loaded, trials []*results.Trial, only []string) (notes []string, err error) {
	var lost, all int64
	for _, t := range trials {
		for name, s := range t.Latencies {
			if len(only) > 0 && !slices.Contains(only, name) {
				continue
			}
			var n int64
			if err := l.EachHistogram(t, name, func(iv results.IntervalHistogram) { n += iv.Histogram.TotalCount() }); err != nil {
				return nil, err
			}
			lost, all = lost+max(0, s.Count-n), all+s.Count
		}
	}
	if lost > 0 {
		notes = append(notes, fmt.Sprintf("%s holds %d of the %d samples that were measured: what is damaged of it is left out", results.HlogFile, all-lost, all))
	}
	return notes, nil
}
