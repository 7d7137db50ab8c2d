package target

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ uri, network, address, mode string }{
		{"grpc://127.0.0.1:31337", "tcp", "127.0.0.1:31337", "off"},
		{"grpc+tcp://db.example:1", "tcp", "db.example:1", "off"},
		{"grpc+tls://[::1]:1", "tcp", "[::1]:1", "on"},
		{"grpc+unix:///run/s.sock", "unix", "/run/s.sock", "off"},
	} {
		got, err := Parse(tt.uri)
		if err != nil || got.network != tt.network || got.address != tt.address || got.Mode() != tt.mode || got.Name != tt.uri {
			t.Errorf("Parse(%q) = %+v, %v, want %s %s %s", tt.uri, got, err, tt.network, tt.address, tt.mode)
		}
	}
	for _, tt := range []struct{ uri, want string }{
		{"", "no Flight URI"}, {"localhost:1", "no Flight URI"}, {"http://x:1", "HTTP GET"}, {"ftp://x:1", `scheme "ftp"`}, {"grpc://x", "a host and a port"},
		{"grpc://:1", "a host and a port"}, {"grpc://x:1/path", "no path"}, {"grpc+unix://", "no socket"},
		{"grpc://x:1?a=b", "a query"}, {"grpc://me:hunter2@x:1", "a user"},
	} {
		_, err := Parse(tt.uri)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) said %v, want an error with %q and without a password", tt.uri, err, tt.want)
		}
	}
}

func TestSame(t *testing.T) {
	self, err := Parse("grpc://127.0.0.1:5")
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]bool{"grpc://127.0.0.1:5": true, "grpc+tcp://127.0.0.1:5": true, "grpc+tls://127.0.0.1:5": false,
		"grpc://127.0.0.1:6": false, "https://127.0.0.1:5": false, "": false} {
		if self.Same(uri) != want {
			t.Errorf("Same(%q) = %v", uri, !want)
		}
	}
}

func TestStart(t *testing.T) {
	p, err := Start(t.Context(), []string{"sh", "-c", "read hello; echo grpc://$hello; read end"}, []byte("x:1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.URI != "grpc://x:1" || !p.Alive() {
		t.Errorf("URI %q, alive %v", p.URI, p.Alive())
	}
	if err := p.Stop(5 * time.Second); err != nil || p.Alive() {
		t.Errorf("Stop: %v, alive %v", err, p.Alive())
	}

	_, err = Start(t.Context(), []string{"sh", "-c", "echo the port is taken >&2; exit 1"}, nil)
	if err == nil || !strings.Contains(err.Error(), "the port is taken") || strings.Contains(err.Error(), "exit 1") {
		t.Errorf("a server that ends: %v, want what it said, not its arguments", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err = Start(ctx, []string{"sleep", "60"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a silent server, interrupted: %v, want context canceled", err)
	}
}

// TestStopKills ends a server that does not listen to SIGTERM.
func TestStopKills(t *testing.T) {
	p, err := Start(t.Context(), []string{"sh", "-c", "trap '' TERM; echo up; while :; do read x || sleep 1; done"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := p.Stop(200 * time.Millisecond); err != nil || p.Alive() || time.Since(start) > 5*time.Second {
		t.Errorf("Stop: %v after %v, alive %v", err, time.Since(start), p.Alive())
	}
}
