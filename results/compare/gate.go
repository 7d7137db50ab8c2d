package compare

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"flightbench/results"
)

// Gate is a limit to a figure: to what it is, "first_batch.p99<=5ms", or to
// its change from old to new, "body_bytes_per_second>=-3%".
type Gate struct {
	Figure   Figure  `json:"metric"`
	Op       string  `json:"op"`       // <= or >=
	Limit    float64 `json:"limit"`    // base unit, or where Relative a fraction of old
	Relative bool    `json:"relative"` // a limit to the change

	unit string // what Limit is in, unless Relative: ns, B/s, B, % (a fraction), "" for a bare number
}

const gateExamples = "write METRIC<=VALUE or METRIC>=VALUE, such as 'body_bytes_per_second>=-3%' and 'batch_gap.p99<=+10%' for a change, or 'first_batch.p99<=5ms' and 'errors<=0.1%'"

var gateForm = regexp.MustCompile(`^\s*([A-Za-z0-9_.]+)\s*(<=|>=)\s*([+-]?)\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9]*)\s*$`)

// gateUnits are the units that a value may have, as multiples of what.
var gateUnits = map[string]struct {
	unit   string
	factor float64
}{
	"": {"", 1}, "%": {"%", 0.01},
	"ns": {"ns", 1}, "us": {"ns", 1e3}, "µs": {"ns", 1e3}, "ms": {"ns", 1e6}, "s": {"ns", 1e9}, "m": {"ns", 60e9},
	"B/s": {"B/s", 1}, "kB/s": {"B/s", 1e3}, "MB/s": {"B/s", 1e6}, "GB/s": {"B/s", 1e9}, "TB/s": {"B/s", 1e12},
	"KiB/s": {"B/s", 1 << 10}, "MiB/s": {"B/s", 1 << 20}, "GiB/s": {"B/s", 1 << 30},
	"B": {"B", 1}, "kB": {"B", 1e3}, "MB": {"B", 1e6}, "GB": {"B", 1e9}, "KiB": {"B", 1 << 10}, "MiB": {"B", 1 << 20}, "GiB": {"B", 1 << 30},
	"k": {"", 1e3}, "M": {"", 1e6}, "G": {"", 1e9},
}

// ParseGate reads a gate: METRIC, <= or >=, VALUE. A signed percentage is a
// limit to the change from old to new; anything else is one to the figure
// itself. An error says what to write instead.
func ParseGate(s string) (Gate, error) {
	m := gateForm.FindStringSubmatch(s)
	if m == nil {
		return Gate{}, fmt.Errorf("gate %q: %s", s, gateExamples)
	}
	f, err := ParseFigure(m[1])
	if err != nil {
		return Gate{}, fmt.Errorf("gate %w", err)
	}
	v, err := strconv.ParseFloat(m[3]+m[4], 64)
	if err != nil {
		return Gate{}, fmt.Errorf("gate %q: %s%s is no number", s, m[3], m[4])
	}
	unit, ok := gateUnits[m[5]]
	if !ok {
		return Gate{}, fmt.Errorf("gate %q: unit %q is unknown: use %%, ns, us, ms, s, B/s, MB/s, GB/s, MiB, k, M or none", s, m[5])
	}
	g := Gate{Figure: f, Op: m[2], Limit: v * unit.factor, Relative: m[3] != "" && unit.unit == "%", unit: unit.unit}
	good := "<="
	if f.Better() == "higher" {
		good = ">="
	}
	switch {
	case m[3] != "" && !g.Relative:
		return Gate{}, fmt.Errorf("gate %q: a sign is for a change in percent, such as %s%s%s5%%", s, f, good, m[3])
	case !g.Relative && g.unit == "%" && f != "error_share":
		return Gate{}, fmt.Errorf("gate %q: a change in percent needs a sign: %s%s+%s%% or %s%s-%s%%", s, f, m[2], m[4], f, m[2], m[4])
	case g.Op != good:
		return Gate{}, fmt.Errorf("gate %q: of %s %s is better: write %s%s%s%s%s", s, f, map[string]string{"<=": "less", ">=": "more"}[good], f, good, m[3], m[4], m[5])
	case g.Relative && v <= -100:
		return Gate{}, fmt.Errorf("gate %q: nothing can fall by 100 %% or more", s)
	case !g.Relative && f == "error_share" && g.Limit >= 1:
		return Gate{}, fmt.Errorf("gate %q: not more than all can fail, so it is always met: write a share below 100 %%, such as errors<=0.1%%", s)
	}
	if u := f.unit(); u != "" && !g.Relative { // rather now than once all is measured
		if _, err := g.scale(u); err != nil {
			return Gate{}, err
		}
	}
	return g, nil
}

// String is the gate as it may be written.
func (g Gate) String() string {
	if g.Relative {
		return fmt.Sprintf("%s%s%+g%%", g.Figure, g.Op, math.Round(g.Limit*1e8)/1e6)
	}
	unit, factor := g.unit, 1.0
	switch g.unit {
	case "%":
		factor = 0.01
	case "ns", "B/s", "B":
		for _, u := range []string{"ns", "us", "ms", "s", "B/s", "kB/s", "MB/s", "GB/s", "B", "kB", "MB", "GB"} {
			if of := gateUnits[u]; of.unit == g.unit && g.Limit >= of.factor {
				unit, factor = u, of.factor
			}
		}
	}
	return fmt.Sprintf("%s%s%s%s", g.Figure, g.Op, strconv.FormatFloat(math.Round(g.Limit/factor*1e6)/1e6, 'f', -1, 64), unit)
}

// Statuses of a Judgement.
const (
	GateMet    = "met"
	GateMissed = "missed"
	GateUntold = "cannot tell"
)

// Judgement is what became of a gate at one configuration.
type Judgement struct {
	Gate   string  `json:"gate"`
	Pair   string  `json:"pair,omitempty"`
	Status string  `json:"status"`
	Value  float64 `json:"value"` // what the gate limits: base unit, or a fraction where it limits a change
	Text   string  `json:"text"`  // what was found, for people
}

// Judge holds g against c.
//
// A gate on the figure itself is missed where new's median is beyond the limit.
// A gate on the change is told by the change itself once that is known: where
// the cell's outcome is better or worse, or its whole interval lies on one side
// of the limit. Else it cannot be told.
func (g Gate) Judge(c Cell) (Judgement, error) {
	if g.Relative {
		return g.judgeChange(c), nil
	}
	return g.judgeValue(results.Metric{Value: c.New.Median, Unit: c.Unit, Better: c.Better}, c.New)
}

func (g Gate) judgeChange(c Cell) Judgement {
	j := Judgement{Gate: g.String(), Status: GateUntold, Text: c.Word}
	if c.Change == nil {
		return j
	}
	j.Value, j.Text = *c.Change, c.changeText()+", "+c.Word
	known := c.Outcome == Better || c.Outcome == Worse
	if c.ChangeLow != nil && c.ChangeHigh != nil {
		known = known || g.met(*c.ChangeLow) == g.met(*c.ChangeHigh)
	}
	switch {
	case !known:
	case g.met(*c.Change):
		j.Status = GateMet
	default:
		j.Status = GateMissed
	}
	return j
}

// JudgeTrials holds a gate on the figure itself against the median of trials,
// such as those of one load, whatever became of them. It is an error where
// none has the figure, or where the gate limits a change.
func (g Gate) JudgeTrials(trials []*results.Trial) (Judgement, error) {
	if g.Relative {
		return Judgement{}, fmt.Errorf("gate %s limits a change, and there is nothing to compare with: give a value, such as %s%s5ms", g, g.Figure, g.Op)
	}
	rounds := roundsOf(trials)
	values, m, ok := series(trials, g.Figure, rounds)
	if !ok {
		return Judgement{}, fmt.Errorf("gate %s: no trial has %s", g, g.Figure)
	}
	s := sampleOf(values)
	m.Value = s.Median
	return g.judgeValue(m, s)
}

// judgeValue holds g against m, the median of s.
func (g Gate) judgeValue(m results.Metric, s Sample) (Judgement, error) {
	factor, err := g.scale(m.Unit)
	if err != nil {
		return Judgement{}, err
	}
	j := Judgement{Gate: g.String(), Status: GateMissed, Value: m.Value, Text: FormatFigure(g.Figure, m)}
	if s.N > 1 {
		j.Text += fmt.Sprintf(" (median of %d)", s.N)
	}
	if g.met(m.Value * factor) {
		j.Status = GateMet
	}
	return j, nil
}

func (g Gate) met(v float64) bool {
	if g.Op == "<=" {
		return v <= g.Limit
	}
	return v >= g.Limit
}

// scale is how many of what the limit is written in one unit of a figure is.
func (g Gate) scale(unit string) (float64, error) {
	base, _, _ := strings.Cut(unit, "/")
	switch {
	case g.unit == unit, g.unit == "" && unit != "ns", g.unit == "B" && base == "B" && unit != "B/s", g.unit == "%" && unit == "1":
		return 1, nil
	case g.unit == "ns" && base == "s": // CPU time
		return 1e9, nil
	case g.unit == "":
		return 0, fmt.Errorf("gate %s: a latency needs a unit: %s%s%gms", g, g.Figure, g.Op, g.Limit)
	}
	return 0, fmt.Errorf("gate %s: %s is measured in %s, which the limit is not", g, g.Figure, unit)
}

// judge holds g against each pair that has its figure.
func (c *Comparison) judge(g Gate) ([]Judgement, error) {
	var out []Judgement
	set := map[string]bool{}
	for _, p := range c.Pairs {
		for _, f := range every(p.new) {
			set[string(f)] = true
		}
		j, ok, err := g.judgePair(p)
		if err != nil {
			return nil, &GateError{err}
		}
		if ok {
			j.Pair = p.Name()
			out = append(out, j)
		}
	}
	if len(out) == 0 {
		return nil, &GateError{fmt.Errorf("gate %s: no configuration has %s: there are %s", g, g.Figure, strings.Join(results.InOrder(set, results.Metrics), ", "))}
	}
	return out, nil
}

// judgePair holds g against p; ok is false where p has no such figure.
func (g Gate) judgePair(p Pair) (j Judgement, ok bool, err error) {
	if !g.Relative {
		if _, _, ok = series(p.new, g.Figure, nil); ok {
			j, err = g.JudgeTrials(p.new)
		}
		return j, ok, err
	}
	for _, cell := range p.Cells {
		if cell.Figure == g.Figure {
			return g.judgeChange(cell), true, nil
		}
	}
	return j, false, nil
}

// GateError is a gate that does not fit to what was measured: a mistake of
// whoever wrote it.
type GateError struct{ Err error }

func (e *GateError) Error() string { return e.Err.Error() }
func (e *GateError) Unwrap() error { return e.Err }

// IsGateError tells whether err is a gate's.
func IsGateError(err error) bool {
	var g *GateError
	return errors.As(err, &g)
}
