package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// TestExplainConnections meets each way in which there is no connection, over each transport.
func TestExplainConnections(t *testing.T) {
	ca, other := newAuthority(t, "test CA"), newAuthority(t, "other CA")
	caFile := file(t, "ca.pem", ca.pem)
	trust := Trust{CACert: caFile}
	good, _, _ := ca.issue(t, nil)
	_, foreignCert, foreignKey := other.issue(t, nil)
	foreign := Trust{CACert: caFile, Cert: file(t, "c.pem", foreignCert), Key: file(t, "k.pem", foreignKey)}
	_, expiredCert, expiredKey := ca.issue(t, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Second) })
	expired := Trust{CACert: caFile, Cert: file(t, "c.pem", expiredCert), Key: file(t, "k.pem", expiredKey)}
	config := func(change func(*x509.Certificate)) *tls.Config {
		pair, _, _ := ca.issue(t, change)
		return &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	secure := func(c *tls.Config) string {
		return serveGRPC(t, listen(t), registerEmpty, grpc.Creds(credentials.NewTLS(c)))
	}
	const day = 24 * time.Hour
	mutual := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(), MaxVersion: version}
	}
	plain, plainH2 := serveGRPC(t, listen(t), registerEmpty), serveH2(t, registerEmpty)
	tlsServer := secure(&tls.Config{Certificates: []tls.Certificate{good}})
	closed := listen(t)
	_ = closed.Close()
	stale := filepath.Join(t.TempDir(), "stale.sock")
	if l, err := net.Listen("unix", stale); err != nil {
		t.Fatal(err)
	} else {
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
	}
	web := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	webListener, webTLS := listen(t), listen(t)
	go func() { _ = web.Serve(webListener) }()
	go func() {
		_ = web.Serve(tls.NewListener(webTLS, &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"http/1.1"}}))
	}()
	t.Cleanup(func() { _ = web.Close() })
	// alertOnPlain is what OpenSSL does when it gets no TLS record.
	alertOnPlain := serveConns(t, func(c net.Conn) {
		buf := make([]byte, 5)
		if _, err := io.ReadFull(c, buf); err == nil && buf[0] != 0x16 {
			_, _ = c.Write([]byte{0x15, 3, 3, 0, 2, 2, alertVersion})
			_ = c.Close()
			return
		}
		s := tls.Server(&begun{c, buf}, &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"h2"}})
		_ = s.Handshake()
	})
	// eager is what gRPC's C core does: it sends SETTINGS first.
	eager := serveConns(t, func(c net.Conn) { _, _ = c.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) })
	noALPN := serveConns(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{good}})
		_ = s.Handshake()
		_, _ = io.Copy(io.Discard, s)
	})
	veryOld := serveConns(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		_ = s.Handshake()
		_ = s.Close()
	})
	// unalerted is what gRPC's C core does with a client certificate that it does
	// not like: it hangs up without an alert.
	unalerted := func(version uint16, trusts *x509.CertPool) string {
		return serveConns(t, func(c net.Conn) {
			cfg := &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequestClientCert, ClientCAs: trusts, NextProtos: []string{"h2"}, MaxVersion: version}
			_ = tls.Server(c, cfg).Handshake()
			_ = c.Close()
		})
	}
	agrees := serveConns(t, func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"h2"}}).Handshake()
		_ = c.Close()
	})
	silent := serveConns(t, func(net.Conn) {})
	hangsUp := serveConns(t, func(c net.Conn) { _ = c.Close() })
	ftp := serveConns(t, func(c net.Conn) {
		_, _ = c.Write([]byte("220 ftp.example ready\r\n"))
		_, _ = io.Copy(io.Discard, c)
	})

	for _, tt := range []struct {
		name, uri string
		trust     Trust
		want      string
	}{
		{"refused", "grpc://" + closed.Addr().String(), Trust{}, "connection refused: nothing listens there"},
		{"refused tls", "grpc+tls://" + closed.Addr().String(), Trust{}, "connection refused: nothing listens there"},
		{"no host", "grpc://a..b:1", Trust{}, `no such host: "a..b" has no address`},
		{"no socket", "grpc+unix://" + stale + ".not", Trust{}, "no such socket"},
		{"stale socket", "grpc+unix://" + stale, Trust{}, "no server listens on it"},
		{"silent", "grpc://" + silent, Trust{}, "says nothing to an HTTP/2 client"},
		{"silent tls", "grpc+tls://" + silent, Trust{}, "says nothing to an HTTP/2 client"},
		{"hangs up", "grpc://" + hangsUp, Trust{}, "closes the connection without a word of HTTP/2 or TLS"},
		{"hangs up on tls", "grpc+tls://" + hangsUp, Trust{}, "closes the connection without a word of HTTP/2 or TLS"},
		{"other protocol", "grpc://" + ftp, Trust{}, `no gRPC server, its answer begins with "220 ftp.example`},
		{"other protocol tls", "grpc+tls://" + ftp, Trust{}, `no gRPC server, its answer begins with "220 ftp.example`},
		{"system CAs", "grpc+tls://" + tlsServer, Trust{}, `unknown CA: its certificate is signed by "CN=test CA", which this system does not trust: give its CA with --cacert`},
		{"wrong CA", "grpc+tls://" + tlsServer, Trust{CACert: file(t, "other.pem", other.pem)}, `wrong CA: its certificate is signed by "CN=test CA", and not by what --cacert holds`},
		{"self-signed", "grpc+tls://" + secure(config(func(c *x509.Certificate) { c.Subject.CommonName = "self" })), trust, "wrong CA: its certificate is signed by itself"},
		{"wrong name", "grpc+tls://" + tlsServer, Trust{CACert: caFile, ServerName: "db.example"}, `wrong name: its certificate is for test.example, 127.0.0.1, not for "db.example"`},
		{"no names", "grpc+tls://" + secure(config(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })), trust, "wrong name: its certificate has no names at all"},
		{"expired", "grpc+tls://" + secure(config(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2002, 3, 4, 5, 6, 7, 0, time.UTC)
		})), trust, "its certificate expired on 2002-03-04 05:06:07 UTC"},
		{"not yet valid", "grpc+tls://" + secure(config(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day) })), trust, "its certificate is not valid before 20"},
		{"client's certificate", "grpc+tls://" + secure(config(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })), trust, "not meant for a server"},
		{"plaintext to TLS", "grpc://" + tlsServer, Trust{}, "it speaks TLS there, and the target is plaintext: write grpc+tls://" + tlsServer},
		{"plaintext to mTLS", "grpc://" + secure(mutual(0)), Trust{}, "it speaks TLS there, and the target is plaintext: write grpc+tls://"},
		{"plaintext to OpenSSL", "grpc://" + alertOnPlain, Trust{}, "it speaks TLS there, and the target is plaintext: write grpc+tls://" + alertOnPlain},
		{"TLS to plaintext", "grpc+tls://" + plain, trust, "it speaks plaintext HTTP/2 there, not TLS: write grpc://" + plain},
		{"TLS to direct", "grpc+tls://" + plainH2, trust, "it speaks plaintext HTTP/2 there, not TLS: write grpc://" + plainH2},
		{"TLS to C core", "grpc+tls://" + eager, trust, "it speaks plaintext HTTP/2 there, not TLS: write grpc://" + eager},
		{"client certificate, TLS 1.3", "grpc+tls://" + secure(mutual(0)), trust, "it demands a client certificate (certificate required): give --cert and --key"},
		{"client certificate, TLS 1.2", "grpc+tls://" + secure(mutual(tls.VersionTLS12)), trust, "it demands a client certificate"},
		{"wrong client certificate", "grpc+tls://" + secure(mutual(0)), foreign, "it demands a client certificate of a CA that did not sign --cert"},
		{"expired client certificate", "grpc+tls://" + secure(mutual(0)), expired, "it refuses the client certificate of --cert (expired certificate)"},
		{"no client certificate, no alert", "grpc+tls://" + unalerted(0, nil), trust, "it asked for a client certificate and none was given: give --cert and --key"},
		{"no client certificate, no alert, TLS 1.2", "grpc+tls://" + unalerted(tls.VersionTLS12, nil), trust, "it asked for a client certificate and none was given: give --cert and --key"},
		{"wrong client certificate, no alert", "grpc+tls://" + unalerted(0, nil), foreign, "got the one of --cert: it was not accepted: use one"},
		{"client certificate of another CA, no alert", "grpc+tls://" + unalerted(0, ca.pool()), foreign, "it demands a client certificate of a CA that did not sign --cert"},
		{"hangs up after TLS", "grpc+tls://" + agrees, trust, "it agrees to TLS and HTTP/2, but then closes the connection"},
		{"old TLS", "grpc+tls://" + secure(&tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12}),
			Trust{CACert: caFile, MinVersion: "1.3"}, "it has TLS 1.2, and at least TLS 1.3 is asked for: lower --tls-min"},
		{"very old TLS", "grpc+tls://" + veryOld,
			trust, "it has TLS 1.1, and at least TLS 1.2 is asked for"},
		{"no ALPN", "grpc+tls://" + noALPN, trust, "did not agree to HTTP/2 by ALPN"},
		{"HTTP/1.1", "grpc://" + webListener.Addr().String(), Trust{}, `it speaks HTTP/1.1 there, not gRPC (it answers "HTTP/1.1 `},
		{"HTTP/1.1 instead of TLS", "grpc+tls://" + webListener.Addr().String(), trust, `it speaks HTTP/1.1 there, not gRPC (it answers "HTTP/1.`},
		{"HTTP/1.1 over TLS", "grpc+tls://" + webTLS.Addr().String(), trust, "it speaks TLS there but not HTTP/2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, err := Parse(tt.uri)
			if err != nil {
				t.Fatal(err)
			}
			if at, err = at.WithTrust(tt.trust); err != nil {
				t.Fatal(err)
			}
			for _, transport := range transports {
				s, err := at.Open(tuned(transport))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				if strings.HasPrefix(tt.name, "silent") {
					cancel()
					ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
				}
				err = callList(ctx, s)
				cancel()
				_ = s.Close()
				if c := status.Code(err); c != codes.Unavailable && c != codes.DeadlineExceeded {
					t.Errorf("%s: %v", transport, err)
					continue
				}
				patience := 10 * time.Second
				if strings.HasPrefix(tt.name, "silent") {
					patience = 100 * time.Millisecond
				}
				got := explain(t.Context(), at, err, patience)
				if !strings.HasPrefix(got.Error(), "cannot reach "+tt.uri+": ") || !strings.Contains(got.Error(), tt.want) || strings.Contains(got.Error(), "\n") {
					t.Errorf("%s: %v\nwant a line with %q\nof %v", transport, got, tt.want, err)
				}
				if status.Code(got) != status.Code(err) || !errors.Is(got, err) {
					t.Errorf("%s: %v became %v", transport, status.Code(err), status.Code(got))
				}
			}
		})
	}
}

// TestExplainIntact has nothing to find fault with in the connection.
func TestExplainIntact(t *testing.T) {
	at, err := Parse("grpc://" + serveGRPC(t, listen(t), registerEmpty))
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[codes.Code]string{
		codes.Unavailable:      "is there, but not available or the connection was lost: DoGet: boom",
		codes.DeadlineExceeded: "is there but did not answer in time: DoGet: boom: allow more time",
	} {
		got := Explain(at, fmt.Errorf("DoGet: %w", status.Error(code, "boom")))
		if !strings.Contains(got.Error(), want) || status.Code(got) != code {
			t.Errorf("%v: %v, want %q", code, got, want)
		}
	}
}

// TestExplainStatus tells refusals apart by their status.
func TestExplainStatus(t *testing.T) {
	anyone := Target{URI: "grpc://x:1"}
	with := func(a Auth) Target { return Target{URI: "grpc://x:1", Auth: a} }
	keyed := Target{URI: "grpc://x:1", Headers: []Header{{"authorization", "Key hunter2"}}}
	for _, tt := range []struct {
		name string
		t    Target
		err  error
		want string
	}{
		{"nobody", anyone, status.Error(codes.Unauthenticated, "must authenticate first"), `asks who calls (it says "must authenticate first"): try --auth basic or --auth handshake`},
		{"no words", anyone, status.Error(codes.Unauthenticated, ""), "asks who calls: try --auth basic"},
		{"token", with(Auth{Method: AuthToken, Token: "hunter2"}), status.Error(codes.Unauthenticated, "no token hunter2"), `refuses the token (it says "no token ***")`},
		{"basic", with(Auth{Method: AuthBasic, User: "me", Password: "hunter2"}), status.Error(codes.Unauthenticated, "bad hunter2"), `refuses user "me" by --auth basic (it says "bad ***"): check user and password, or try --auth handshake`},
		{"handshake", with(Auth{Method: AuthHandshake, Payload: "hunter2"}), status.Error(codes.Unauthenticated, "hunter2"), "or try --auth handshake-plain or basic"},
		{"plain", with(Auth{Method: AuthHandshakePlain, User: "me"}), status.Error(codes.Unauthenticated, ""), "or try --auth handshake or basic"},
		{"header", keyed, status.Error(codes.Unauthenticated, "what is Key hunter2"), "refuses what the header authorization says"},
		{"basic to a handshake", with(Auth{Method: AuthBasic, User: "me"}), &loginError{status.Error(codes.Unknown, "Stream is closed.. Detail: Python exception: Traceback (most recent call last):\n  File \"x.pyx\", line 1\nOSError: Stream is closed.\n")},
			`the login by --auth basic failed: UNKNOWN (it says "Stream is closed"): try --auth handshake or handshake-plain`},
		{"plain to a handshake", with(Auth{Method: AuthHandshakePlain, User: "me"}), &loginError{status.Error(codes.InvalidArgument, "Not a valid BasicAuth")}, "try --auth handshake or basic"},
		{"no token", with(Auth{Method: AuthHandshake, User: "me"}), &loginError{errNoToken}, "answered without a token: use --auth basic, or none"},
		{"handshake that nobody has", with(Auth{Method: AuthHandshake, User: "me"}), &loginError{status.Error(codes.Unimplemented, "no")}, "the server has no Handshake: use --auth basic"},
		{"base64", with(Auth{Method: AuthBasic, User: "me", Password: "hunter2"}), status.Error(codes.Internal, "bad bWU6aHVudGVyMg=="), "INTERNAL: bad ***"},
		{"another header", Target{URI: "grpc://x:1", Headers: []Header{{"x-api-key", "hunter2"}, {"x-n", "1"}}}, status.Error(codes.Internal, "no key hunter2, 1 of 1"), "INTERNAL: no key ***, 1 of 1"},
		{"a header's token", keyed, status.Error(codes.Internal, "no key hunter2"), "INTERNAL: no key ***"},
		{"learned token", anyone, status.Error(codes.Internal, "bad Bearer hunter2hunter2hunter2 came"), "INTERNAL: bad Bearer *** came"},
		{"permission", anyone, status.Error(codes.PermissionDenied, "not\nyou"), `does not allow this call (it says "not you")`},
		{"grpc-go limit", anyone, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"), "raise --max-message"},
		{"C++ limit", anyone, status.Error(codes.ResourceExhausted, "CLIENT: Received message larger than max (5 vs. 4)"), "raise --max-message"},
		{"Java limit", anyone, status.Error(codes.ResourceExhausted, "gRPC message exceeds maximum size 4: 5"), "raise --max-message"},
		{"Rust limit", anyone, status.Error(codes.OutOfRange, "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"), "raise --max-message"},
		{"exhausted", anyone, status.Error(codes.ResourceExhausted, "too many queries"), `has run out of something (it says "too many queries")`},
		{"unimplemented", anyone, fmt.Errorf("DoGet: %w", status.Error(codes.Unimplemented, "no")), "does not have this call: DoGet: no"},
		{"not gRPC", anyone, status.Error(codes.Unimplemented, `unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type "text/html"`), "speaks HTTP/2 but does not answer as a gRPC server"},
		{"other", anyone, fmt.Errorf("GetFlightInfo: %w", status.Error(codes.NotFound, "no such flight")), "grpc://x:1: GetFlightInfo: NOT_FOUND: no such flight"},
		{"no status", anyone, errors.New("odd"), "grpc://x:1: odd"},
		{"a certificate's error", anyone, fmt.Errorf("verify: %w", x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"a", "b"}}, Host: "c"}), `its certificate is for a, b, not for "c"`},
		{"dns", anyone, &net.DNSError{Err: "server misbehaving", Name: "db"}, `the name "db" could not be looked up (server misbehaving)`},
		{"drops packets", anyone, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, "nothing answers: the host is down or a firewall drops"},
		{"no route", anyone, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "no route to the host"},
		{"not allowed", anyone, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}, "permission denied"},
		{"long", anyone, status.Error(codes.Internal, strings.Repeat("x", 1000)), "xxx..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Explain(tt.t, tt.err)
			if !strings.Contains(got.Error(), tt.want) || strings.Contains(got.Error(), "hunter2") || strings.Contains(got.Error(), "bWU6aHVudGVyMg") || strings.ContainsAny(got.Error(), "\n") || len(got.Error()) > 500 {
				t.Errorf("%v, want a line with %q and without the secret", got, tt.want)
			}
			if status.Code(got) != status.Code(tt.err) || !errors.Is(got, tt.err) {
				t.Errorf("code %v became %v", status.Code(tt.err), status.Code(got))
			}
			if again := Explain(tt.t, fmt.Errorf("more: %w", got)); again.Error() != "more: "+got.Error() {
				t.Errorf("explained twice: %v", again)
			}
		})
	}
	if Explain(anyone, nil) != nil || Explain(anyone, context.Canceled) != context.Canceled {
		t.Error("nothing, or our own cancellation, was explained")
	}
}

// TestExplainWait has a login that waits for what never comes, and too little time to look at the server.
func TestExplainWait(t *testing.T) {
	at, err := Parse("grpc://" + serveGRPC(t, listen(t), registerEmpty))
	if err != nil {
		t.Fatal(err)
	}
	at.Auth = Auth{Method: AuthHandshake, User: "me"}
	late := status.Error(codes.DeadlineExceeded, "context deadline exceeded")
	if got := Explain(at, &loginError{late}).Error(); !strings.HasSuffix(got, "was not answered in time: try --auth handshake-plain or basic, or see what the server logs") {
		t.Error(got)
	}
	silent, err := Parse("grpc://" + serveConns(t, func(net.Conn) {}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	if got := ExplainContext(ctx, silent, late).Error(); !strings.Contains(got, "says nothing to an HTTP/2 client") || ctx.Err() != nil {
		t.Errorf("%s; %v", got, ctx.Err())
	}
	cancel()
	if got := ExplainContext(ctx, silent, late).Error(); !strings.Contains(got, "no answer in time") {
		t.Error(got)
	}
	var e *Explained
	if err := Explain(at, status.Error(codes.Unauthenticated, "")); !errors.As(err, &e) || e.What != "it refuses what --auth handshake sent" || !strings.HasPrefix(e.Advice, "check user") {
		t.Errorf("%v", err)
	}
}

func TestBrief(t *testing.T) {
	trace := "Traceback (most recent call last):\n  File \"x.py\", line 5\nKeyError: 'x'\n"
	for in, want := range map[string]string{
		"a\n b":                                       "a b", // short enough
		"first\n" + strings.Repeat("x", maxText):      "first",
		strings.Repeat("x", 6000):                     strings.Repeat("x", maxText) + "...",
		"no such. Detail: Python exception: " + trace: "no such",
		". Detail: Python exception: " + trace:        "KeyError: 'x'",
		"boom\n" + trace:                              "boom",
		trace:                                         "KeyError: 'x'",
		"Traceback (most recent call last):":          "",
		"no. Detail: Unauthenticated":                 "no",
		"bad table. Detail: no column":                "bad table. Detail: no column",
	} {
		if got := (Target{}).Brief(in); got != want {
			t.Errorf("Brief(%.40q) = %q, want %q", in, got, want)
		}
	}
}

func TestCodeName(t *testing.T) {
	for c, want := range map[codes.Code]string{codes.OK: "OK", codes.NotFound: "NOT_FOUND", codes.Canceled: "CANCELLED", codes.DeadlineExceeded: "DEADLINE_EXCEEDED", 99: "CODE(99)"} {
		if got := CodeName(c); got != want {
			t.Errorf("%v is called %s, want %s", c, got, want)
		}
	}
}

// TestExplainNotGRPC meets an HTTP/2 server that is none of gRPC, over each transport.
func TestExplainNotGRPC(t *testing.T) {
	ca := newAuthority(t, "test CA")
	good, _, _ := ca.issue(t, nil)
	l := listen(t)
	web := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{good}}}
	go func() { _ = web.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = web.Close() })
	at, err := Parse("grpc+tls://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if at, err = at.WithPEM(ca.pem, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	for _, transport := range transports {
		s, err := at.Open(tuned(transport))
		if err != nil {
			t.Fatal(err)
		}
		err = callList(t.Context(), s)
		_ = s.Close()
		if got := Explain(at, err); err == nil || !regexp.MustCompile(`speaks HTTP/2 but does not answer as a gRPC server does \(.*404`).MatchString(got.Error()) {
			t.Errorf("%s: %v", transport, got)
		}
	}
}
