package target

import (
	"context"
	"net"
	"runtime"
	"testing"
)

func TestSocketsAreRemembered(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("TCP_INFO is Linux's")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var s sockets
	dial := s.dialer(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	})
	var conns []net.Conn
	for range 2 {
		c, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	if got := s.read(); got.Sockets != 2 || got.RTT <= 0 || got.Retransmits != 0 {
		t.Errorf("%+v, want 2 sockets with a round-trip time and no retransmits", got)
	}
	conns[0].Close()
	if got := s.read(); got.Sockets != 1 {
		t.Errorf("%+v after one was closed", got)
	}
}
