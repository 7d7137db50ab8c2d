package compare

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/results"
)

// Options say what is compared and when a change counts. The zero value but
// for Detect is the comparison of two runs by their primary figures.
type Options struct {
	By      []string // within a run: the one field that is compared; of two runs: fields that may differ
	Base    string   // within a run: the value of By that the others are compared with; "": the first
	Figures []Figure // nil: the primary ones of each configuration
	All     bool     // every figure that there is, instead
	Detect  float64  // the change, as a fraction, below which no difference matters; 0.05 is 5 %
	Gates   []Gate
}

// ParseDetect reads a change that matters: "5%".
func ParseDetect(s string) (float64, error) {
	percent, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
	if err != nil || !ok || !(v > 0 && v < 100) {
		return 0, fmt.Errorf("%q is no change that could matter: write a percentage between 0 and 100, such as 5%%", s)
	}
	return v / 100, nil
}

// Validate says what is wrong with o for so many runs.
func (o Options) Validate(runs int) error {
	if !(o.Detect > 0 && o.Detect < 1) {
		return fmt.Errorf("detect %v: want a change between 0 and 1, such as 0.05 for 5 %%", o.Detect)
	}
	switch {
	case runs == 1 && len(o.By) != 1:
		return errors.New("one run is compared by one field of its configurations: add --by transport, or name a second run")
	case runs == 2 && o.Base != "":
		return errors.New("--base chooses among the values of one run: name one run and --by, or leave it out")
	case runs != 1 && runs != 2:
		return fmt.Errorf("%d runs: name OLD and NEW, or one run and --by", runs)
	}
	for _, f := range o.By {
		if _, ok := (results.Config{}).Axis(f); !ok {
			return fmt.Errorf("--by %q is no field of a configuration: there are %s", f, strings.Join(configFields(), ", "))
		}
	}
	return nil
}

// Comparison is what was found. Its JSON form is part of the contract.
type Comparison struct {
	Schema      int          `json:"schema"`
	Old         Side         `json:"old"`
	New         Side         `json:"new"`
	By          []string     `json:"by,omitempty"`
	Paired      bool         `json:"paired"`     // the sides were measured in the same rounds
	Confidence  float64      `json:"confidence"` // of every interval
	Alpha       float64      `json:"alpha"`      // chance of any false difference in the whole comparison
	Detect      float64      `json:"detect"`     // fraction
	Differences []Difference `json:"differences"`
	Notes       []string     `json:"notes"`
	Pairs       []Pair       `json:"pairs"`
	Gates       []Judgement  `json:"gates,omitempty"`
}

// Side is where one side of a comparison was read from.
type Side struct {
	Path    string `json:"path"`
	Name    string `json:"name"` // of the run, or the value of the compared field where all pairs have the same
	Version string `json:"version"`
	Started string `json:"started"`
}

// Pair is one configuration, measured on both sides.
type Pair struct {
	Label  string         `json:"label"` // tells it from the other pairs
	From   string         `json:"from"`  // old's side in a word
	To     string         `json:"to"`
	Config results.Config `json:"config"` // old's
	Cells  []Cell         `json:"cells"`

	old, new []*results.Trial // that count
	newFull  results.Config
}

// Runs compares old and new where there are two runs, else the values of the
// one's field.
func Runs(runs []*results.Loaded, o Options) (*Comparison, error) {
	if err := o.Validate(len(runs)); err != nil {
		return nil, err
	}
	if len(runs) == 1 {
		return Within(runs[0], o)
	}
	return Between(runs[0], runs[1], o)
}

// Between compares two runs, old before new.
func Between(old, new *results.Loaded, o Options) (*Comparison, error) {
	if err := o.Validate(2); err != nil {
		return nil, err
	}
	pairs, notes, err := pairRuns(old.Trials, new.Trials, o.By)
	if err != nil {
		return nil, err
	}
	c := &Comparison{By: o.By, Old: sideOf(old), New: sideOf(new), Notes: notes}
	c.Differences = environments(old.Run, new.Run)
	if err := c.compare(pairs, o); err != nil {
		return nil, err
	}
	if gap := new.Run.Started.Sub(old.Run.Started).Abs(); !old.Run.Started.IsZero() && !new.Run.Started.IsZero() {
		c.note("the runs began %s apart, and what else changed meanwhile counts as a change: measure both in one run to rule that out", gap.Round(time.Second))
	}
	return c, nil
}

// Within compares the values of one field in a run.
func Within(run *results.Loaded, o Options) (*Comparison, error) {
	if err := o.Validate(1); err != nil {
		return nil, err
	}
	pairs, err := pairWithin(run.Trials, o.By[0], o.Base)
	if err != nil {
		return nil, err
	}
	c := &Comparison{By: o.By, Old: sideOf(run), New: sideOf(run), Paired: true}
	if c.Old.Name, c.New.Name = pairs[0].from, pairs[0].to; slices.ContainsFunc(pairs, func(p pairing) bool { return p.to != c.New.Name }) {
		c.New.Name = "other"
	}
	return c, c.compare(pairs, o)
}

func (c *Comparison) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

func sideOf(l *results.Loaded) Side {
	s := Side{Path: l.Dir, Name: l.Run.Name, Version: l.Run.Version}
	if s.Name == "" {
		s.Name = filepath.Base(l.Dir)
	}
	if !l.Run.Started.IsZero() {
		s.Started = l.Run.Started.Format("2006-01-02T15:04:05Z07:00")
	}
	return s
}

// compare fills c in.
func (c *Comparison) compare(pairs []pairing, o Options) error {
	c.Schema, c.Confidence, c.Alpha, c.Detect = results.Schema, confidence, 1-confidence, o.Detect
	for _, p := range pairs {
		if len(p.old.Trials) == 0 || len(p.new.Trials) == 0 {
			side := p.from
			if len(p.old.Trials) > 0 {
				side = p.to
			}
			c.note("%s: %s has no trial that ended well: left out", p.name(), side)
			continue
		}
		c.Pairs = append(c.Pairs, Pair{Label: p.label, From: p.from, To: p.to, Config: p.old.Config, old: p.old.Trials, new: p.new.Trials, newFull: p.new.Config})
	}
	if len(c.Pairs) == 0 {
		return errors.New("no configuration has a trial on both sides that ended well (status ok, verdict not incomplete): `flightbench report` tells what went wrong")
	}
	c.Differences = append(c.Differences, configurations(c.Pairs, c.By, c.Paired)...)
	c.doubts()
	c.measure(o)
	for _, g := range o.Gates {
		j, err := c.judge(g)
		if err != nil {
			return err
		}
		c.Gates = append(c.Gates, j...)
	}
	return nil
}

func (p pairing) name() string { return Pair{Label: p.label, From: p.from, To: p.to}.Name() }

// Name tells the pair from all others.
func (p Pair) Name() string {
	if p.From == "old" && p.To == "new" {
		if p.Label == "" {
			return "all"
		}
		return p.Label
	}
	if p.Label == "" {
		return p.From + " → " + p.To
	}
	return p.Label + ": " + p.From + " → " + p.To
}

// doubts tells of trials that count although their verdict is not valid.
func (c *Comparison) doubts() {
	verdicts := map[string]map[*results.Trial]bool{}
	all := map[*results.Trial]bool{}
	for _, p := range c.Pairs {
		for _, t := range slices.Concat(p.old, p.new) {
			all[t] = true
			if t.Verdict != results.VerdictValid && t.Verdict != "" {
				if verdicts[t.Verdict] == nil {
					verdicts[t.Verdict] = map[*results.Trial]bool{}
				}
				verdicts[t.Verdict][t] = true
			}
		}
	}
	for _, v := range results.InOrder(verdicts, nil) {
		c.note("%d of %d trials are %s: what they say about the server is in doubt", len(verdicts[v]), len(all), v)
	}
}

// Count is how many cells have the outcome.
func (c *Comparison) Count(outcome string) (n int) {
	for _, p := range c.Pairs {
		for _, cell := range p.Cells {
			if cell.Outcome == outcome {
				n++
			}
		}
	}
	return n
}

// cells is how many there are.
func (c *Comparison) cells() (n int) {
	for _, p := range c.Pairs {
		n += len(p.Cells)
	}
	return n
}

// Missed tells whether a gate is missed, and Untold whether one cannot be told.
func (c *Comparison) Missed() bool { return c.anyGate(GateMissed) }

// Untold tells whether it cannot be told of some gate whether it is missed.
func (c *Comparison) Untold() bool { return c.anyGate(GateUntold) }

func (c *Comparison) anyGate(status string) bool {
	return slices.ContainsFunc(c.Gates, func(j Judgement) bool { return j.Status == status })
}

// finite is v where it is a number, else nil, which JSON can hold.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// Trials are those of p that count, of old and of new.
func (p Pair) Trials() (old, new []*results.Trial) { return p.old, p.new }
