package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The files of a run directory.
const (
	RunFile    = "run.json"
	TrialsFile = "trials.jsonl"
	HlogFile   = "latency.hlog"
	PlotsDir   = "plots"
	ReportFile = "report.html"
	lockFile   = "run.lock" // there while the run is written
)

// Writer stores a run as it happens. What Append returned nil for survives a
// full disk and a killed process. Safe for concurrent use.
type Writer struct {
	mu     sync.Mutex
	dir    string
	run    Run
	ids    map[string]bool
	trials *appendFile
	hlog   *appendFile
	lock   io.Closer
	closed bool
}

// Create makes the run directory <out>/<time>-<name>/, with out and its
// parents where they are missing, and stores run in it as partial. The time
// is run.Started in its own zone (now, where that is zero); a name that is
// taken gets -2, -3 and so on.
func Create(out string, run Run) (*Writer, error) {
	if out == "" {
		return nil, errors.New("no folder for the run directory is named; name one with --output")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, unwritable(out, err)
	}
	run = withDefaults(run)
	base := run.Started.Format("20060102-150405") + "-" + slug(run.Name)
	for n := 1; n < 1000; n++ {
		dir := filepath.Join(out, base)
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", dir, n)
		}
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, unwritable(out, err)
		}
		return newWriter(dir, run)
	}
	return nil, fmt.Errorf("1000 runs are named %s in %s already; give this one another --name", base, out)
}

// CreateAt is Create with dir itself as the run directory. It must be missing
// or empty.
func CreateAt(dir string, run Run) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, unwritable(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty (it holds %s); name an empty or a new folder", dir, entries[0].Name())
	}
	return newWriter(dir, withDefaults(run))
}

func withDefaults(run Run) Run {
	run.Schema = Schema
	run.Status = StatusPartial // until Close says otherwise: a killed process cannot
	if run.Started.IsZero() {
		run.Started = time.Now()
	}
	if run.Command == nil {
		run.Command = []string{}
	}
	return run
}

func unwritable(dir string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = fmt.Errorf("%s %s: %w", pe.Op, pe.Path, pe.Err)
	}
	return fmt.Errorf("cannot write results to %s: %w; choose a writable folder with --output", dir, err)
}

func newWriter(dir string, run Run) (_ *Writer, err error) {
	w := &Writer{dir: dir, run: run, ids: map[string]bool{}}
	defer func() {
		if err != nil {
			w.closeFiles()
			err = unwritable(dir, err)
		}
	}()
	if w.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err = w.writeRun(); err != nil {
		return nil, err
	}
	if w.trials, err = createAppendFile(filepath.Join(dir, TrialsFile)); err != nil {
		return nil, err
	}
	if w.hlog, err = createAppendFile(filepath.Join(dir, HlogFile)); err != nil {
		return nil, err
	}
	header, err := hlogHeader(run.Started)
	if err != nil {
		return nil, err
	}
	if err = w.hlog.append(header); err != nil {
		return nil, err
	}
	if err = w.trials.f.Sync(); err != nil {
		return nil, err
	}
	if err = syncDir(dir); err != nil {
		return nil, err
	}
	return w, nil
}

// Dir is the run directory.
func (w *Writer) Dir() string { return w.dir }

// Update changes the header that Close stores, for what is only known at the
// end (StealShare, say). Schema and Status are not its to change.
func (w *Writer) Update(change func(*Run)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.run)
	w.run.Schema, w.run.Status = Schema, StatusPartial
}

// Append stores t: its histograms, then its line, each synced. It sets tag
// and time stamps of t's histograms and changes nothing else. On an error
// nothing of t is stored, everything before it is, and Append may be called
// again. Figures that are no number (NaN, infinite) are left out of what is
// stored, with a warning in it.
func (w *Writer) Append(t *Trial) error {
	if err := checkID(t.ID); err != nil {
		return err
	}
	line, err := json.Marshal(t.Storable())
	if err != nil {
		return fmt.Errorf("trial %s: encode: %w", t.ID, err)
	}
	line = append(line, '\n')
	hists, err := encodeHists(t)
	if err != nil {
		return fmt.Errorf("trial %s: %w", t.ID, err)
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("trial %s: the run in %s is closed", t.ID, w.dir)
	}
	if w.ids[t.ID] {
		return fmt.Errorf("trial %s is stored already; every trial of a run needs an id of its own", t.ID)
	}
	// The line commits the trial: histograms without one are an orphan that
	// reading tells of, a line without its histograms would be a lie.
	before := w.hlog.size
	if len(hists) > 0 {
		if err := w.hlog.append(hists); err != nil {
			return fmt.Errorf("store trial %s: %w", t.ID, err)
		}
	}
	if err := w.trials.append(line); err != nil {
		if rerr := w.hlog.rewind(before); rerr != nil {
			err = errors.Join(err, rerr)
		}
		return fmt.Errorf("store trial %s: %w", t.ID, err)
	}
	w.ids[t.ID] = true
	return nil
}

// Close ends the run as StatusComplete or StatusPartial and closes its files.
// Ended is set where Update has not. A second Close does nothing.
func (w *Writer) Close(status string) error {
	if status != StatusComplete && status != StatusPartial {
		return fmt.Errorf("run status %q: want %q or %q", status, StatusComplete, StatusPartial)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	w.run.Status = status
	if w.run.Ended.IsZero() {
		w.run.Ended = time.Now()
	}
	return errors.Join(w.writeRun(), w.closeFiles())
}

// Run is the header as it stands.
func (w *Writer) Run() Run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.run
}

func (w *Writer) writeRun() error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(w.run); err != nil {
		return fmt.Errorf("encode %s: %w", RunFile, err)
	}
	return writeFileAtomic(filepath.Join(w.dir, RunFile), b.Bytes())
}

func (w *Writer) closeFiles() error {
	var errs []error
	for _, f := range []*appendFile{w.trials, w.hlog} {
		if f != nil {
			errs = append(errs, f.close())
		}
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Close())
	}
	return errors.Join(errs...)
}

var (
	unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	validID      = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	validMetric  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// slug makes name fit for a directory on every system.
func slug(name string) string {
	s := strings.Trim(unsafeInName.ReplaceAllString(name, "-"), "-.")
	if len(s) > 64 {
		s = strings.TrimRight(s[:64], "-.")
	}
	if s == "" {
		return "run"
	}
	return s
}

func checkID(id string) error {
	if !validID.MatchString(id) {
		return fmt.Errorf("trial id %q: want 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'", id)
	}
	return nil
}
