// Package target turns the address of a Flight server into connections whose
// calls carry what the server asks of a client: URI, TLS, transport, tuning,
// credentials, headers and cookies. It says in one line why a server cannot be
// reached or refuses, and starts servers as child processes.
package target

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"google.golang.org/grpc"

	"flightbench/internal/h2"
	"flightbench/internal/wire"
)

// Target is a Flight server's address, what it takes to trust it, and what a
// client shows to be let in.
type Target struct {
	Name    string      // for tables and Config; the URI unless one was given
	URI     string      // as given
	TLS     *tls.Config // nil for plaintext; not to be changed once opened
	Auth    Auth        // how a client proves who it is
	Headers []Header    // sent with every call
	Cookies bool        // keep what set-cookie says and send it back
	PID     int         // the server's process on this machine; 0: not known

	network, address string   // for net.Dial
	host             string   // without brackets and zone: for TLS and :authority
	authority        string   // of plaintext requests
	trust            material // for the locations that the server names
}

// Tuning is how a connection is made. Sizes are bytes; 0 keeps the transport's
// default.
type Tuning struct {
	Transport               wire.Transport
	Window, ConnWindow      int64
	ReadBuffer, WriteBuffer int64
	MaxFrame                int64
	MaxMessage              int64
	Link                    Link // that connections pass

	line *line // Link in use
}

// Conn is one HTTP/2 connection, or the promise of one: like gRPC's it
// connects with the first call.
type Conn struct {
	grpc.ClientConnInterface
	// Wire tells the bytes that the socket has carried, under TLS.
	Wire func() (read, written int64)
	// Inspect tells what the server announced of itself below gRPC; nil where
	// the transport does not know it (all but direct).
	Inspect func(context.Context) (h2.Peer, error)
	// TCP tells what the system knows of its sockets; none where it does not.
	TCP func() TCP
	// Close frees the connection and ends its calls.
	Close func() error
}

// connect returns a connection whose calls carry nothing of ours.
func (t Target) connect(tu Tuning) (*Conn, error) {
	switch tu.Transport {
	case wire.Direct:
		return t.dialDirect(tu)
	case wire.GRPC, wire.Stock:
		return t.dialGRPC(tu)
	default:
		return nil, fmt.Errorf("transport %q cannot be dialled: use direct, grpc or stock", tu.Transport)
	}
}

func (t Target) dialer(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, t.network, t.address)
}

// Mode says what TLS t uses, in the words of --tls: off, on, mtls.
func (t Target) Mode() string {
	switch {
	case t.TLS == nil:
		return "off"
	case len(t.TLS.Certificates) > 0:
		return "mtls"
	}
	return "on"
}
