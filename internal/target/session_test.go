package target

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
)

const (
	user     = "me"
	password = "hunter2"
	basicOf  = "Basic bWU6aHVudGVyMg==" // padded
)

// door is a server that lets in whom it knows, and remembers what it was shown.
type door struct {
	flight.BaseFlightServer

	// enter says whether a call other than Handshake may go on; it may set headers and trailers of ss.
	enter func(d *door, md metadata.MD, ss grpc.ServerStream) error
	// shake is the Handshake RPC; nil: there is none.
	shake func(d *door, stream flight.FlightService_HandshakeServer) error

	mu     sync.Mutex
	valid  string // the token that is good now
	shakes int
	seen   []metadata.MD // of the calls other than Handshake
}

func (d *door) Handshake(stream flight.FlightService_HandshakeServer) error {
	if d.shake == nil {
		return status.Error(codes.Unimplemented, "no handshakes here")
	}
	d.mu.Lock()
	d.shakes++
	d.valid = fmt.Sprintf("token-%d", d.shakes)
	d.mu.Unlock()
	return d.shake(d, stream)
}

func (d *door) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	d.mu.Lock()
	d.seen = append(d.seen, md)
	d.mu.Unlock()
	if d.enter != nil {
		if err := d.enter(d, md, stream); err != nil {
			return err
		}
	}
	return stream.Send(&flight.ActionType{Type: "nothing"})
}

func (d *door) GetSchema(context.Context, *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return &flight.SchemaResult{}, nil
}

// token is the one that is good now.
func (d *door) token() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.valid
}

// expire makes every token bad until the next one is given.
func (d *door) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.valid = "none"
}

func (d *door) handshakes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shakes
}

// last are the values of one header in the last call that was not a Handshake.
func (d *door) last(header string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) == 0 {
		return nil
	}
	return d.seen[len(d.seen)-1].Get(header)
}

func (d *door) serve(t *testing.T) string {
	return "grpc://" + serveGRPC(t, listen(t), func(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, d) })
}

// wants is an enter that demands a value of a header with the good token in it.
func wants(header, format string) func(*door, metadata.MD, grpc.ServerStream) error {
	return func(d *door, md metadata.MD, _ grpc.ServerStream) error {
		if got := md.Get(header); len(got) != 1 || got[0] != fmt.Sprintf(format, d.token()) {
			return status.Errorf(codes.Unauthenticated, "%s has %d values, and not the good one", header, len(got))
		}
		return nil
	}
}

// basicBy is a shake that takes Basic and answers with a bearer token by set.
func basicBy(set func(grpc.ServerStream, metadata.MD)) func(*door, flight.FlightService_HandshakeServer) error {
	return func(d *door, stream flight.FlightService_HandshakeServer) error {
		md, _ := metadata.FromIncomingContext(stream.Context())
		if got := md.Get("authorization"); len(got) != 1 || got[0] != basicOf {
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		set(stream, metadata.Pairs("authorization", "Bearer "+d.token()))
		return nil
	}
}

func inHeader(ss grpc.ServerStream, md metadata.MD)  { _ = ss.SetHeader(md) }
func inTrailer(ss grpc.ServerStream, md metadata.MD) { ss.SetTrailer(md) }

// fallback is an enter of a server without Handshake: Basic is good, and is answered by a bearer token by set, if that is not nil.
func fallback(set func(grpc.ServerStream, metadata.MD)) func(*door, metadata.MD, grpc.ServerStream) error {
	return func(d *door, md metadata.MD, ss grpc.ServerStream) error {
		switch got := strings.Join(md.Get("authorization"), ","); {
		case got == basicOf && set != nil:
			d.mu.Lock()
			d.valid = "given"
			d.mu.Unlock()
			set(ss, metadata.Pairs("authorization", "Bearer given"))
		case got != basicOf && got != "Bearer "+d.token():
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		return nil
	}
}

// open returns a session at uri, closed with the test.
func open(t *testing.T, uri string, transport wire.Transport, change func(*Target)) *Session {
	t.Helper()
	at, err := Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&at)
	}
	s, err := at.Open(tuned(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// each runs f over each transport.
func each(t *testing.T, f func(t *testing.T, transport wire.Transport)) {
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) { f(t, transport) })
	}
}

func bound(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestLogin logs in at servers of every kind, calls, lets the token expire, and has it renewed once.
func TestLogin(t *testing.T) {
	readBasic := func(d *door, stream flight.FlightService_HandshakeServer) error {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		var got flight.BasicAuth
		if err := proto.Unmarshal(m.Payload, &got); err != nil || got.Username != user || got.Password != password {
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		return stream.Send(&flight.HandshakeResponse{Payload: []byte(d.token())})
	}
	for _, tt := range []struct {
		name  string
		auth  Auth
		door  *door  // its enter, shake and valid
		sends string // header
		value string // with TOKEN for the good token
		final bool   // there is nothing to renew
	}{
		{name: "basic in headers", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{shake: basicBy(inHeader), enter: wants("authorization", "Bearer %s")}, sends: "authorization", value: "Bearer TOKEN"},
		{name: "basic in trailers", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{shake: basicBy(inTrailer), enter: wants("authorization", "Bearer %s")}, sends: "authorization", value: "Bearer TOKEN"},
		{name: "basic without a token", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{shake: func(*door, flight.FlightService_HandshakeServer) error { return nil }, enter: fallback(nil)}, sends: "authorization", value: basicOf, final: true},
		{name: "basic without Handshake, in headers", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{enter: fallback(inHeader)}, sends: "authorization", value: "Bearer TOKEN"},
		{name: "basic without Handshake, in trailers", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{enter: fallback(inTrailer)}, sends: "authorization", value: "Bearer TOKEN"},
		{name: "basic on each call", auth: Auth{Method: AuthBasic, User: user, Password: password},
			door: &door{enter: fallback(nil)}, sends: "authorization", value: basicOf, final: true},
		{name: "handshake", auth: Auth{Method: AuthHandshake, User: user, Password: password},
			door: &door{shake: readBasic, enter: wants("auth-token-bin", "%s")}, sends: "auth-token-bin", value: "TOKEN"},
		{name: "handshake with a payload", auth: Auth{Method: AuthHandshake, Payload: "open sesame"},
			door: &door{shake: func(d *door, stream flight.FlightService_HandshakeServer) error {
				if m, err := stream.Recv(); err != nil || string(m.Payload) != "open sesame" {
					return status.Error(codes.Unauthenticated, "who are you?")
				}
				return stream.Send(&flight.HandshakeResponse{Payload: []byte(d.token())})
			}, enter: wants("auth-token-bin", "%s")}, sends: "auth-token-bin", value: "TOKEN"},
		{name: "handshake answered in headers", auth: Auth{Method: AuthHandshake, User: user, Password: password},
			door: &door{shake: func(d *door, stream flight.FlightService_HandshakeServer) error {
				return stream.SetHeader(metadata.Pairs("authorization", "Bearer "+d.token()))
			}, enter: wants("authorization", "Bearer %s")}, sends: "authorization", value: "Bearer TOKEN"},
		{name: "handshake-plain", auth: Auth{Method: AuthHandshakePlain, User: user, Password: password},
			door: &door{shake: func(d *door, stream flight.FlightService_HandshakeServer) error {
				for _, want := range []string{user, password} {
					if m, err := stream.Recv(); err != nil || string(m.Payload) != want {
						return status.Error(codes.Unauthenticated, "who are you?")
					}
				}
				return stream.Send(&flight.HandshakeResponse{Payload: []byte(d.token())})
			}, enter: wants("auth-token-bin", "%s")}, sends: "auth-token-bin", value: "TOKEN"},
		{name: "token", auth: Auth{Method: AuthToken, Token: "hunter2"},
			door: &door{valid: "hunter2", enter: wants("authorization", "Bearer %s")}, sends: "authorization", value: "Bearer hunter2", final: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, transport wire.Transport) {
				d := &door{enter: tt.door.enter, shake: tt.door.shake, valid: tt.door.valid}
				s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = tt.auth })
				conn, err := s.Dial()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				ctx := bound(t)
				call := func(ctx context.Context) error { return list(ctx, conn) }
				if err := s.Login(ctx); err != nil {
					t.Fatal(err)
				}
				for range 2 { // the first may be what brings the token
					if err := s.Do(ctx, call); err != nil {
						t.Fatal(err)
					}
				}
				want := []string{strings.ReplaceAll(tt.value, "TOKEN", d.token())}
				if got := d.last(tt.sends); !slices.Equal(got, want) {
					t.Errorf("%s is sent as %q, want %q", tt.sends, got, want)
				}
				if n := s.Renewals(); n != 0 {
					t.Errorf("%d renewals before anything expired", n)
				}

				d.expire()
				err = s.Do(ctx, call)
				switch {
				case tt.final && tt.auth.Method == AuthToken:
					if status.Code(err) != codes.Unauthenticated || s.Renewals() != 0 {
						t.Errorf("what cannot be renewed: %v, %d renewals", err, s.Renewals())
					}
				case tt.final:
					if err != nil || s.Renewals() != 0 {
						t.Errorf("Basic on each call does not expire: %v, %d renewals", err, s.Renewals())
					}
				case err != nil || s.Renewals() != 1:
					t.Errorf("renewed %d times, %v; want once", s.Renewals(), err)
				}
			})
		})
	}
}

// TestDoWithoutLogin logs in when the first call is refused, which renews nothing.
func TestDoWithoutLogin(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		for _, auth := range []Auth{{Method: AuthBasic, User: user, Password: password}, {Method: AuthHandshake, Payload: "x"}} {
			d := &door{shake: basicBy(inHeader), enter: wants("authorization", "Bearer %s")}
			if auth.Method == AuthHandshake {
				d.enter = wants("auth-token-bin", "%s")
				d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
					return stream.Send(&flight.HandshakeResponse{Payload: []byte(d.token())})
				}
			}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = auth })
			if err := s.Do(bound(t), func(ctx context.Context) error { return callList(ctx, s) }); err != nil || s.Renewals() != 0 || d.handshakes() != 1 {
				t.Errorf("%s: %v, %d renewals, %d handshakes", auth.Method, err, s.Renewals(), d.handshakes())
			}
		}
	})
}

// TestRenewalIsShared has many streams refused at once.
func TestRenewalIsShared(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		for name, refuse := range map[string]bool{"renewed": false, "refused": true} {
			d := &door{enter: wants("authorization", "Bearer %s")}
			var refusing atomic.Bool
			d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
				if refusing.Load() {
					d.expire()
					return status.Error(codes.Unauthenticated, "the account is gone")
				}
				return basicBy(inTrailer)(d, stream)
			}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
			ctx := bound(t)
			if err := s.Login(ctx); err != nil {
				t.Fatal(err)
			}
			conn, err := s.Dial()
			if err != nil {
				t.Fatal(err)
			}
			d.expire()
			refusing.Store(refuse)
			const slots = 24
			var refused, ended sync.WaitGroup
			refused.Add(slots)
			errs := make([]error, slots)
			for i := range slots {
				ended.Go(func() {
					tries := 0
					errs[i] = s.Do(ctx, func(ctx context.Context) error {
						err := list(ctx, conn)
						if tries++; tries == 1 {
							refused.Done()
							refused.Wait()
						}
						return err
					})
					if !refuse && tries != 2 || refuse && tries != 1 {
						t.Errorf("%s: %d tries", name, tries)
					}
				})
			}
			ended.Wait()
			_ = conn.Close()
			renewals := int64(1)
			if refuse {
				renewals = 0
			}
			if d.handshakes() != 2 || s.Renewals() != renewals {
				t.Errorf("%s: %d handshakes after the first, %d renewals: want one handshake", name, d.handshakes()-1, s.Renewals())
			}
			for _, err := range errs {
				if refuse != (status.Code(err) == codes.Unauthenticated) || refuse != (err != nil) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// TestDoRetriesOnce gives up when the new token is refused, too, and passes on what is no matter of tokens.
func TestDoRetriesOnce(t *testing.T) {
	d := &door{shake: basicBy(inHeader)}
	s := open(t, d.serve(t), wire.Direct, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
	if err := s.Login(bound(t)); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[codes.Code]int{codes.Unauthenticated: 2, codes.PermissionDenied: 1, codes.Unavailable: 1} {
		tries := 0
		err := s.Do(bound(t), func(context.Context) error {
			tries++
			return fmt.Errorf("DoGet: %w", status.Error(code, "no"))
		})
		if tries != want || status.Code(err) != code {
			t.Errorf("%v: %d tries, want %d, %v", code, tries, want, err)
		}
	}
}

// TestRenewalOutlivesItsCaller has the one who logs in give up while another waits.
func TestRenewalOutlivesItsCaller(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	d := &door{}
	d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-stream.Context().Done():
		}
		return basicBy(inHeader)(d, stream)
	}
	s := open(t, d.serve(t), wire.Direct, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
	first, giveUp := context.WithCancel(t.Context())
	ends := make(chan error, 2)
	go func() { ends <- s.Login(first) }()
	<-arrived
	go func() { ends <- s.Login(bound(t)) }()
	giveUp()
	if err := <-ends; status.Code(err) != codes.Canceled {
		t.Errorf("who gave up: %v", err)
	}
	<-arrived
	close(release)
	if err := <-ends; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

// TestLoginFails keeps the server's status, and no secret.
func TestLoginFails(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		for _, tt := range []struct {
			auth  Auth
			shake func(*door, flight.FlightService_HandshakeServer) error
			code  codes.Code
		}{
			{Auth{Method: AuthBasic, User: user, Password: "wrong-hunter2"}, basicBy(inHeader), codes.Unauthenticated},
			{Auth{Method: AuthHandshake, User: user, Password: "wrong-hunter2"}, nil, codes.Unimplemented},
			{Auth{Method: AuthHandshake, User: user, Password: "wrong-hunter2"}, func(*door, flight.FlightService_HandshakeServer) error { return nil }, codes.FailedPrecondition},
			{Auth{Method: AuthHandshakePlain, User: user}, func(*door, flight.FlightService_HandshakeServer) error {
				return status.Error(codes.PermissionDenied, "not you")
			}, codes.PermissionDenied},
		} {
			d := &door{shake: tt.shake}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = tt.auth })
			if err := s.Login(bound(t)); status.Code(err) != tt.code || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %v", tt.auth.Method, err, tt.code)
			}
		}
	})
}

// arrowServer is arrow-go's own authentication of both kinds.
type arrowServer struct{}

func (arrowServer) Validate(u, p string) (string, error) {
	if u != user || p != password {
		return "", status.Error(codes.Unauthenticated, "wrong password")
	}
	return "arrow-token", nil
}

func (arrowServer) IsValid(token string) (any, error) {
	if token != "arrow-token" {
		return nil, status.Error(codes.Unauthenticated, "bad token")
	}
	return user, nil
}

func (a arrowServer) Authenticate(c flight.AuthConn) error {
	in, err := c.Read()
	if err != nil {
		return err
	}
	var got flight.BasicAuth
	if err := proto.Unmarshal(in, &got); err != nil {
		return err
	}
	token, err := a.Validate(got.Username, got.Password)
	if err != nil {
		return err
	}
	return c.Send([]byte(token))
}

// arrowCalls has a unary call and one that streams.
type arrowCalls struct{ flight.BaseFlightServer }

func (*arrowCalls) GetSchema(context.Context, *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return &flight.SchemaResult{}, nil
}

func (*arrowCalls) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	return stream.Send(&flight.ActionType{Type: "nothing"})
}

// TestArrowServers logs in at arrow-go's own server, by each way it has.
func TestArrowServers(t *testing.T) {
	basic := flight.NewServerWithMiddleware([]flight.ServerMiddleware{flight.CreateServerBasicAuthMiddleware(arrowServer{})})
	hand := flight.NewServerWithMiddleware(nil)
	for server, handler := range map[flight.Server]flight.ServerAuthHandler{basic: nil, hand: arrowServer{}} {
		if err := server.Init("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		calls := &arrowCalls{}
		calls.SetAuthHandler(handler)
		server.RegisterFlightService(calls)
		done := make(chan error, 1)
		go func() { done <- server.Serve() }()
		t.Cleanup(func() {
			server.Shutdown()
			<-done
		})
	}
	each(t, func(t *testing.T, transport wire.Transport) {
		for method, server := range map[string]flight.Server{AuthBasic: basic, AuthHandshake: hand} {
			s := open(t, "grpc://"+server.Addr().String(), transport, func(at *Target) { at.Auth = Auth{Method: method, User: user, Password: password} })
			ctx := bound(t)
			if err := s.Login(ctx); err != nil {
				t.Fatal(err)
			}
			conn, err := s.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := list(ctx, conn); err != nil {
				t.Errorf("%s: %v", method, err)
			}
			if _, err := flight.NewClientFromConn(conn, nil).GetSchema(ctx, &flight.FlightDescriptor{}); err != nil {
				t.Errorf("%s, unary: %v", method, err)
			}
			if err := s.Handshake(ctx, conn); err != nil {
				t.Errorf("%s, Handshake to be measured: %v", method, err)
			}
			wrong := open(t, "grpc://"+server.Addr().String(), transport, func(at *Target) { at.Auth = Auth{Method: method, User: user, Password: "wrong"} })
			if err := wrong.Login(ctx); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s, a wrong password: %v", method, err)
			}
			if got := Explain(wrong.Target(), wrong.Login(ctx)); !strings.Contains(got.Error(), "check user and password") {
				t.Errorf("%s, a wrong password: %v", method, got)
			}
		}
	})
}

// TestHandshakeIsMeasured leaves the session's token alone.
func TestHandshakeIsMeasured(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		payloads := make(chan string, 1)
		d := &door{shake: func(_ *door, stream flight.FlightService_HandshakeServer) error {
			m, err := stream.Recv()
			if err != nil {
				return err
			}
			payloads <- string(m.Payload)
			return nil
		}}
		s := open(t, d.serve(t), transport, nil)
		conn, err := s.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := s.Handshake(bound(t), conn); err != nil || <-payloads != "" {
			t.Errorf("without credentials: %v", err)
		}
	})
}

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

func mustDial(t *testing.T, uri string, transport wire.Transport) *Conn {
	conn, err := open(t, uri, transport, nil).Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
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

// TestAt shares what a session knows with an endpoint's locations.
func TestAt(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		home := &door{shake: basicBy(inHeader), enter: wants("authorization", "Bearer %s")}
		away := &door{shake: basicBy(inTrailer), valid: "token-1", enter: func(d *door, md metadata.MD, ss grpc.ServerStream) error {
			_ = ss.SetHeader(metadata.Pairs("set-cookie", "away=1"))
			return wants("authorization", "Bearer %s")(d, md, ss)
		}}
		homeURI, awayURI := home.serve(t), away.serve(t)
		s := open(t, homeURI, transport, func(at *Target) {
			at.Auth, at.Headers, at.Cookies = Auth{Method: AuthBasic, User: user, Password: password}, []Header{{"x-tenant", "a"}}, true
		})
		ctx := bound(t)
		if err := s.Login(ctx); err != nil {
			t.Fatal(err)
		}
		s.jar.learn(metadata.Pairs("set-cookie", "home=1"))
		at, err := s.At(awayURI)
		if err != nil {
			t.Fatal(err)
		}
		// The location takes the same token.
		if err := callList(ctx, at); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"x-tenant": "a", "cookie": "home=1", "authorization": "Bearer token-1"} {
			if got := strings.Join(away.last(name), "|"); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if s.jar.header() != "home=1" || at.jar.header() != "away=1; home=1" {
			t.Errorf("cookies %q and %q", s.jar.header(), at.jar.header())
		}
		// It refuses it: there is a new one to be had there, which is the location's own.
		away.expire()
		if err := at.Do(ctx, func(ctx context.Context) error { return callList(ctx, at) }); err != nil {
			t.Error(err)
		}
		if err := callList(ctx, s); err != nil || s.Renewals() != 1 || at.Renewals() != 1 || home.handshakes() != 1 || away.handshakes() != 1 {
			t.Errorf("at home: %v, %d renewals, %d and %d handshakes", err, s.Renewals(), home.handshakes(), away.handshakes())
		}

		same, err := at.At(strings.Replace(awayURI, "grpc:", "grpc+tcp:", 1))
		back, err2 := at.At(homeURI)
		reuse, err3 := at.At(ReuseURI)
		if same != at || back != s || reuse != s || errors.Join(err, err2, err3) != nil {
			t.Errorf("sessions of known addresses: %p %p %p, of %p and %p, %v", same, back, reuse, at, s, errors.Join(err, err2, err3))
		}
		if _, err := s.At("https://x/y?sig=hunter2"); err == nil || !strings.Contains(err.Error(), "HTTP GET") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("an HTTP location: %v", err)
		}
		_ = s.Close()
		if _, err := s.At("grpc://127.0.0.1:9"); err == nil {
			t.Error("At works once closed")
		}
		if _, err := at.Dial(); err == nil {
			t.Error("Dial works once closed")
		}
	})
}

// TestAtTLS sets TLS up by the location's scheme and the target's trust.
func TestAtTLS(t *testing.T) {
	ca := newAuthority(t, "test CA")
	pair, certPEM, keyPEM := ca.issue(t, nil)
	trust := Trust{CACert: file(t, "ca.pem", ca.pem), Cert: file(t, "c.pem", certPEM), Key: file(t, "k.pem", keyPEM)}
	secure := func() string {
		creds := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert})
		return "grpc+tls://" + serveGRPC(t, listen(t), func(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, &door{}) }, grpc.Creds(creds))
	}
	one, two, plain := secure(), secure(), (&door{}).serve(t)
	each(t, func(t *testing.T, transport wire.Transport) {
		ctx := bound(t)
		trusting := func(trust Trust) func(*Target) {
			return func(at *Target) {
				var err error
				if *at, err = at.WithTrust(trust); err != nil {
					t.Fatal(err)
				}
			}
		}
		s := open(t, one, transport, trusting(trust))
		for _, location := range []string{two, plain} {
			at, err := s.At(location)
			if err != nil {
				t.Fatal(err)
			}
			if err := callList(ctx, at); err != nil {
				t.Errorf("%s: %v", location, err)
			}
			if want := map[bool]string{true: "mtls", false: "off"}[location == two]; at.Target().Mode() != want {
				t.Errorf("%s: mode %s, want %s", location, at.Target().Mode(), want)
			}
		}

		// A name given for the target's host is not asked of another one.
		named := trust
		named.ServerName = "test.example"
		s = open(t, one, transport, trusting(named))
		for location, want := range map[string]string{two: "test.example", "grpc+tls://db.example:1": "db.example"} {
			if at, err := s.At(location); err != nil || at.Target().TLS.ServerName != want || at.Target().TLS.RootCAs == nil {
				t.Errorf("%s: asks for %+v, %v", location, at.Target().TLS, err)
			}
		}

		// Plaintext has no trust, unless it is given for the locations.
		s = open(t, plain, transport, nil)
		at, err := s.At(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := Explain(at.Target(), callList(ctx, at)); err == nil || !strings.Contains(err.Error(), "give its CA with --cacert") {
			t.Errorf("unknown CA: %v", err)
		}
		s = open(t, plain, transport, func(at *Target) {
			if *at, err = at.WithLocationTrust(trust); err != nil {
				t.Fatal(err)
			}
		})
		if s.Target().Mode() != "off" {
			t.Errorf("mode %s", s.Target().Mode())
		}
		if at, err = s.At(one); err != nil {
			t.Fatal(err)
		}
		if err := callList(ctx, at); err != nil {
			t.Error(err)
		}

		// Secrets do not leave TLS for the network.
		s = open(t, one, transport, func(at *Target) {
			trusting(trust)(at)
			at.Auth = Auth{Method: AuthToken, Token: "hunter2"}
		})
		if _, err := s.At("grpc://10.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "carry credentials") {
			t.Errorf("a plaintext location: %v", err)
		}
		if _, err := s.At(plain); err != nil {
			t.Errorf("a plaintext location of this machine: %v", err)
		}
	})
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

// TestBasicIsPadded compares with what RFC 7617 asks for.
func TestBasicIsPadded(t *testing.T) {
	a := Auth{Method: AuthBasic, User: user, Password: password}
	if a.basic() != basicOf || a.basic() != "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)) {
		t.Errorf("%s", a.basic())
	}
}
