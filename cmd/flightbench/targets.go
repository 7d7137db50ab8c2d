package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
)

// serverFlags name the servers of a run: those that are there, and those that
// are to be started.
type serverFlags struct {
	targets  []string // [NAME=]URI
	commands []string // NAME=COMMAND
	uri      string   // of a started server, with {port}
	ready    string
	wait     time.Duration
	pid      int
}

func (s *serverFlags) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&s.targets, "target", nil, "[NAME=]URI of a server; repeatable, like the arguments")
	f.StringArrayVar(&s.commands, "server-cmd", nil, "NAME='COMMAND --port {port}': start this server, measure it with its CPU and memory, stop it; repeatable")
	f.StringVar(&s.uri, "server-uri", target.DefaultCommandURI, "where a server of --server-cmd listens")
	f.StringVar(&s.ready, "ready", "ping", "when it is ready: ping (it answers a call at all), action:NAME or info (that call succeeds)")
	f.DurationVar(&s.wait, "ready-timeout", 30*time.Second, "how long it may take until it is ready")
	f.IntVar(&s.pid, "server-pid", 0, "process id of the target on this machine: its CPU and memory are measured")
}

func (s *serverFlags) any() bool { return len(s.targets)+len(s.commands) > 0 }

// names are the targets' names, in the order of the flags.
func (s *serverFlags) names() ([]string, error) {
	var names []string
	for _, t := range s.targets {
		name, _ := splitTarget(t)
		if name == "" {
			return nil, fmt.Errorf("--target %q has an empty name: write NAME=URI or the URI alone", t)
		}
		names = append(names, name)
	}
	for _, c := range s.commands {
		name, line, ok := strings.Cut(c, "=")
		if !ok || name == "" || strings.ContainsAny(name, " /\\") || strings.TrimSpace(line) == "" {
			return nil, fmt.Errorf("--server-cmd %q has no name: write NAME='COMMAND --port {port}'", c)
		}
		if !strings.Contains(line, "{port}") && !strings.Contains(line, "{uri}") && strings.Contains(s.uri, "{port}") {
			return nil, fmt.Errorf("--server-cmd %q does not say {port} or {uri}: say where it is to listen, or where it does with --server-uri", c)
		}
		names = append(names, name)
	}
	if s.pid != 0 && (len(s.targets) != 1 || len(s.commands) > 0) {
		return nil, errors.New("--server-pid says whose CPU is measured: name exactly one target with it")
	}
	return names, nil
}

// splitTarget splits NAME=URI; a bare URI is its own name.
func splitTarget(s string) (name, uri string) {
	name, uri, ok := strings.Cut(s, "=")
	if !ok || strings.Contains(name, "://") {
		return s, s
	}
	return name, uri
}

// targets is the servers of a run. It implements bench.Targets.
type targets struct {
	embedded *embedded // where no target is named
	byName   map[string]*namedTarget
	logs     string // folder for the output of started servers
	wait     time.Duration
	ready    string
}

// namedTarget is a server that is there, or one that is started when the first
// Config needs it.
type namedTarget struct {
	target  target.Target
	at      func(uri string) (target.Target, error) // target at another address
	command target.Command                          // Line is "" for one that is there
	process *target.Process
	log     *os.File
	broken  error // why it did not start
}

// resolve parses the targets and gives them their trust and credentials.
func (s *serverFlags) resolve(a *accessFlags, auth target.Auth) (*targets, error) {
	out := &targets{byName: map[string]*namedTarget{}, wait: s.wait, ready: s.ready}
	mixed := slices.ContainsFunc(append([]string{s.uri}, s.targets...), func(t string) bool { _, uri := splitTarget(t); return strings.HasPrefix(uri, "grpc+tls:") })
	if len(s.commands) > 0 && !mixed && a.trust != (target.Trust{}) {
		return nil, errors.New("--cacert and the like are given, and the server of --server-cmd is reached in plaintext: say --server-uri 'grpc+tls://127.0.0.1:{port}'")
	}
	add := func(name, uri, line string) error {
		at := func(uri string) (target.Target, error) {
			t, err := target.Parse(uri)
			if err != nil {
				return t, err
			}
			trusting := *a
			if t.TLS == nil && mixed {
				trusting.trust = target.Trust{} // it is for the others
			}
			t, err = trusting.apply(t)
			t.Name, t.Auth, t.PID = name, auth, s.pid
			return t, err
		}
		t, err := at(strings.ReplaceAll(uri, "{port}", "1"))
		if err != nil {
			return err
		}
		out.byName[name] = &namedTarget{target: t, at: at, command: target.Command{Line: line, URI: uri}}
		return nil
	}
	for _, given := range s.targets {
		name, uri := splitTarget(given)
		if err := add(name, uri, ""); err != nil {
			return nil, err
		}
	}
	for _, given := range s.commands {
		name, line, _ := strings.Cut(given, "=")
		if err := add(name, s.uri, line); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Resolve returns the target that c names, started if need be.
func (t *targets) Resolve(ctx context.Context, c results.Config) (target.Target, error) {
	if t.embedded != nil {
		return t.embedded.Resolve(ctx, c)
	}
	n := t.byName[c.Target]
	if n == nil {
		return target.Target{}, fmt.Errorf("no target is named %q", c.Target)
	}
	out := n.target
	out.Auth = by(n.target.Auth, c.Auth)
	if n.command.Line == "" {
		return out, nil
	}
	if n.broken != nil {
		return out, n.broken
	}
	if n.process != nil && !n.process.Alive() {
		return out, fmt.Errorf("server %s has ended by itself: %w", c.Target, n.process.Err())
	}
	if n.process == nil {
		if err := t.start(ctx, n, c); err != nil {
			if ctx.Err() == nil {
				n.broken = err // to wait for it again in each round would take long
			}
			return out, err
		}
	}
	out, err := n.at(n.process.URI)
	out.PID, out.Auth = n.process.PID(), by(n.target.Auth, c.Auth)
	return out, err
}

// start runs n's command and waits until it is ready.
func (t *targets) start(ctx context.Context, n *namedTarget, c results.Config) (err error) {
	if err := os.MkdirAll(t.logs, 0o755); err != nil {
		return err
	}
	if n.log, err = os.OpenFile(filepath.Join(t.logs, c.Target+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	n.command.Log = n.log
	if n.process, err = target.StartCommand(ctx, n.command); err != nil {
		return err
	}
	at, err := n.at(n.process.URI)
	if err != nil {
		return err
	}
	at.Auth = by(n.target.Auth, c.Auth)
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	if err := bench.AwaitReady(ctx, at, c, t.ready, n.process.Alive); err != nil {
		said := n.process.Said()
		if ended := n.process.Err(); ended != nil {
			err, said = ended, ""
		}
		_ = n.process.Stop(5 * time.Second)
		err = fmt.Errorf("server %s is not ready (--ready %s, --ready-timeout %v): %w", c.Target, t.ready, t.wait, err)
		if said != "" {
			err = fmt.Errorf("%w; it printed: %s", err, said)
		}
		return err
	}
	return nil
}

// by is what of the credentials a method needs.
func by(all target.Auth, method string) target.Auth {
	a := target.Auth{Method: method}
	switch {
	case method == target.AuthToken:
		a.Token = all.Token
	case method == target.AuthHandshake && all.Payload != "":
		a.Payload = all.Payload
	case method != target.AuthNone:
		a.User, a.Password = all.User, all.Password
	}
	return a
}

// close stops what was started.
func (t *targets) close() (err error) {
	if t.embedded != nil {
		return t.embedded.close()
	}
	for _, n := range t.byName {
		if n.process != nil {
			err = errors.Join(err, n.process.Stop(15*time.Second))
		}
		if n.log != nil {
			err = errors.Join(err, n.log.Close())
		}
	}
	return err
}
