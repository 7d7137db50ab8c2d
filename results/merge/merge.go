// Package merge makes one run of several that generators on several machines
// (or several processes on one) measured at the same time against the same
// server. Its trials are those of the parts, paired by Config and round; their
// figures are of the window that the parts have in common.
package merge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightbench/results"
)

// Merge is runs that fit together. Nothing of their histograms is in memory.
type Merge struct {
	parts []*part
	sets  []set
	notes []string
}

// part is one of the runs.
type part struct {
	*results.Loaded
	name   string
	left   int
	offset time.Duration
	cut    float64
}

// New pairs the trials of runs, of which there are two at least. It refuses runs of different Configs, servers or windows.
func New(runs []*results.Loaded) (*Merge, error) {
	if len(runs) < 2 {
		return nil, errors.New("one run is nothing to merge: name two run directories or more")
	}
	m := &Merge{}
	for _, l := range runs {
		if err := usable(l); err != nil {
			return nil, err
		}
		m.parts = append(m.parts, &part{Loaded: l})
	}
	if err := m.distinct(); err != nil {
		return nil, err
	}
	m.name()
	if err := m.pair(); err != nil {
		return nil, err
	}
	for i := range m.sets {
		if err := m.fit(&m.sets[i]); err != nil {
			return nil, err
		}
	}
	m.tell()
	return m, nil
}

// Open reads a run directory. It refuses a JSON document, which holds no
// histograms.
func Open(dir string) (*results.Loaded, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no run directory: merging adds histograms, and only a directory's %s holds them", dir, results.HlogFile)
	}
	return results.Open(dir)
}

// usable refuses runs that a merge would lie of.
func usable(l *results.Loaded) error {
	if len(l.Trials) == 0 {
		return fmt.Errorf("%s holds no trial", l.Dir)
	}
	for _, t := range l.Trials {
		if c := t.Config; c.InProcess || c.Target == "embedded" {
			return fmt.Errorf("%s measured a server that it started itself: generators whose runs are merged measure one server, begun with `flightbench serve` and named by its URI", l.Dir)
		}
	}
	return nil
}

// distinct refuses a run that is named twice, by itself or as a part of a
// merged one.
func (m *Merge) distinct() error {
	seen := map[identity]*part{}
	for _, p := range m.parts {
		for _, id := range identities(p.Run.Environment, p.Run.Started, p.Run.Parts) {
			if other := seen[id]; other != nil {
				return fmt.Errorf("%s and %s hold the same run, which %s began at %s: it would count twice", other.Dir, p.Dir, results.Clean(id.host), time.Unix(0, id.started).UTC().Format(time.RFC3339))
			}
			seen[id] = p
		}
	}
	return nil
}

// identity is the machine and the nanosecond that a run began at.
type identity struct {
	host    string
	started int64
}

// identities are those of the runs that were measured.
func identities(e results.Environment, started time.Time, parts []results.MergedPart) (ids []identity) {
	for _, p := range parts {
		ids = append(ids, identities(p.Environment, p.Started, p.Parts)...)
	}
	if len(parts) == 0 {
		ids = append(ids, identity{e.Hostname, started.UnixNano()})
	}
	return ids
}

// name names the generators: by host, or where that tells them not apart by
// their folders.
func (m *Merge) name() {
	for _, of := range []func(*part) string{
		func(p *part) string { return results.Clean(p.Run.Environment.Hostname) },
		func(p *part) string { return filepath.Base(p.Dir) },
		func(p *part) string { return p.Dir },
	} {
		names := map[string]bool{}
		for _, p := range m.parts {
			p.name = of(p)
			names[p.name] = true
		}
		if len(names) == len(m.parts) && !names[""] {
			return
		}
	}
}

// Notes tell what is worth knowing of the merge itself.
func (m *Merge) Notes() []string { return m.notes }

// tell notes how well the windows fit.
func (m *Merge) tell() {
	var late time.Duration
	var cuts []string
	for _, p := range m.parts {
		late = max(late, p.offset)
		cuts = append(cuts, fmt.Sprintf("%s of %s", results.FormatNumber(p.cut*100)+" %", p.name))
	}
	m.notes = append(m.notes, fmt.Sprintf("windows began up to %s apart, by clocks that are taken to be synchronised; left out of a window at most: %s",
		results.FormatSeconds(late.Seconds()), strings.Join(cuts, ", ")))
}

// Trials makes the merged trials, one after another, and gives each to visit.
func (m *Merge) Trials(visit func(*results.Trial) error) error {
	for _, s := range m.sets {
		t, err := m.merged(s)
		if err != nil {
			return err
		}
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}

// Run is the header of the merged run. Name, Version and Command are the
// caller's to set.
func (m *Merge) Run() results.Run {
	first := m.parts[0].Run
	r := results.Run{Schema: results.Schema, Suite: first.Suite, Started: first.Started, Seed: first.Seed, Planned: len(m.sets), Environment: m.environment()}
	for _, p := range m.parts {
		if p.Run.Started.Before(r.Started) {
			r.Started = p.Run.Started
		}
		if p.Run.Suite != r.Suite {
			r.Suite = ""
		}
		r.Parts = append(r.Parts, results.MergedPart{Name: p.name, Dir: p.Dir, Version: p.Run.Version, Command: p.Run.Command, Started: p.Run.Started,
			Environment: p.Run.Environment, Parts: p.Run.Parts, Left: p.left, Offset: p.offset.Seconds(), Cut: p.cut})
	}
	return r
}

// Status is that of the merged run: complete where all parts are and nothing
// was left out.
func (m *Merge) Status() string {
	for _, p := range m.parts {
		if p.left > 0 || p.Run.Status != results.StatusComplete {
			return results.StatusPartial
		}
	}
	return results.StatusComplete
}

// environment is that of all generators: what differs is joined by " + ", cores
// and memory of different hosts are added.
func (m *Merge) environment() results.Environment {
	e := m.parts[0].Run.Environment
	hosts := []string{e.Hostname}
	for _, p := range m.parts[1:] {
		o := p.Run.Environment
		for _, f := range []struct {
			to  *string
			its string
		}{{&e.Hostname, o.Hostname}, {&e.OS, o.OS}, {&e.Kernel, o.Kernel}, {&e.Arch, o.Arch}, {&e.CPU, o.CPU}, {&e.Governor, o.Governor}, {&e.Virtual, o.Virtual},
			{&e.ClockSource, o.ClockSource}, {&e.Go, o.Go}, {&e.GRPC, o.GRPC}, {&e.Arrow, o.Arrow}, {&e.GOGC, o.GOGC}, {&e.GOMEMLIMIT, o.GOMEMLIMIT}} {
			if !slices.Contains(strings.Split(*f.to, " + "), f.its) {
				*f.to += " + " + f.its
			}
		}
		if !slices.Contains(hosts, o.Hostname) {
			hosts = append(hosts, o.Hostname)
			e.Cores += o.Cores
			e.MemoryBytes += o.MemoryBytes
		}
		e.GOMAXPROCS += o.GOMAXPROCS
		e.StealShare = max(e.StealShare, o.StealShare)
	}
	return e
}
