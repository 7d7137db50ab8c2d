// Package suites reads suites: YAML files that say what a run measures. It
// holds those that flightbench comes with.
package suites

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightbench/bench"
)

// Tour is the suite that a bare run measures.
const Tour = "tour"

// Suite is what a run measures, and against what, as its YAML says. Nothing in
// it is a secret: those are refused.
type Suite struct {
	Name   string
	About  string // what question it answers; its first sentence is the summary
	Text   string // the YAML itself
	Matrix bench.Matrix
	Repeat int // rounds, 1 at least

	Until   float64       // as in bench.Plan; 0 where the suite does not say
	MaxTime time.Duration // 0 where it does not say

	Targets      []Server // those that are there
	Commands     []Server // those to start
	ServerURI    string   // where a started one listens; "" for the default, as the next two
	Ready        string
	ReadyTimeout time.Duration

	Gates []string

	fields map[string]*node // the Config fields that the suite sets or varies, and where
}

// Server is a server by its name: a URI, or the command that starts it.
type Server struct{ Name, Is string }

// Says tells whether the suite itself sets or varies the Config field name.
func (s *Suite) Says(name string) bool { return s.fields[underscored(name)] != nil }

// Plan is what the suite measures by itself, with seed from its Config.
func (s *Suite) Plan() (bench.Plan, error) {
	m := s.Matrix
	if servers := slices.Concat(s.Targets, s.Commands); len(servers) > 0 {
		names := make([]string, len(servers))
		for i, t := range servers {
			names[i] = t.Name
		}
		if err := m.Vary(bench.Axis{Name: "target", Values: names}); err != nil {
			return bench.Plan{}, err
		}
	}
	if err := m.Imply(s.Says); err != nil {
		return bench.Plan{}, err
	}
	configs, err := m.Expand()
	p := bench.Plan{Configs: configs, Repeat: s.Repeat, Seed: m.Base.Seed, Until: s.Until}
	if p.Until > 0 {
		p.MaxTime = cmp.Or(s.MaxTime, bench.MaxTime)
	}
	return p, err
}

// Summary is the first sentence of About.
func (s *Suite) Summary() string {
	text := strings.Join(strings.Fields(s.About), " ")
	if i := strings.IndexAny(text, "?."); i >= 0 && (i+1 == len(text) || text[i+1] == ' ') {
		return strings.TrimSuffix(text[:i+1], ".")
	}
	return text
}

//go:embed *.yaml
var embedded embed.FS

// Names are the embedded suites, the tour first.
func Names() []string {
	files, err := fs.Glob(embedded, "*.yaml")
	if err != nil {
		panic("suites: " + err.Error()) // the pattern is ours
	}
	names := []string{Tour}
	for _, f := range files {
		if name := strings.TrimSuffix(f, ".yaml"); name != Tour {
			names = append(names, name)
		}
	}
	return names
}

// Embedded returns an embedded suite by its name.
func Embedded(name string) (*Suite, error) {
	text, err := embedded.ReadFile(name + ".yaml")
	if err != nil {
		hint := ""
		if near := nearest(name, Names()); near != "" {
			hint = fmt.Sprintf(", did you mean %s?", near)
		}
		return nil, fmt.Errorf("no suite is named %q%s There are %s; a file's name ends in .yaml or holds a /", name, orStop(hint), strings.Join(Names(), ", "))
	}
	return Parse("suite "+name, text)
}

func orStop(hint string) string {
	if hint == "" {
		return "."
	}
	return hint
}

// Load returns the embedded suite or the file that is named: a file's name has
// a folder, or ends in .yaml or .yml.
func Load(name string) (*Suite, error) {
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" && !strings.ContainsAny(name, `/\`) {
		return Embedded(name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("read the suite %s: %w", name, err)
	}
	return Parse(name, text)
}

// nameOf is the name of a suite that does not say its own.
func nameOf(file string) string {
	base := filepath.Base(strings.TrimPrefix(file, "suite "))
	return strings.TrimSuffix(base, filepath.Ext(base))
}
