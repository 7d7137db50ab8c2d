package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
)

// finding is what is wrong, and what to do about it, which may be empty. To
// speak of the server it says "it".
type finding struct{ what, do string }

func (f finding) Error() string {
	if f.do == "" {
		return f.what
	}
	return f.what + ": " + f.do
}

// looker looks at a server from outside. Each of its up to three connections
// may take as long as patience; all of them end with ctx.
type looker struct {
	Target
	ctx      context.Context
	patience time.Duration
}

// look connects as a client would, as far as HTTP/2, and returns nil where that
// succeeds. Its errors are finding or those of the packages net and tls.
func (l looker) look() error {
	if l.TLS == nil {
		return l.lookPlain()
	}
	return l.lookTLS()
}

// answer is how a port reacts to the beginning of HTTP/2.
type answer struct {
	http2 bool
	begin []byte // what it sent instead
	err   error  // why no more came
}

// http1 is the first line of an HTTP/1 answer, if it is one.
func (a answer) http1() string {
	if !bytes.HasPrefix(a.begin, []byte("HTTP/1.")) {
		return ""
	}
	line, _, _ := bytes.Cut(a.begin, []byte("\r\n"))
	return string(line)
}

// greet sends the client's preface and waits for the server's SETTINGS.
func greet(conn net.Conn) answer {
	var hello bytes.Buffer
	hello.WriteString(http2.ClientPreface)
	_ = http2.NewFramer(&hello, nil).WriteSettings() // a bytes.Buffer takes all
	// A server that closes at once may still have said why.
	_, writeErr := conn.Write(hello.Bytes())
	buf := make([]byte, 64)
	n, err := io.ReadAtLeast(conn, buf, 9)
	if a := (answer{begin: buf[:n]}); err == nil && buf[3] == byte(http2.FrameSettings) && buf[4] == 0 && [4]byte(buf[5:9]) == [4]byte{} {
		return answer{http2: true}
	} else if err == nil {
		return a
	}
	if writeErr != nil && n == 0 && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		err = writeErr
	}
	return answer{begin: buf[:n], err: err}
}

// with dials and hands f the connection, bounded by patience.
func (l looker) with(f func(ctx context.Context, conn net.Conn) error) error {
	ctx, cancel := context.WithTimeout(l.ctx, l.patience)
	defer cancel()
	conn, err := l.dialer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	return f(ctx, conn)
}

// greetPlain greets over a connection of its own.
func (l looker) greetPlain() (a answer, err error) {
	err = l.with(func(_ context.Context, conn net.Conn) error {
		a = greet(conn)
		return nil
	})
	return a, err
}

// tlsVersion says which TLS a port speaks, whatever its certificate; "" is
// none, and also "TLS" where the handshake failed on TLS's own terms.
func (l looker) tlsVersion() (name string) {
	_ = l.with(func(ctx context.Context, conn net.Conn) error {
		c := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS10, InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		err := c.HandshakeContext(ctx)
		if err == nil {
			name = tls.VersionName(c.ConnectionState().Version)
		} else if alertOf(err) != 0 {
			name = "TLS"
		}
		return nil
	})
	return name
}

func (l looker) lookPlain() error {
	a, err := l.greetPlain()
	if err != nil || a.http2 {
		return err
	}
	if line := a.http1(); line != "" {
		return speaksHTTP1(line)
	}
	if name := l.tlsVersion(); name != "" {
		if l.network == "unix" {
			return finding{"it speaks TLS there, which grpc+unix has not", "have the server listen in plaintext"}
		}
		return finding{"it speaks TLS there, and the target is plaintext", "write grpc+tls://" + l.address}
	}
	return mute(a)
}

// mute says what is known of a port that speaks neither HTTP/2, HTTP/1 nor TLS.
func mute(a answer) error {
	switch {
	case len(a.begin) > 0:
		return finding{fmt.Sprintf("what answers there is no gRPC server, its answer begins with %q", a.begin), "check the port"}
	case isTimeout(a.err):
		return finding{"it accepts connections but says nothing to an HTTP/2 client", "check that it is the server's port, that the server is not stuck, and any proxy in front of it"}
	}
	return finding{"it closes the connection without a word of HTTP/2 or TLS", "check that it is the server's port, and any proxy in front of it"}
}

func speaksHTTP1(line string) error {
	return finding{fmt.Sprintf("it speaks HTTP/1.1 there, not gRPC (it answers %q)", line), "check the port, a gRPC server often has another one"}
}

// shown is what became of the client certificates in a handshake.
type shown struct {
	asked bool // the server asked for one
	sent  bool // and one was sent
}

// watch has s tell what becomes of the certificates of c, which are chosen as
// crypto/tls does it.
func (s *shown) watch(c *tls.Config) {
	given := c.Certificates
	c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = true
		for i := range given {
			if info.SupportsCertificate(&given[i]) == nil {
				s.sent = true
				return &given[i], nil
			}
		}
		return new(tls.Certificate), nil // none
	}
}

// hungUp says why a server ended the connection without a word, which gRPC's C
// core does, without an alert, where it does not like the client certificate.
func (l looker) hungUp(s shown) (f finding, ok bool) {
	switch {
	case !s.asked:
		return f, false
	case s.sent:
		return finding{"it asked for a client certificate and hung up when it got the one of --cert: it was not accepted", giveValidCert}, true
	case len(l.TLS.Certificates) > 0:
		return unsent, true
	}
	return finding{"it asked for a client certificate and none was given", giveCert}, true
}

func (l looker) lookTLS() error {
	var handshake error
	var proto string
	var a answer
	var certs shown
	err := l.with(func(ctx context.Context, conn net.Conn) error {
		cfg := l.TLS.Clone()
		cfg.NextProtos = []string{"h2"}
		certs.watch(cfg)
		c := tls.Client(conn, cfg)
		if handshake = c.HandshakeContext(ctx); handshake == nil {
			if proto = c.ConnectionState().NegotiatedProtocol; proto == "h2" {
				a = greet(c)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case handshake != nil:
		return l.failedTLS(handshake, certs)
	case proto != "h2":
		return finding{"it speaks TLS there but did not agree to HTTP/2 by ALPN, which gRPC demands", "have the server, or the proxy that ends TLS for it, offer the protocol h2"}
	case alertOf(a.err) != 0: // with TLS 1.3 the client is refused only now
		return a.err
	case a.http1() != "":
		return speaksHTTP1(a.http1())
	case !a.http2:
		if f, ok := l.hungUp(certs); ok && len(a.begin) == 0 && !isTimeout(a.err) {
			return f
		}
		return muteTLS(a)
	}
	return nil
}

// muteTLS is mute for a port that has agreed to TLS.
func muteTLS(a answer) error {
	const advice = "check that it is the server's port, that the server is not stuck, and what is behind it if it is a proxy"
	switch {
	case len(a.begin) > 0:
		return mute(a)
	case isTimeout(a.err):
		return finding{"it agrees to TLS and HTTP/2, but then says nothing", advice}
	}
	return finding{"it agrees to TLS and HTTP/2, but then closes the connection without a word", advice}
}

// failedTLS finds out more about a handshake that failed.
func (l looker) failedTLS(err error, certs shown) error {
	var record tls.RecordHeaderError
	switch {
	case alertOf(err) == alertVersion || strings.Contains(err.Error(), "unsupported protocol version"):
		least, advice := "TLS 1.2", "raise the server's version"
		if l.TLS.MinVersion == tls.VersionTLS13 {
			least, advice = "TLS 1.3", "lower --tls-min, or raise the server's version"
		}
		if name := l.tlsVersion(); strings.HasPrefix(name, "TLS 1") {
			return finding{fmt.Sprintf("it has %s, and at least %s is asked for", name, least), advice}
		}
		return finding{fmt.Sprintf("it has no version of TLS that is %s or above", least), advice}
	case errors.As(err, &record), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), isTimeout(err):
		if f, ok := l.hungUp(certs); ok && !isTimeout(err) {
			return f
		}
		a, dialErr := l.greetPlain()
		switch {
		case dialErr != nil:
			return dialErr
		case a.http2:
			return finding{"it speaks plaintext HTTP/2 there, not TLS", "write grpc://" + l.address}
		case a.http1() != "":
			return speaksHTTP1(a.http1())
		}
		return mute(a)
	}
	return err
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
