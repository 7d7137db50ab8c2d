package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"golang.org/x/sync/errgroup"
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
	target  target.Target
	clock   clock
	window  window
	recs    *recorders
	slots   []*slot
	conns   []*target.Conn
	control *control
	usage   *usageReader
	sampler *sampler
	observe func(Progress)

	before, begin, end, after *results.Peer // the server's counts: before the first stream, at the window's ends, after the last
	gone                      bool          // the server no longer tells them

	mu       sync.Mutex
	warnings []string
}

func (t *trial) warn(w string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, have := range t.warnings {
		if have == w {
			return
		}
	}
	t.warnings = append(t.warnings, w)
}

// wireBytes sums what the measured connections carried since they connected.
func (t *trial) wireBytes() (read, written int64) {
	for _, c := range t.conns {
		r, w := c.Wire()
		read, written = read+r, written+w
	}
	return read, written
}

// connect dials every connection and completes a call on each, so that no
// connection is set up inside the window.
func (t *trial) connect(ctx context.Context, tgt target.Target) error {
	c := t.config
	t.target = tgt
	tu := target.Tuning{Transport: wire.Transport(c.Transport), Window: c.Window, ConnWindow: c.ConnWindow,
		ReadBuffer: c.ReadBuffer, WriteBuffer: c.WriteBuffer, MaxFrame: c.MaxFrame, MaxMessage: c.MaxMessage}
	var err error
	if t.control, err = dialControl(tgt, tu); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if t.before, err = t.control.idleStats(ctx); err != nil {
		return unreached(tgt, err)
	}
	for range c.Connections {
		conn, err := tgt.Dial(tu)
		if err != nil {
			return err
		}
		t.conns = append(t.conns, conn)
		if err := ping(ctx, flight.NewClientFromConn(conn, nil)); err != nil {
			return unreached(tgt, err)
		}
	}
	return nil
}

// unreached says why the first calls to a server failed.
func unreached(tgt target.Target, err error) error {
	if status.Code(err) == codes.DeadlineExceeded {
		return fmt.Errorf("reach %s: it did not answer DoAction within %v: %w", tgt.URI, probeTimeout, err)
	}
	return fmt.Errorf("reach %s: %w", tgt.URI, err)
}

// ping completes a call, whatever the server answers to it.
func ping(ctx context.Context, client flight.FlightServiceClient) error {
	if _, err := action(ctx, client, "ping", nil); err != nil && !foreign(err) {
		return err
	}
	return nil
}

// prepare has the batches made on both sides and the slots built.
func (t *trial) prepare(ctx context.Context, cache *cache) error {
	c := t.config
	spec, err := SpecOf(*c)
	if err != nil {
		return err
	}
	t.recs = newRecorders(c.Op, c.Concurrency, &t.window)
	t.sampler = newSampler(t.clock, t.recs, t.wireBytes, t.usage)
	proto := slot{clock: t.clock, config: c, target: t.target, transport: wire.Transport(c.Transport), warn: t.warn}
	var body, logical int64 // of a batch
	if c.Op != OpGet || c.Decode == "verify" {
		if proto.set, err = cache.set(ctx, spec); err != nil {
			return err
		}
		spec = proto.set.Spec
		body, logical = proto.set.Batches[0].BodyBytes, proto.set.Batches[0].LogicalBytes
		if c.Op != OpGet {
			if proto.prepared, err = cache.prepared(ctx, spec, wire.Transport(c.Transport), c.Compression); err != nil {
				return err
			}
		}
		if c.Decode != "verify" || c.Op == OpPut {
			proto.set = nil
		}
	}
	if t.before != nil {
		c.ServerTransport = t.before.Transport
	}
	rows, distinct := spec.Rows, spec.Distinct
	if t.before != nil && (c.Op == OpGet || c.Decode == "verify") {
		ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
		defer cancel()
		// The streams ask with the same spec, so that they find what is prepared now.
		made, err := t.control.prepare(ctx, ticketOf(*c, spec))
		if err != nil {
			return err
		}
		rows, distinct = made.RowsPerBatch, made.Batches
		body, logical = max(body, made.BodyBytes[0]), made.LogicalBytes[0]
	}
	if limit := c.MaxMessage - messageOverhead; body > limit {
		return status.Errorf(codes.ResourceExhausted, "a batch has %d body bytes, the message limit --max-message %d: raise it or use smaller batches", body, c.MaxMessage)
	}
	if spec.Rows > 0 || spec.BatchBytes > 0 { // else the file's own batches, which may differ
		c.Rows = rows
	}
	c.Distinct = distinct
	if c.Batches == 0 {
		if logical == 0 { // a foreign server's: it may send what is asked of it
			logical = oneBatch(spec)
		}
		c.Batches = autoBatches(logical)
	}
	proto.descriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: ticketOf(*c, spec).Marshal()}
	for i := range c.Concurrency {
		s := proto
		s.recorder = t.recs.all[i]
		s.client = flight.NewClientFromConn(t.conns[i%len(t.conns)], nil)
		t.slots = append(t.slots, &s)
	}
	return nil
}

// measure runs the streams through warm-up and window.
func (t *trial) measure(ctx context.Context) error {
	t.window.begin.Store(math.MaxInt64)
	t.window.end.Store(math.MaxInt64)
	if t.config.Total > 0 {
		return t.measureTotal(ctx)
	}
	return t.measureDuration(ctx)
}

// measureTotal runs streams for the warm-up, lets them end, and then measures
// exactly Total streams.
func (t *trial) measureTotal(ctx context.Context) error {
	if t.config.Warmup > 0 {
		until := t.clock.now() + int64(duration(t.config.Warmup))
		t.progress("warmup", nil, nil)
		if err := t.streams(ctx, func() bool { return t.clock.now() < until }); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	var begun atomic.Int64
	stop := t.startWindow(ctx)
	err := t.streams(ctx, func() bool { return begun.Add(1) <= t.config.Total })
	t.window.end.Store(t.clock.now())
	stop()
	t.end = t.peer(ctx)
	return err
}

// measureDuration measures a window of fixed length in a steady flow of
// streams, and cuts those that are under way at its end.
func (t *trial) measureDuration(ctx context.Context) error {
	flow, cut := context.WithCancel(ctx)
	defer cut()
	done := make(chan error, 1)
	go func() { done <- t.streams(flow, func() bool { return true }) }()
	wait := func(d time.Duration) (error, bool) {
		select {
		case err := <-done:
			return err, true
		case <-time.After(d):
			return nil, false
		}
	}
	t.progress("warmup", nil, nil)
	if err, ended := wait(duration(t.config.Warmup)); ended {
		return err
	}
	stop := t.startWindow(ctx)
	t.window.end.Store(t.window.begin.Load() + int64(duration(t.config.Duration)))
	err, ended := wait(time.Duration(t.window.end.Load() - t.clock.now()))
	if ended {
		t.window.end.Store(min(t.window.end.Load(), t.clock.now()))
	}
	stop()
	t.end = t.peer(ctx)
	if ended {
		return err
	}
	cut()
	return <-done
}

// startWindow opens the window and starts the sampler; the function it returns
// stops the sampler with a last sample.
func (t *trial) startWindow(ctx context.Context) (stop func()) {
	t.begin = t.peer(ctx)
	t.sampler.take()
	t.window.begin.Store(t.clock.now())
	t.out.Started = time.Now()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var sampling sync.WaitGroup
	sampling.Go(func() {
		t.sampler.every(ctx, t.interval(), func(a, b *sample) { t.progress("measure", a, b) })
	})
	return func() {
		cancel()
		sampling.Wait()
		t.sampler.take()
	}
}

// interval is the timeline's: twenty to a trial, but 0.1 s at least and 1 s at
// most.
func (t *trial) interval() time.Duration {
	if t.config.Total > 0 {
		return 250 * time.Millisecond
	}
	return min(max(duration(t.config.Duration)/20, 100*time.Millisecond), time.Second)
}

// peer asks the server for its counts, nil where it is not ours or is gone. A
// server that has failed to answer once is not waited for again.
func (t *trial) peer(ctx context.Context) *results.Peer {
	if t.before == nil || t.gone {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	p, err := t.control.stats(ctx)
	if err != nil {
		t.gone = true
		t.warn(fmt.Sprintf("the server's counts are missing: %v", err))
		return nil
	}
	return p
}

// streams runs every slot until more is false or ctx ends, and returns the
// first error that is not ctx's own end.
func (t *trial) streams(ctx context.Context, more func() bool) error {
	op := operations[t.config.Op]
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range t.slots {
		g.Go(func() error {
			for gctx.Err() == nil && more() {
				if err := op(s, gctx); err != nil {
					if gctx.Err() != nil {
						s.cut.Add(1)
						return nil
					}
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// progress tells the observer where the trial is.
func (t *trial) progress(phase string, a, b *sample) {
	if t.observe == nil {
		return
	}
	p := Progress{Config: *t.config, Phase: phase}
	if b != nil {
		p.Elapsed = time.Duration(b.at - t.window.begin.Load())
		p.BodyRate = float64(b.totals.bytes.Body-a.totals.bytes.Body) / seconds(b.at-a.at)
		m := primaryLatency(t.config)
		p.Latency, p.P99 = metricNames[m], t.sampler.p99(m, b)
	}
	t.observe(p)
}

// primaryLatency is the latency shown while a trial runs.
func primaryLatency(c *results.Config) metric {
	switch {
	case c.Op == OpExchange:
		return latExchange
	case c.Op == OpPut && c.PutAck != AckNone:
		return latPutAck
	case c.Op == OpPut:
		return latStream
	}
	return latBatchGap
}

func (t *trial) close() {
	for _, c := range t.conns {
		_ = c.Close()
	}
	if t.control != nil {
		_ = t.control.close()
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
	t.out.Errors[status.Code(err).String()]++
}
