package results

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Flags are the recommended settings as flags of flightbench, "" where they
// are the defaults.
func (t *Tuning) Flags() string {
	var flags []string
	for _, s := range t.Settings {
		flags = append(flags, "--"+strings.ReplaceAll(s.Field, "_", "-")+" "+s.Value)
	}
	return strings.Join(flags, " ")
}

// Lines say in words what was found, the answer first.
func (t *Tuning) Lines() []string {
	lines := []string{t.answerLine()}
	for _, j := range t.Judgements {
		lines = append(lines, fmt.Sprintf("Objective %s: %s, %s.", j.Gate, j.Status, j.Text))
	}
	if t.Gain != nil && t.Outcome == TuningImproved {
		lines = append(lines, "Gain over the defaults: "+t.Gain.text()+".")
		for _, e := range t.Effects {
			if e.Word == "better" || e.Word == "worse" {
				lines = append(lines, "Beside it: "+e.text()+".")
			}
		}
	}
	lines = append(lines, t.Notes...)
	return append(lines, fmt.Sprintf("It took %s of trials; %s were allowed.", spell(t.Seconds), spell(t.Budget)))
}

func (t *Tuning) answerLine() string {
	switch t.Outcome {
	case TuningImproved:
		return "Recommended: " + t.Flags()
	case TuningFailed:
		return "Nothing can be said: " + t.Failed
	case TuningMissed:
		if len(t.Settings) == 0 {
			return "No settings were found that meet every objective, and none that come nearer than the defaults."
		}
		return "No settings were found that meet every objective; the nearest: " + t.Flags()
	case TuningUnfinished:
		return "Unfinished: the best so far, which nothing has confirmed: " + t.asFlags()
	}
	if t.Candidate != nil {
		s := "Recommended: the defaults. The search's best (" + t.Candidate.departs(t.Base, t.Knobs) + ") was not shown to be better in fresh rounds"
		if t.Gain != nil && t.Gain.Word == "better" {
			s = strings.Replace(s, "was not shown to be better", "is better, and misses an objective that they meet,", 1)
		}
		if t.Gain != nil {
			s += ": " + t.Gain.text()
		}
		return s + "."
	}
	return "Recommended: the defaults. Nothing that was tried was shown to be better."
}

func (t *Tuning) asFlags() string {
	if f := t.Flags(); f != "" {
		return f
	}
	return "the defaults"
}

// departs names what sets c apart from base, as flags.
func (c Config) departs(base Config, knobs []Knob) string {
	var flags []string
	for _, k := range knobs {
		v, _ := c.Axis(k.Field)
		if was, _ := base.Axis(k.Field); v != was {
			flags = append(flags, "--"+strings.ReplaceAll(k.Field, "_", "-")+" "+v)
		}
	}
	return strings.Join(flags, " ")
}

func spell(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// text is the change for people: body rate 1.1 GB/s → 1.9 GB/s, +73 % (+60 … +81 %), 12 rounds.
func (c TuningChange) text() string {
	value := func(v float64) string {
		m := Metric{Value: v, Unit: c.Unit}
		return m.String()
	}
	s := fmt.Sprintf("%s %s → %s", figureName(c.Metric), value(c.Old), value(c.New))
	if c.Change != nil {
		s += ", " + percentOf(*c.Change)
	}
	if c.Low != nil && c.High != nil {
		s += " (" + percentOf(*c.Low) + " … " + percentOf(*c.High) + ")"
	}
	if c.Rounds > 0 {
		s += fmt.Sprintf(", %d fresh rounds", c.Rounds)
	}
	return s
}

// Name is the figure's name for people.
func (c TuningChange) Name() string { return figureName(c.Metric) }

func figureName(metric string) string {
	return strings.NewReplacer("_bytes_per_second", " rate", "_per_second", "/s", "_cpu_seconds_per_gigabyte", " CPU/GB", "_", " ", ".", " ").Replace(metric)
}

// percentOf is FormatChange of a change as a fraction, with a decimal less of
// large ones.
func percentOf(change float64) string {
	if math.Abs(change) >= 10 {
		return fmt.Sprintf("×%s", FormatNumber(1+change))
	}
	return FormatChange(1 + change)
}

// Was is the default for people.
func (k Knob) Was(t *Tuning) string { return t.Base.Value(k.Field) }

// Is is the recommended value for people.
func (k Knob) Is(t *Tuning) string { return t.Best.Value(k.Field) }

// Words say what the knob is worth.
func (k Knob) Words(t *Tuning) string {
	switch k.Verdict {
	case KnobMatters:
		if k.Worth.Outcome == "missed" || k.Worth.Outcome == "failed" {
			return "set back: " + k.Worth.Outcome + ", " + k.Worth.Reason
		}
		return "matters: set back, " + k.Worth.words()
	case KnobKept:
		if k.Worth == nil {
			return "not set back"
		}
		return "cannot tell: set back, " + k.Worth.words()
	case KnobUnraced:
		return "not raced: the time was up"
	case KnobNone:
		return "no other value could be set beside the others"
	}
	var tried []string
	for _, v := range k.Values {
		tried = append(tried, k.tried(t, v))
	}
	head := map[string]string{KnobBest: "the others are worse", KnobSame: "none is shown to be better"}[k.Verdict]
	if k.Verdict == KnobBest && !slices.ContainsFunc(k.Values, func(v KnobValue) bool { return v.Outcome == "worse" }) {
		head = "the others fail or miss an objective"
	}
	if k.Verdict == KnobSame && !slices.ContainsFunc(k.Values, func(v KnobValue) bool {
		return v.Outcome != "same" || v.Gain == nil || math.Abs(*v.Gain) > t.Detect
	}) {
		head = "no difference found"
	}
	if k.Note != "" && k.Worth != nil {
		head = "given up: set back, " + k.Worth.words()
		return head
	}
	if k.Against != k.Default {
		head += " than " + t.Base.valueAs(k.Field, k.Against)
	}
	return head + ": " + strings.Join(tried, ", ")
}

// tried is a value with what it gained: 4,096 −31 %.
func (k Knob) tried(t *Tuning, v KnobValue) string {
	name := t.Best.valueAs(k.Field, v.Value)
	switch {
	case v.Outcome == "failed" || v.Outcome == "missed":
		return name + " " + v.Outcome + " (" + v.Reason + ")"
	case v.Gain == nil:
		return name
	case v.Outcome == "better":
		return name + " " + percentOf(*v.Gain) + " in a race, not confirmed"
	}
	return name + " " + percentOf(*v.Gain)
}

func (v KnobValue) words() string {
	if v.Gain == nil {
		return "nothing was measured"
	}
	s := percentOf(*v.Gain)
	if v.Low != nil && v.High != nil {
		s += " (" + percentOf(*v.Low) + " … " + percentOf(*v.High) + ")"
	}
	return s
}

// valueAs is Value with v, as Axis has it, in the place of the field's own.
func (c Config) valueAs(field, v string) string {
	var n int64
	if _, err := fmt.Sscan(v, &n); err != nil {
		return v
	}
	switch field {
	case "window", "conn_window", "read_buffer", "write_buffer", "max_frame", "batch_bytes":
		if n == 0 {
			return "default"
		}
		return FormatBytes(n)
	}
	return FormatInteger(n)
}

// WriteText writes the answer and the table of knobs.
func (t *Tuning) WriteText(w io.Writer) error {
	for _, l := range t.Lines() {
		if _, err := fmt.Fprintln(w, Clean(l)); err != nil {
			return err
		}
	}
	if t.Outcome == TuningFailed {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\nsetting\tdefault\tbest\t%s\n", "what it is worth, by "+figureName(t.Objective))
	for _, k := range t.Knobs {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", strings.ReplaceAll(k.Field, "_", "-"), k.Was(t), k.Is(t), Clean(k.Words(t)))
	}
	return tw.Flush()
}
