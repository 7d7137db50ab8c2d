package results

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latency.hlog is an HdrHistogram interval log, version 1.3, with absolute
// time stamps (so no base time), values in nanoseconds and the maximum of a
// line in milliseconds. Its tags are <trial>.<metric>.

// hlogHeader opens the log of a run that started at t.
func hlogHeader(t time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&b)
	for _, err := range []error{
		w.OutputComment("[Latencies of a flightbench run: values in nanoseconds, Interval_Max in milliseconds, Tag=<trial>.<metric>]"),
		w.OutputLogFormatVersion(),
		w.OutputStartTime(t.UnixMilli()),
		w.OutputLegend(),
	} {
		if err != nil {
			return nil, fmt.Errorf("encode the head of %s: %w", HlogFile, err)
		}
	}
	return b.Bytes(), nil
}

// encodeHists encodes t's histograms, metrics by name, intervals by time.
// Intervals without a sample are left out.
func encodeHists(t *Trial) ([]byte, error) {
	var b bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&b)
	for _, metric := range slices.Sorted(maps.Keys(t.Hists)) {
		if !validMetric.MatchString(metric) {
			return nil, fmt.Errorf("latency %q: want 1 to 64 of A-Z, a-z, 0-9, '_' and '-'", metric)
		}
		if t.Hists[metric] == nil {
			continue
		}
		for _, iv := range t.Hists[metric].Intervals {
			h := iv.made().Histogram
			if h == nil || h.TotalCount() == 0 {
				continue
			}
			h.SetTag(t.ID + "." + metric)
			start := t.Started.Add(seconds(iv.Start))
			h.SetStartTimeMs(start.UnixMilli())
			h.SetEndTimeMs(start.Add(seconds(iv.Seconds)).UnixMilli())
			if err := w.OutputIntervalHistogram(h); err != nil {
				return nil, fmt.Errorf("encode latency %s: %w", metric, err)
			}
		}
	}
	return b.Bytes(), nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// hlogLine is one interval, found but not yet decoded: a histogram takes
// 270 kB of memory and a run holds thousands.
type hlogLine struct {
	number          int // 1 is the first of the file
	offset, length  int64
	start, duration float64 // seconds, start since the epoch
}

// hlogIndex knows where in the log the histograms of each tag are.
type hlogIndex struct {
	path  string
	lines map[string][]hlogLine
}

// indexHlog finds the intervals in the log b. Lines that are none are skipped
// and told.
func indexHlog(path string, b []byte) (*hlogIndex, []string) {
	ix := &hlogIndex{path: path, lines: map[string][]hlogLine{}}
	var warnings []string
	var offset int64
	for number := 1; len(b) > 0; number++ {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		l := hlogLine{number: number, offset: offset, length: int64(len(line))}
		offset += int64(len(b) - len(rest))
		b = rest
		text := strings.TrimSuffix(string(line), "\r")
		if text == "" || text[0] == '#' || text[0] == '"' {
			continue
		}
		if !whole {
			warnings = append(warnings, fmt.Sprintf("%s: the last line (%d) is torn and skipped", HlogFile, number))
			continue
		}
		tag, _, err := parseHlogLine(text, &l)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: line %d is skipped: %v", HlogFile, number, err))
			continue
		}
		ix.lines[tag] = append(ix.lines[tag], l)
	}
	return ix, warnings
}

// parseHlogLine takes `Tag=T,start,seconds,max,payload` apart.
func parseHlogLine(text string, l *hlogLine) (tag, payload string, err error) {
	if t, ok := strings.CutPrefix(text, "Tag="); ok {
		if tag, text, ok = strings.Cut(t, ","); !ok {
			return "", "", fmt.Errorf("no comma after the tag %.40q", t)
		}
	}
	f := strings.Split(text, ",")
	if len(f) != 4 || f[3] == "" {
		return "", "", fmt.Errorf("want start, length, maximum and histogram, got %d fields", len(f))
	}
	for i, p := range []*float64{&l.start, &l.duration} {
		if *p, err = strconv.ParseFloat(f[i], 64); err != nil || math.IsNaN(*p) || math.IsInf(*p, 0) {
			return "", "", fmt.Errorf("%.40q is no number of seconds", f[i])
		}
	}
	return tag, f[3], nil
}

// each decodes the histograms of tag, one at a time, in the order in which
// they were stored. started is when its trial began.
func (ix *hlogIndex) each(tag string, started time.Time, visit func(IntervalHistogram)) error {
	lines := ix.lines[tag]
	if len(lines) == 0 {
		return nil
	}
	f, err := os.Open(ix.path)
	if err != nil {
		return fmt.Errorf("read the histograms of %s: %w", tag, err)
	}
	defer f.Close()
	origin := float64(started.UnixMilli()) / 1e3
	for _, l := range lines {
		b := make([]byte, l.length)
		if _, err := f.ReadAt(b, l.offset); err != nil {
			return fmt.Errorf("%s: line %d: %w", HlogFile, l.number, err)
		}
		_, payload, err := parseHlogLine(strings.TrimSuffix(string(b), "\r"), &l)
		if err != nil {
			return fmt.Errorf("%s: line %d changed under us: %w", HlogFile, l.number, err)
		}
		h, err := hdrhistogram.Decode([]byte(payload))
		if err != nil {
			return fmt.Errorf("%s: line %d: histogram of %s: %w", HlogFile, l.number, tag, err)
		}
		h.SetTag(tag)
		visit(IntervalHistogram{Start: milli(l.start - origin), Seconds: milli(l.duration), Histogram: h})
	}
	return nil
}

// milli rounds seconds to the log's resolution.
func milli(s float64) float64 { return math.Round(s*1e3) / 1e3 }

// Merged adds up e's intervals; an empty histogram where there are none.
// Values out of the range of NewHistogram are dropped and counted.
func (e *Encoded) Merged() (h *hdrhistogram.Histogram, dropped int64) {
	h = NewHistogram()
	if e != nil {
		for _, iv := range e.Intervals {
			dropped += h.Merge(iv.made().Histogram)
		}
	}
	return h, dropped
}
