package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// clock counts nanoseconds of the monotonic clock since a trial began.
type clock struct{ base time.Time }

func (c clock) now() int64 { return int64(time.Since(c.base)) }

// messageOverhead is more than a message has beside its body, for any schema
// that is not absurd.
const messageOverhead = 64 << 10

// Bounds of the calls around the measurement.
const (
	probeTimeout   = 10 * time.Second
	peerTimeout    = 5 * time.Second
	prepareTimeout = 2 * time.Minute
)

// trial is one execution of one Config: its connections, its streams and what
// they record.
type trial struct {
	out     *results.Trial
	config  *results.Config // of out, resolved as set-up goes on
	kind    opKind
	target  target.Target
	session *target.Session
	clock   clock
	window  window
	recs    *recorders
	slots   []*slot
	op      operation
	payload payload
	ceiling ceiling // of a rung
	servers servers
	control *control
	cache   *cache

	transport   wire.Transport
	cancelAfter cancelAfter
	local       bool   // the server is ours and on this machine: their clocks are one
	nonce       string // of the trial, for names that nobody else gives
	cancels     *cancels
	listener    int // the process that seems to be a server of which nothing else is known; 0: none
	lacks       lacks
	failures    failures
	load        *load         // of an open loop
	opened      chan struct{} // closed when the window begins

	connMu sync.Mutex
	conns  []*target.Conn

	usage   *usageReader
	sampler *sampler
	observe func(Progress)

	before, begin, end, after *results.Peer // the server's counts: before the first stream, at the window's ends, after the last
	told                      *results.Peer // the last of them
	gone                      bool          // the server no longer tells them

	began, ended             *moment       // the window's ends
	health                   *vitals       // between them
	processBegin, processEnd *target.Usage // of the server's process at the window's ends, where it is known

	mu       sync.Mutex
	warnings []string
	warned   map[string]bool // by kind
}

// lacks are calls that the server was seen not to have: they are not made again.
type lacks struct{ info, renew, cancel atomic.Bool }

func (t *trial) warn(w string) { t.warnOnce(w, w) }

// warnOnce gives one warning of a kind, the first: those that follow may differ
// in numbers.
func (t *trial) warnOnce(kind, w string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.warned[kind] {
		if t.warned == nil {
			t.warned = map[string]bool{}
		}
		t.warned[kind] = true
		t.warnings = append(t.warnings, w)
	}
}

// wireBytes sums what the measured connections carried since they connected.
func (t *trial) wireBytes() (read, written int64) {
	t.connMu.Lock()
	defer t.connMu.Unlock()
	for _, c := range t.conns {
		r, w := c.Wire()
		read, written = read+r, written+w
	}
	return read, written
}

// addConn has conn counted, and closed with the trial.
func (t *trial) addConn(conn *target.Conn) {
	t.connMu.Lock()
	defer t.connMu.Unlock()
	t.conns = append(t.conns, conn)
}

// connect logs in, dials every connection and completes a call on each, so
// that no connection is set up inside the window.
func (t *trial) connect(ctx context.Context, tgt target.Target) error {
	c := t.config
	for i := range c.Headers {
		tgt.Headers = append(tgt.Headers[:len(tgt.Headers):len(tgt.Headers)], target.Header{Name: fmt.Sprintf("x-flightbench-header-%d", i), Value: headerValue})
	}
	t.target = tgt
	var err error
	if t.session, err = tgt.Open(target.Tuning{Transport: t.transport, Window: c.Window, ConnWindow: c.ConnWindow,
		ReadBuffer: c.ReadBuffer, WriteBuffer: c.WriteBuffer, MaxFrame: c.MaxFrame, MaxMessage: c.MaxMessage, Link: linkOf(*c)}); err != nil {
		return err
	}
	if t.control, err = dialControl(t.session); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := t.session.Login(ctx); err != nil {
		return target.Explain(tgt, err)
	}
	if t.before, err = t.control.idleStats(ctx); err != nil {
		return target.Explain(tgt, err)
	}
	t.told, t.local = t.before, t.before != nil && tgt.Local()
	t.servers = servers{t: t, home: &server{uri: tgt.URI}}
	for i := range c.Concurrency {
		s := &slot{t: t, index: i}
		if i < c.Connections {
			if s.conn, err = t.session.Dial(); err != nil {
				return err
			}
			t.addConn(s.conn)
			s.client = flight.NewClientFromConn(s.conn, nil)
			t.servers.home.clients = append(t.servers.home.clients, s.client)
			if err := t.session.Do(ctx, func(ctx context.Context) error { return ping(ctx, s.client) }); err != nil {
				return target.Explain(tgt, err)
			}
		} else {
			s.conn, s.client = t.slots[i%c.Connections].conn, t.slots[i%c.Connections].client
		}
		t.slots = append(t.slots, s)
	}
	return nil
}

// headerValue is what --headers sends: as long as an id of a trace.
const headerValue = "0123456789abcdef01234567"

// ping completes a call, whatever the server answers to it.
func ping(ctx context.Context, client flight.FlightServiceClient) error {
	if _, err := action(ctx, client, "ping", nil); err != nil && !foreign(err) {
		return err
	}
	return nil
}

// prepare sets the operation up: its payload on both sides, what it asks for,
// and what its slots record.
func (t *trial) prepare(ctx context.Context) (err error) {
	if t.config.Provoke != "" && t.before == nil {
		return status.Error(codes.FailedPrecondition, "--provoke asks a flightbench server for errors, and this server is none")
	}
	if err := t.preparePayload(ctx); err != nil {
		return err
	}
	used := t.kind.latencies
	if t.config.Open() {
		used = openMetrics(used)
	}
	t.recs = newRecorders(used, t.config.Concurrency, &t.window)
	t.sampler = newSampler(t.clock, t.recs, t.wireBytes, t.usage)
	for i, s := range t.slots {
		s.recorder = t.recs.all[i]
	}
	if t.op, err = t.kind.setUp(ctx, t); err != nil || !t.config.Open() {
		return err
	}
	t.load, err = t.newLoad(ctx)
	return err
}

// progress tells the observer where the trial is.
func (t *trial) progress(phase string, a, b *sample) {
	if t.observe == nil {
		return
	}
	p := Progress{Config: *t.config, Phase: phase}
	if b != nil {
		p.Elapsed = time.Duration(b.at - t.window.begin.Load())
		p.Rate, p.Unit = float64(b.totals.bytes.Body-a.totals.bytes.Body)/seconds(b.at-a.at), "B/s"
		if t.kind.calls {
			p.Rate, p.Unit = float64(b.totals.streams-a.totals.streams)/seconds(b.at-a.at), "calls/s"
		}
		m := t.kind.primaryOf(*t.config)
		p.Latency, p.P99 = metricNames[m], t.sampler.p99(m, b)
	}
	t.observe(p)
}

// PrimaryLatency is the name of the latency that says most of c while it runs.
func PrimaryLatency(c results.Config) string {
	k, err := kindOf(c.Op)
	if err != nil {
		return ""
	}
	return metricNames[k.primaryOf(c)]
}

func (k opKind) primaryOf(c results.Config) metric {
	switch {
	case c.CancelAfter != "":
		return latCancel
	case c.Op == OpPut && c.PutAck != AckNone:
		return latPutAck
	}
	return k.primary
}

func (t *trial) close() {
	if c, ok := t.op.(io.Closer); ok {
		_ = c.Close()
	}
	for _, c := range t.conns {
		_ = c.Close()
	}
	if t.control != nil {
		_ = t.control.close()
	}
	if t.session != nil {
		_ = t.session.Close()
	}
}

// fail records err in the trial's result.
func (t *trial) fail(ctx context.Context, err error) {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled) {
		t.out.Status = results.StatusPartial
		return
	}
	t.out.Status = results.StatusFailed
	t.out.Error = err.Error()
	if isUnavailable(err) {
		t.out.Status = results.StatusUnavailable
		return
	}
	if t.failures.ended == nil { // else it was counted
		t.failures.add(err)
	}
}
