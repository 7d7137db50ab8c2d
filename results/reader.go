package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Loaded is a run read back from its directory. Warnings tell what could not
// be read of it; what could is there. One made of a Run and its Trials alone
// stands for a run that was never stored.
type Loaded struct {
	Dir      string
	Run      Run
	Trials   []*Trial // in the order in which they were stored; Hists is nil, see Histograms
	Warnings []string
	hlog     *hlogIndex
}

// Open reads the run directory dir. It fails only where there is no run, or
// one of a newer schema; damage is a warning.
func Open(dir string) (*Loaded, error) {
	l := &Loaded{Dir: dir}
	if err := l.readRun(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, TrialsFile))
	if err != nil {
		l.warn("no trial could be read: %v", err)
	}
	var warnings []string
	l.Trials, warnings = parseTrials(b)
	l.Warnings = append(l.Warnings, warnings...)
	l.openHlog()
	if l.Run.Status != StatusComplete {
		l.warn("%s", l.Run.Incomplete(len(l.Trials)))
	} else if len(l.Trials) < l.Run.Planned {
		l.warn("%d of %d planned trials are stored", len(l.Trials), l.Run.Planned)
	}
	return l, nil
}

func (l *Loaded) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}

func (l *Loaded) readRun() error {
	path := filepath.Join(l.Dir, RunFile)
	b, err := os.ReadFile(path)
	if err != nil {
		if _, terr := os.Stat(filepath.Join(l.Dir, TrialsFile)); terr == nil {
			l.warn("the run's header is lost: %v", err)
			l.Run = Run{Schema: Schema, Name: filepath.Base(l.Dir), Status: StatusPartial}
			return nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is no run directory: it has no %s; name the folder that `flightbench run` printed", l.Dir, RunFile)
		}
		return fmt.Errorf("read the run in %s: %w", l.Dir, err)
	}
	if err := json.Unmarshal(b, &l.Run); err != nil {
		l.warn("%s is damaged, the run's header is lost: %v", RunFile, err)
		l.Run = Run{Schema: Schema, Name: filepath.Base(l.Dir), Status: StatusPartial}
		return nil
	}
	if l.Run.Schema > Schema {
		return fmt.Errorf("%s has schema %d, this version reads up to %d; use a newer flightbench", path, l.Run.Schema, Schema)
	}
	return nil
}

// parseTrials reads a line per trial. Lines that are none are skipped and
// told with their number.
func parseTrials(b []byte) (trials []*Trial, warnings []string) {
	seen := map[string]int{}
	for number := 1; len(b) > 0; number++ {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		b = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		t := &Trial{}
		err := json.Unmarshal(line, t)
		if err == nil {
			err = checkID(t.ID)
		}
		switch {
		case err != nil && !whole:
			warnings = append(warnings, fmt.Sprintf("%s: the last line (%d) is torn and skipped: the trial in progress was lost", TrialsFile, number))
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("%s: line %d is damaged and skipped: %v", TrialsFile, number, err))
		case seen[t.ID] > 0:
			warnings = append(warnings, fmt.Sprintf("%s: line %d is skipped: trial %s is on line %d already", TrialsFile, number, t.ID, seen[t.ID]))
		default:
			seen[t.ID] = number
			trials = append(trials, t)
		}
	}
	return trials, warnings
}

func (l *Loaded) openHlog() {
	path := filepath.Join(l.Dir, HlogFile)
	b, err := os.ReadFile(path)
	if err != nil {
		l.warn("no latency histogram could be read: %v", err)
	}
	var warnings []string
	l.hlog, warnings = indexHlog(path, b)
	l.Warnings = append(l.Warnings, warnings...)
	known := map[string]bool{}
	for _, t := range l.Trials {
		known[t.ID] = true
	}
	orphans := map[string]bool{}
	for tag := range l.hlog.lines {
		id, _, _ := cutLast(tag, ".")
		if !known[id] {
			orphans[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(orphans)) {
		l.warn("%s: holds histograms of trial %q, which %s does not", HlogFile, id, TrialsFile)
	}
}

// LatencyNames are the latencies of which t has histograms, in the order of
// Latencies.
func (l *Loaded) LatencyNames(t *Trial) []string {
	set := map[string]bool{}
	for name := range t.Hists {
		set[name] = true
	}
	if l.hlog != nil {
		for tag := range l.hlog.lines {
			if id, metric, ok := cutLast(tag, "."); ok && id == t.ID {
				set[metric] = true
			}
		}
	}
	return InOrder(set, Latencies)
}

// EachHistogram visits the histograms of one latency of t, an interval at a
// time, so that a long run needs no more memory than a short one. A trial
// that still holds its own (Trial.Hists) answers from them.
func (l *Loaded) EachHistogram(t *Trial, metric string, visit func(IntervalHistogram)) error {
	if e := t.Hists[metric]; e != nil {
		for _, iv := range e.Intervals {
			visit(iv.made())
		}
		return nil
	}
	if l.hlog == nil {
		return nil
	}
	return l.hlog.each(t.ID+"."+metric, t.Started, visit)
}

// Histograms are all the histograms of one latency of t; no Intervals where
// there are none.
func (l *Loaded) Histograms(t *Trial, metric string) (*Encoded, error) {
	e := &Encoded{}
	err := l.EachHistogram(t, metric, func(iv IntervalHistogram) { e.Intervals = append(e.Intervals, iv) })
	if err != nil {
		return nil, err
	}
	return e, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Incomplete says how much of r, which did not come to its end, n trials are.
// Of a run with Until, or of a search, Planned is but a guess at its beginning.
func (r Run) Incomplete(n int) string {
	if r.Planned <= n {
		return fmt.Sprintf("the run is not complete: %d trials are stored", n)
	}
	return fmt.Sprintf("the run is not complete: %d of %d planned trials are stored", n, r.Planned)
}
