// Package doctor examines a Flight server from the outside: what it can do, how well it is set up, and what to do about it. It asks
// each question with a call of its own, believes no answer, and writes nothing unless it is allowed to.
//
// Every finding is a [Line]; a [Report] is all of them. The examination goes through a table of probes (see probes), each in a time of
// its own.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/status"

	"flightbench/internal/h2"
	"flightbench/internal/target"
)

// Options say how far an examination may go. The zero value is good.
type Options struct {
	// Timeout bounds each probe; 0 means DefaultTimeout. The whole examination takes at most six times as long.
	Timeout time.Duration
	// WriteProbe allows what a server could take for a write: DoPut and DoExchange with an empty descriptor and no data.
	WriteProbe bool
	// Descriptor is what to read, in place of the first flight that the server lists.
	Descriptor *flight.FlightDescriptor
	// Ticket is what to read, without asking GetFlightInfo first. Not together with Descriptor.
	Ticket []byte
}

// DefaultTimeout is the time of one probe.
const DefaultTimeout = 5 * time.Second

// wholeTimes is how many times Options.Timeout everything together may take.
const wholeTimes = 6

// Validate says which field cannot be used and what to set it to.
func (o Options) Validate() error {
	if o.Timeout < 0 {
		return fmt.Errorf("timeout %v of a probe: set it above 0, or to 0 for %v", o.Timeout, DefaultTimeout)
	}
	if o.Descriptor != nil && o.Ticket != nil {
		return errors.New("both a descriptor and a ticket say what to read: give one of them")
	}
	return nil
}

// examiner is one examination. Probes run one after another and leave here what later ones need.
type examiner struct {
	o      Options
	t      target.Target
	report *Report
	topic  string // of the probe that runs

	halt string // why no later probe can run; empty while they can

	mutual  bool    // the server asks for a client certificate, and one was given
	peer    h2.Peer // what the server announced, with the best of the PINGs
	link    *link   // with the credentials given; nil before the calls
	strange answers // to calls without credentials
	calls   answers // to calls with the credentials given
	found   found

	ping   bool    // it has the action ping
	own    bool    // it is a server of flightbench
	source *source // data that can be read; nil: none was found

	located map[string]handedOut // locations that were looked at, by URI
}

// A probe asks one question and adds the lines that answer it.
type probe struct {
	topic string
	run   func(*examiner, context.Context)
	calls bool // it needs a server that answers calls
}

var probes = []probe{
	{"address", (*examiner).address, false},
	{"TLS", (*examiner).security, false},
	{"HTTP/2", (*examiner).transport, false},
	{"without credentials", (*examiner).asStranger, false},
	{"credentials", (*examiner).credentials, false},
	{"calls", (*examiner).listCalls, false},
	{"server", (*examiner).kind, true},
	{"actions", (*examiner).listActions, true},
	{"Flight SQL", (*examiner).flightSQL, true},
	{"flights", (*examiner).listFlights, true},
	{"locations", (*examiner).locations, true},
	{"data", (*examiner).data, true},
	{"message size", (*examiner).messageSize, true},
	{"window", (*examiner).windows, true},
	{"cancellation", (*examiner).cancellation, true},
	{"deadline", (*examiner).deadline, false},
	{"empty call", (*examiner).latency, true},
}

// Examine asks the server t. The error is that of invalid Options, or of ctx when it ends early, beside what was found so far: a
// server that cannot be reached or answers nonsense is a Problem in the Report.
func Examine(ctx context.Context, t target.Target, o Options) (*Report, error) {
	return examineWith(ctx, t, o, probes)
}

// examineWith is Examine with some of the probes.
func examineWith(ctx context.Context, t target.Target, o Options, probes []probe) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	x := &examiner{o: o, t: t, report: &Report{Target: t.Name}}
	defer func() { x.link.close() }()
	whole, cancel := context.WithTimeout(ctx, wholeTimes*o.Timeout)
	defer cancel()
	for i, p := range probes {
		if x.halt != "" {
			x.topic = "the rest"
			x.add(Info, "not examined: "+x.halt, "", nil)
			break
		}
		if p.calls && !x.answered() {
			continue // the calls have been told
		}
		sofar := len(x.report.Lines)
		x.run(whole, p)
		if whole.Err() == nil || x.halt != "" && ctx.Err() == nil {
			continue
		}
		x.report.Lines = x.report.Lines[:sofar] // what was cut short may be wrong
		if ctx.Err() == nil {
			x.topic = "the rest"
			x.add(Warning, "not examined, since "+span(wholeTimes*o.Timeout)+" have passed: "+topics(probes[i:]), "give more time with --timeout", nil)
		}
		break
	}
	return x.report, ctx.Err()
}

// run gives a probe its time. What a server sends to make it panic becomes a finding.
func (x *examiner) run(ctx context.Context, p probe) {
	ctx, cancel := context.WithTimeout(ctx, x.o.Timeout)
	defer cancel()
	x.topic = p.topic
	defer func() {
		if r := recover(); r != nil {
			x.add(Problem, fmt.Sprintf("the answer could not be understood: %v", r), "report this, with the kind and version of the server", nil)
		}
	}()
	p.run(x, ctx)
}

// explain is what target.Explain says of t, without the address that heads the report, and what to do about it.
func explain(ctx context.Context, t target.Target, err error) (what, advice string) {
	err = target.ExplainContext(ctx, t, err)
	var e *target.Explained
	if errors.As(err, &e) {
		return e.What, e.Advice
	}
	return status.Convert(err).Message(), "" // we have ended it ourselves
}

// fail adds the Problem err of the examiner's target, after words that lead to it. The advice is for where target.Explain has none.
func (x *examiner) fail(ctx context.Context, lead string, err error, advice string, data any) {
	what, do := explain(ctx, x.t, err)
	x.add(Problem, lead+what, cmp.Or(do, advice), data)
}

func topics(ps []probe) string {
	var names []string
	for _, p := range ps {
		names = append(names, p.topic)
	}
	return strings.Join(names, ", ")
}

// add adds a line to the current topic.
func (x *examiner) add(l Level, text, advice string, data any) {
	x.report.Lines = append(x.report.Lines, Line{Topic: x.topic, Level: l, Text: x.safe(text), Advice: x.safe(advice), Data: data})
}

// safe is clean, and without the secrets that a server may have repeated.
func (x *examiner) safe(s string) string { return clean(x.t.Conceal(s)) }

// clip is safe, and at most n runes: a secret is not cut before it is found.
func (x *examiner) clip(s string, n int) string { return clip(x.safe(s), n) }
