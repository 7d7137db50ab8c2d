package plot

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"flightbench/results"
)

// linearTicks are about n round values from 0 to at least max, all with the
// same number of decimals.
func linearTicks(max float64, n int) (ticks []plot.Tick, end float64) {
	if !(max > 1e-300) || math.IsInf(max, 0) { // a step of less would be 0
		return []plot.Tick{{Value: 0, Label: "0"}, {Value: 1, Label: "1"}}, 1
	}
	raw := max / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if step*m >= raw*(1-1e-9) {
			step *= m
			break
		}
	}
	decimals := 0
	for ; decimals < 9; decimals++ {
		if s := step * math.Pow10(decimals); math.Abs(s-math.Round(s)) < 1e-6*s {
			break
		}
	}
	for i := 0; ; i++ {
		v := float64(i) * step
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if step >= 1000 {
			label = results.FormatInteger(int64(math.Round(v)))
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
		if v >= max*(1-1e-9) {
			return ticks, v
		}
	}
}

// Note: log axes are drawn as linear axes of logarithms. gonum's LogScale
// takes the middle of its range for the place of the axis label, and pads the
// plot for a label there.

// valueTicks marks the log2 of each of values, and labels as many of them as
// fit next to each other on an axis of length width: always the first and the
// last.
func valueTicks(values []float64, label func(float64) string, sty text.Style, width vg.Length) []plot.Tick {
	ticks := make([]plot.Tick, len(values))
	if len(values) == 0 {
		return ticks
	}
	span := math.Log(values[len(values)-1] / values[0])
	at := func(i int) vg.Length {
		if span == 0 {
			return width / 2
		}
		return width * vg.Length(math.Log(values[i]/values[0])/span)
	}
	half := func(i int) vg.Length { return sty.Width(label(values[i]))/2 + 4 }
	last := len(values) - 1
	free := vg.Length(math.Inf(-1)) // where the label before ends
	for i, v := range values {
		ticks[i].Value = math.Log2(v)
		fits := at(i)-half(i) >= free && (i == last || at(i)+half(i) <= at(last)-half(last))
		if fits || i == 0 || i == last {
			ticks[i].Label = label(v)
			free = at(i) + half(i)
		}
	}
	return ticks
}

// latencyTicks are ticks on an axis of log10 of nanoseconds from min to max: each
// decade, and 2 and 5 in it where the range is short.
func latencyTicks(min, max float64) []plot.Tick {
	steps := []float64{1}
	if max/min < 2000 {
		steps = []float64{1, 2, 5}
	}
	var ticks []plot.Tick
	for d := math.Floor(math.Log10(min)); d <= math.Ceil(math.Log10(max)); d++ {
		for _, m := range steps {
			if v := m * math.Pow(10, d); v >= min*(1-1e-9) && v <= max*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: math.Log10(v), Label: roundNanoseconds(v)})
			}
		}
	}
	return ticks
}

// percentileTicks are the nines up to 1/(1-p) = max, on an axis of its log10.
func percentileTicks(max float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 0, Label: "0%"}, {Value: math.Log10(2), Label: "50%"}, {Value: 1, Label: "90%"}, {Value: 2, Label: "99%"}}
	label := "99.9"
	for nines := 3.0; nines <= math.Log10(max)+1e-9 && nines < 12; nines++ {
		ticks = append(ticks, plot.Tick{Value: nines, Label: label + "%"})
		label += "9"
	}
	return ticks
}

// roundUp is the next 1, 2 or 5 times a power of ten above v, roundDown the
// one below.
func roundUp(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

func roundDown(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if m*p <= v*(1+1e-9) {
			return m * p
		}
	}
	return p
}

// roundNanoseconds prints a round latency without needless zeros: 50 µs.
func roundNanoseconds(ns float64) string {
	for _, u := range []struct {
		factor float64
		unit   string
	}{{1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}} {
		if ns >= u.factor*(1-1e-9) {
			return strconv.FormatFloat(math.Round(ns/u.factor*1e3)/1e3, 'f', -1, 64) + u.unit
		}
	}
	return strconv.FormatFloat(math.Round(ns*1e3)/1e3, 'f', -1, 64) + " ns"
}
