package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"flightbench/results"
)

// Distribution is one file of hgrm: a latency of one Config, the histograms of
// its rounds added.
type Distribution struct {
	Name      string // of the file, such as get-65-536-rows.batch_gap.hgrm
	Histogram *hdrhistogram.Histogram
}

// millisecond is what the plotter takes a value for, as HdrHistogram's own log
// processor writes it.
const millisecond = 1e6

// ticks is how many lines halve the distance to 100 %, as in HdrHistogram's own
// log processor.
const ticks = 5

// Hgrm makes the distributions that o asks for, one after another, and gives
// each to visit. Trials that failed are left out, as notes tell.
func Hgrm(l *results.Loaded, o Options, visit func(Distribution) error) (notes []string, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	trials, err := o.trials(l)
	if err != nil {
		return nil, err
	}
	if err := needHistograms(l, trials); err != nil {
		return nil, err
	}
	groups := results.GroupTrials(trials)
	names := results.NamesOf(groups)
	taken := map[string]bool{}
	made := 0
	for i, g := range groups {
		measured := g.Measured()
		lost, err := unlogged(l, measured, o.Latency)
		if err != nil {
			return notes, err
		}
		for _, n := range lost {
			notes = append(notes, orRun(names[i])+": "+n)
		}
		if n := len(g.Trials) - len(measured); n > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d rounds of %s are left out: they failed or are partial", n, len(g.Trials), orRun(names[i])))
		}
		for _, latency := range o.latencies(l, measured) {
			h, dropped, err := sum(l, measured, latency)
			if err != nil {
				return notes, err
			}
			if dropped > 0 {
				notes = append(notes, fmt.Sprintf("%s of %s: %d samples are out of the range of 1 µs to 1 h and left out", latency, orRun(names[i]), dropped))
			}
			if err := visit(Distribution{fileName(names[i], latency, taken), h}); err != nil {
				return notes, err
			}
			made++
		}
	}
	if made == 0 {
		return notes, errors.New("none of the trials has a histogram of that latency")
	}
	return notes, nil
}

// latencies are those of trials that o asks for.
func (o Options) latencies(l *results.Loaded, trials []*results.Trial) []string {
	set := map[string]bool{}
	for _, t := range trials {
		for _, name := range l.LatencyNames(t) {
			if len(o.Latency) == 0 || slices.Contains(o.Latency, name) {
				set[name] = true
			}
		}
	}
	return results.InOrder(set, results.Latencies)
}

// sum adds up a latency's histograms of trials.
func sum(l *results.Loaded, trials []*results.Trial, latency string) (h *hdrhistogram.Histogram, dropped int64, err error) {
	h = results.NewHistogram()
	for _, t := range trials {
		err := l.EachHistogram(t, latency, func(iv results.IntervalHistogram) { dropped += h.Merge(iv.Histogram) })
		if err != nil {
			return nil, 0, err
		}
	}
	return h, dropped, nil
}

func orRun(name string) string {
	if name == "" {
		return "the run"
	}
	return name
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// fileName is a name that is not taken yet, and takes it.
func fileName(config, latency string, taken map[string]bool) string {
	const most = 100
	stem := strings.Trim(unsafe.ReplaceAllString(strings.ReplaceAll(config, ",", ""), "-"), "-")
	stem = strings.TrimRight(stem[:min(len(stem), most)], "-")
	if stem != "" {
		stem += "."
	}
	for n := 1; ; n++ {
		name := stem + latency + ".hgrm"
		if n > 1 {
			name = fmt.Sprintf("%s%s.%d.hgrm", stem, latency, n)
		}
		if !taken[name] {
			taken[name] = true
			return name
		}
	}
}

// Write prints d as HdrHistogram's plotter reads it, in milliseconds.
//
// Note: hdrhistogram-go's PercentilesPrint rounds the percentile to six digits,
// by which all above 99.99995 % are one.
func (d Distribution) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	for _, b := range d.Histogram.CumulativeDistributionWithTicks(ticks) {
		p := b.Quantile / 100
		fmt.Fprintf(out, "%12.3f %2.12f %10d", float64(b.ValueAt)/millisecond, p, b.Count)
		if p < 1 {
			fmt.Fprintf(out, " %14.2f", 1/(1-p))
		}
		fmt.Fprintln(out)
	}
	h := d.Histogram
	const buckets, subBuckets = 23, 2048 // of results.NewHistogram
	fmt.Fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", h.Mean()/millisecond, h.StdDev()/millisecond)
	fmt.Fprintf(out, "#[Max     = %12.3f, Total count    = %12d]\n", float64(h.Max())/millisecond, h.TotalCount())
	fmt.Fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", buckets, subBuckets)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write hgrm: %w", err)
	}
	return nil
}
