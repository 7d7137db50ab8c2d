package target

import (
	"context"

	"google.golang.org/grpc"

	"flightbench/internal/h2"
)

// Blocked is how long the calls of a context were blocked.
type Blocked = h2.Blocked

// Meter sums the lengths of waits, on the clock of Nanos.
type Meter = h2.Meter

// Nanos is the clock of Meters.
func Nanos() int64 { return h2.Nanos() }

// WithBlocked has calls that are made with the context it returns add to b how
// long they were blocked. A direct connection knows; of the others it is the
// time inside RecvMsg and SendMsg, which has their own work in it.
func WithBlocked(ctx context.Context, b *Blocked) context.Context { return h2.WithBlocked(ctx, b) }

// timedConn adds the time inside RecvMsg and SendMsg to the context's Blocked.
type timedConn struct{ grpc.ClientConnInterface }

func (c timedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	b := h2.BlockedOf(ctx)
	if b == nil {
		return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	}
	began := b.Receiving.Begin()
	err := c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	b.Receiving.End(began)
	return err
}

func (c timedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if b := h2.BlockedOf(ctx); b != nil && err == nil {
		return timedStream{s, b}, nil
	}
	return s, err
}

type timedStream struct {
	grpc.ClientStream
	b *Blocked
}

func (s timedStream) RecvMsg(m any) error {
	began := s.b.Receiving.Begin()
	err := s.ClientStream.RecvMsg(m)
	s.b.Receiving.End(began)
	return err
}

func (s timedStream) SendMsg(m any) error {
	began := s.b.Sending.Begin()
	err := s.ClientStream.SendMsg(m)
	s.b.Sending.End(began)
	return err
}
