package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Resume opens the run directory dir to go on with an interrupted run. The
// Loaded holds what is kept: the trials that ended ok, and of a search those
// that failed, too, because what it did next followed from them. What else is stored,
// partial and failed trials, torn and damaged lines, is taken out, and
// Loaded.Warnings tell of it. It fails where another process writes dir, and
// where the run has no Plan.
func Resume(dir string) (_ *Writer, _ *Loaded, err error) {
	if _, err := os.Stat(filepath.Join(dir, RunFile)); err != nil {
		return nil, nil, fmt.Errorf("%s is no run directory: it has no %s; name the folder that `flightbench run` printed", dir, RunFile)
	}
	w := &Writer{dir: dir, ids: map[string]bool{}}
	if w.lock, err = lockDir(dir); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.closeFiles())
		}
	}()
	l, err := Open(dir)
	if err != nil {
		return nil, nil, err
	}
	if l.Run.Plan == nil {
		return nil, nil, fmt.Errorf("%s cannot be gone on with: its %s holds no plan, being damaged or of an older flightbench; measure anew", dir, RunFile)
	}
	if err := l.keepFinished(); err != nil {
		return nil, nil, err
	}
	for _, t := range l.Trials {
		w.ids[t.ID] = true
	}
	if w.trials, err = reopen(filepath.Join(dir, TrialsFile), keepTrialLine(w.ids)); err != nil {
		return nil, nil, unwritable(dir, err)
	}
	if w.hlog, err = reopen(filepath.Join(dir, HlogFile), keepHlogLine(w.ids)); err != nil {
		return nil, nil, unwritable(dir, err)
	}
	if w.hlog.size == 0 {
		header, err := hlogHeader(l.Run.Started)
		if err == nil {
			err = w.hlog.append(header)
		}
		if err != nil {
			return nil, nil, unwritable(dir, err)
		}
	}
	w.run = l.Run
	w.run.Status, w.run.Ended = StatusPartial, time.Time{}
	w.run.Resumed = append(w.run.Resumed, time.Now())
	if err := errors.Join(w.writeRun(), syncDir(dir)); err != nil {
		return nil, nil, unwritable(dir, err)
	}
	return w, l, nil
}

// keepFinished leaves of l what stands, and refuses trials that the plan does
// not have.
func (l *Loaded) keepFinished() error {
	var kept []*Trial
	again := map[string]int{}
	for _, t := range l.Trials {
		search := l.Run.Plan.Search
		if p := t.place(); !search && (p < 1 || p > len(l.Run.Plan.Points) || t.Round < 1 || t.Round > l.Run.Plan.Repeat && l.Run.Plan.Until == 0) {
			return fmt.Errorf("%s: trial %s is none of the plan in %s: the files are not of one run", l.Dir, t.ID, RunFile)
		}
		if t.Status == StatusOK || search && t.Status == StatusFailed {
			kept = append(kept, t)
		} else {
			again[t.Status]++
		}
	}
	l.Trials = kept
	for _, status := range InOrder(again, []string{StatusPartial, StatusFailed}) {
		l.warn("trials that are %s: %d, to be measured again", status, again[status])
	}
	return nil
}

// keepTrialLine keeps the first line of each trial of ids.
func keepTrialLine(ids map[string]bool) func(line []byte) bool {
	seen := map[string]bool{}
	return func(line []byte) bool {
		t := &Trial{}
		if json.Unmarshal(line, t) != nil || !ids[t.ID] || seen[t.ID] {
			return false
		}
		seen[t.ID] = true
		return true
	}
}

// keepHlogLine keeps the head of the log, and the histograms of ids.
func keepHlogLine(ids map[string]bool) func(line []byte) bool {
	return func(line []byte) bool {
		if len(line) == 0 || line[0] == '#' || line[0] == '"' {
			return true
		}
		tag, _, err := parseHlogLine(string(line), &hlogLine{})
		id, _, _ := cutLast(tag, ".")
		return err == nil && ids[id]
	}
}

// reopen opens the file path to append to, made if it is missing, with only
// the lines that keep says. The old content or the new is there at any moment.
// A last line without its end is given one if it is kept.
func reopen(path string, keep func(line []byte) bool) (_ *appendFile, err error) {
	old, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createAppendFile(path)
	}
	if err != nil {
		return nil, err
	}
	defer old.Close()
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	in, out := bufio.NewReaderSize(old, 1<<16), bufio.NewWriterSize(f, 1<<16)
	size := int64(0)
	for {
		line, rerr := in.ReadBytes('\n')
		if rerr != nil && rerr != io.EOF {
			return nil, rerr
		}
		if text := bytes.TrimRight(line, "\r\n"); len(text) > 0 && keep(text) {
			out.Write(text)
			out.WriteByte('\n')
			size += int64(len(text)) + 1
		}
		if rerr == io.EOF {
			break
		}
	}
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, err
	}
	return &appendFile{name: path, f: f, size: size}, nil
}
