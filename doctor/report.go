package doctor

import (
	"fmt"
	"strings"
)

// Level is how good or bad a Line is. Levels are ordered: a greater one is worse.
type Level int

const (
	Info    Level = iota // a fact, neither good nor bad
	OK                   // as it should be
	Warning              // works, but costs speed, safety or compatibility
	Problem              // does not work
)

var levelNames = [...]string{Info: "info", OK: "ok", Warning: "warning", Problem: "problem"}

// String is the level as JSON spells it.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level %d", int(l))
	}
	return levelNames[l]
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(b []byte) error {
	for i, name := range levelNames {
		if string(b) == name {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("level %q: want info, ok, warning or problem", b)
}

// Line is one finding. Text and Advice hold no control characters, whatever the server said.
type Line struct {
	Topic  string `json:"topic"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do; only of warnings and problems, or where the examination needs something
	Data   any    `json:"data,omitempty"`   // the figures behind Text: sizes in bytes, times in nanoseconds
}

// Report is what was found, in the order of the examination.
type Report struct {
	Target string `json:"target"`
	Lines  []Line `json:"lines"`
}

// Worst is the worst Level of all lines; Info for none.
func (r *Report) Worst() Level {
	worst := Info
	for _, l := range r.Lines {
		worst = max(worst, l.Level)
	}
	return worst
}

// Find returns the first line of a topic, or nil.
func (r *Report) Find(topic string) *Line {
	for i := range r.Lines {
		if r.Lines[i].Topic == topic {
			return &r.Lines[i]
		}
	}
	return nil
}

// clean makes one printable line of s, which a server may have said.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case !printable(r):
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
	return strings.Join(strings.Fields(s), " ")
}

// printable leaves out what could steer a terminal or turn text around.
func printable(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff:
		return false
	}
	return true
}

// clip is clean, and at most n runes.
func clip(s string, n int) string {
	r := []rune(clean(s))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
