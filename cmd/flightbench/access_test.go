package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flightbench/server"
)

// The clients of this test make every call that they have: see
// scripts/peers/README.md. Each prints "ok NAME" for one that went well.

// rpcs is how many calls each client makes, without the check that a call
// without credentials is refused.
const (
	pyarrowRPCs = 11
	javaRPCs    = 13
	rustRPCs    = 13
)

// access is a way to reach a server: what serve and the clients are told.
type access struct {
	name          string
	serve, client []string
	asks          bool // who calls
}

// accesses are TLS, mTLS and each way to authenticate, and both together.
func accesses(t *testing.T) []access {
	t.Helper()
	c, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, pem := range map[string][]byte{"ca": c.CA, "cert": c.ServerCert, "key": c.ServerKey, "client": c.ClientCert, "client.key": c.ClientKey} {
		if err := os.WriteFile(file(name), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("FLIGHTBENCH_USER", "me")
	t.Setenv("FLIGHTBENCH_PASSWORD", "open sesame")
	t.Setenv("FLIGHTBENCH_TOKEN", "let-me-in")
	tls := []string{"--listen", "grpc+tls://127.0.0.1:0", "--cert", file("cert"), "--key", file("key")}
	mtls := append([]string{"--client-ca", file("ca")}, tls...)
	trust := []string{"--cacert", file("ca")}
	shown := append([]string{"--cert", file("client"), "--key", file("client.key")}, trust...)
	login := func(method string) []string {
		return []string{"--auth", method, "--user", "me", "--password-env", "FLIGHTBENCH_PASSWORD"}
	}
	return []access{
		{"plain", nil, nil, false},
		{"TLS", tls, trust, false},
		{"mTLS", mtls, shown, false},
		{"token", []string{"--auth", "token", "--token-env", "FLIGHTBENCH_TOKEN"}, []string{"--auth", "token"}, true},
		{"basic", login("basic"), []string{"--auth", "basic"}, true},
		{"handshake", login("handshake"), []string{"--auth", "handshake"}, true},
		{"mTLS and basic", append(login("basic"), mtls...), append([]string{"--auth", "basic"}, shown...), true},
	}
}

// checkRPCs has a client, NAME ARGS... URI OPTION..., make every call over each
// way to reach a server.
func checkRPCs(t *testing.T, transports []string, all []access, calls int, name string, args ...string) {
	t.Helper()
	for _, transport := range transports {
		for _, a := range all {
			uri := begin(t, "flightbench", append([]string{"serve", "--transport", transport}, a.serve...)...)
			out := runClient(t, name, append(append(args[:len(args):len(args)], uri), a.client...)...)
			want := calls
			if a.asks {
				want++
			}
			if n := strings.Count(out, "ok "); n != want {
				t.Errorf("%s, %s: %d calls went well, want %d\n%s", transport, a.name, n, want, out)
			}
		}
	}
}

func TestPyarrowRPCs(t *testing.T) {
	py, all := python(t), accesses(t)
	// The handshake of two payloads is what pyarrow's own tests do.
	plain := all[5]
	plain.name, plain.client = "handshake of two payloads", []string{"--auth", "handshake-plain"}
	checkRPCs(t, []string{"direct", "grpc", "stock"}, append(all, plain), pyarrowRPCs, py, "../../scripts/peers/pyarrow_rpcs.py")
}

func TestJavaRPCs(t *testing.T) {
	path := javaPeer(t)
	checkRPCs(t, []string{"direct"}, accesses(t), javaRPCs, path, "rpcs")
}

func TestRustRPCs(t *testing.T) {
	path := rustPeer(t)
	checkRPCs(t, []string{"direct", "grpc"}, accesses(t), rustRPCs, path, "rpcs")
}
