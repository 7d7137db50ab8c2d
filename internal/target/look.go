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

// finding is what a look at a server found wrong, in words.
type finding string

func (f finding) Error() string { return string(f) }

// look connects as a client of t would, as far as HTTP/2, and returns nil where
// that succeeds. Its errors are finding or those of the packages net and tls.
// Each of up to three connections may take as long as patience.
func (t Target) look(patience time.Duration) error {
	if t.TLS == nil {
		return t.lookPlain(patience)
	}
	return t.lookTLS(patience)
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
func (t Target) with(patience time.Duration, f func(ctx context.Context, conn net.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := t.dialer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	return f(ctx, conn)
}

// greetPlain greets over a connection of its own.
func (t Target) greetPlain(patience time.Duration) (a answer, err error) {
	err = t.with(patience, func(_ context.Context, conn net.Conn) error {
		a = greet(conn)
		return nil
	})
	return a, err
}

// tlsVersion says which TLS a port speaks, whatever its certificate; "" is
// none, and also "TLS" where the handshake failed on TLS's own terms.
func (t Target) tlsVersion(patience time.Duration) (name string) {
	_ = t.with(patience, func(ctx context.Context, conn net.Conn) error {
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

func (t Target) lookPlain(patience time.Duration) error {
	a, err := t.greetPlain(patience)
	if err != nil || a.http2 {
		return err
	}
	if line := a.http1(); line != "" {
		return speaksHTTP1(line)
	}
	if name := t.tlsVersion(patience); name != "" {
		if t.network == "unix" {
			return finding("it speaks TLS there, which grpc+unix has not: have the server listen in plaintext")
		}
		return finding("it speaks TLS there, and the target is plaintext: write grpc+tls://" + t.address)
	}
	return mute(a)
}

// mute says what is known of a port that speaks neither HTTP/2, HTTP/1 nor TLS.
func mute(a answer) error {
	switch {
	case len(a.begin) > 0:
		return finding(fmt.Sprintf("what answers there is no gRPC server, its answer begins with %q: check the port", a.begin))
	case isTimeout(a.err):
		return finding("it accepts connections but says nothing to an HTTP/2 client: check that it is the server's port, that the server is not stuck, and any proxy in front of it")
	}
	return finding("it closes the connection without a word of HTTP/2 or TLS: check that it is the server's port, and any proxy in front of it")
}

func speaksHTTP1(line string) error {
	return finding(fmt.Sprintf("it speaks HTTP/1.1 there, not gRPC (it answers %q): check the port, a gRPC server often has another one", line))
}

func (t Target) lookTLS(patience time.Duration) error {
	var handshake error
	var proto string
	var a answer
	err := t.with(patience, func(ctx context.Context, conn net.Conn) error {
		cfg := t.TLS.Clone()
		cfg.NextProtos = []string{"h2"}
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
		return t.failedTLS(handshake, patience)
	case proto != "h2":
		return finding("it speaks TLS there but did not agree to HTTP/2 by ALPN, which gRPC demands: have the server, or the proxy that ends TLS for it, offer the protocol h2")
	case alertOf(a.err) != 0: // with TLS 1.3 the client is refused only now
		return a.err
	case a.http1() != "":
		return speaksHTTP1(a.http1())
	case !a.http2:
		return mute(a)
	}
	return nil
}

// failedTLS finds out more about a handshake that failed.
func (t Target) failedTLS(err error, patience time.Duration) error {
	var record tls.RecordHeaderError
	switch {
	case alertOf(err) == alertVersion || strings.Contains(err.Error(), "unsupported protocol version"):
		least, advice := "TLS 1.2", "raise the server's version"
		if t.TLS.MinVersion == tls.VersionTLS13 {
			least, advice = "TLS 1.3", "lower --tls-min, or raise the server's version"
		}
		if name := t.tlsVersion(patience); strings.HasPrefix(name, "TLS 1") {
			return finding(fmt.Sprintf("it has %s, and at least %s is asked for: %s", name, least, advice))
		}
		return finding(fmt.Sprintf("it has no version of TLS that is %s or above: %s", least, advice))
	case errors.As(err, &record), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), isTimeout(err):
		a, dialErr := t.greetPlain(patience)
		switch {
		case dialErr != nil:
			return dialErr
		case a.http2:
			return finding("it speaks plaintext HTTP/2 there, not TLS: write grpc://" + t.address)
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
