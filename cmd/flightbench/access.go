package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/pflag"

	"flightbench/internal/target"
)

// accessFlags say how a target is trusted and who calls it.
type accessFlags struct {
	trust   target.Trust
	user    string
	cookies bool
	headers []string

	password, token secretFlags
	payloadFile     string
}

// secretFlags are the places that a secret may come from.
type secretFlags struct {
	name      string // of the flags: NAME-env, NAME-file
	env, file string
	visible   string // given on the command line itself
}

func (a *accessFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&a.trust.CACert, "cacert", "", "PEM file of the CA that a grpc+tls target is verified with")
	f.StringVar(&a.trust.Cert, "cert", "", "PEM file of the client's certificate (mTLS)")
	f.StringVar(&a.trust.Key, "key", "", "PEM file of its private key")
	f.StringVar(&a.trust.ServerName, "server-name", "", "name to verify in the server's certificate")
	f.StringVar(&a.trust.MinVersion, "tls-min", "", "lowest TLS version: 1.2 or 1.3")
	f.BoolVar(&a.trust.SkipVerify, "tls-skip-verify", false, "do NOT verify the server's certificate; every output says so")
	f.StringVar(&a.user, "user", "", "for --auth basic, handshake, handshake-plain; its password comes from the next two flags or a prompt")
	a.password = secretFlags{name: "password"}
	a.password.bind(f, "password of --user")
	a.token = secretFlags{name: "token"}
	a.token.bind(f, "bearer token of --auth token")
	f.StringVar(&a.token.visible, "token", "", "the token itself; other users of this machine can see it: prefer --token-env or --token-file")
	f.StringVar(&a.payloadFile, "handshake-payload-file", "", "file with the raw payload of --auth handshake, instead of --user")
	f.StringArrayVarP(&a.headers, "header", "H", nil, "'name: value' to send with every call; repeatable; the value of a name that ends in -bin is base64")
	f.BoolVar(&a.cookies, "cookies", false, "keep the cookies that the server sets, and send them back")
}

func (s *secretFlags) bind(f *pflag.FlagSet, about string) {
	f.StringVar(&s.env, s.name+"-env", "", "environment variable with the "+about)
	f.StringVar(&s.file, s.name+"-file", "", "file with the "+about+"; a line end at its end is not part of it")
}

// given tells whether a place was named.
func (s *secretFlags) given() bool { return s.env != "" || s.file != "" || s.visible != "" }

// read returns the secret, "" where no place was named.
func (s *secretFlags) read() (target.Secret, error) {
	n := 0
	for _, place := range []string{s.env, s.file, s.visible} {
		if place != "" {
			n++
		}
	}
	switch {
	case n > 1:
		return "", fmt.Errorf("--%s-env, --%s-file and the like each hold the %s: give one of them", s.name, s.name, s.name)
	case s.env != "":
		v, ok := os.LookupEnv(s.env)
		if !ok || v == "" {
			return "", fmt.Errorf("--%s-env: the environment has no variable %s: export it", s.name, s.env)
		}
		return target.Secret(v), nil
	case s.file != "":
		b, err := os.ReadFile(s.file)
		if err != nil {
			return "", fmt.Errorf("--%s-file: %w", s.name, err)
		}
		b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
		if len(b) == 0 {
			return "", fmt.Errorf("--%s-file %s is empty: put the %s into it", s.name, s.file, s.name)
		}
		return target.Secret(b), nil
	}
	return target.Secret(s.visible), nil
}

// auth reads the credentials that methods need, prompting on a terminal for a
// password that no flag names. With no method given the credentials choose it.
func (a *accessFlags) auth(methods []string, stdin io.Reader, stderr io.Writer) (target.Auth, error) {
	var auth target.Auth
	var err error
	if auth.Token, err = a.token.read(); err != nil {
		return auth, err
	}
	if auth.Password, err = a.password.read(); err != nil {
		return auth, err
	}
	auth.User = a.user
	if a.payloadFile != "" {
		b, err := os.ReadFile(a.payloadFile)
		if err != nil {
			return auth, fmt.Errorf("--handshake-payload-file: %w", err)
		}
		auth.Payload = target.Secret(b)
	}
	if a.token.visible != "" {
		fmt.Fprintln(stderr, "flightbench: warning: --token shows the token to everybody who may list this machine's processes: use --token-env or --token-file")
	}
	for _, m := range methods {
		switch {
		case m == "token" && auth.Token == "":
			return auth, errors.New("--auth token has no token: give --token-env or --token-file")
		case m == "handshake" && auth.Payload != "", m == "none", m == "token":
		case m != "basic" && m != "handshake" && m != "handshake-plain":
			return auth, fmt.Errorf("--auth %q is unknown: use none, token, basic, handshake or handshake-plain", m)
		case auth.User == "":
			return auth, fmt.Errorf("--auth %s has no user: give --user and --password-env or --password-file", m)
		case auth.Password == "":
			if auth.Password, err = prompt(stdin, stderr, "password of "+auth.User+": "); err != nil {
				return auth, err
			}
		}
	}
	return auth, a.idle(methods)
}

// idle names credentials that none of the methods sends.
func (a *accessFlags) idle(methods []string) error {
	any := func(of ...string) bool {
		return slices.ContainsFunc(methods, func(m string) bool { return slices.Contains(of, m) })
	}
	named := any("basic", "handshake-plain") || any("handshake") && a.payloadFile == ""
	said := strings.Join(methods, ",")
	switch {
	case a.token.given() && !any("token"):
		return fmt.Errorf("a token was given, and --auth %s sends none: use --auth token", said)
	case a.payloadFile != "" && !any("handshake"):
		return fmt.Errorf("--handshake-payload-file was given, and --auth %s sends none: use --auth handshake", said)
	case a.user != "" && !named:
		return fmt.Errorf("--user was given, and --auth %s sends none: leave it out, or use --auth basic or handshake", said)
	case a.password.given() && !named:
		return fmt.Errorf("a password was given, and --auth %s sends none: say whose it is with --user", said)
	}
	return nil
}

// given tells whether any flag says who calls.
func (a *accessFlags) given() bool {
	return a.token.given() || a.password.given() || a.payloadFile != "" || a.user != "" || a.cookies
}

// method is the way to authenticate that the credentials given stand for.
func (a *accessFlags) method() string {
	switch {
	case a.token.given():
		return "token"
	case a.payloadFile != "":
		return "handshake"
	case a.user != "":
		return "basic"
	}
	return "none"
}

// prompt reads a secret from the terminal without showing it.
func prompt(stdin io.Reader, stderr io.Writer, label string) (target.Secret, error) {
	f, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return "", errors.New("--user has no password, and there is no terminal to ask at: give --password-env or --password-file")
	}
	fmt.Fprint(stderr, label)
	b, err := term.ReadPassword(f.Fd())
	fmt.Fprintln(stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return target.Secret(b), nil
}

// apply returns t with trust, headers and cookies.
func (a *accessFlags) apply(t target.Target) (target.Target, error) {
	t, err := t.WithTrust(a.trust)
	if err != nil {
		return t, err
	}
	t.Cookies = a.cookies
	t.Headers, err = parseHeaders(a.headers)
	return t, err
}

// warnVisible says which headers should not have been on the command line.
func (a *accessFlags) warnVisible(stderr io.Writer) {
	for _, h := range a.headers {
		name, _, _ := strings.Cut(h, ":")
		if n := strings.ToLower(strings.TrimSpace(name)); n == "authorization" || n == "cookie" || strings.Contains(n, "token") || strings.Contains(n, "key") {
			fmt.Fprintf(stderr, "flightbench: warning: -H %q shows its value to everybody who may list this machine's processes: use --token-env, or -H '%s: @FILE'\n", n, n)
		}
	}
	if a.trust.SkipVerify {
		fmt.Fprintln(stderr, "flightbench: WARNING: --tls-skip-verify: the server's certificate is NOT verified, anybody may answer in its place")
	}
}

// parseHeaders reads 'name: value' and 'name: @FILE'.
func parseHeaders(given []string) ([]target.Header, error) {
	var out []target.Header
	for _, h := range given {
		name, value, ok := strings.Cut(h, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		// The value is not quoted: it may be a secret.
		switch {
		case !ok || name == "" || strings.ContainsAny(name, " \t"):
			return nil, errors.New("-H wants 'name: value': write the name, a colon and the value, within quotes")
		case strings.HasPrefix(name, "grpc-") || strings.HasPrefix(name, ":"):
			return nil, fmt.Errorf("-H %q is gRPC's own header: choose another name", name)
		}
		if path, ok := strings.CutPrefix(value, "@"); ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("-H %q: %w", name, err)
			}
			value = strings.TrimRight(string(b), "\r\n")
		}
		if strings.HasSuffix(name, "-bin") {
			b, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return nil, fmt.Errorf("-H %q: the value of a -bin header is base64, and this is not: %w", name, err)
			}
			value = string(b)
		}
		out = append(out, target.Header{Name: name, Value: value})
	}
	return out, nil
}

// hidden is what redacted leaves of a secret.
const hidden = "***"

// redacted is a command line without the secrets in it.
func redacted(args []string) []string {
	out := append([]string{}, args...)
	for i, a := range out {
		name, value, joined := strings.Cut(a, "=")
		switch {
		case name == "--token" && joined:
			out[i] = "--token=" + hidden
		case a == "--token" && i+1 < len(out):
			out[i+1] = hidden
		case name == "--header" && joined:
			out[i] = "--header=" + headerName(value)
		case (a == "--header" || a == "-H") && i+1 < len(out):
			out[i+1] = headerName(out[i+1])
		case strings.HasPrefix(a, "-H") && len(a) > 2:
			out[i] = "-H" + headerName(strings.TrimPrefix(a[2:], "="))
		}
	}
	return out
}

func headerName(h string) string {
	name, _, ok := strings.Cut(h, ":")
	if !ok {
		return hidden
	}
	return name + ": " + hidden
}
