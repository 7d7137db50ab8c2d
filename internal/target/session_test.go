package target

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

// TestCookies keeps and returns them, over streams and unary calls.
func TestCookies(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		var sets atomic.Value
		d := &door{enter: func(_ *door, _ metadata.MD, ss grpc.ServerStream) error {
			if set := sets.Load().(string); set != "" {
				ss.SetTrailer(metadata.Pairs("set-cookie", set))
			}
			return ss.SetHeader(metadata.Pairs("set-cookie", "session=abc; Path=/; HttpOnly", "set-cookie", "other=1"))
		}}
		uri := d.serve(t)
		s := open(t, uri, transport, func(at *Target) { at.Cookies = true })
		ctx := bound(t)
		for i, want := range []string{"", "other=1; session=abc", "late=2; other=1; session=abc", "late=2; session=abc"} {
			sets.Store([]string{"", "late=2", "other=; Max-Age=0", ""}[i])
			conn, err := s.Dial()
			if err != nil {
				t.Fatal(err)
			}
			if err := list(ctx, conn); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			if got := strings.Join(d.last("cookie"), "|"); got != want {
				t.Errorf("call %d sends %q, want %q", i, got, want)
			}
		}
		without := open(t, uri, transport, nil)
		for range 2 {
			if err := callList(ctx, without); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.last("cookie"); got != nil {
			t.Errorf("cookies nobody asked for: %q", got)
		}
	})
}

// TestHeaders arrive as they were given, on Handshake, too.
func TestHeaders(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		shaken := make(chan []string, 1)
		d := &door{shake: func(_ *door, stream flight.FlightService_HandshakeServer) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			shaken <- md.Get("x-tenant")
			return stream.Send(&flight.HandshakeResponse{Payload: []byte("t")})
		}}
		s := open(t, d.serve(t), transport, func(at *Target) {
			at.Headers = []Header{{"x-tenant", "a b"}, {"x-tenant", "c"}, {"x-raw-bin", "\x00\xff\n"}}
			at.Auth = Auth{Method: AuthHandshake, Payload: "x"}
		})
		ctx := bound(t)
		if err := s.Login(ctx); err != nil {
			t.Fatal(err)
		}
		if err := callList(ctx, s); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]string{"x-tenant": {"a b", "c"}, "x-raw-bin": {"\x00\xff\n"}, "auth-token-bin": {"t"}} {
			if got := d.last(name); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if got := <-shaken; !slices.Equal(got, []string{"a b", "c"}) {
			t.Errorf("on Handshake: %q", got)
		}
	})
}

// TestStreamsStayTheTransports keeps messages off any wrapper.
func TestStreamsStayTheTransports(t *testing.T) {
	d := &door{}
	uri := d.serve(t)
	each(t, func(t *testing.T, transport wire.Transport) {
		var kinds []string
		for _, change := range []func(*Target){nil, func(at *Target) {
			at.Cookies, at.Headers, at.Auth = true, []Header{{"x", "y"}}, Auth{Method: AuthBasic, User: user}
		}} {
			conn, err := open(t, uri, transport, change).Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, wrapped := conn.ClientConnInterface.(*dressed); wrapped != (change != nil) {
				t.Errorf("a connection is wrapped: %v", wrapped)
			}
			stream, err := conn.NewStream(bound(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/arrow.flight.protocol.FlightService/DoExchange")
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, fmt.Sprintf("%T", stream))
		}
		if kinds[0] != kinds[1] {
			t.Errorf("streams are %v", kinds)
		}
		if inspects := mustDial(t, uri, transport).Inspect != nil; inspects != (transport == wire.Direct) {
			t.Errorf("Inspect is there: %v", inspects)
		}
	})
}

// TestOpenRefuses names what is wrong without giving secrets away.
func TestOpenRefuses(t *testing.T) {
	at, err := Parse("grpc://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		change func(*Target)
		want   string
	}{
		{func(t *Target) { *t = Target{Name: "odd"} }, "not made by Parse"},
		{func(t *Target) { t.Auth = Auth{User: user} }, "--auth none sends none"},
		{func(t *Target) { t.Auth = Auth{Method: "kerberos"} }, `--auth "kerberos"`},
		{func(t *Target) { t.Auth = Auth{Method: AuthToken} }, "takes a token"},
		{func(t *Target) { t.Auth = Auth{Method: AuthToken, Token: "hunter2", User: user} }, "nothing else"},
		{func(t *Target) { t.Auth = Auth{Method: AuthToken, Token: "hunter2\n"} }, "other than printable ASCII"},
		{func(t *Target) { t.Auth = Auth{Method: AuthBasic, Password: "hunter2"} }, "needs a user"},
		{func(t *Target) { t.Auth = Auth{Method: AuthBasic, User: "a:b"} }, "has a colon"},
		{func(t *Target) { t.Auth = Auth{Method: AuthBasic, User: user, Token: "hunter2"} }, "give one of them"},
		{func(t *Target) { t.Auth = Auth{Method: AuthBasic, User: user, Payload: "hunter2"} }, "a payload is for --auth handshake"},
		{func(t *Target) { t.Auth = Auth{Method: AuthHandshake, User: user, Payload: "hunter2"} }, "give one of them"},
		{func(t *Target) { t.Auth = Auth{Method: AuthHandshakePlain} }, "needs a user"},
		{func(t *Target) { t.Headers = []Header{{"", "hunter2"}} }, "no name"},
		{func(t *Target) { t.Headers = []Header{{"X", "hunter2"}} }, "lower case"},
		{func(t *Target) { t.Headers = []Header{{"grpc-timeout", "hunter2"}} }, "belong to gRPC"},
		{func(t *Target) { t.Headers = []Header{{"content-type", "hunter2"}} }, "belongs to the protocol"},
		{func(t *Target) { t.Headers = []Header{{"x", "hunter2\u00e9"}} }, "x-bin"},
		{func(t *Target) {
			t.Headers, t.Auth = []Header{{"authorization", "hunter2"}}, Auth{Method: AuthBasic, User: user}
		}, "both say who calls"},
		{func(t *Target) { t.Headers, t.Cookies = []Header{{"cookie", "hunter2"}}, true }, "do one of them"},
	} {
		bad := at
		tt.change(&bad)
		if _, err := bad.Open(tuned(wire.Direct)); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want an error with %q", err, tt.want)
		}
	}
	for want, tu := range map[string]Tuning{`transport "pigeon"`: {Transport: "pigeon"}, "16 KiB": {Transport: wire.GRPC, MaxFrame: 1 << 20}, "MaxFrame": {Transport: wire.Direct, MaxFrame: 1}} {
		if _, err := at.Open(tu); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}

// TestUnix logs in over a socket, whose path needs escapes.
func TestUnix(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		d := &door{shake: basicBy(inHeader), enter: wants("authorization", "Bearer %s")}
		l, err := net.Listen("unix", t.TempDir()+"/a b%.sock")
		if err != nil {
			t.Skipf("no Unix sockets: %v", err)
		}
		serveGRPC(t, l, func(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, d) })
		uri := "grpc+unix://" + strings.NewReplacer("%", "%25", " ", "%20").Replace(l.Addr().String())
		s := open(t, uri, transport, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
		if err := s.Login(bound(t)); err != nil {
			t.Fatal(err)
		}
		if err := callList(bound(t), s); err != nil {
			t.Error(err)
		}
		if got := d.last(":authority"); !slices.Equal(got, []string{"localhost"}) {
			t.Errorf(":authority %q", got)
		}
	})
}

// TestIPv6 reaches a server by its bracketed address.
func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	d := &door{}
	uri := "grpc://" + serveGRPC(t, l, func(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, d) })
	each(t, func(t *testing.T, transport wire.Transport) {
		if err := callList(bound(t), open(t, uri, transport, nil)); err != nil {
			t.Error(err)
		}
		if got := d.last(":authority"); !slices.Equal(got, []string{l.Addr().String()}) {
			t.Errorf(":authority %q", got)
		}
	})
}
