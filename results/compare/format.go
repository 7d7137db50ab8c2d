package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"flightbench/results"
)

// Formats are what Print knows.
var Formats = []string{"table", "markdown", "json", "benchfmt"}

// Print writes c in format: a table no wider than width columns where that can
// be (0: unlimited), markdown for a pull request, JSON, or the benchmark
// format that benchstat reads.
func (c *Comparison) Print(w io.Writer, format string, width int) error {
	switch format {
	case "table":
		return c.WriteText(w, width)
	case "markdown":
		return c.WriteMarkdown(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			return fmt.Errorf("write json: %w", err)
		}
		return nil
	case "benchfmt":
		return c.WriteBenchfmt(w)
	}
	return CheckFormat(format)
}

// CheckFormat refuses what Print cannot print.
func CheckFormat(format string) error {
	for _, f := range Formats {
		if f == format {
			return nil
		}
	}
	return fmt.Errorf("%q is unknown: use %s", format, strings.Join(Formats, ", "))
}

// FormatFigure prints a figure's value scaled, with its unit.
func FormatFigure(f Figure, m results.Metric) string {
	switch {
	case m.Unit == "ns" && m.Value < float64(results.LatencyMin):
		return "<" + results.FormatNanoseconds(float64(results.LatencyMin))
	case f == "error_share":
		return results.FormatNumber(m.Value*100) + " %"
	}
	return m.String()
}

// percent prints a fraction as a change: +3.4 %, -0.21 %, +120 %.
func percent(v float64) string { return signed(v) + " %" }

func signed(v float64) string {
	p := v * 100
	switch a := math.Abs(p); {
	case a == 0:
		return "0"
	case a < 0.095:
		return fmt.Sprintf("%+.2f", p)
	case a < 99.5:
		return fmt.Sprintf("%+.1f", p)
	case a >= 1e6:
		return fmt.Sprintf("%+.1e", p)
	}
	return fmt.Sprintf("%+.0f", p)
}

// changeText is the change for people, "–" where none can be said.
func (c Cell) changeText() string {
	if c.Change == nil {
		return "–"
	}
	return percent(*c.Change)
}

// intervalText is the interval of the change for people.
func (c Cell) intervalText() string {
	if c.ChangeLow == nil || c.ChangeHigh == nil {
		return "–"
	}
	return signed(*c.ChangeLow) + " … " + signed(*c.ChangeHigh)
}

// verdictText is the cell's word, with what would help where it is none.
func (c Cell) verdictText() string {
	if c.MoreRounds > 0 {
		return c.Word + fmt.Sprintf(" (+%s rounds)", results.FormatInteger(int64(c.MoreRounds)))
	}
	return c.Word
}

// pText prints a p: 0.034, <0.001.
func pText(p float64) string {
	switch {
	case p < 0.001:
		return "<0.001"
	case p > 0.9995:
		return "1"
	}
	return fmt.Sprintf("%.3f", p)
}

func (c Cell) value(s Sample) string {
	return FormatFigure(c.Figure, results.Metric{Value: s.Median, Unit: c.Unit, Better: c.Better})
}
