package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// flushBytes is how much a rung moves before it counts it: a count costs more
// than moving a small batch.
const flushBytes = 256 << 10

// ceilingKinds are the rungs of the ladder: results.Config.Rungs says of what.
func ceilingKinds() []opKind {
	rung := func(name, doc string, alone bool, setUp func(context.Context, *trial) (operation, error)) opKind {
		return opKind{name: name, doc: doc, latencies: []metric{latStream}, primary: latStream, rung: true, alone: alone, setUp: setUp}
	}
	return []opKind{
		rung(results.RungCopy, "memory copy of the bodies", true, newCopy),
		rung(results.RungSocket, "bytes of the bodies through a socket", false, newSocket),
		rung(results.RungTLS, "the same with TLS", false, newSocket),
		rung(results.RungGRPC, "opaque gRPC messages of the bodies' sizes", false, newOpaque),
		rung(results.RungEncode, "IPC encoding alone", true, newEncode),
		rung(results.RungDecode, "IPC decoding alone", true, newDecode),
		rung(results.RungCodec, "compressing or decompressing alone", true, newCodec),
	}
}

// unavailable is why a server cannot answer a rung.
type unavailable struct{ error }

func (u unavailable) Unwrap() error { return u.error }

// isUnavailable tells whether err is no failure, but a rung that the server
// does not have.
func isUnavailable(err error) bool { return errors.As(err, &unavailable{}) }

// AddCeilings adds the rungs of the ladders of p's Configs to p, each once. It
// refuses a plan without a ladder, and says of which Configs there is none.
func AddCeilings(p *Plan) error {
	seen := map[string]bool{}
	var rungs []results.Config
	var why []string
	for _, c := range p.Configs {
		if reason := c.NoRungs(); reason != "" {
			why = append(why, c.Op+" ("+reason+")")
		}
		for _, r := range c.Rungs() {
			if !seen[r.Key()] {
				seen[r.Key()] = true
				rungs = append(rungs, r)
			}
		}
	}
	if len(rungs) == 0 {
		return fmt.Errorf("nothing that is measured has ceilings: %s; measure --op get, put or exchange of a workload", strings.Join(why, ", "))
	}
	p.Configs = append(p.Configs[:len(p.Configs):len(p.Configs)], rungs...)
	return nil
}

// standAlone makes the slots of a rung without a server.
func (t *trial) standAlone() {
	for i := range t.config.Concurrency {
		t.slots = append(t.slots, &slot{t: t, index: i})
	}
}

// ceiling is what the rungs have in common: the messages of the Config's
// batches, as their bodies are once encoded.
type ceiling struct {
	sizes   []wire.Sizes // of the batches in rotation, without rows
	batches int64        // of a stream
	largest int64
}

// size is that of batch i of a stream.
func (c *ceiling) size(i int64) wire.Sizes { return c.sizes[i%int64(len(c.sizes))] }

// bodies are the bytes of each size.
func (c *ceiling) bodies() []int64 {
	out := make([]int64, len(c.sizes))
	for i, z := range c.sizes {
		out[i] = z.Body
	}
	return out
}

// prepareRung is preparePayload of a rung.
func (t *trial) prepareRung(ctx context.Context) error {
	c := t.config
	if name, _, _ := c.Rung(); t.before != nil && name == results.RungGRPC {
		c.ServerTransport = t.before.Transport
	}
	spec, err := SpecOf(*c)
	if err != nil {
		return err
	}
	set, err := t.cache.set(ctx, spec)
	if err != nil {
		return err
	}
	// Stock encodes anew each time, and what it sends has the same size.
	messages, err := t.cache.prepared(ctx, set.Spec, wire.Direct, c.Compression)
	if err != nil {
		return err
	}
	t.payload.spec, t.payload.set = set.Spec, set
	for i := range messages.Len() {
		z := messages.Sizes(int64(i))
		t.ceiling.sizes = append(t.ceiling.sizes, wire.Sizes{Body: z.Body, Logical: z.Logical})
		t.ceiling.largest = max(t.ceiling.largest, z.Body)
	}
	if t.ceiling.largest == 0 {
		return errors.New("the batches of the workload have no body: there are no bytes to move")
	}
	if spec.Rows > 0 || spec.BatchBytes > 0 {
		c.Rows = set.Spec.Rows
	}
	c.Distinct = set.Spec.Distinct
	if t.ceiling.batches = c.Batches; c.Batches == 0 {
		t.ceiling.batches = autoBatches(set.Batches[0].LogicalBytes)
		if !t.kind.alone {
			c.Batches = t.ceiling.batches
		}
	}
	return nil
}

// tally counts batches that a rung has moved, many at a time.
type tally struct {
	s *slot
	wire.Sizes
	batches int64
}

// add counts a batch. Small bodies of a codec may stand for much work.
func (y *tally) add(z wire.Sizes) {
	y.Add(z)
	if y.batches++; max(y.Body, y.Logical) >= flushBytes {
		y.flush()
	}
}

// flush hands over what was counted.
func (y *tally) flush() {
	if y.batches == 0 && y.Body == 0 {
		return
	}
	r, now := &y.s.recorder, y.s.t.clock.now()
	r.wholeBatches.Add(y.batches)
	r.wholeBody.Add(y.Body)
	if r.window.holds(now) {
		r.batches.Add(y.batches)
		r.body.Add(y.Body)
		r.logical.Add(y.Logical)
	}
	y.Sizes, y.batches = wire.Sizes{}, 0
}

// stream runs a stream of batches, each moved by do, until it ends or ctx does.
func (c *ceiling) stream(ctx context.Context, s *slot, do func(i int64) (wire.Sizes, error)) error {
	start := s.t.clock.now()
	y := tally{s: s}
	defer y.flush()
	for i := range c.batches {
		if y.batches == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		z, err := do(i)
		if err != nil {
			return err
		}
		y.add(z)
	}
	y.flush()
	s.ended(start)
	return nil
}

// begin has the server make ready for the rung. What it does not have, or does
// not let us use, is unavailable.
func (c *ceiling) begin(ctx context.Context, t *trial, by string) (*workloads.Ceiling, error) {
	_, way, _ := t.config.Rung()
	if t.before == nil {
		return nil, unavailable{errors.New("not available: the server is none of flightbench's, which alone has the other end of it")}
	}
	body, err := json.Marshal(workloads.CeilingRequest{By: by, Way: way, Sizes: c.bodies(), Keep: t.config.Decode != "count"})
	if err != nil {
		return nil, err
	}
	if body, err = t.control.action(ctx, workloads.CeilingAction, body); err != nil {
		switch status.Code(err) {
		case codes.Unimplemented:
			err = unavailable{fmt.Errorf("not available: the server is of a version that does not have it: %w", err)}
		case codes.ResourceExhausted, codes.FailedPrecondition:
			err = unavailable{fmt.Errorf("not available: the server refuses it: %w", err)}
		}
		return nil, err
	}
	at := &workloads.Ceiling{}
	if err := json.Unmarshal(body, at); err != nil || len(at.ID) != workloads.CeilingIDBytes {
		return nil, fmt.Errorf("action %s: the server answered %.100q, which names no ceiling", workloads.CeilingAction, body)
	}
	return at, nil
}

// end tells the server that the rung was measured.
func (t *trial) endCeiling(id string) error {
	body, err := json.Marshal(workloads.CeilingRequest{Close: id})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), peerTimeout)
	defer cancel()
	_, err = t.control.action(ctx, workloads.CeilingAction, body)
	return err
}

// raw dials what listens beside the server. That nobody answers there is no
// failure of the server's: a firewall may let its own port through alone.
func (t *trial) raw(ctx context.Context, at *workloads.Ceiling, secure bool) (*rawConn, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, counted, err := t.session.Raw(ctx, at.Port, at.Path, secure)
	if err == nil {
		t.addConn(counted)
		if err = greet(conn, at.ID); err == nil {
			return &rawConn{Conn: conn}, nil
		}
		_ = conn.Close()
	}
	where := at.Path
	if where == "" {
		where = fmt.Sprintf("port %d, which the server opened for this", at.Port)
	}
	return nil, unavailable{fmt.Errorf("not available: %s cannot be reached (is there a firewall between?): %w", where, err)}
}

// greet says whose conn is, and makes sure that it is the server that answers:
// what stands between may accept connections for anybody.
func greet(conn net.Conn, id string) error {
	_ = conn.SetDeadline(time.Now().Add(probeTimeout))
	if _, err := conn.Write([]byte(id)); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return fmt.Errorf("what answers there is not the server: %w", err)
	}
	return conn.SetDeadline(time.Time{})
}
