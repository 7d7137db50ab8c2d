package target

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
)

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
			{Auth{Method: AuthHandshake, User: user}, func(_ *door, stream flight.FlightService_HandshakeServer) error {
				return stream.Send(&flight.HandshakeResponse{Payload: make([]byte, 1<<20)})
			}, codes.ResourceExhausted},
			{Auth{Method: AuthHandshake, User: user}, endless, codes.ResourceExhausted},
			{Auth{Method: AuthBasic, User: user}, endless, codes.ResourceExhausted},
		} {
			d := &door{shake: tt.shake}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = tt.auth })
			if err := s.Login(bound(t)); status.Code(err) != tt.code || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %v", tt.auth.Method, err, tt.code)
			}
		}
	})
}

// endless answers a login for ever.
func endless(_ *door, stream flight.FlightService_HandshakeServer) error {
	for {
		if err := stream.Send(&flight.HandshakeResponse{Payload: []byte("more")}); err != nil {
			return err
		}
	}
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

// TestBasicIsPadded compares with what RFC 7617 asks for.
func TestBasicIsPadded(t *testing.T) {
	a := Auth{Method: AuthBasic, User: user, Password: password}
	if a.basic() != basicOf || a.basic() != "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)) {
		t.Errorf("%s", a.basic())
	}
}
