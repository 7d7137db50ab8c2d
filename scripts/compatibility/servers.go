package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"flightbench/results"
)

// transports are the client's.
var transports = []string{"direct", "grpc", "stock"}

// secrets are what the peers ask for: see scripts/peers/README.md.
var secrets = []string{"COMPATIBILITY_PASSWORD=open sesame", "COMPATIBILITY_TOKEN=let-me-in", "COMPATIBILITY_WRONG=close sesame"}

// servers runs a column's features, one after another. The last server is kept
// for as long as the next feature wants the same options.
type servers struct {
	lab     *lab
	column  column
	options string // of process, as JSON
	process *process
	failed  error // to start with those options
}

// try runs a feature and returns its cell.
func (s *servers) try(ctx context.Context, f feature) (c cell) {
	reason := s.column.lacks[f.name]
	if reason == "" {
		reason = s.column.lacks[f.group+"/*"]
	}
	a := f.asks(s.column)
	if len(a.runs) == 0 {
		return cell{lacks: reason, untried: true}
	}
	c = cell{lacks: reason, works: slices.Clone(transports)}
	defer func() {
		if c.lacks == "" && len(c.works) == 0 && s.column.kind != own && code(c.why) == "Unimplemented" {
			c.lacks = "the server does not have it"
		}
	}()
	for _, k := range a.runs {
		uri, err := s.start(ctx, a.options)
		var bad map[string]error
		if err == nil {
			bad, err = s.run(ctx, uri, k)
		}
		if err != nil {
			c.works, c.why = nil, err
			return c
		}
		for _, t := range transports {
			if bad[t] != nil {
				c.works, c.why = slices.DeleteFunc(c.works, func(w string) bool { return w == t }), bad[t]
			}
		}
	}
	return c
}

// start returns the URI of a server with these options.
func (s *servers) start(ctx context.Context, o options) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	key, err := json.Marshal([]any{o.listen, o.tls, o.mtls, o.auth, o.own})
	if err != nil {
		return "", err
	}
	if s.options == string(key) && s.failed != nil {
		return "", s.failed
	}
	if s.options == string(key) && s.process != nil {
		return s.process.uri, nil
	}
	s.stop()
	s.options = string(key)
	argv := append(slices.Clone(s.column.server), s.arguments(o)...)
	for i := range argv {
		argv[i] = strings.NewReplacer("{port}", strconv.Itoa(port), "{socket}", filepath.Join(s.lab.dir, strings.ReplaceAll(s.column.name, ", ", "-")+".sock")).Replace(argv[i])
	}
	if s.process, s.failed = begin(ctx, argv); s.failed != nil {
		return "", s.failed
	}
	return s.process.uri, nil
}

func (s *servers) stop() {
	if s.process != nil {
		s.process.stop()
	}
	s.process, s.failed = nil, nil
}

// arguments are o in the words of the column's server.
func (s *servers) arguments(o options) []string {
	var args []string
	if s.column.kind != own {
		if o.listen != "" && !strings.Contains(o.listen, "{port}") {
			args = append(args, "--listen", o.listen)
		}
		if o.tls {
			args = append(args, "--tls", s.lab.dir)
		}
		if o.mtls {
			args = append(args, "--mtls")
		}
		if o.auth != "" {
			args = append(args, "--auth", o.auth)
		}
		return args
	}
	listen := o.listen
	if listen == "" && o.tls {
		listen = "grpc+tls://127.0.0.1:0"
	}
	if listen != "" {
		args = append(args, "--listen", listen)
	}
	if o.tls {
		args = append(args, "--cert", s.lab.path("cert.pem"), "--key", s.lab.path("key.pem"))
	}
	if o.mtls {
		args = append(args, "--client-ca", s.lab.path("ca.pem"))
	}
	switch o.auth {
	case "":
	case "token":
		args = append(args, "--auth", "token", "--token-env", "COMPATIBILITY_TOKEN")
	case "basic":
		args = append(args, "--auth", "basic", "--user", "bench", "--password-env", "COMPATIBILITY_PASSWORD")
	default:
		args = append(args, "--auth", "handshake", "--user", "bench", "--password-env", "COMPATIBILITY_PASSWORD")
	}
	return append(args, o.own...)
}

// run makes a call over each transport and returns what was wrong with each.
func (s *servers) run(ctx context.Context, uri string, k call) (map[string]error, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if k.want == nil {
		return nil, k.after(ctx, uri)
	}
	at := uri
	if k.uri != nil {
		at = k.uri(uri)
	}
	_, address, _ := strings.Cut(uri, "://")
	args := []string{"run", at, "-n", strconv.Itoa(streams), "-c", "1", "--warmup", "0s", "--repeat", "1", "-O", "json", "-o", s.lab.path("runs"),
		"--transport", strings.Join(transports, ",")}
	for _, a := range k.args {
		args = append(args, strings.ReplaceAll(a, "{address}", address))
	}
	cmd := exec.CommandContext(ctx, s.lab.flightbench, args...)
	cmd.Env = append(os.Environ(), secrets...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, failed := cmd.Output()
	var d results.Document
	if err := json.Unmarshal(out, &d); err != nil || len(d.Trials) == 0 {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("flightbench did not end within %v", limit)
		}
		return nil, errors.New(lastLine(stderr.String(), failed))
	}
	bad := map[string]error{}
	for _, t := range transports {
		bad[t] = errors.New("not measured")
	}
	for _, t := range d.Trials {
		bad[t.Config.Transport] = k.want(t)
	}
	if k.after != nil {
		return bad, k.after(ctx, uri)
	}
	return bad, nil
}

// lastLine is the last line of a program's stderr that is no stack trace's, or
// err where there is none.
func lastLine(stderr string, err error) string {
	for _, line := range slices.Backward(strings.Split(stderr, "\n")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "at ") && !strings.HasPrefix(line, "... ") {
			return line
		}
	}
	return fmt.Sprint(err)
}

// sawCancel asks a peer how many streams it saw to be cancelled. It may take a
// moment until it does.
func sawCancel(ctx context.Context, uri string) error {
	_, address, _ := strings.Cut(uri, "://")
	client, err := flight.NewClientWithMiddleware(address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Close()
	var body []byte
	for range 20 {
		stream, err := client.DoAction(ctx, &flight.Action{Type: "cancelled"})
		if err != nil {
			return err
		}
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		if _, err := stream.Recv(); err != io.EOF {
			return fmt.Errorf("action cancelled: %w", err)
		}
		body = r.GetBody()
		if n, err := strconv.Atoi(string(body)); err == nil && n >= streams*len(transports) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the server saw %s of %d cancellations", body, streams*len(transports))
}

func freePort() (int, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
