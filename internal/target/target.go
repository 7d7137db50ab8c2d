// Package target turns the address of a Flight server into a connection: URI,
// TLS, transport and tuning. It also starts servers as child processes.
package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"google.golang.org/grpc"

	"flightbench/internal/wire"
)

// Target is a Flight server's address and what it takes to trust it.
type Target struct {
	Name string      // for tables and Config; the URI unless one was given
	URI  string      // as given
	TLS  *tls.Config // nil for plaintext; not to be changed once dialled

	network, address string // for net.Dial
	host             string // for TLS and :authority
}

// Parse reads a Flight URI (grpc://, grpc+tcp://, grpc+tls://, grpc+unix://),
// see Flight.rst, Flight RPC URI schemes.
func Parse(uri string) (Target, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return Target{}, fmt.Errorf("target %q is no Flight URI: write grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH", uri)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		// Not quoted: it may hold a password, and results name their targets.
		return Target{}, fmt.Errorf("a target at %s has a user, a query or a fragment: write %s://HOST:PORT alone", u.Host, u.Scheme)
	}
	t := Target{Name: uri, URI: uri}
	switch u.Scheme {
	case "grpc", "grpc+tcp", "grpc+tls":
		if u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
			return Target{}, fmt.Errorf("target %q needs a host and a port and no path: write %s://HOST:PORT", uri, u.Scheme)
		}
		t.network, t.address, t.host = "tcp", u.Host, u.Hostname()
		if u.Scheme == "grpc+tls" {
			t.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.host}
		}
	case "grpc+unix":
		t.network, t.address, t.host = "unix", u.Host+u.Path, "localhost"
		if t.address == "" {
			return Target{}, fmt.Errorf("target %q names no socket: write grpc+unix:///PATH", uri)
		}
	default:
		return Target{}, fmt.Errorf("target %q has the unknown scheme %q: use grpc, grpc+tcp, grpc+tls or grpc+unix", uri, u.Scheme)
	}
	return t, nil
}

// Same tells whether uri is this server's address, as it is written: names are
// not looked up.
func (t Target) Same(uri string) bool {
	u, err := Parse(uri)
	return err == nil && u.network == t.network && u.address == t.address && (u.TLS == nil) == (t.TLS == nil)
}

// Trust names the PEM files that a grpc+tls target is verified with, and the
// client's own. Empty fields mean the system's roots, no client certificate,
// and the URI's host.
type Trust struct{ CACert, Cert, Key, ServerName string }

// WithTrust returns t with the files read.
func (t Target) WithTrust(f Trust) (Target, error) {
	if f == (Trust{}) {
		return t, nil
	}
	if t.TLS == nil {
		return t, fmt.Errorf("target %q is plaintext but --cacert, --cert, --key or --server-name was given: write grpc+tls://", t.URI)
	}
	var ca, cert, key []byte
	for _, r := range []struct {
		flag, path string
		to         *[]byte
	}{{"cacert", f.CACert, &ca}, {"cert", f.Cert, &cert}, {"key", f.Key, &key}} {
		if r.path == "" {
			continue
		}
		b, err := os.ReadFile(r.path)
		if err != nil {
			return t, fmt.Errorf("--%s: %w", r.flag, err)
		}
		*r.to = b
	}
	return t.WithPEM(ca, cert, key, f.ServerName)
}

// WithPEM returns t trusting the certificates of ca (nil: the system's) and
// presenting cert and key (nil: none). The server is always verified.
func (t Target) WithPEM(ca, cert, key []byte, serverName string) (Target, error) {
	if t.TLS == nil {
		t.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.host}
	} else {
		t.TLS = t.TLS.Clone()
	}
	if ca != nil {
		t.TLS.RootCAs = x509.NewCertPool()
		if !t.TLS.RootCAs.AppendCertsFromPEM(ca) {
			return t, fmt.Errorf("the CA certificate for %q holds no PEM certificate", t.URI)
		}
	}
	if (cert == nil) != (key == nil) {
		return t, fmt.Errorf("a client certificate for %q needs both --cert and --key", t.URI)
	}
	if cert != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return t, fmt.Errorf("client certificate for %q: %w", t.URI, err)
		}
		t.TLS.Certificates = []tls.Certificate{pair}
	}
	if serverName != "" {
		t.TLS.ServerName = serverName
	}
	return t, nil
}

// Tuning is how a connection is made. Sizes are bytes; 0 keeps the transport's
// default.
type Tuning struct {
	Transport               wire.Transport
	Window, ConnWindow      int64
	ReadBuffer, WriteBuffer int64
	MaxFrame                int64
	MaxMessage              int64
}

// Conn is one HTTP/2 connection, or the promise of one: like gRPC's it
// connects with the first call.
type Conn struct {
	grpc.ClientConnInterface
	// Wire tells the bytes that the socket has carried, under TLS.
	Wire func() (read, written int64)
	// Close frees the connection and ends its calls.
	Close func() error
}

// Dial returns a connection of its own, never shared with another Dial.
func (t Target) Dial(tu Tuning) (*Conn, error) {
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
