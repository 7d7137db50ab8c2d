package results

import (
	"math"
	"strings"
)

// Outcomes of a search for a capacity.
const (
	CapacityFound   = "found"   // Load is the highest that held
	CapacityLowest  = "lowest"  // an objective is missed at the lowest load already: there is no answer
	CapacityHighest = "highest" // the highest load that was allowed held: the bound was found, not the server's capacity
	CapacityUntold  = "untold"  // too little was measured for any statement
)

// What limits a server at its capacity: Capacity.LimitedBy.
const (
	LimitGenerator   = "generator"    // this client, not the server
	LimitMachine     = "machine"      // the CPU that client and server share
	LimitServerCPU   = "server-cpu"   // the server's
	LimitNetwork     = "network"      // what lies between them
	LimitFlowControl = "flow-control" // senders that waited for the receiver's windows
	LimitErrors      = "errors"       // the server refuses or fails
	LimitNeighbours  = "neighbours"   // the server, or other processes on its machine: which of them cannot be told
	LimitServer      = "server"       // the server by itself: streams queued while its CPU was not used up
)

// Capacity is what `flightbench capacity` found: the highest load that meets
// every objective. Loads are in the unit of the Config field Over.
type Capacity struct {
	Over       string      `json:"over"`       // the Config field that was searched over: rps, rate, concurrency, connections
	Unit       string      `json:"unit"`       // of loads: streams/s, calls/s, queries/s, B/s, streams, connections
	From       float64     `json:"from"`       // lowest load that was allowed; 0: none was set
	To         float64     `json:"to"`         // highest load that was allowed; 0: none was set
	Objectives []Objective `json:"objectives"` // all of which a load must meet

	Outcome   string  `json:"outcome"`    // found, lowest, highest, untold
	Load      float64 `json:"load"`       // the answer: the highest load that held; 0 where none did
	Low       float64 `json:"low"`        // the load from which on objectives are missed lies from Low to High
	High      float64 `json:"high"`       // 0: not known
	Level     float64 `json:"level"`      // of that interval, 0.95
	Told      bool    `json:"told"`       // the interval is as narrow as was asked for; else the time was up, or the search was interrupted
	LimitedBy string  `json:"limited_by"` // one of the Limit constants; "" where it is not known
	Limit     string  `json:"limit"`      // that in words, with the figures that say so

	Unloaded   Unloaded       `json:"unloaded"`
	Loads      []CapacityLoad `json:"loads"`     // every load that was tried, in ascending order
	Confirmed  []Confirmation `json:"confirmed"` // longer trials at the answer and above it, in their order
	Hysteresis Hysteresis     `json:"hysteresis"`
	Deaths     []Death        `json:"deaths"` // when the server went away under load

	Lost    string  `json:"lost,omitempty"` // why the search ended early
	Seconds float64 `json:"seconds"`        // that all trials took
	Budget  float64 `json:"budget"`         // seconds that they were allowed
	Trials  int     `json:"trials"`
}

// Objective is a limit that a load must meet to hold.
type Objective struct {
	Gate   string  `json:"gate"`   // "first_batch.p99<=50ms"; KeepsUp for the one that every open loop has
	Figure string  `json:"figure"` // the figure that is limited: a metric, or latency.percentile; "" for KeepsUp
	Limit  float64 `json:"limit"`  // in the figure's base unit (ns for latencies)
	Why    string  `json:"why"`    // why it is there, where nobody asked for it; "" for one of --slo
}

// KeepsUp is the objective of every open loop: what was begun was also ended.
const KeepsUp = "keeps up"

// Unloaded is what one stream at a time got, before any load.
type Unloaded struct {
	Latency string  `json:"latency"` // the latency that stands for the operation: stream, action, query, ...
	P50     float64 `json:"p50"`     // of it, ns
	Rate    float64 `json:"rate"`    // streams (calls) a second
	Body    float64 `json:"body"`    // body bytes of a stream, 0 for calls
}

// CapacityLoad is what came of one load.
type CapacityLoad struct {
	Load     float64           `json:"load"`
	Trials   []string          `json:"trials"`   // their ids, in their order
	Held     int               `json:"held"`     // trials in which every objective was met
	Missed   int               `json:"missed"`   // trials in which one was missed
	Excused  int               `json:"excused"`  // trials that missed one for no fault of the server's, and were repeated
	Asked    float64           `json:"asked"`    // of an open loop, streams a second, 0 else
	Achieved Spread            `json:"achieved"` // streams (calls) a second
	Bytes    Spread            `json:"bytes"`    // body bytes a second; N 0 for calls
	Figures  map[string]Spread `json:"figures"`  // of each objective's Figure
	Worst    string            `json:"worst"`    // the objective that was missed most often; "" where none was
}

// Confirmation is a longer trial at the answer, or above it.
type Confirmation struct {
	Trial   string  `json:"trial"`
	Load    float64 `json:"load"`
	Seconds float64 `json:"seconds"`
	Held    bool    `json:"held"`
	Above   bool    `json:"above"` // than the answer: it is expected to miss
	Text    string  `json:"text"`  // what was missed, or what the figures were
}

// Hysteresis is whether a load that held on the way up also holds after an
// overload.
type Hysteresis struct {
	Tested  bool    `json:"tested"`
	Found   bool    `json:"found"`
	Load    float64 `json:"load"`    // that was tried again
	After   float64 `json:"after"`   // the overload before it
	Recover float64 `json:"recover"` // seconds until a single stream was served again after the overload
	Text    string  `json:"text"`
}

// Death is a server that went away under a load.
type Death struct {
	Load      float64 `json:"load"`
	Error     string  `json:"error"`
	Recovered float64 `json:"recovered"` // seconds after which it answered again; 0: it did not
}

// Tells whether c has a load to name: one that held.
func (c *Capacity) Tells() bool {
	return c.Load > 0 && (c.Outcome == CapacityFound || c.Outcome == CapacityHighest)
}

// At is what came of the load that is nearest to load; nil where none was tried.
func (c *Capacity) At(load float64) *CapacityLoad {
	var best *CapacityLoad
	for i := range c.Loads {
		if l := &c.Loads[i]; best == nil || math.Abs(math.Log(l.Load/load)) < math.Abs(math.Log(best.Load/load)) {
			best = l
		}
	}
	return best
}

// Format prints a load with its unit: "1.23 GB/s", "412 calls/s", "16 streams".
func (c *Capacity) Format(load float64) string { return FormatLoad(load, c.Unit) }

// FormatLoad prints a load in its unit: bytes are scaled, counts are not.
func FormatLoad(load float64, unit string) string {
	switch {
	case unit == "B/s":
		return FormatSI(load, unit)
	case load == 1 && !strings.Contains(unit, "/"):
		return "1 " + strings.TrimSuffix(unit, "s")
	case load == math.Trunc(load):
		return FormatInteger(int64(load)) + " " + unit
	}
	return FormatNumber(load) + " " + unit
}
