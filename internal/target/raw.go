package target

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"flightbench/internal/h2"
)

// Raw connects to what listens beside the server: at that port of its own
// host, or beside the server's Unix socket at the last element of path. It
// refuses what is elsewhere, since the server says it. It passes the session's
// Link, and with secure the target's TLS, whose handshake is over when it
// returns. No HTTP/2 is spoken, nor anything of ours. The Conn counts the
// socket and closes it; its other calls are not to be made.
func (s *Session) Raw(ctx context.Context, port int, path string, secure bool) (net.Conn, *Conn, error) {
	t := s.target
	if secure && t.TLS == nil {
		return nil, nil, fmt.Errorf("connect beside %s: it is a plaintext target, and TLS was asked for", t.URI)
	}
	switch host, _, err := net.SplitHostPort(t.address); {
	case t.network == "unix" && path != "":
		t.address = filepath.Join(filepath.Dir(t.address), filepath.Base(path)) // the server may know the folder by another name
	case t.network != "unix" && path == "" && err == nil:
		t.address = net.JoinHostPort(host, strconv.Itoa(port))
	default: // no server may say where else we connect to
		return nil, nil, fmt.Errorf("connect beside %s: the server named port %d and path %.100q, which are not beside it", t.URI, port, path)
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
