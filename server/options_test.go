package server

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightbench/internal/wire"
)

func TestOptionsValidate(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	certs, err := NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		set  func(*Options)
		want string // "" is valid
	}{
		{"empty listen", func(o *Options) { o.Listen = "" }, "not a URI"},
		{"no scheme", func(o *Options) { o.Listen = "127.0.0.1:5000" }, "not a URI"},
		{"http", func(o *Options) { o.Listen = "http://127.0.0.1:5000" }, `unknown scheme "http"`},
		{"no port", func(o *Options) { o.Listen = "grpc://127.0.0.1" }, "no port"},
		{"port too large", func(o *Options) { o.Listen = "grpc://127.0.0.1:65536" }, "port 65536 is out of range"},
		{"port name", func(o *Options) { o.Listen = "grpc://127.0.0.1:http" }, "invalid port"},
		{"path", func(o *Options) { o.Listen = "grpc://127.0.0.1:0/x" }, "only a host and a port"},
		{"query", func(o *Options) { o.Listen = "grpc://127.0.0.1:0?a=b" }, "only a host and a port"},
		{"user", func(o *Options) { o.Listen = "grpc://me@127.0.0.1:0" }, "only a host and a port"},
		{"IPv6 without brackets", func(o *Options) { o.Listen = "grpc://::1:0" }, "write grpc://[::1]:0"},
		{"IPv6", func(o *Options) { o.Listen = "grpc://[::1]:0" }, ""},
		{"every interface", func(o *Options) { o.Listen = "grpc+tcp://:0" }, ""},
		{"upper case scheme", func(o *Options) { o.Listen = "GRPC://localhost:0" }, ""},
		{"unix", func(o *Options) { o.Listen = "grpc+unix:///tmp/x.sock" }, ""},
		{"unix without path", func(o *Options) { o.Listen = "grpc+unix://" }, "no path"},
		{"unix too long", func(o *Options) { o.Listen = "grpc+unix:///" + strings.Repeat("x", 200) }, "has 201 bytes"},
		{"unix bad escape", func(o *Options) { o.Listen = "grpc+unix:///%zz" }, "bad escape"},
		{"unix zero byte", func(o *Options) { o.Listen = "grpc+unix:///%00" }, "zero byte"},
		{"tls without certificate", func(o *Options) { o.Listen = "grpc+tls://localhost:0" }, "needs a certificate"},
		{"tls", func(o *Options) { o.Listen, o.TLS = "grpc+tls://localhost:0", certs.ServerTLS(false) }, ""},
		{"tls, empty", func(o *Options) { o.Listen, o.TLS = "grpc+tls://localhost:0", &tls.Config{} }, "no server certificate"},
		{"certificate without tls", func(o *Options) { o.TLS = certs.ServerTLS(false) }, "plaintext"},
		{"no transport", func(o *Options) { o.Transport = "" }, `transport "" is unknown`},
		{"strange transport", func(o *Options) { o.Transport = "pigeon" }, `transport "pigeon" is unknown`},
		{"stock", func(o *Options) { o.Transport = wire.Stock }, ""},
		{"no message", func(o *Options) { o.MaxMessage = 0 }, "max message is 0"},
		{"small window", func(o *Options) { o.Window = 1000 }, "window is 1000"},
		{"small conn window", func(o *Options) { o.ConnWindow = -1 }, "conn window is -1"},
		{"window", func(o *Options) { o.Window = 1 << 20 }, ""},
		{"negative buffer", func(o *Options) { o.ReadBuffer = -1 }, "read buffer is -1"},
		{"negative write buffer", func(o *Options) { o.WriteBuffer = -1 }, "write buffer is -1"},
		{"empty file", func(o *Options) { o.Files = []string{"a", ""} }, "file 1 is an empty path"},
		{"no prepare limit", func(o *Options) { o.PrepareLimit = 0 }, "prepare limit is 0"},
		{"no drain", func(o *Options) { o.Drain = 0 }, "drain is 0s"},
		{"auth none", func(o *Options) { o.Auth = "none" }, ""},
		{"auth token", func(o *Options) { o.Auth, o.Token = "token", "secret" }, ""},
		{"auth basic", func(o *Options) { o.Auth, o.User, o.Password, o.TokenLife = "basic", "me", "secret", time.Hour }, ""},
		{"auth handshake", func(o *Options) { o.Auth, o.User, o.Password = "handshake", "me:you", "secret" }, ""},
		{"strange auth", func(o *Options) { o.Auth = "kerberos" }, `auth "kerberos" is unknown: use none, token, basic or handshake`},
		{"no token", func(o *Options) { o.Auth = "token" }, "there is no token"},
		{"token of no header", func(o *Options) { o.Auth, o.Token = "token", "secret secret" }, "use printable ASCII"},
		{"token for nothing", func(o *Options) { o.Token = "secret" }, "nothing would ask for it"},
		{"no password", func(o *Options) { o.Auth, o.User = "basic", "me" }, "auth basic: it needs a user and a password"},
		{"no user", func(o *Options) { o.Auth, o.Password = "handshake", "secret" }, "auth handshake: it needs a user and a password"},
		{"password for nothing", func(o *Options) { o.Auth, o.Token, o.Password = "token", "t", "secret" }, "nothing would ask for it"},
		{"colon in basic", func(o *Options) { o.Auth, o.User, o.Password = "basic", "me:you", "secret" }, "holds a colon"},
		{"negative life", func(o *Options) { o.Auth, o.User, o.Password, o.TokenLife = "basic", "me", "secret", -1 }, "token life is -1ns"},
		{"life of nothing", func(o *Options) { o.TokenLife = time.Hour }, "token life is 1h0m0s"},
		{"negative middleware", func(o *Options) { o.Middleware = -1 }, "middleware is -1"},
		{"much middleware", func(o *Options) { o.Middleware = 201 }, "middleware is 201"},
		{"locations", func(o *Options) {
			o.Locations = []string{"", "grpc+tls://[::1]:1", "grpc+unix:///tmp/x", "arrow-flight-reuse-connection://?"}
		}, ""},
		{"no location", func(o *Options) { o.Locations = []string{"grpc://a:1", "a:1"} }, `location 1 is "a:1"`},
		{"negative expiry", func(o *Options) { o.Expiry = -time.Second }, "expiry is -1s"},
		{"short expiry", func(o *Options) { o.Expiry = time.Microsecond }, "expiry is 1µs"},
		{"negative polls", func(o *Options) { o.Polls = -1 }, "polls is -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := DefaultOptions()
			c.set(&o)
			err := o.Validate()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && err == nil:
				t.Errorf("accepted, want an error with %q", c.want)
			case c.want != "" && !strings.Contains(err.Error(), c.want):
				t.Errorf("error %q, want one with %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "\n"):
				t.Errorf("error has more than one line: %q", err)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("error tells a secret: %q", err)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		window, conn         int
		wantStream, wantConn int32
	}{
		{0, 0, 0, 0}, {1 << 20, 0, 1 << 20, 1 << 20}, {0, 1 << 21, 1 << 21, 1 << 21}, {1 << 20, 1 << 21, 1 << 20, 1 << 21},
	} {
		s, conn := Options{Window: c.window, ConnWindow: c.conn}.windows()
		if s != c.wantStream || conn != c.wantConn {
			t.Errorf("window %d, conn window %d: got %d and %d, want %d and %d", c.window, c.conn, s, conn, c.wantStream, c.wantConn)
		}
	}
}

func TestFileSet(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	set, err := newFileSet([]string{"data/a.arrow", "/srv/b.parquet"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"data/a.arrow":                    true,
		"./data/../data/a.arrow":          true,
		filepath.Join(wd, "data/a.arrow"): true,
		"/srv/b.parquet":                  true,
		"/srv/x/../b.parquet":             true,
		"/srv/b.parquet/":                 true,
		"/srv/c.parquet":                  false,
		"/srv":                            false,
		"a.arrow":                         false,
		"":                                false,
	} {
		if got := set.offers(path); got != want {
			t.Errorf("offers(%q) = %t, want %t", path, got, want)
		}
	}
}
