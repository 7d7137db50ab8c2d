package target

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"

	"flightbench/internal/h2"
	"flightbench/internal/wire"
)

var transports = []wire.Transport{wire.Direct, wire.GRPC, wire.Stock}

// tuned is the least that a session needs.
func tuned(t wire.Transport) Tuning { return Tuning{Transport: t, MaxMessage: 64 << 20} }

// listen returns a listener that is closed with the test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serveGRPC serves register's services by grpc-go until the test ends.
func serveGRPC(t *testing.T, l net.Listener, register func(grpc.ServiceRegistrar), opts ...grpc.ServerOption) string {
	t.Helper()
	s := grpc.NewServer(opts...)
	register(s)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
	return l.Addr().String()
}

// serveH2 does it by our own HTTP/2.
func serveH2(t *testing.T, register func(grpc.ServiceRegistrar)) string {
	t.Helper()
	s := h2.NewServer(h2.DefaultServerOptions())
	register(s)
	l := listen(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
	return l.Addr().String()
}

// serveConns hands each connection to f, which is over when it returns.
func serveConns(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go f(c)
		}
	}()
	return l.Addr().String()
}

// empty has no call at all.
type empty struct{ flight.BaseFlightServer }

func registerEmpty(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, &empty{}) }

// callList completes a ListActions call over a connection of s.
func callList(ctx context.Context, s *Session) error {
	conn, err := s.Dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	return list(ctx, conn)
}

func list(ctx context.Context, conn *Conn) error {
	stream, err := flight.NewClientFromConn(conn, nil).ListActions(ctx, &flight.Empty{})
	if err != nil {
		return err
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// begun is a connection of which something was read.
type begun struct {
	net.Conn
	read []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.read) > 0 {
		n := copy(p, b.read)
		b.read = b.read[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}
