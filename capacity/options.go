// Package capacity searches the highest load at which a server meets every
// objective. It decides which trial is next by those before it and does no
// I/O: Search is a bench.Schedule, and package bench runs its trials.
package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/compare"
)

// Axes are the Config fields that a search may be over.
var Axes = []string{"rps", "rate", "concurrency", "connections"}

// Options say what is searched. Config and Over are needed.
type Options struct {
	Config results.Config // that is measured, its load apart. Duration 0: as MaxTime allows; Warmup is taken as it is
	Over   string         // one of Axes
	From   float64        // lowest load; 0: as low as a window can judge
	To     float64        // highest load; 0: as high as the generator allows
	Gates  []compare.Gate // objectives; none: DefaultGates of the unloaded server
	// MaxTime is what all trials may take together, 0: DefaultMaxTime. A trial
	// that takes longer than it should may exceed it.
	MaxTime time.Duration
	Cores   int  // of this machine, to say what limited the server; 0: not known
	Local   bool // the server is on this machine
}

// DefaultMaxTime is enough for an answer within a few percent.
const DefaultMaxTime = 150 * time.Second

// DefaultOver is what a search for op is over where nobody says: bytes for
// what moves the most of them, else starts.
func DefaultOver(op string) string {
	if op == bench.OpGet || op == bench.OpPut || op == bench.OpExchange {
		return "rate"
	}
	return "rps"
}

// Validate names what cannot be searched, and the remedy.
func (o Options) Validate() error {
	if !slices.Contains(Axes, o.Over) {
		return fmt.Errorf("--over %q is unknown: use %s", o.Over, strings.Join(Axes, ", "))
	}
	if o.Over == "rate" && o.kind() == results.KindCalls {
		return fmt.Errorf("--over rate is of body bytes, and --op %s moves none: use --over rps", o.Config.Op)
	}
	for _, b := range []struct {
		flag  string
		value float64
	}{{"from", o.From}, {"to", o.To}} {
		switch {
		case b.value < 0 || math.IsNaN(b.value) || math.IsInf(b.value, 0):
			return fmt.Errorf("--%s %v is no load: use one above 0", b.flag, b.value)
		case b.value > most[o.Over]:
			return fmt.Errorf("--%s %s is more than the generator can make: use at most %s", b.flag, o.format(b.value), o.format(most[o.Over]))
		case !o.Open() && b.value != math.Trunc(b.value):
			return fmt.Errorf("--%s %v: %s are counted: use a whole number", b.flag, b.value, o.Over)
		}
	}
	if a := o.Config.Arrival; a != "" && a != bench.ArrivalConstant && a != bench.ArrivalPoisson {
		return fmt.Errorf("--arrival %q is unknown: use %s or %s", a, bench.ArrivalConstant, bench.ArrivalPoisson)
	}
	if o.To > 0 && o.From >= o.To {
		return fmt.Errorf("--from %s is not below --to %s: leave one out, or swap them", o.format(o.From), o.format(o.To))
	}
	for _, g := range o.Gates {
		if g.Relative {
			return fmt.Errorf("--slo %s limits a change, and there is nothing to compare with: give a value, such as %s%s5ms", g, g.Figure, g.Op)
		}
	}
	if least := o.least(); o.maxTime() < least {
		return fmt.Errorf("--max-time %v is too short to say anything: with trials of %s give at least %v", o.maxTime(), results.FormatSeconds(o.window()), least)
	}
	return nil
}

// most is the highest load of each axis that a generator can be asked for.
var most = map[string]float64{"rps": 1e6, "rate": 1e12, "concurrency": 10_000, "connections": 1000}

// Open tells whether the loads are of an open loop.
func (o Options) Open() bool { return o.Over == "rps" || o.Over == "rate" }

func (o Options) highest() float64 {
	if o.To > 0 {
		return o.To
	}
	return most[o.Over]
}

// at is the Config at load.
func (o Options) at(load float64) results.Config {
	c := o.Config
	c.RPS, c.Rate, c.Schedule, c.Total = 0, 0, "", 0
	if c.Duration = o.window(); !o.Open() {
		c.Arrival = ""
	} else if c.Arrival == "" {
		c.Arrival = bench.ArrivalConstant
	}
	switch o.Over {
	case "rps":
		c.RPS = load
	case "rate":
		c.Rate = load
	case "concurrency":
		c.Concurrency = int(load)
		c.Connections = min(c.Connections, c.Concurrency)
	case "connections":
		each := max(1, c.Concurrency/max(1, c.Connections))
		c.Connections, c.Concurrency = int(load), int(load)*each
	}
	return c
}

// alone is the Config of one stream at a time.
func (o Options) alone() results.Config {
	c := o.at(1)
	c.RPS, c.Rate, c.Arrival, c.Concurrency, c.Connections = 0, 0, "", 1, 1
	return c
}

func (o Options) maxTime() time.Duration {
	if o.MaxTime == 0 {
		return DefaultMaxTime
	}
	return o.MaxTime
}

// window is the length in seconds of a trial that narrows the answer down.
// Those of the way up are half as long, those that confirm it twice.
func (o Options) window() float64 {
	if o.Config.Duration > 0 {
		return o.Config.Duration
	}
	parts := 60.0
	if o.Config.Arrival == bench.ArrivalPoisson { // whose percentiles take longer to show
		parts = 20
	}
	return min(max(o.maxTime().Seconds()/parts, leastWindow), mostWindow)
}

const (
	leastWindow = 1.0  // seconds; verdicts need 0.9
	mostWindow  = 30.0 // seconds
	leastTrials = 16   // of the usual length, for a way up, a few steps and what confirms them
)

// least is the shortest MaxTime that allows any statement.
func (o Options) least() time.Duration {
	w := leastWindow
	if o.Config.Duration > 0 {
		w = o.Config.Duration
	}
	return time.Duration(math.Ceil(leastTrials*(w+o.Config.Warmup))) * time.Second
}

// round is load as it is tried: to three digits, so that it can be read and
// tried again; whole where it is counted.
func (o Options) round(load float64) float64 {
	if load <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(load))-2)
	load = math.Round(load/unit) * unit
	if unit < 1 { // 0.1 is no sum of powers of two: divide by a whole number
		load = math.Round(load/unit) / math.Round(1/unit)
	}
	if !o.Open() {
		load = max(1, math.Round(load))
	}
	return min(max(load, o.From), o.highest())
}

// unit is what loads are counted in.
func (o Options) unit() string {
	switch k := o.kind(); {
	case o.Over == "rate":
		return "B/s"
	case o.Over == "concurrency":
		return "streams"
	case o.Over == "connections":
		return "connections"
	case k == results.KindStreams:
		return "streams/s"
	default:
		unit, _ := k.Unit(1)
		return unit
	}
}

func (o Options) kind() *results.Kind { return (&results.Trial{Config: o.Config}).Kind() }

func (o Options) format(load float64) string { return results.FormatLoad(load, o.unit()) }
