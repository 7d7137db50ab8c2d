package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

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
		s = open(t, one, transport, func(at *Target) {
			trusting(trust)(at)
			at.Headers = []Header{{"x-api-key", "hunter2"}}
		})
		if _, err := s.At("grpc://10.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "carry credentials") {
			t.Errorf("a plaintext location, with a header: %v", err)
		}
	})
}

// TestLocationsAreBounded meets a server that names ever other addresses.
func TestLocationsAreBounded(t *testing.T) {
	s := open(t, "grpc://127.0.0.1:1", wire.Direct, nil)
	for i := range maxLocations + 10 {
		if _, err := s.At(fmt.Sprintf("grpc://host-%d:1", i)); (err == nil) != (i < maxLocations-1) {
			t.Fatalf("location %d: %v", i, err)
		}
	}
	if _, err := s.At("grpc://host-0:1"); err != nil {
		t.Errorf("one that is known: %v", err)
	}
}
