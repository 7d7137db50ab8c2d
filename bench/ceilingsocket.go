package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// rawChunk is what is read from a socket at a time: as much as fits into a
// second-level cache.
const rawChunk = 256 << 10

// rawConn is a socket beside the server's own.
type rawConn struct {
	net.Conn
	buf []byte
}

// socketOp moves streams through sockets, one a slot, see workloads.Ceiling.
type socketOp struct {
	ceiling
	t       *trial
	at      *workloads.Ceiling
	way     string
	secure  bool
	buffers [][]byte // to be sent
}

func newSocket(ctx context.Context, t *trial) (_ operation, err error) {
	name, way, _ := t.config.Rung()
	o := &socketOp{ceiling: t.ceiling, t: t, way: way, secure: name == results.RungTLS}
	by := workloads.CeilingSocket
	if o.secure {
		by = workloads.CeilingTLS
	}
	if o.at, err = o.begin(ctx, t, by); err != nil {
		return nil, err
	}
	if way != workloads.CeilingGet {
		o.buffers = workloads.CeilingBytes(o.bodies())
	}
	for _, s := range t.slots {
		if s.state, err = t.raw(ctx, o.at, o.secure); err != nil {
			return nil, errors.Join(err, o.Close())
		}
	}
	return o, nil
}

// Close ends it at the server. The sockets are the trial's.
func (o *socketOp) Close() error { return o.t.endCeiling(o.at.ID) }

// run is one stream. A socket that failed is replaced by the next stream.
func (o *socketOp) run(ctx context.Context, s *slot) (err error) {
	conn, _ := s.state.(*rawConn)
	if conn == nil {
		if conn, err = s.t.raw(ctx, o.at, o.secure); err != nil {
			return status.Error(codes.Unavailable, err.Error())
		}
		s.state = conn
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = o.move(ctx, s, conn)
	if !stop() || err != nil {
		_ = conn.Close()
		s.state = nil
	}
	if err != nil {
		return status.Errorf(codes.Unavailable, "the socket beside the server: %v", err)
	}
	return nil
}

func (o *socketOp) move(ctx context.Context, s *slot, conn *rawConn) error {
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], uint64(o.batches))
	if _, err := conn.Write(head[:]); err != nil {
		return err
	}
	if conn.buf == nil {
		conn.buf = make([]byte, rawChunk)
	}
	take := func(i int64) (wire.Sizes, error) { return o.size(i), conn.take(o.size(i).Body) }
	send := func(i int64) (wire.Sizes, error) {
		_, err := conn.Write(o.buffers[i%int64(len(o.buffers))])
		return o.size(i), err
	}
	switch o.way {
	case workloads.CeilingGet:
		return o.stream(ctx, s, take)
	case workloads.CeilingPut:
		return o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
			z, err := send(i)
			if err == nil && i == o.batches-1 {
				err = conn.take(1) // the server's word that it has all
			}
			return z, err
		})
	}
	var sent sync.WaitGroup
	var sendErr error
	sent.Go(func() { sendErr = o.outward(ctx, s, send) })
	err := o.stream(ctx, s, take)
	if err != nil {
		_ = conn.Close()
	}
	sent.Wait()
	return errors.Join(err, sendErr)
}

// outward sends what comes back elsewhere, where its batches are counted.
func (c *ceiling) outward(ctx context.Context, s *slot, send func(i int64) (wire.Sizes, error)) error {
	y := tally{s: s}
	defer y.flush()
	for i := range c.batches {
		z, err := send(i)
		if err != nil {
			return err
		}
		y.Add(z)
		if y.Body >= flushBytes {
			y.flush()
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// take reads n bytes and drops them.
func (c *rawConn) take(n int64) error {
	for n > 0 {
		k, err := c.Read(c.buf[:min(n, int64(len(c.buf)))])
		if n -= int64(k); err != nil && n > 0 {
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("it was closed with %d bytes of a message left: %w", n, io.ErrUnexpectedEOF)
			}
			return err
		}
	}
	return nil
}
