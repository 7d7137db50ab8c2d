package server

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
)

// guarded is a server whose password or token is "open sesame" without the space.
func guarded(auth string) func(*Options) {
	return func(o *Options) {
		o.Auth = auth
		if auth == AuthToken {
			o.Token = "opensesame"
		} else {
			o.User, o.Password = "ali:baba", "opensesame"
		}
		if auth == AuthBasic {
			o.User = "ali"
		}
	}
}

func withHeader(t *testing.T, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), pairs...)
}

// rpcs call every RPC but Handshake once.
func rpcs(c flight.Client, ticket []byte) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"GetFlightInfo":  func(ctx context.Context) error { _, err := c.GetFlightInfo(ctx, cmd(ticket)); return err },
		"PollFlightInfo": func(ctx context.Context) error { _, err := c.PollFlightInfo(ctx, cmd(ticket)); return err },
		"GetSchema":      func(ctx context.Context) error { _, err := c.GetSchema(ctx, cmd(ticket)); return err },
		"ListFlights": func(ctx context.Context) error {
			s, err := c.ListFlights(ctx, &flight.Criteria{})
			return first(s, err)
		},
		"ListActions": func(ctx context.Context) error {
			s, err := c.ListActions(ctx, &flight.Empty{})
			return first(s, err)
		},
		"DoAction": func(ctx context.Context) error {
			s, err := c.DoAction(ctx, &flight.Action{Type: ActionPing})
			return first(s, err)
		},
		"DoGet": func(ctx context.Context) error {
			s, err := c.DoGet(ctx, &flight.Ticket{Ticket: ticket})
			return first(s, err)
		},
		"DoPut": func(ctx context.Context) error {
			s, err := c.DoPut(ctx)
			if err == nil {
				_ = s.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")})
			}
			return first(s, err)
		},
		"DoExchange": func(ctx context.Context) error {
			s, err := c.DoExchange(ctx)
			if err == nil {
				_ = s.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")})
			}
			return first(s, err)
		},
	}
}

// first is the error with the first message of a stream, which is then given up.
func first[M any](s interface{ Recv() (M, error) }, err error) error {
	if err == nil {
		_, err = s.Recv()
	}
	return err
}

// Every RPC is refused without credentials, and with wrong ones.
func TestEveryCallNeedsCredentials(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for auth, hint := range map[string]string{AuthToken: "authorization: Bearer", AuthBasic: "authorization: Basic", AuthHandshake: "Handshake"} {
			c := dial(t, startFor(t, tr, guarded(auth), true).URI(), nil)
			for name, call := range rpcs(c, small(t, "perf").Marshal()) {
				t.Run(auth+"/"+name, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					expect(t, call(ctx), codes.Unauthenticated, hint)
					expect(t, call(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer guess")), codes.Unauthenticated, "token")
					expect(t, call(metadata.AppendToOutgoingContext(ctx, "auth-token-bin", "guess")), codes.Unauthenticated, "token")
				})
			}
		}
	})
}

// Every RPC is let in with a good token, however it was come by and is sent.
func TestCredentialsLetIn(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for _, auth := range []string{AuthToken, AuthBasic, AuthHandshake} {
			c := dial(t, startFor(t, tr, guarded(auth), true).URI(), nil)
			var tokens []string
			switch auth {
			case AuthToken:
				tokens = []string{"opensesame"}
			case AuthBasic:
				tokens = []string{basicToken(t, c)}
			case AuthHandshake:
				both, err := proto.Marshal(&flight.BasicAuth{Username: "ali:baba", Password: "opensesame"})
				if err != nil {
					t.Fatal(err)
				}
				tokens = []string{handshakeToken(t, c, both), handshakeToken(t, c, []byte("ali:baba"), []byte("opensesame"))}
			}
			for _, token := range tokens {
				for _, header := range [][2]string{{"authorization", "Bearer " + token}, {"authorization", "bearer  " + token}, {"auth-token-bin", token}} {
					for name, call := range rpcs(c, small(t, "perf").Marshal()) {
						ctx, cancel := context.WithCancel(withHeader(t, header[0], header[1]))
						if err := call(ctx); err != nil {
							t.Errorf("%s, %s by %s: %v", auth, name, header[0], err)
						}
						cancel()
					}
				}
			}
		}
	})
}

// basicToken logs in as arrow-go does.
func basicToken(t *testing.T, c flight.Client) string {
	t.Helper()
	ctx, err := c.AuthenticateBasicToken(t.Context(), "ali", "opensesame")
	if err != nil {
		t.Fatal(err)
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	return strings.TrimPrefix(md.Get("authorization")[0], "Bearer ")
}

// handshakeToken logs in with payloads.
func handshakeToken(t *testing.T, c flight.Client, payloads ...[]byte) string {
	t.Helper()
	token, err := shakeHands(t, c, payloads...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func shakeHands(t *testing.T, c flight.Client, payloads ...[]byte) (string, error) {
	t.Helper()
	stream, err := c.Handshake(t.Context())
	if err != nil {
		return "", err
	}
	for _, p := range payloads {
		if err := stream.Send(&flight.HandshakeRequest{Payload: p}); err != nil {
			break // the status tells why
		}
	}
	stream.CloseSend()
	res, err := stream.Recv()
	return string(res.GetPayload()), err
}

// Any call with Basic is answered with a token, in its headers and its trailers.
func TestBasicIsAnsweredWithAToken(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := dial(t, startFor(t, tr, guarded(AuthBasic), true).URI(), nil)
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
			ctx := withHeader(t, "authorization", "Basic "+encoding.EncodeToString([]byte("ali:opensesame")))
			var header, trailer metadata.MD
			_, err := c.GetSchema(ctx, cmd(small(t, "perf").Marshal()), grpc.Header(&header), grpc.Trailer(&trailer))
			if err != nil {
				t.Fatal(err)
			}
			for where, md := range map[string]metadata.MD{"headers": header, "trailers": trailer} {
				got := md.Get("authorization")
				if len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ") {
					t.Errorf("authorization %q in the %s, want a bearer token", got, where)
					continue
				}
				if _, err := c.GetSchema(withHeader(t, "authorization", got[0]), cmd(small(t, "perf").Marshal())); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestWrongPasswords(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		t.Run("basic", func(t *testing.T) {
			c := serve(t, tr, guarded(AuthBasic))
			for credential, want := range map[string]string{
				"ali:open": "wrong user or password", "baba:opensesame": "wrong user or password", ":": "wrong user or password", "aliopensesame": "malformed",
			} {
				_, err := c.GetSchema(withHeader(t, "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credential))), cmd(nil))
				expect(t, err, codes.Unauthenticated, want)
			}
			_, err := c.GetSchema(withHeader(t, "authorization", "Basic !!!"), cmd(nil))
			expect(t, err, codes.Unauthenticated, "malformed")
		})
		t.Run("handshake", func(t *testing.T) {
			c := serve(t, tr, guarded(AuthHandshake))
			wrong, err := proto.Marshal(&flight.BasicAuth{Username: "ali:baba", Password: "open"})
			if err != nil {
				t.Fatal(err)
			}
			for want, payloads := range map[string][][]byte{
				"wrong user or password":                       {wrong},
				"wrong user or password ":                      {[]byte("ali:baba"), []byte("open")},
				"wrong user or password  ":                     {[]byte("baba"), []byte("opensesame")},
				"the handshake ended before its first payload": {},
				"the handshake ended after its first payload":  {[]byte("ali:baba")},
			} {
				_, err := shakeHands(t, c, payloads...)
				expect(t, err, codes.Unauthenticated, strings.TrimSpace(want))
			}
			_, err = shakeHands(t, c, make([]byte, maxHandshake+1))
			expect(t, err, codes.InvalidArgument, "65537 bytes")
		})
	})
}

func TestTokensExpire(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) {
			guarded(AuthBasic)(o)
			o.TokenLife = time.Nanosecond
		})
		_, err := act(t, c, ActionPing, nil)
		expect(t, err, codes.Unauthenticated, "asks for a user")
		_, err = c.GetSchema(withHeader(t, "authorization", "Bearer "+basicToken(t, c)), cmd(nil))
		expect(t, err, codes.Unauthenticated, "has expired 1ns after it was given", "log in again")
	})
}

func TestTokens(t *testing.T) {
	a := Access{Auth: AuthBasic, User: "me", Password: "secret", TokenLife: time.Minute}
	now := time.Unix(1_800_000_000, 0)
	g := newGate(a)
	g.now = func() time.Time { return now }
	token := g.give()
	if again := g.give(); again == token {
		t.Error("two tokens are the same")
	}
	other := newGate(a) // the server after a restart
	for _, tt := range []struct {
		name, token, want string
		gate              *gate
		after             time.Duration
	}{
		{"fresh", token, "", g, 0},
		{"at its end", token, "", g, time.Minute},
		{"past its end", token, "expired 1m0s after", g, time.Minute + 1},
		{"none", "", "asks for a user and a password", g, 0},
		{"of another server", token, "none that this server gave", other, 0},
		{"cut", token[:len(token)-1], "none that this server gave", g, 0},
		{"changed", "A" + token[1:], "none that this server gave", g, 0}, // its end is long before 2106
		{"no base64", "not a token", "none that this server gave", g, 0},
	} {
		now = time.Unix(1_800_000_000, 0).Add(tt.after)
		err := tt.gate.check(tt.token)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "":
			expect(t, err, codes.Unauthenticated, tt.want)
		}
	}
	if newGate(Access{}) != nil || newGate(Access{Auth: AuthNone}) != nil {
		t.Error("there is a gate though nobody asked for one")
	}
}
