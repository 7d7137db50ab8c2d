package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flightbench/server"
)

// adbcChecks is how many checks adbc_client.py has.
const adbcChecks = 7

// checkADBC has ADBC's Flight SQL driver pass every check against the SQL demo of
// a server that is started with args.
func checkADBC(t *testing.T, options []string, args ...string) {
	t.Helper()
	uri := begin(t, "flightbench", append([]string{"serve", "--sql-demo"}, args...)...)
	out, err := exec.Command(python(t), append([]string{"../../scripts/peers/adbc_client.py", uri}, options...)...).CombinedOutput()
	if n := strings.Count(string(out), "ok "); err != nil || n != adbcChecks {
		t.Errorf("serve --sql-demo %v: %d checks passed, want %d: %v\n%s", args, n, adbcChecks, err, out)
	}
}

func TestADBC(t *testing.T) {
	for _, transport := range []string{"direct", "grpc", "stock"} {
		t.Run(transport, func(t *testing.T) { checkADBC(t, nil, "--transport", transport) })
	}
	t.Run("unix", func(t *testing.T) {
		checkADBC(t, nil, "--listen", "grpc+unix://"+filepath.Join(t.TempDir(), "sql.sock"))
	})
}

// TestADBCSecure adds TLS, client certificates and credentials.
func TestADBCSecure(t *testing.T) {
	certs, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := file("ca.pem", certs.CA)
	secure := []string{"--listen", "grpc+tls://127.0.0.1:0", "--cert", file("server.pem", certs.ServerCert), "--key", file("server.key", certs.ServerKey)}
	with := func(more ...string) []string { return append(append([]string{}, secure...), more...) }
	trust := "adbc.flight.sql.client_option.tls_root_certs=@" + ca
	secret := file("secret", []byte("correct-horse"))

	t.Run("tls", func(t *testing.T) { checkADBC(t, []string{trust}, secure...) })
	t.Run("mtls", func(t *testing.T) {
		checkADBC(t, []string{trust,
			"adbc.flight.sql.client_option.mtls_cert_chain=@" + file("client.pem", certs.ClientCert),
			"adbc.flight.sql.client_option.mtls_private_key=@" + file("client.key", certs.ClientKey),
		}, with("--client-ca", ca)...)
	})
	t.Run("basic", func(t *testing.T) {
		for _, transport := range []string{"direct", "grpc", "stock"} {
			checkADBC(t, []string{trust, "username=ada", "password=@" + secret},
				with("--transport", transport, "--auth", "basic", "--user", "ada", "--password-file", secret)...)
		}
	})
	t.Run("token", func(t *testing.T) {
		checkADBC(t, []string{trust, "adbc.flight.sql.authorization_header=Bearer correct-horse", "adbc.flight.sql.rpc.with_cookie_middleware=true"},
			with("--auth", "token", "--token-file", secret, "--cookies")...)
	})
	t.Run("wrong password", func(t *testing.T) {
		uri := begin(t, "flightbench", append([]string{"serve", "--sql-demo"}, with("--auth", "basic", "--user", "ada", "--password-file", secret)...)...)
		out, err := exec.Command(python(t), "../../scripts/peers/adbc_client.py", uri, trust, "username=ada", "password=battery").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "Unauthenticated") || strings.Contains(string(out), "correct-horse") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
