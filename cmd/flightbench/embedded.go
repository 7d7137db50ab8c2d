package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/server/sqldemo"
)

// embedded starts the servers that a run without a target is measured
// against: one for each transport, TLS and tuning, as child processes or in
// this one. It implements bench.Targets.
type embedded struct {
	files   []string // that the workloads name
	certs   *server.Certificates
	auth    target.Auth     // what servers with --auth ask for; made for this run
	headers []target.Header // of -H
	servers map[serverKey]*embeddedServer
}

type serverKey struct {
	transport, tls, auth                                    string
	middleware                                              int
	sqlDemo, inProcess                                      bool
	window, connWindow, readBuffer, writeBuffer, maxMessage int64
}

type embeddedServer struct {
	target target.Target
	alive  func() bool
	stop   func() error
}

func newEmbedded(files []string) (*embedded, error) {
	certs, err := server.NewCertificates()
	if err != nil {
		return nil, err
	}
	auth := target.Auth{User: "flightbench", Password: target.Secret(rand.Text()), Token: target.Secret(rand.Text())}
	return &embedded{files: files, certs: certs, auth: auth, servers: map[serverKey]*embeddedServer{}}, nil
}

// Resolve returns the server for c, starting it if there is none that lives.
func (e *embedded) Resolve(ctx context.Context, c results.Config) (target.Target, error) {
	k := serverKey{c.Transport, c.TLS, serverAuth(c.Auth), c.Middleware, bench.UsesSQL(c), c.InProcess, c.Window, c.ConnWindow, c.ReadBuffer, c.WriteBuffer, c.MaxMessage}
	if s := e.servers[k]; s != nil {
		if s.alive() {
			return e.known(s.target, c.Auth), nil
		}
		delete(e.servers, k)
		_ = s.stop()
	}
	start := e.spawn
	if k.inProcess {
		start = e.serve
	}
	s, err := start(ctx, k)
	if err != nil {
		return target.Target{}, err
	}
	if s.target, err = e.trusted(s.target, k.tls); err != nil {
		_ = s.stop()
		return target.Target{}, err
	}
	e.servers[k] = s
	return e.known(s.target, c.Auth), nil
}

// known returns t with the credentials of the run.
func (e *embedded) known(t target.Target, method string) target.Target {
	t.Auth, t.Headers = by(e.auth, method), e.headers
	return t
}

// secrets are what a server that asks for auth must know.
func (e *embedded) secrets(auth string) (user, password, token string) {
	switch auth {
	case server.AuthBasic, server.AuthHandshake:
		return e.auth.User, e.auth.Password.Reveal(), ""
	case server.AuthToken:
		return "", "", e.auth.Token.Reveal()
	}
	return "", "", ""
}

// serverAuth is what a server must ask for when clients authenticate by method.
func serverAuth(method string) string {
	if method == "handshake-plain" {
		return "handshake"
	}
	return method
}

// trusted gives t the run's own certificates.
func (e *embedded) trusted(t target.Target, mode string) (target.Target, error) {
	switch mode {
	case "on":
		return t.WithPEM(e.certs.CA, nil, nil, "")
	case "mtls":
		return t.WithPEM(e.certs.CA, e.certs.ClientCert, e.certs.ClientKey, "")
	}
	return t, nil
}

// spawn starts this program's serve verb as a child.
func (e *embedded) spawn(ctx context.Context, k serverKey) (*embeddedServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	argv := []string{self, "serve", "--child", "--listen", k.listen(), "--transport", k.transport, "--auth", k.auth, "--middleware", strconv.Itoa(k.middleware)}
	for _, f := range []struct {
		flag  string
		value int64
	}{{"--window", k.window}, {"--conn-window", k.connWindow}, {"--read-buffer", k.readBuffer},
		{"--write-buffer", k.writeBuffer}, {"--max-message", k.maxMessage}} {
		argv = append(argv, f.flag, strconv.FormatInt(f.value, 10))
	}
	for _, f := range e.files {
		argv = append(argv, "--file", f)
	}
	if k.sqlDemo {
		argv = append(argv, "--sql-demo")
	}
	var h hello
	h.User, h.Password, h.Token = e.secrets(k.auth)
	if k.tls != "off" {
		h.Cert, h.Key = e.certs.ServerCert, e.certs.ServerKey
	}
	if k.tls == "mtls" {
		h.CA = e.certs.CA
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	p, err := target.Start(ctx, argv, append(line, '\n'))
	if err != nil {
		return nil, err
	}
	s := &embeddedServer{alive: p.Alive, stop: func() error { return p.Stop(15 * time.Second) }}
	if s.target, err = target.Parse(p.URI); err != nil {
		_ = s.stop()
		return nil, err
	}
	return s, nil
}

// serve runs the server in this process.
func (e *embedded) serve(_ context.Context, k serverKey) (*embeddedServer, error) {
	o := server.DefaultOptions()
	o.Listen, o.Transport, o.Files, o.Version = k.listen(), wire.Transport(k.transport), e.files, version()
	o.Window, o.ConnWindow, o.ReadBuffer, o.WriteBuffer = int(k.window), int(k.connWindow), int(k.readBuffer), int(k.writeBuffer)
	o.MaxMessage = int(k.maxMessage)
	o.Auth, o.Middleware = k.auth, k.middleware
	o.User, o.Password, o.Token = e.secrets(k.auth)
	if k.tls != "off" {
		o.TLS = e.certs.ServerTLS(k.tls == "mtls")
	}
	ctx, cancel := context.WithCancel(context.Background())
	closeSQL := func() error { return nil }
	if k.sqlDemo {
		demo, err := sqldemo.New(ctx, sqldemo.DefaultOptions())
		if err != nil {
			cancel()
			return nil, err
		}
		o.SQL, closeSQL = demo.FlightService(), demo.Close
	}
	s, err := server.New(o)
	if err != nil {
		cancel()
		return nil, errors.Join(err, closeSQL())
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(s.Serve(ctx), closeSQL()) }()
	t, err := target.Parse(s.URI())
	return &embeddedServer{target: t, alive: func() bool { return len(done) == 0 },
		stop: func() error { cancel(); return <-done }}, err
}

func (k serverKey) listen() string {
	if k.tls == "off" {
		return "grpc://127.0.0.1:0"
	}
	return "grpc+tls://127.0.0.1:0"
}

// close stops every server and says which did not end well.
func (e *embedded) close() error {
	var bad []string
	for _, s := range e.servers {
		if err := s.stop(); err != nil {
			bad = append(bad, err.Error())
		}
	}
	if bad != nil {
		return fmt.Errorf("stop servers: %s", strings.Join(bad, "; "))
	}
	return nil
}
