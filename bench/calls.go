package bench

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

// callKinds are Flight's calls that move no batches.
func callKinds() []opKind {
	kind := func(name, doc string, m metric, setUp func(context.Context, *trial) (callFunc, error)) opKind {
		return opKind{name: name, doc: doc, latencies: []metric{m}, primary: m, calls: true,
			setUp: func(ctx context.Context, t *trial) (operation, error) {
				do, err := setUp(ctx, t)
				return callOp{m, do}, err
			}}
	}
	// described is set up with the descriptor that c asks with.
	described := func(do func(context.Context, *slot, *call, *flight.FlightDescriptor) error) func(context.Context, *trial) (callFunc, error) {
		return func(ctx context.Context, t *trial) (callFunc, error) {
			d, err := t.descriptor(ctx)
			return func(ctx context.Context, s *slot, c *call) error { return do(ctx, s, c, d) }, err
		}
	}
	return []opKind{
		kind("info", "GetFlightInfo", latInfo, described(func(ctx context.Context, s *slot, c *call, d *flight.FlightDescriptor) error {
			_, err := s.client.GetFlightInfo(ctx, d, c.keep())
			return err
		})),
		kind("poll", "PollFlightInfo, once a call", latPoll, described(func(ctx context.Context, s *slot, c *call, d *flight.FlightDescriptor) error {
			_, err := s.client.PollFlightInfo(ctx, d, c.keep())
			return err
		})),
		kind("schema", "GetSchema", latSchema, described(func(ctx context.Context, s *slot, c *call, d *flight.FlightDescriptor) error {
			_, err := s.client.GetSchema(ctx, d, c.keep())
			return err
		})),
		kind("list-flights", "ListFlights, read to its end", latListFlights, plain(func(ctx context.Context, s *slot, c *call) error {
			stream, err := s.client.ListFlights(ctx, &flight.Criteria{}, c.keep())
			if err != nil {
				return err
			}
			return drain(c, stream.Recv)
		})),
		kind("list-actions", "ListActions, read to its end", latListActions, plain(func(ctx context.Context, s *slot, c *call) error {
			stream, err := s.client.ListActions(ctx, &flight.Empty{}, c.keep())
			if err != nil {
				return err
			}
			return drain(c, stream.Recv)
		})),
		kind(opAction+"NAME", "DoAction NAME, with BODY as action:NAME:BODY (text, @FILE or hex:DIGITS), read to its end", latAction,
			func(_ context.Context, t *trial) (callFunc, error) {
				name, text, _ := strings.Cut(strings.TrimPrefix(t.config.Op, opAction), ":")
				body, err := Bytes(text)
				if err != nil {
					return nil, fmt.Errorf("--op action:%s: %w", name, err)
				}
				return func(ctx context.Context, s *slot, c *call) error {
					stream, err := s.client.DoAction(ctx, &flight.Action{Type: name, Body: body}, c.keep())
					if err != nil {
						return err
					}
					return drain(c, stream.Recv)
				}, nil
			}),
		kind("handshake", "Handshake, with the credentials of --auth", latHandshake, plain(func(ctx context.Context, s *slot, c *call) error {
			return s.t.session.Handshake(ctx, s.conn)
		})),
	}
}

// plain is the set-up of a call that asks for nothing.
func plain(do callFunc) func(context.Context, *trial) (callFunc, error) {
	return func(context.Context, *trial) (callFunc, error) { return do, nil }
}

// callFunc makes the call c.
type callFunc func(ctx context.Context, s *slot, c *call) error

// callOp makes one call an iteration and records how long it took.
type callOp struct {
	latency metric
	do      callFunc
}

func (o callOp) run(ctx context.Context, s *slot) error {
	ctx, c := s.begin(ctx)
	start := s.t.clock.now()
	if err := c.end(o.do(ctx, s, c), nil); err != nil {
		return fmt.Errorf("%s: %w", s.t.config.Op, err)
	}
	now := s.t.clock.now()
	s.response(o.latency, now, start)
	s.stream(now)
	return nil
}

// drain reads a stream of answers to its end.
func drain[T any](c *call, recv func() (T, error)) error {
	for {
		if _, err := recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		c.message()
	}
}
