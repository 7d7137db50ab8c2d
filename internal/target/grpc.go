package target

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"flightbench/internal/wire"
)

// dialGRPC connects through grpc-go, with our codec or plainly.
func (t Target) dialGRPC(tu Tuning) (*Conn, error) {
	if tu.MaxFrame != 0 {
		return nil, fmt.Errorf("--max-frame %d: grpc-go's frames are fixed at 16 KiB: leave it at 0 or use --transport direct", tu.MaxFrame)
	}
	wires, socks := &wireCounter{}, &sockets{}
	dial := socks.dialer(tu.line.dialer(t.dialer))
	opts := append(wire.DialOptions(tu.Transport, int(tu.MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			c, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: c, counter: wires}, nil
		}))
	if t.TLS != nil {
		opts = append(opts, grpc.WithTransportCredentials(credentials.NewTLS(t.TLS)))
	} else {
		opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(t.authority))
	}
	if tu.Window != 0 {
		opts = append(opts, grpc.WithStaticStreamWindowSize(int32(tu.Window)))
	}
	if tu.ConnWindow != 0 {
		opts = append(opts, grpc.WithStaticConnWindowSize(int32(tu.ConnWindow)))
	}
	if tu.ReadBuffer != 0 {
		opts = append(opts, grpc.WithReadBufferSize(int(tu.ReadBuffer)))
	}
	if tu.WriteBuffer != 0 {
		opts = append(opts, grpc.WithWriteBufferSize(int(tu.WriteBuffer)))
	}
	cc, err := grpc.NewClient("passthrough:///"+t.authority, opts...) // dialer knows the address
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.URI, err)
	}
	return &Conn{ClientConnInterface: timedConn{cc}, Wire: wires.load, TCP: socks.read, Close: cc.Close}, nil
}

// wireCounter counts the bytes of every socket that one Conn has had.
type wireCounter struct{ read, written atomic.Int64 }

func (w *wireCounter) load() (int64, int64) { return w.read.Load(), w.written.Load() }

// countedConn counts what passes through a socket.
type countedConn struct {
	net.Conn
	counter *wireCounter
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.counter.read.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	// Counted before the peer can answer, so that what it has acknowledged is in the count.
	c.counter.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.counter.written.Add(int64(n - len(p)))
	return n, err
}
