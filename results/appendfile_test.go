package results

import (
	"errors"
	"path/filepath"
	"testing"
)

// fullDisk is a disk with room for a number of bytes.
type fullDisk struct {
	content []byte
	room    int
	syncErr error
}

var errFull = errors.New("no space left on device")

func (d *fullDisk) WriteAt(p []byte, off int64) (int, error) {
	n := min(len(p), max(0, d.room-int(off)))
	d.content = append(d.content[:off:off], p[:n]...)
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}
func (d *fullDisk) Truncate(n int64) error { d.content = d.content[:n]; return nil }
func (d *fullDisk) Sync() error            { return d.syncErr }
func (d *fullDisk) Close() error           { return nil }

func TestFullDiskKeepsWhatIsStored(t *testing.T) {
	d := &fullDisk{room: 10}
	a := &appendFile{name: "x", f: d}
	steps := []struct {
		record, content string
		room            int
		sync, err       error
	}{
		{record: "one\n", content: "one\n", room: 10},
		{record: "two two\n", content: "one\n", room: 10, err: errFull},
		{record: "three\n", content: "one\nthree\n", room: 10},
		{record: "four\n", content: "one\nthree\n", room: 99, sync: errFull, err: errFull},
		{record: "five\n", content: "one\nthree\nfive\n", room: 99},
	}
	for _, s := range steps {
		d.room, d.syncErr = s.room, s.sync
		if err := a.append([]byte(s.record)); !errors.Is(err, s.err) {
			t.Errorf("append %q: %v, want %v", s.record, err, s.err)
		}
		if string(d.content) != s.content {
			t.Errorf("after %q the file is %q, want %q", s.record, d.content, s.content)
		}
	}
}

// A trial whose line does not fit leaves no histograms behind.
func TestFullDiskTakesHistogramsBack(t *testing.T) {
	w, err := Create(t.TempDir(), Run{Name: "full"})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHistogram()
	if err := h.RecordValue(5000); err != nil {
		t.Fatal(err)
	}
	tr := &Trial{ID: "1", Status: StatusOK, Hists: map[string]*Encoded{"stream": {Intervals: []IntervalHistogram{{Seconds: 1, Histogram: h}}}}}
	disk := &fullDisk{}
	real := w.trials
	w.trials = &appendFile{name: TrialsFile, f: disk}
	head := w.hlog.size
	if err := w.Append(tr); !errors.Is(err, errFull) {
		t.Fatalf("append to a full disk: %v", err)
	}
	if w.hlog.size != head {
		t.Errorf("latency.hlog is %d bytes, want %d", w.hlog.size, head)
	}
	w.trials = real
	if err := w.Append(tr); err != nil {
		t.Fatalf("append once there is room: %v", err)
	}
	if err := w.Close(StatusComplete); err != nil {
		t.Fatal(err)
	}
	l, err := Open(w.Dir())
	if err != nil || len(l.Trials) != 1 || len(l.Warnings) != 0 {
		t.Fatalf("%v: %+v", err, l)
	}
	if e, err := l.Histograms(l.Trials[0], "stream"); err != nil || len(e.Intervals) != 1 {
		t.Errorf("histograms: %+v, %v", e, err)
	}
	if m, _ := filepath.Glob(filepath.Join(w.Dir(), "*.tmp")); len(m) != 0 {
		t.Errorf("left behind: %v", m)
	}
}
