package suites

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/results/compare"
)

// reader turns the nodes of a suite into a Suite.
type reader struct {
	file
	suite  *Suite
	top    *node
	points []*node // of exclude and add, in the order of the suite
}

// key is a key of a suite and how its value is read.
type key struct {
	name string
	read func(*reader, *node) error
}

// keys are the keys of a suite in the order in which they are read.
func keys() []key {
	return []key{
		{"name", (*reader).name}, {"about", func(r *reader, n *node) (err error) { r.suite.About, err = r.scalar("about", n); return }},
		{"config", (*reader).config}, {"duration", fieldOnTop("duration")}, {"warmup", fieldOnTop("warmup")}, {"axes", (*reader).axes},
		{"design", (*reader).design}, {"targets", (*reader).targets}, {"server_cmd", (*reader).commands},
		{"server_uri", (*reader).serverURI}, {"ready", func(r *reader, n *node) (err error) { r.suite.Ready, err = r.scalar("ready", n); return }},
		{"ready_timeout", (*reader).readyTimeout}, {"exclude", (*reader).exclude}, {"add", (*reader).add}, {"repeat", (*reader).repeat},
		{"until", (*reader).until}, {"max_time", (*reader).maxTime}, {"gates", (*reader).gates},
	}
}

func keyNames() []string {
	var names []string
	for _, k := range keys() {
		names = append(names, k.name)
	}
	return names
}

// Parse reads a suite. Its error is one line that begins with
// FILE:LINE:COLUMN and says what was meant; it shows no value of a key that
// may be a secret.
func Parse(name string, text []byte) (*Suite, error) {
	r := &reader{file: file(name), suite: &Suite{Name: nameOf(name), Text: string(text), Repeat: 1, fields: map[string]*node{}}}
	r.suite.Matrix.Base = bench.DefaultConfig()
	var err error
	if r.top, err = r.read(text); err != nil {
		return nil, err
	}
	for _, e := range r.top.entries {
		if !slices.Contains(keyNames(), underscored(e.key.text)) {
			return nil, r.unknown(e.key, keyNames(), "")
		}
	}
	for _, k := range keys() {
		for _, e := range r.top.entries {
			if !same(e.key.text, k.name) {
				continue
			}
			if e.value.empty {
				return nil, r.errorf(e.key, "%s has no value: give one, or leave the key out", e.key.text)
			}
			if err := k.read(r, e.value); err != nil {
				return nil, err
			}
		}
	}
	if err := r.together(); err != nil {
		return nil, err
	}
	return r.suite, nil
}

// secret are names of keys that nothing of may be stored or shown.
var secret = regexp.MustCompile(`(?i)token|passw|secret|credential|authori[sz]ation|cookie|api.?key|private|payload`)

// byFlag are what the command line alone says, since it differs by who runs
// the suite, and where.
var byFlag = []string{"user", "cacert", "cert", "key", "server_name", "tls_min", "tls_skip_verify", "header", "output", "format"}

// unknown is the error of a key that is none of known.
func (r *reader) unknown(k *node, known []string, where string) error {
	name := underscored(k.text)
	switch {
	case secret.MatchString(k.text):
		return r.errorf(k, "%s is a secret, and a suite is stored with its results: give it on the command line, by --token-env, --password-env or a file", k.text)
	case where == "" && slices.Contains(bench.Fields(), name) && name != "target":
		return r.errorf(k, "%s is a field of a Config: put it under config, or with a list under axes", k.text)
	case where != "" && slices.Contains(keyNames(), name):
		return r.errorf(k, "%s is no field of a Config: put it at the top of the suite", k.text)
	case slices.Contains(byFlag, name):
		return r.errorf(k, "%s has no place in a suite: give it on the command line", k.text)
	}
	if near := nearest(k.text, known); near != "" {
		return r.errorf(k, "%s is unknown, did you mean %s?", k.text, near)
	}
	return r.errorf(k, "%s is unknown: use %s", k.text, strings.Join(known, ", "))
}

// scalar is a single value, given to the key name.
func (r *reader) scalar(name string, n *node) (string, error) {
	switch {
	case n.list != nil:
		return "", r.errorf(n, "%s takes one value, not a list", name)
	case n.entries != nil:
		return "", r.errorf(n, "%s takes one value, not keys: write it within quotes if it holds a colon or braces", name)
	case n.empty:
		return "", r.errorf(n, "%s has no value: give one, or leave it out", name)
	}
	return n.text, nil
}

func (r *reader) mapping(name string, n *node) ([]entry, error) {
	if n.entries == nil {
		return nil, r.errorf(n, "%s takes keys with their values", name)
	}
	return n.entries, nil
}

// fieldKey is the name of the Config field that k names.
func (r *reader) fieldKey(k *node, where string) (string, error) {
	name := underscored(k.text)
	if name == "target" && where != "exclude" && where != "add" {
		return "", r.errorf(k, "target is no field to set: name servers under targets or server_cmd")
	}
	known := slices.DeleteFunc(bench.Fields(), func(s string) bool { return s == "target" })
	if slices.Contains(bench.Fields(), name) {
		return name, nil
	}
	if _, err := bench.FieldName(name); err != nil && strings.Contains(err.Error(), "finds it out") && !slices.Contains(byFlag, name) {
		return "", r.errorf(k, "%s cannot be set: a trial finds it out", k.text)
	}
	return "", r.unknown(k, known, where)
}

// claim notes that the suite says the field, and refuses to have it said twice.
func (r *reader) claim(name string, k *node) error {
	if old := r.suite.fields[name]; old != nil {
		return r.errorf(k, "%s is given twice, first in line %d: leave one out", name, old.line)
	}
	if other := bench.Instead(name); r.suite.fields[other] != nil {
		return r.errorf(k, "%s and %s (line %d) say the same in two ways: give one of them", name, other, r.suite.fields[other].line)
	}
	r.suite.fields[name] = k
	return nil
}

func (r *reader) config(n *node) error {
	entries, err := r.mapping("config", n)
	for _, e := range entries {
		if err := r.field(e.key, e.value, "config"); err != nil {
			return err
		}
	}
	return err
}

// field sets one field of the base.
func (r *reader) field(k, v *node, where string) error {
	name, err := r.fieldKey(k, where)
	if err != nil {
		return err
	}
	if v.list != nil {
		return r.errorf(v, "config has one value a field: put the list of %s under axes", name)
	}
	value, err := r.scalar(name, v)
	if err != nil {
		return err
	}
	if err := r.claim(name, k); err != nil {
		return err
	}
	if err := r.suite.Matrix.Set(name, value); err != nil {
		return r.errorf(v, "%s", inSuite(err))
	}
	return nil
}

func fieldOnTop(name string) func(*reader, *node) error {
	return func(r *reader, n *node) error {
		return r.field(&node{line: n.line, column: n.column, text: name}, n, "")
	}
}

func (r *reader) name(n *node) error {
	s, err := r.scalar("name", n)
	r.suite.Name = s
	return err
}

func (r *reader) repeat(n *node) error {
	s, err := r.scalar("repeat", n)
	if err != nil {
		return err
	}
	if r.suite.Repeat, err = strconv.Atoi(s); err != nil || r.suite.Repeat < 1 {
		return r.errorf(n, "repeat %q is no positive whole number", s)
	}
	return nil
}

func (r *reader) until(n *node) error {
	s, err := r.scalar("until", n)
	if err != nil {
		return err
	}
	if r.suite.Until, err = bench.ParseUntil(s); err != nil {
		return r.errorf(n, "until: %v", err)
	}
	return nil
}

func (r *reader) maxTime(n *node) error {
	s, err := r.scalar("max_time", n)
	if err != nil {
		return err
	}
	if r.suite.MaxTime, err = time.ParseDuration(s); err != nil || r.suite.MaxTime <= 0 {
		return r.errorf(n, "max_time %q is no length of time (examples: 90s, 10m)", s)
	}
	return nil
}

func (r *reader) gates(n *node) error {
	if n.list == nil {
		return r.errorf(n, "gates takes a list: write - in front of each")
	}
	for _, g := range n.list {
		s, err := r.scalar("gates", g)
		if err != nil {
			return err
		}
		if _, err := compare.ParseGate(s); err != nil {
			return r.errorf(g, "%v", err)
		}
		r.suite.Gates = append(r.suite.Gates, s)
	}
	return nil
}

// together checks what the keys say of each other, and each point.
func (r *reader) together() error {
	s := r.suite
	if len(s.Targets)+len(s.Commands) > 0 {
		for _, name := range EmbeddedOnly {
			if k := s.fields[name]; k != nil {
				return r.errorf(k, "%s is for the embedded server, and the suite names a target: leave one of them out", name)
			}
		}
	}
	for _, name := range []string{"server_uri", "ready", "ready_timeout"} {
		if k := r.at(name); k != nil && len(s.Commands) == 0 {
			return r.errorf(k, "%s is of a server that is started: name one under server_cmd", name)
		}
	}
	if k := r.at("max_time"); k != nil && s.Until == 0 {
		return r.errorf(k, "max_time ends what until begins: give until, too, such as until: 2%%, or leave it out")
	}
	all, err := s.Plan()
	if k := r.at("max_time"); err == nil && k != nil { // else it is for whoever knows of --max-time
		if err := all.CheckUntil(); err != nil {
			return r.errorf(k, "%s", inSuite(err))
		}
	}
	if err != nil {
		return r.errorf(r.blame(err), "%s", inSuite(err))
	}
	if err := bench.CheckHeeded(all.Configs, func(flag string) bool {
		name := underscored(flag)
		return s.Says(name) && !(len(s.Matrix.Values(name)) == 1 && bench.Shapes(name))
	}); err != nil {
		return r.errorf(r.blame(err), "%s", inSuite(err))
	}
	// Points that change nothing are a slip of the pen.
	for i, p := range r.points {
		with := *s
		what := "excludes no point"
		if i < len(s.Matrix.Exclude) {
			with.Matrix.Exclude = slices.Delete(slices.Clone(s.Matrix.Exclude), i, i+1)
		} else {
			j := i - len(s.Matrix.Exclude)
			with.Matrix.Add = slices.Delete(slices.Clone(s.Matrix.Add), j, j+1)
			what = "adds no point"
		}
		without, err := with.Plan()
		if err == nil && len(without.Configs) == len(all.Configs) {
			return r.errorf(p, "this %s that would not be so without it: leave it out", what)
		}
	}
	return nil
}

// EmbeddedOnly are the fields that the embedded server alone understands.
var EmbeddedOnly = []string{"tls", "in_process", "middleware", "provoke"}

// at is the key name at the top, nil where there is none.
func (r *reader) at(name string) *node {
	for _, e := range r.top.entries {
		if same(e.key.text, name) {
			return e.key
		}
	}
	return nil
}

var flagWord = regexp.MustCompile(`--([a-z][a-z-]*[a-z])`)

// blame is the place of the first field that err names and the suite says, or
// else the top.
func (r *reader) blame(err error) *node {
	for _, m := range flagWord.FindAllStringSubmatch(err.Error(), -1) {
		if k := r.suite.fields[underscored(m[1])]; k != nil {
			return k
		}
	}
	return r.top
}

// inSuite words an error about flags for a suite: --put-ack is put_ack there.
func inSuite(err error) string {
	return flagWord.ReplaceAllStringFunc(err.Error(), func(flag string) string {
		name := underscored(strings.TrimPrefix(flag, "--"))
		if slices.Contains(bench.Fields(), name) || slices.Contains(keyNames(), name) {
			return name
		}
		return flag
	})
}
