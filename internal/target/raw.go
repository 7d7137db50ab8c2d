package target

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"flightbench/internal/h2"
)

// Raw connects to what listens beside the server: at that port of its own
// host, or where path is not empty at that Unix socket. It passes the session's
// Link, and with secure the target's TLS, whose handshake is over when it
// returns. No HTTP/2 is spoken, nor anything of ours. The Conn counts the
// socket and closes it; its other calls are not to be made.
func (s *Session) Raw(ctx context.Context, port int, path string, secure bool) (net.Conn, *Conn, error) {
	t := s.target
	if secure && t.TLS == nil {
		return nil, nil, fmt.Errorf("connect beside %s: it is a plaintext target, and TLS was asked for", t.URI)
	}
	if path != "" {
		t.network, t.address = "unix", path
	} else {
		host, _, err := net.SplitHostPort(t.address)
		if err != nil {
			return nil, nil, fmt.Errorf("connect beside %s: it is no TCP address, and port %d was answered", t.URI, port)
		}
		t.address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	wires, socks := &wireCounter{}, &sockets{}
	dial := func(ctx context.Context) (net.Conn, error) {
		c, err := t.dialer(ctx)
		if err == nil {
			h2.BoundLocal(c) // or it would be slower than our HTTP/2
		}
		return c, err
	}
	raw, err := socks.dialer(s.tuning.line.dialer(dial))(ctx)
	if err != nil {
		return nil, nil, err
	}
	var conn net.Conn = &countedConn{Conn: raw, counter: wires}
	if secure {
		over := tls.Client(conn, t.TLS)
		if err := over.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, nil, fmt.Errorf("TLS handshake: %w", err)
		}
		conn = over
	}
	return conn, &Conn{Wire: wires.load, TCP: socks.read, Close: raw.Close}, nil
}
