package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"flightbench/internal/wire"
	"flightbench/server"
	"flightbench/server/sqldemo"
)

// hello is the one line of JSON that a parent writes to a child's standard
// input: what must not be seen in its arguments.
type hello struct {
	CA   []byte `json:"ca,omitempty"` // PEM; clients must show a certificate of it
	Cert []byte `json:"cert,omitempty"`
	Key  []byte `json:"key,omitempty"`

	User     string `json:"user,omitempty"` // of --auth
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
}

func serveCommand() *cobra.Command {
	o := server.DefaultOptions()
	var (
		transport                 = string(o.Transport)
		certFile, keyFile, caFile string
		child, sqlDemo            bool
		password, token           secretFlags
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the embedded Flight server by itself",
		Long: `Runs the embedded Flight server until SIGTERM or Ctrl-C, and prints the URI that it is bound to as its first line on stdout.
Streams in flight are then drained for --drain. What it serves is asked for in the descriptor or ticket: see docs/server.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkEmpty(cmd.Flags()); err != nil {
				return usage(err)
			}
			h, err := readHello(cmd.InOrStdin(), child, certFile, keyFile, caFile)
			if err != nil {
				return usage(err)
			}
			if o.TLS, err = server.TLS(h.Cert, h.Key, h.CA); err != nil {
				return usage(err)
			}
			o.Transport, o.Version = wire.Transport(transport), version()
			if !child {
				if h.Password, h.Token, err = serverSecrets(password, token); err != nil {
					return usage(err)
				}
				h.User = o.User
			}
			o.User, o.Password, o.Token = h.User, h.Password, h.Token
			if err := o.Validate(); err != nil {
				return usage(err)
			}
			ctx := cmd.Context()
			if child {
				ctx = untilEOF(ctx, cmd.InOrStdin())
			}
			if sqlDemo {
				demo, err := sqldemo.New(ctx, sqldemo.DefaultOptions())
				if err != nil {
					return failed(err)
				}
				defer demo.Close()
				o.SQL = demo.FlightService()
			}
			s, err := server.New(o)
			if err != nil {
				return failed(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), s.URI())
			return failed(s.Serve(ctx))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", o.Listen, "address to bind: grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH; port 0 takes a free one")
	f.StringVar(&transport, "transport", transport, "how bytes travel on this end: direct, grpc, stock")
	f.StringVar(&certFile, "cert", "", "server certificate, PEM; goes with --key and a --listen of grpc+tls://")
	f.StringVar(&keyFile, "key", "", "its private key, PEM")
	f.StringVar(&caFile, "client-ca", "", "demand client certificates that this CA signed, PEM")
	f.Var(bytesOf(&o.MaxMessage), "max-message", "largest gRPC message, bytes")
	f.Var(bytesOf(&o.Window), "window", "HTTP/2 stream window, bytes; 0 is the transport's default")
	f.Var(bytesOf(&o.ConnWindow), "conn-window", "HTTP/2 connection window, bytes; 0 is the transport's default")
	f.Var(bytesOf(&o.ReadBuffer), "read-buffer", "of a connection, bytes; 0 is the transport's default")
	f.Var(bytesOf(&o.WriteBuffer), "write-buffer", "of a connection, bytes; 0 is the transport's default")
	f.StringArrayVar(&o.Files, "file", nil, "a file that the workload file:PATH may name; repeatable")
	f.Var(bytesOf(&o.PrepareLimit), "prepare-limit", "bytes of prepared batches that are kept")
	f.DurationVar(&o.Drain, "drain", o.Drain, "how long streams in flight may go on after SIGTERM")
	f.StringVar(&o.Auth, "auth", "none", "what every call but Handshake must prove: none, token, basic, handshake")
	f.StringVar(&o.User, "user", "", "for --auth basic and handshake")
	password, token = secretFlags{name: "password"}, secretFlags{name: "token"}
	password.bind(f, "password of --user")
	token.bind(f, "token of --auth token")
	f.DurationVar(&o.TokenLife, "token-life", 0, "how long a token that a login was answered with is good; 0: for ever")
	f.IntVar(&o.Middleware, "middleware", 0, "middlewares on the path of every call, each reads a header and adds one")
	f.BoolVar(&o.Cookies, "cookies", false, "set a session cookie")
	f.StringArrayVar(&o.Locations, "location", nil, "location that every endpoint lists; repeatable; none: the connection that asked")
	f.DurationVar(&o.Expiry, "expiry", o.Expiry, "how long an endpoint's ticket is good until it is renewed")
	f.IntVar(&o.Polls, "polls", 1, "how many PollFlightInfo calls it takes until a query is complete")
	f.BoolVar(&sqlDemo, "sql-demo", false, "answer Flight SQL too, over a temporary SQLite database with TPC-H's lineitem, nation and region: try --sql 'SELECT * FROM lineitem'")
	f.BoolVar(&child, "child", false, "read settings from stdin and end with it")
	_ = f.MarkHidden("child")
	return cmd
}

// serverSecrets reads the secrets that were given.
func serverSecrets(password, token secretFlags) (string, string, error) {
	p, err := password.read()
	if err != nil {
		return "", "", err
	}
	t, err := token.read()
	return p.Reveal(), t.Reveal(), err
}

// readHello reads the server's keys, from the parent or from files.
func readHello(stdin io.Reader, child bool, cert, key, ca string) (h hello, err error) {
	if child {
		line, err := bufio.NewReader(io.LimitReader(stdin, 1<<20)).ReadBytes('\n')
		if err != nil {
			return h, fmt.Errorf("read settings from stdin: %w", err)
		}
		return h, json.Unmarshal(line, &h)
	}
	if (cert == "") != (key == "") {
		return h, errors.New("--cert and --key go together: give both")
	}
	for _, f := range []struct {
		path string
		to   *[]byte
	}{{cert, &h.Cert}, {key, &h.Key}, {ca, &h.CA}} {
		if f.path == "" {
			continue
		}
		if *f.to, err = os.ReadFile(f.path); err != nil {
			return h, err
		}
	}
	return h, nil
}

// untilEOF returns a ctx that also ends when stdin does: when the parent is gone.
func untilEOF(ctx context.Context, stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	return ctx
}
