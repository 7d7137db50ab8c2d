package results

import (
	"fmt"
	"math"
	"strings"
)

// Ladder sets what a Flight Config reached against its ceilings.
type Ladder struct {
	Flight Group
	Rungs  []Rung // in the order of the ladder, Flight itself after its chain
}

// Rung is one figure of a Ladder.
type Rung struct {
	Name  string // memory copy, socket, TLS, gRPC, DoGet; encode, decode, compress, decompress
	What  string // what it does
	Group Group  // its trials
	// Chain tells that the rung does what the one before it does and something
	// more, from the memory copy up to Flight. The others are parts of the way
	// by themselves.
	Chain   bool
	Flight  bool   // it is Flight itself
	Slower  bool   // a rung of the chain that was slower than Flight: no ceiling, and no part of the way
	Missing string // why it has no figure, "" where it has one

	Rate   Spread  // body bytes a second
	Share  Spread  // Flight's rate as a share of it, by rounds
	OfTime float64 // what it takes more than those of the chain before it, as a share of the time that Flight takes
	Step   float64 // the same in seconds of a gigabyte
}

// Seconds is the time of a gigabyte.
func (r Rung) Seconds() float64 { return 1e9 / r.Rate.Median }

// flightNames are the names of the operations' own rungs.
var flightNames = map[string]string{"get": "DoGet", "put": "DoPut", "exchange": "DoExchange", "ingest": "ingest"}

// rungNames name the rungs of a ladder and say what they do.
func rungNames(c Config) (name, what string, chain bool) {
	kind, way, _ := c.Rung()
	switch kind {
	case RungCopy:
		return "memory copy", "each body copied once", true
	case RungSocket:
		return "socket", "as many bytes by " + of(c.Connections, "plain connection"), true
	case RungTLS:
		return "TLS", "the same with TLS", true
	case RungGRPC:
		return "gRPC", "the same as messages of opaque bytes, " + of(c.Concurrency, "stream") + " by " + c.Transport, true
	case RungEncode:
		return "encode", "IPC encoding" + withCodec(c), false
	case RungDecode:
		what := map[string]string{"count": "headers read, bodies walked over", "batch": "bodies landed and decoded" + withCodec(c), "verify": "decoded and compared" + withCodec(c)}[c.Decode]
		return "decode", what, false
	}
	if way == "get" {
		return "decompress", c.Compression + " alone", false
	}
	return "compress", c.Compression + " alone", false
}

func of(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return FormatInteger(int64(n)) + " " + noun + "s"
}

func withCodec(c Config) string {
	if c.Compression == "none" {
		return ""
	}
	return " with " + c.Compression
}

// Ladders are those of the Flight Configs of a run that have rungs among trials.
func Ladders(trials []*Trial) (out []Ladder) {
	rungs := map[string]Group{}
	var of []*Trial
	for _, t := range trials {
		if _, _, ok := t.Config.Rung(); ok {
			of = append(of, t)
		}
	}
	for _, g := range GroupTrials(of) {
		for _, k := range []string{g.Config.rungKey(true, true), g.Config.rungKey(false, true), g.Config.rungKey(false, false)} {
			if old, taken := rungs[k]; !taken || len(old.Measured()) == 0 {
				rungs[k] = g
			}
		}
	}
	if len(rungs) == 0 {
		return nil
	}
	for _, g := range GroupTrials(WithoutRungs(trials)) {
		if l, ok := ladderOf(g, rungs); ok {
			out = append(out, l)
		}
	}
	return out
}

// ladderOf is the ladder of g; ok is false where g has no figure, or no rung
// was tried.
func ladderOf(g Group, rungs map[string]Group) (l Ladder, ok bool) {
	flight := Rung{Name: flightNames[g.Config.Op], What: "the operation itself", Group: g, Chain: true, Flight: true, Rate: g.Metric(BodyRate)}
	if flight.Rate.N == 0 {
		return Ladder{}, false
	}
	l.Flight = g
	own := g.Config.Distinct > 0 // else the server's own, not known
	var parts []Rung
	for _, c := range g.Config.Rungs() {
		r := Rung{Group: rungs[c.rungKey(own, g.Config.BatchBytes == 0 || c.Rows > 0)]}
		r.Name, r.What, r.Chain = rungNames(c)
		ok = ok || len(r.Group.Trials) > 0
		if r.Rate = r.Group.Metric(BodyRate); r.Rate.N == 0 {
			r.Missing = missing(r.Group)
		}
		if r.Chain {
			l.Rungs = append(l.Rungs, r)
		} else {
			parts = append(parts, r)
		}
	}
	l.Rungs = append(append(l.Rungs, flight), parts...)
	l.measure()
	return l, ok
}

// missing says why a rung has no figure.
func missing(g Group) string {
	if len(g.Trials) == 0 {
		return "not measured"
	}
	for _, t := range g.Trials {
		if t.Error != "" {
			return Clean(Brief(t.Error, maxMessage))
		}
	}
	return g.Verdict()
}

// measure fills in what follows from the rates.
func (l *Ladder) measure() {
	whole := 1e9 / l.Flight.Metric(BodyRate).Median
	before := 0.0
	for i := range l.Rungs {
		r := &l.Rungs[i]
		if r.Rate.N == 0 {
			continue
		}
		r.Share = Ratio(l.Flight, r.Group, BodyRate)
		if !r.Chain || r.Share.N == 0 {
			continue
		}
		// Its time as a share of Flight's is Flight's rate as a share of its own.
		if r.Slower = r.Share.Median > 1; r.Slower {
			continue
		}
		r.OfTime = max(0, r.Share.Median-before)
		r.Step = r.OfTime * whole
		before += r.OfTime
	}
}

// rung is the one of that name, nil where it has no figure.
func (l Ladder) rung(name string) *Rung {
	for i, r := range l.Rungs {
		if r.Name == name && r.Rate.N > 0 {
			return &l.Rungs[i]
		}
	}
	return nil
}

// Largest is the step of the chain that takes most time, nil where there are
// fewer than two, or the rounds do not tell.
func (l Ladder) Largest() *Rung {
	var most *Rung
	second := -1.0 // OfTime of the next
	below := 0.0   // the most that any rung before it may take
	least := 0.0   // what the step of most takes at least
	for i := range l.Rungs {
		r := &l.Rungs[i]
		if !r.Chain || r.Share.N == 0 {
			continue
		}
		low, high := r.Share.bounds()
		switch {
		case r.Slower:
		case most == nil || r.OfTime > most.OfTime:
			if most != nil {
				second = max(second, most.OfTime)
			}
			most, least = r, low-below
		default:
			second = max(second, r.OfTime)
		}
		below = max(below, high)
	}
	if second < 0 || least < second {
		return nil
	}
	return most
}

// Sentence says how far Flight is from the nearest ceiling that needs no
// Flight, and where most of the time goes.
func (l Ladder) Sentence() string {
	name := flightNames[l.Flight.Config.Op]
	var parts []string
	for _, c := range []struct{ rung, words string }{{"socket", "the raw socket does"}, {"gRPC", "gRPC does with opaque bytes"}, {"memory copy", "a memory copy does"}} {
		if r := l.rung(c.rung); r != nil {
			s := fmt.Sprintf("%s moves %s of what %s", name, percent(r.Share.Median), c.words)
			switch {
			case r.Share.Unsure():
				s = fmt.Sprintf("%s moves as much as %s, as far as these rounds tell", name, c.words)
			case r.Slower:
				s += ", which is no ceiling then"
			}
			parts = append(parts, s)
			break
		}
	}
	if r := l.Largest(); r != nil {
		parts = append(parts, fmt.Sprintf("the largest step is %s: %s of the time of a gigabyte", l.stepName(*r), percent(r.OfTime)))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "."
}

// stepName says what a step adds.
func (l Ladder) stepName(r Rung) string {
	switch g := l.rung("gRPC"); {
	case r.Flight && g != nil && !g.Slower:
		return "what Flight and Arrow add to gRPC"
	case r.Flight:
		return "what Flight, Arrow and gRPC add"
	case r.Name == "socket":
		return "the socket"
	case r.Name == "memory copy":
		return "the memory copy"
	}
	return r.Name
}

func percent(share float64) string {
	p := share * 100
	if math.Abs(p) >= 9.95 {
		return fmt.Sprintf("%.0f %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}
