package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"flightbench/internal/wire"
	"flightbench/server"
)

// flightbench runs one command line and returns what it printed and its exit
// code. Run directories go to a folder of the test.
func flightbench(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	if args[0] == "run" {
		args = append(args, "-o", t.TempDir())
	}
	code = exitCode(run(ctx, args, strings.NewReader(""), &out, &errs), &errs)
	return out.String(), errs.String(), code
}

// serveFor serves o until the test ends, and returns its URI.
func serveFor(t *testing.T, set func(*server.Options)) string {
	t.Helper()
	o := server.DefaultOptions()
	set(&o)
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s.URI()
}

// pki is the certificates of a test, also as files in dir.
type pki struct {
	*server.Certificates
	dir     string
	expired tls.Certificate // self-signed, for 127.0.0.1; expired.pem holds it
}

func newPKI(t *testing.T) pki {
	t.Helper()
	c, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	other, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	p := pki{Certificates: c, dir: t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	p.expired = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	for name, b := range map[string][]byte{"ca.pem": c.CA, "cert.pem": c.ClientCert, "key.pem": c.ClientKey, "other-ca.pem": other.CA, "empty": nil,
		"expired.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "junk.pem": []byte("junk")} {
		if err := os.WriteFile(filepath.Join(p.dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestBadInput gives each kind of bad input its one line and exit code.
func TestBadInput(t *testing.T) {
	p := newPKI(t)
	plain := serveFor(t, func(*server.Options) {})
	secure := serveFor(t, func(o *server.Options) { o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", p.ServerTLS(false) })
	mutual := serveFor(t, func(o *server.Options) { o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", p.ServerTLS(true) })
	expired := serveFor(t, func(o *server.Options) {
		o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{p.expired}}
	})
	basic := serveFor(t, func(o *server.Options) { o.Auth, o.User, o.Password = "basic", "me", "hunter2" })
	swap := func(uri, scheme string) string { return scheme + uri[strings.Index(uri, "://"):] }
	file := func(name string) string { return filepath.Join(p.dir, name) }
	t.Setenv("FLIGHTBENCH_TEST_WRONG", "wrong-secret")
	t.Setenv("FLIGHTBENCH_TEST_RIGHT", "hunter2")

	const quick = "-n 1 --batches 1 --rows 10 --repeat 1 --warmup 0s"
	for _, tt := range []struct {
		args string // split at spaces
		code int
		want string // a regular expression that a line of stderr or stdout holds
	}{
		// Addresses.
		{"run grpc+udp://127.0.0.1:1", 2, `scheme "grpc\+udp"`},
		{"run grpc://127.0.0.1", 2, `port`},
		{"run grpc://::1:31337", 2, `bracket`},
		{"run grpc+unix://", 2, `socket`},
		{"run --target a=grpc://127.0.0.1:1 --target a=grpc://127.0.0.1:2", 2, `two targets are called "a"`},
		{"run grpc://127.0.0.1:1 --op get " + quick, 1, `nobody listens|refused`},
		{"run grpc+unix:///nowhere/at.all --op get " + quick, 1, `no such socket`},
		{"run --server-cmd ./server", 2, `no name`},
		{"run --server-cmd old=./server-{host}", 2, `\{port\}`},
		{"run --server-cmd old=./server:{port} --cacert " + file("ca.pem"), 2, `--server-uri`},
		{"run --server-cmd old=exit${IFS}7;:{port} --op get " + quick, 1, `exit status 7`},
		{"run --server-cmd old=sleep${IFS}60;:{port} --ready-timeout 500ms --op get " + quick, 1, `not ready`},
		{"run --ready soon --server-cmd a=:{port}", 2, `--ready "soon"`},
		{"run --ready info --server-cmd a=:{port} --ticket t", 2, `--ready ping`},
		{"run --ready info --server-cmd a=:{port} --op list-flights", 2, `--op list-flights has no descriptor`},
		{"run --server-pid 1 grpc://127.0.0.1:1 grpc://127.0.0.1:2", 2, `exactly one target`},
		{"run --server-pid 4194304 " + plain + " --op get " + quick, 0, `process 4194304 does not exist`},
		// TLS.
		{"run --cacert " + file("ca.pem") + " " + plain, 2, `plaintext`},
		{"run --cacert " + file("missing.pem") + " " + secure, 2, `missing.pem`},
		{"run --cacert " + file("junk.pem") + " " + secure, 2, `no PEM certificate`},
		{"run --cert " + file("cert.pem") + " " + secure, 2, `--cert and --key`},
		{"run --tls-min 1.1 " + secure, 2, `1\.2`},
		{"run --cacert " + file("other-ca.pem") + " --op get " + quick + " " + secure, 1, `wrong CA`},
		{"run --cacert " + file("ca.pem") + " --server-name db.example --op get " + quick + " " + secure, 1, `db\.example`},
		{"run --cacert " + file("expired.pem") + " --op get " + quick + " " + expired, 1, `expired`},
		{"run --op get " + quick + " " + swap(secure, "grpc"), 1, `grpc\+tls`},
		{"run --op get " + quick + " " + swap(plain, "grpc+tls"), 1, `plaintext|grpc://`},
		{"run --cacert " + file("ca.pem") + " --op get " + quick + " " + mutual, 1, `--cert`},
		// Authentication.
		{"run --auth magic " + plain, 2, `--auth "magic"`},
		{"run --auth basic " + plain, 2, `no user`},
		{"run --auth basic --user me " + basic, 2, `--password-env`},
		{"run --auth token " + plain, 2, `--token-env`},
		{"run --user me --password-env FLIGHTBENCH_TEST_UNSET " + basic, 2, `no variable FLIGHTBENCH_TEST_UNSET`},
		{"run --user me --password-file " + file("empty") + " " + basic, 2, `is empty`},
		{"run --user me --password-file " + file("missing") + " " + basic, 2, `missing`},
		{"run --user me --password-env A --password-file B " + basic, 2, `give one of them`},
		{"run --user me --password-env FLIGHTBENCH_TEST_WRONG --op get " + quick + " " + basic, 1, `(?i)unauthenticated|refused`},
		{"run --op get " + quick + " " + basic, 1, `--auth`},
		{"run -H nonsense " + plain, 2, `name: value`},
		{"run -H grpc-timeout:1S " + plain, 2, `gRPC's own`},
		{"run -H trace-bin:%% " + plain, 2, `base64`},
		{"run --token-env FLIGHTBENCH_TEST_RIGHT", 2, `are for a target`},
		// Credentials that nobody would send.
		{"run --password-env FLIGHTBENCH_TEST_RIGHT " + plain, 2, `--user`},
		{"run --password-env FLIGHTBENCH_TEST_RIGHT", 2, `are for a target`},
		{"run --cookies", 2, `are for a target`},
		{"run --auth none --user me " + plain, 2, `--user was given`},
		{"run --auth none --token-env FLIGHTBENCH_TEST_RIGHT " + plain, 2, `token was given`},
		{"run --auth token --token-env FLIGHTBENCH_TEST_RIGHT --user me " + plain, 2, `--user was given`},
		{"run --auth basic --user me --password-env FLIGHTBENCH_TEST_RIGHT --handshake-payload-file " + file("empty") + " " + plain, 2, `--handshake-payload-file`},
		{"run --auth handshake --user me --handshake-payload-file " + file("junk.pem") + " " + plain, 2, `--user was given`},
		{"run --token= " + plain, 2, `--token is empty`},
		{"doctor --auth magic --user me " + plain, 2, `"magic" is unknown`},
		{"doctor --password-env FLIGHTBENCH_TEST_RIGHT " + plain, 2, `--user`},
		{"doctor --token-file= " + plain, 2, `--token-file is empty`},
		{"serve --password-file=", 2, `--password-file is empty`},
		// What nothing heeds.
		{"run --sql=", 2, `--sql is empty`},
		{"run --server-uri grpc://127.0.0.1:{port} " + plain, 2, `--server-cmd`},
		{"run --ready info", 2, `--server-cmd`},
		{"run --ready-timeout 1s " + plain, 2, `--server-cmd`},
		{"run --op put --poll", 2, `--poll is for get`},
		{"run --op put,info --ordered", 2, `--ordered is for get`},
		{"run --op exchange --location original", 2, `--location is for get`},
		{"run --op get --ingest-mode create", 2, `--ingest-mode is for ingest`},
		{"run --op get --put-ack last,all", 2, `--put-ack is for put`},
		{"run --op query --sql x --compression none,lz4", 2, `--compression is for`},
		{"run --op list-flights --rows 1,2", 2, `--rows is for`},
		// Calls.
		{"run --op fetch", 2, `"fetch".*get, put, exchange`},
		{"run --op action:", 2, `names no action`},
		{"run --op action:ping:hex:zz --repeat 1 " + plain, 1, `hexadecimal`},
		{"run --op action:nothing -n 1 --warmup 0s --repeat 1 " + plain, 1, `(?i)unimplemented|unknown`},
		{"run --timeout=-1s", 2, `--timeout`},
		{"run --stall=-1s", 2, `--stall`},
		{"run --cancel-after soon", 2, `--cancel-after "soon"`},
		{"run --cancel-after 4 --op info", 2, `has none`},
		{"run --provoke fire", 2, `--provoke "fire"`},
		{"run --provoke unavailable:0", 2, `KIND:EVERY`},
		{"run --headers 9999", 2, `--headers 9999`},
		{"run --middleware 3 " + plain, 2, `embedded server`},
		// Requests.
		{"run --path a/b --cmd c " + plain, 2, `--path and --cmd`},
		{"run --ticket t --op info " + plain, 2, `--ticket`},
		{"run --ticket t --poll " + plain, 2, `--poll`},
		{"run --cmd hex:0 " + plain + " " + quick, 1, `hexadecimal`},
		{"run --cmd @" + file("nothing") + " " + plain + " " + quick, 1, `nothing`},
		{"run --path a/b --decode verify " + plain, 2, `--decode batch`},
		{"run --path no/such " + plain + " " + quick, 1, `(?i)not ?found`},
		{"run --ticket nonsense " + plain + " " + quick, 1, `(?i)invalid ?argument`},
		{"run --location nearby " + plain, 2, `--location "nearby"`},
		{"run --location rewrite:a " + plain, 2, `rewrite:FROM=TO`},
		// Flight SQL.
		{"run --op query", 2, `--sql`},
		{"run --op ingest", 2, `--table`},
		{"run --sql SELECT/**/1 --op get " + quick + " " + plain, 2, `--op query|--sql`},
		{"run --sql SELECT/**/1 " + quick + " " + plain, 1, `(?i)unimplemented|Flight SQL`},
		// Verbs.
		{"perf-server -ports 1", 2, `-ports`},
		{"perf-server -port", 2, `no value`},
		{"perf-server -port many", 2, `no port`},
		{"perf-server -transport ucx", 2, `grpc`},
		{"perf-server -cert_file c.pem", 2, `-key_file`},
		{"serve --auth basic", 2, `user`},
		{"serve --token-life=-1s", 2, `token`},
		{"serve --location nowhere", 2, `nowhere`},
		{"doctor", 2, `arg`},
		{"doctor ftp://x", 2, `ftp`},
		{"doctor -O xml grpc://127.0.0.1:1", 2, `xml`},
		{"doctor --timeout 1s grpc://127.0.0.1:1", 1, `(?i)nobody listens|refused`},
	} {
		args := strings.Split(tt.args, " ")
		stdout, stderr, code := flightbench(t, args...)
		line := ""
		for l := range strings.Lines(stderr + "\n" + stdout) {
			if regexp.MustCompile(tt.want).MatchString(l) {
				line = l
				break
			}
		}
		if code != tt.code || line == "" {
			t.Errorf("%s\nexit %d, want %d and a line with %q:\n%s%s", tt.args, code, tt.code, tt.want, stderr, stdout)
		}
		if strings.Contains(stderr+stdout, "hunter2") || strings.Contains(stderr+stdout, "wrong-secret") {
			t.Errorf("%s: a secret was printed", tt.args)
		}
	}
}

// TestSecretsStaySecret runs with every kind of secret, in calls that go well
// and in calls that do not, and looks for them in all that was written.
func TestSecretsStaySecret(t *testing.T) {
	secrets := map[string]string{"password": "pa55-Horse-Staple", "token": "t0ken-Correct-Battery", "header": "h3ader-Secret-Value", "payload": "payl0ad-Secret-Bytes"}
	t.Setenv("FLIGHTBENCH_TEST_PASSWORD", secrets["password"])
	t.Setenv("FLIGHTBENCH_TEST_TOKEN", secrets["token"])
	payload := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(payload, []byte(secrets["payload"]), 0o600); err != nil {
		t.Fatal(err)
	}
	old := os.Args
	t.Cleanup(func() { os.Args = old })

	for _, auth := range []string{"token", "basic", "handshake"} {
		uri := serveFor(t, func(o *server.Options) {
			o.Auth, o.Cookies = auth, true
			if auth == "token" {
				o.Token = secrets["token"]
			} else {
				o.User, o.Password = "me", secrets["password"]
			}
		})
		credentials := []string{"--user", "me", "--password-env", "FLIGHTBENCH_TEST_PASSWORD"}
		if auth == "token" {
			credentials = []string{"--token-env", "FLIGHTBENCH_TEST_TOKEN"}
		}
		for _, tt := range []struct {
			args []string
			code int
		}{
			{append([]string{"--auth", auth, "--cookies", "-H", "x-api-key: " + secrets["header"]}, credentials...), 0},
			{[]string{"--auth", "token", "--token", secrets["token"]}, map[bool]int{true: 0, false: 1}[auth == "token"]},
			{[]string{"--auth", "none", "--header=authorization: Bearer " + secrets["header"]}, 1},
			{[]string{"--auth", "handshake", "--handshake-payload-file", payload}, 1},
		} {
			dir := t.TempDir()
			args := append([]string{"run", uri, "--op", "get", "-n", "2", "--batches", "2", "--rows", "10", "--repeat", "1", "--warmup", "0s", "-o", dir}, tt.args...)
			os.Args = append([]string{"flightbench"}, args...)
			var out, errs bytes.Buffer
			code := exitCode(run(t.Context(), args, strings.NewReader(""), &out, &errs), &errs)
			if code != tt.code {
				t.Errorf("%s: %v: exit %d, want %d: %s", auth, tt.args, code, tt.code, &errs)
			}
			written := map[string]string{"stdout": out.String(), "stderr": errs.String()}
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				written[path] = string(b)
				return err
			})
			if err != nil || len(written) < 5 {
				t.Fatalf("%v, %d files were written", err, len(written))
			}
			for where, text := range written {
				for kind, secret := range secrets {
					if strings.Contains(text, secret) {
						t.Errorf("%s: %v: the %s is in %s", auth, tt.args, kind, where)
					}
				}
			}
		}
	}
}

// TestRedacted is the command line as run.json keeps it.
func TestRedacted(t *testing.T) {
	in := strings.Fields("run --token s3 --token=s3 -H a:s3 --header b:s3 --header=c:s3 -Hd:s3 -H s3 --user me --password-env S3")
	want := "run --token *** --token=*** -H a: *** --header b: *** --header=c: *** -Hd: *** -H *** --user me --password-env S3"
	if got := strings.Join(redacted(in), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestVisibleHeaders warns of a header that others may read, with the embedded
// server too.
func TestVisibleHeaders(t *testing.T) {
	_, stderr, code := flightbench(t, "run", "--in-process", "-H", "authorization: s3cret-value", "--op", "action:ping", "-n", "1", "--repeat", "1", "--warmup", "0s")
	if code != 0 || !strings.Contains(stderr, `warning: -H "authorization"`) || strings.Contains(stderr, "s3cret") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestExitCode prints every error that is joined, and takes the first code.
func TestExitCode(t *testing.T) {
	var out bytes.Buffer
	err := errors.Join(&exitError{exitNotValid, errors.New("first")}, &exitError{exitFailed, errors.New("second")})
	if code := exitCode(err, &out); code != exitNotValid || !strings.Contains(out.String(), "first") || !strings.Contains(out.String(), "second") {
		t.Errorf("exit %d, printed %s", code, &out)
	}
}

// TestSkipVerifyIsLoud looks for the warning in every output.
func TestSkipVerifyIsLoud(t *testing.T) {
	p := newPKI(t)
	for _, tr := range []wire.Transport{wire.Direct, wire.GRPC, wire.Stock} {
		uri := serveFor(t, func(o *server.Options) {
			o.Listen, o.TLS, o.Transport = "grpc+tls://127.0.0.1:0", p.ServerTLS(false), tr
		})
		for _, format := range []string{"table", "json", "csv"} {
			stdout, stderr, code := flightbench(t, "run", uri, "--tls-skip-verify", "--op", "get", "-n", "1", "--batches", "2", "--rows", "10", "--repeat", "1",
				"--warmup", "0s", "-O", format, "--transport", string(tr))
			const loud = `(?i)not verified|tls_skip_verify":\s*true|tls_skip_verify`
			if code != 0 || !regexp.MustCompile(loud).MatchString(stdout) || !regexp.MustCompile(`NOT verified`).MatchString(stderr) {
				t.Errorf("%s %s: exit %d\n%s\n%s", tr, format, code, stdout, stderr)
			}
		}
	}
	if _, stderr, code := flightbench(t, "run", "--tls-skip-verify", "grpc://127.0.0.1:1"); code != 2 {
		t.Errorf("--tls-skip-verify of a plaintext target: exit %d: %s", code, stderr)
	}
}
