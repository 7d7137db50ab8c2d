package doctor

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/server"
)

// Servers here behave as gRPC's C core and pyarrow do.

// mutePort is a TLS port of the C core: it hangs up without an alert where it does not like what it gets, be it plaintext or a
// client's certificate.
func mutePort(t *testing.T, conf *tls.Config) target.Target {
	return listen(t, func(nc net.Conn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(nc, first); err == nil && first[0] == 0x16 {
			_ = tls.Server(&begun{nc, first}, conf).Handshake()
		}
	})
}

// begun is a connection whose first bytes were read already.
type begun struct {
	net.Conn
	first []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

func TestMuteTLS(t *testing.T) {
	certs, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	conf := certs.ServerTLS(false)
	conf.NextProtos, conf.ClientAuth = []string{"h2"}, tls.RequestClientCert
	plain := mutePort(t, conf)
	r := examine(t, plain, Options{})
	expect(t, r, "HTTP/2", Problem, "it speaks TLS there, and the target is plaintext → write grpc+tls://")

	to := parse(t, strings.Replace(plain.URI, "grpc", "grpc+tls", 1))
	without, err := to.WithPEM(certs.CA, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	r = examine(t, without, Options{})
	expect(t, r, "TLS", OK, "which asks for a client certificate")
	expect(t, r, "HTTP/2", Problem, "it asked for a client certificate and none was given → give --cert and --key")

	with, err := to.WithPEM(certs.CA, certs.ClientCert, certs.ClientKey, "")
	if err != nil {
		t.Fatal(err)
	}
	r = examine(t, with, Options{})
	expect(t, r, "HTTP/2", Problem, "the one of --cert: it was not accepted → use one that is valid")
}

const traceback = "Detail: Python exception: Traceback (most recent call last):\n  File \"pyarrow/_flight.pyx\", line 2382, in pyarrow._flight\nOSError: secret of the house\n"

// guarded is a server with an auth handler: Handshake reads a message, all other calls are refused.
type guarded struct{ flight.BaseFlightServer }

func (guarded) Handshake(s flight.FlightService_HandshakeServer) error {
	if _, err := s.Recv(); err == io.EOF {
		return status.Error(codes.Unknown, "Stream is closed.. "+traceback)
	}
	return status.Error(codes.Unauthenticated, "wrong user or password. Detail: Unauthenticated")
}

func guard(_ context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	return nil, status.Error(codes.Unauthenticated, "no token. Detail: Unauthenticated")
}

func TestHandshakeOnly(t *testing.T) {
	tt := stock(t, &guarded{}, grpc.UnaryInterceptor(guard), grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, i *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		if strings.HasSuffix(i.FullMethod, "/Handshake") {
			return h(srv, s)
		}
		_, err := guard(s.Context(), nil, nil, nil)
		return err
	}))
	r := examine(t, tt, Options{})
	expect(t, r, "credentials", Problem, "nothing can be measured without: UNAUTHENTICATED (it says “no token”) → give a user by --auth handshake or handshake-plain")
	if l := r.Find("data"); l != nil {
		t.Errorf("it went on: %+v", l)
	}
	for auth, want := range map[string]string{
		target.AuthBasic:     `failed: UNKNOWN (it says "Stream is closed") → try --auth handshake or handshake-plain`,
		target.AuthHandshake: `(it says "wrong user or password") → check user and password, or try --auth handshake-plain or basic`,
	} {
		tt.Auth = target.Auth{Method: auth, User: "me", Password: "hunter22"}
		expect(t, examine(t, tt, Options{}), "credentials", Problem, want)
	}
}

// refusing answers GetFlightInfo by err.
type refusing struct {
	fake
	err error
}

func (r *refusing) GetFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return nil, r.err
}

func TestSQLCannotBeTold(t *testing.T) {
	for code, want := range map[codes.Code]string{
		codes.Unauthenticated: "cannot be told: GetFlightInfo of CommandGetSqlInfo ended with UNAUTHENTICATED",
		codes.Unknown:         "cannot be told: GetFlightInfo of CommandGetSqlInfo ended with UNKNOWN",
		codes.NotFound:        "no: GetFlightInfo does not know CommandGetSqlInfo (NOT_FOUND)",
	} {
		expect(t, examine(t, stock(t, &refusing{err: status.Error(code, "no")}), Options{}, "Flight SQL"), "Flight SQL", Info, want)
	}
}

// TestNamedFlight names a flight: one that is listed is one, and one that is not there is not just a traceback.
func TestNamedFlight(t *testing.T) {
	there := Options{Descriptor: (&fake{}).info().FlightDescriptor}
	expect(t, examine(t, stock(t, &fake{messages: batchesOf(t, 1, 1)}), there, "locations"), "locations", OK, "1 endpoint, to be read")

	missing := Options{Descriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"x"}}}
	for _, tt := range []struct {
		o    Options
		err  error
		want string
	}{
		{missing, status.Error(codes.NotFound, "x. "+traceback), "no flight of that path; listed are: a/·[2Jb; GetFlightInfo ended with NOT_FOUND (it says “x”) → name another with --path"},
		{missing, status.Error(codes.Unknown, ". "+traceback), "GetFlightInfo of that path ended with UNKNOWN (it says “OSError: secret of the house”); listed are: a/·[2Jb → check --path"},
		{missing, status.Error(codes.PermissionDenied, "no"), "it does not allow this call"},
		{Options{Descriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte("x")}}, status.Error(codes.InvalidArgument, ""), "no flight of that command; listed are: a/·[2Jb; GetFlightInfo ended with INVALID_ARGUMENT → name another with --cmd"},
		{there, status.Error(codes.NotFound, ""), "it is listed, but GetFlightInfo fails: NOT_FOUND"},
	} {
		expect(t, examine(t, stock(t, &refusing{err: tt.err}), tt.o, "data"), "data", Problem, tt.want)
	}
}

// breaking sends half a stream.
type breaking struct{ fake }

func (b *breaking) DoGet(tk *flight.Ticket, s flight.FlightService_DoGetServer) error {
	if err := b.fake.DoGet(tk, s); err != nil {
		return err
	}
	return status.Error(codes.Internal, strings.Repeat("x", 6000))
}

// TestBreaksElsewhere says where a stream broke, and not all of what the server there says.
func TestBreaksElsewhere(t *testing.T) {
	for n, want := range map[int]string{0: "DoGet of a/·[2Jb at ", 2: "then the stream at "} {
		b := &breaking{}
		if n > 0 {
			b.messages = batchesOf(t, n, 10)
		}
		there := stock(t, b)
		r := examine(t, stock(t, &fake{locations: []string{there.URI}}), Options{}, "locations", "data")
		expect(t, r, "locations", OK, "answers DoGet from here")
		expect(t, r, "data", Problem, want+there.URI)
		expect(t, r, "data", Problem, ": INTERNAL (it says “xxx")
		for _, l := range r.Lines {
			if len(l.Text) > 500 {
				t.Errorf("a line of %d bytes", len(l.Text))
			}
		}
	}
}

// slow takes its time between batches.
type slow struct{ fake }

func (s *slow) DoGet(_ *flight.Ticket, out flight.FlightService_DoGetServer) error {
	for _, m := range s.messages {
		time.Sleep(s.delay)
		if err := out.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func TestSlowStream(t *testing.T) {
	r := examine(t, stock(t, &slow{fake{messages: batchesOf(t, 8, 50_000), delay: 50 * time.Millisecond}}), Options{}, "data")
	expect(t, r, "data", Warning, " MB/s, slow for a round trip of ")
	expect(t, r, "data", Warning, "; the first batch after ")
}
