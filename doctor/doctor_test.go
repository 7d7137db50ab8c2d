package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/server"
)

func TestOwnServer(t *testing.T) {
	for _, tr := range []wire.Transport{wire.Direct, wire.GRPC, wire.Stock} {
		t.Run(string(tr), func(t *testing.T) {
			r := examine(t, serve(t, func(o *server.Options) { o.Transport = tr }), Options{WriteProbe: true})
			if r.Worst() == Problem {
				t.Error("a good server has a problem")
			}
			expect(t, r, "address", OK, "127.0.0.1:")
			expect(t, r, "TLS", Info, "plaintext, on this machine")
			expect(t, r, "credentials", Info, "none asked for")
			expect(t, r, "calls", OK, "has Handshake, ListFlights, GetFlightInfo, PollFlightInfo, GetSchema, DoGet, DoPut, DoExchange, DoAction, ListActions")
			expect(t, r, "server", Info, "flightbench test, transport "+string(tr))
			expect(t, r, "server", Info, "perf.proto")
			expect(t, r, "flights", Info, "perf")
			expect(t, r, "Flight SQL", Info, "no")
			expect(t, r, "locations", OK, "same connection")
			expect(t, r, "compression", Info, "none")
			expect(t, r, "alignment", OK, "aligned")
			expect(t, r, "message size", OK, " MiB ") // how much of it is a question of time
			expect(t, r, "cancellation", OK, "honoured")
			expect(t, r, "deadline", OK, "and a stream that was not read")
			expect(t, r, "empty call", OK, "DoAction ping")
		})
	}
}

func TestLimitsAreFound(t *testing.T) {
	for _, tt := range []struct {
		max   int
		level Level
		words string
	}{
		{4 << 20, Warning, "up to 4 MiB; larger ones fail with RESOURCE_EXHAUSTED"},
		{8 << 20, Warning, "up to 8 MiB;"},
		{16 << 20, OK, "up to 16 MiB;"},
		{5_000_000, Warning, "up to about 4."},
	} {
		for _, tr := range []wire.Transport{wire.Direct, wire.Stock} {
			r := examine(t, serve(t, func(o *server.Options) { o.Transport, o.MaxMessage = tr, tt.max }), Options{}, "message size")
			expect(t, r, "message size", tt.level, tt.words)
			expect(t, r, "calls", OK, "skipped, since they may write: DoPut, DoExchange → --write-probe")
		}
	}
}

func TestSecurity(t *testing.T) {
	certs, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []wire.Transport{wire.Direct, wire.GRPC} {
		plain := serve(t, func(o *server.Options) {
			o.Listen, o.Transport, o.TLS = "grpc+tls://127.0.0.1:0", tr, certs.ServerTLS(false)
		})
		trusting, err := plain.WithPEM(certs.CA, nil, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		r := examine(t, trusting, Options{}, "server")
		expect(t, r, "TLS", OK, "TLS 1.3, TLS_")
		expect(t, r, "certificate", Warning, "29 days left") // the ephemeral ones live for 30
		expect(t, r, "calls", OK, "has ")

		r = examine(t, plain, Options{}, "server")
		expect(t, r, "certificate", Problem, "CN=flightbench server, issued by CN=flightbench ephemeral CA")
		expect(t, r, "the rest", Info, "cannot be trusted")

		blind, err := plain.WithTrust(target.Trust{SkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		r = examine(t, blind, Options{}, "server")
		expect(t, r, "certificate", Warning, "NOT VERIFIED")
		expect(t, r, "calls", OK, "has ")

		r = examine(t, parse(t, strings.Replace(plain.URI, "grpc+tls", "grpc", 1)), Options{}, "server")
		expect(t, r, "HTTP/2", Problem, "it speaks TLS there, and the target is plaintext → write grpc+tls://")
	}

	mutual := serve(t, func(o *server.Options) { o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", certs.ServerTLS(true) })
	ours, err := mutual.WithPEM(certs.CA, certs.ClientCert, certs.ClientKey, "")
	if err != nil {
		t.Fatal(err)
	}
	r := examine(t, ours, Options{}, "server")
	expect(t, r, "TLS", OK, "with a client certificate")
	expect(t, r, "credentials", Info, "none asked for beside the client certificate")
	expect(t, r, "calls", OK, "has ")
	without, err := mutual.WithPEM(certs.CA, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	r = examine(t, without, Options{}, "server")
	expect(t, r, "HTTP/2", Problem, "certificate")
}

func TestCredentials(t *testing.T) {
	const token, password = "s3cr3t-token", "hunter22"
	byToken := serve(t, func(o *server.Options) { o.Auth, o.Token = "token", token })
	byBasic := serve(t, func(o *server.Options) { o.Auth, o.User, o.Password = "basic", "me", password })
	open := serve(t, nil)
	for _, tt := range []struct {
		name  string
		to    target.Target
		auth  target.Auth
		level Level
		words string
	}{
		{"none given, token asked for", byToken, target.Auth{}, Problem, "asked for by every call, and none were given: nothing can be measured without: UNAUTHENTICATED"},
		{"token", byToken, target.Auth{Method: "token", Token: token}, OK, "the token given is taken"},
		{"wrong token", byToken, target.Auth{Method: "token", Token: "wrong-token"}, Problem, "UNAUTHENTICATED"},
		{"token not needed", open, target.Auth{Method: "token", Token: token}, Info, "asks for none"},
		{"basic", byBasic, target.Auth{Method: "basic", User: "me", Password: password}, OK, "is taken"},
		{"wrong password", byBasic, target.Auth{Method: "basic", User: "me", Password: "guess-guess"}, Problem, "is not taken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := tt.to
			to.Auth = tt.auth
			r := examine(t, to, Options{}, "server")
			expect(t, r, "credentials", tt.level, tt.words)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{token, password, "guess-guess", "wrong-token"} {
				if strings.Contains(string(b), s) {
					t.Errorf("%q is in the report: %s", s, b)
				}
			}
		})
	}
}

// TestCredentialsUntold meets a server that refuses strangers, and does not answer those whom it lets in.
func TestCredentialsUntold(t *testing.T) {
	tt := stock(t, &hanging{}, grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		if md, _ := metadata.FromIncomingContext(s.Context()); len(md["authorization"]) == 0 {
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		return h(srv, s)
	}))
	tt.Auth = target.Auth{Method: "token", Token: "s3cr3t-token"}
	r := examine(t, tt, Options{Timeout: 300 * time.Millisecond}, "calls")
	expect(t, r, "credentials", Info, "whether the token given is taken cannot be told: no answer")
}

func TestStrangers(t *testing.T) {
	quick := Options{Timeout: 300 * time.Millisecond}
	t.Run("a dead port", func(t *testing.T) {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		lis.Close()
		r := examine(t, parse(t, "grpc://"+lis.Addr().String()), quick)
		expect(t, r, "address", Problem, "connection refused → nothing listens there")
	})
	t.Run("an unknown name", func(t *testing.T) {
		r := examine(t, parse(t, "grpc://no-such-host.invalid:1"), quick)
		expect(t, r, "address", Problem, "cannot be resolved")
	})
	t.Run("a missing socket", func(t *testing.T) {
		r := examine(t, parse(t, "grpc+unix:///nowhere/s.sock"), quick)
		expect(t, r, "address", Problem, "no such file")
	})
	t.Run("HTTP/1.1", func(t *testing.T) {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.NotFoundHandler()}
		go s.Serve(lis)
		t.Cleanup(func() { s.Close() })
		r := examine(t, parse(t, "grpc://"+lis.Addr().String()), quick)
		expect(t, r, "HTTP/2", Problem, "speaks HTTP/1.1")
	})
	t.Run("another protocol", func(t *testing.T) {
		r := examine(t, listen(t, func(nc net.Conn) {
			_, _ = io.WriteString(nc, "220 mail\x1b[2J ready\r\n")
			_, _ = io.Copy(io.Discard, nc)
		}), quick)
		expect(t, r, "HTTP/2", Problem, `begins with "220 mail\x1b[2J ready`)
	})
	t.Run("silence", func(t *testing.T) {
		r := examine(t, listen(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }), quick)
		expect(t, r, "HTTP/2", Problem, "says nothing")
	})
	t.Run("hanging up", func(t *testing.T) {
		r := examine(t, listen(t, func(net.Conn) {}), quick)
		expect(t, r, "HTTP/2", Problem, "closes the connection without a word")
	})
	t.Run("TLS to a plaintext server", func(t *testing.T) {
		r := examine(t, parse(t, strings.Replace(serve(t, nil).URI, "grpc", "grpc+tls", 1)), quick)
		expect(t, r, "TLS", Problem, "it speaks plaintext HTTP/2 there, not TLS → write grpc://")
		r = examine(t, parse(t, strings.Replace(listen(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }).URI, "grpc", "grpc+tls", 1)), quick)
		expect(t, r, "TLS", Problem, "accepts connections but says nothing")
		r = examine(t, parse(t, strings.Replace(listen(t, func(nc net.Conn) { _, _ = io.WriteString(nc, "220 mail ready\r\n"); _, _ = io.Copy(io.Discard, nc) }).URI, "grpc", "grpc+tls", 1)), quick)
		expect(t, r, "TLS", Problem, "no gRPC server, its answer begins with")
	})
	t.Run("TLS without HTTP/2", func(t *testing.T) {
		certs, err := server.NewCertificates()
		if err != nil {
			t.Fatal(err)
		}
		conf := certs.ServerTLS(false)
		conf.NextProtos = nil
		tt := listen(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(nc, conf)) })
		r := examine(t, parse(t, strings.Replace(tt.URI, "grpc", "grpc+tls", 1)), quick)
		expect(t, r, "TLS", Problem, "does not agree to HTTP/2")
	})
	t.Run("gRPC without Flight", func(t *testing.T) {
		r := examine(t, stock(t, nil), quick)
		expect(t, r, "calls", Problem, "no Flight service")
	})
	t.Run("nothing implemented", func(t *testing.T) {
		r := examine(t, stock(t, &flight.BaseFlightServer{}), quick)
		expect(t, r, "calls", Problem, "not implemented: ListFlights, GetFlightInfo, PollFlightInfo, GetSchema, DoGet, DoAction, ListActions;")
		expect(t, r, "deadline", OK, "honoured")
	})
}

// hanging answers no call.
type hanging struct{ flight.BaseFlightServer }

func wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (hanging) Handshake(s flight.FlightService_HandshakeServer) error { return wait(s.Context()) }
func (hanging) ListFlights(_ *flight.Criteria, s flight.FlightService_ListFlightsServer) error {
	return wait(s.Context())
}
func (hanging) GetFlightInfo(ctx context.Context, _ *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return nil, wait(ctx)
}
func (hanging) PollFlightInfo(ctx context.Context, _ *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return nil, wait(ctx)
}
func (hanging) GetSchema(ctx context.Context, _ *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return nil, wait(ctx)
}
func (hanging) DoGet(_ *flight.Ticket, s flight.FlightService_DoGetServer) error {
	return wait(s.Context())
}
func (hanging) DoAction(_ *flight.Action, s flight.FlightService_DoActionServer) error {
	return wait(s.Context())
}
func (hanging) ListActions(_ *flight.Empty, s flight.FlightService_ListActionsServer) error {
	return wait(s.Context())
}

func TestHangingServer(t *testing.T) {
	r := examine(t, stock(t, hanging{}), Options{Timeout: 500 * time.Millisecond})
	expect(t, r, "calls", Problem, "no answer in 500 ms: Handshake, ListFlights, GetFlightInfo, PollFlightInfo, GetSchema, DoGet, DoAction, ListActions")
	expect(t, r, "deadline", OK, "honoured")
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tt := listen(t, func(nc net.Conn) { cancel(); _, _ = io.Copy(io.Discard, nc) })
	r, err := Examine(ctx, tt, Options{Timeout: time.Hour / 100})
	if !errors.Is(err, context.Canceled) || r == nil {
		t.Fatalf("an examination that is cancelled: %v, %v", r, err)
	}
	if r.Worst() == Problem {
		t.Errorf("it blames the server: %+v", r.Lines)
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []Options{{Timeout: -1}, {Descriptor: &flight.FlightDescriptor{}, Ticket: []byte{}}} {
		if _, err := Examine(t.Context(), parse(t, "grpc://x:1"), o); err == nil {
			t.Errorf("options %+v were taken", o)
		}
	}
}
