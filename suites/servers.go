package suites

import (
	"errors"
	"slices"
	"strings"
	"time"

	"flightbench/internal/target"
)

// servers reads names with what each is.
func (r *reader) servers(where string, n *node, check func(string) error) (servers []Server, err error) {
	entries, err := r.mapping(where, n)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, r.errorf(n, "%s names no server: give one, or leave the key out", where)
	}
	for _, e := range entries {
		is, err := r.scalar(e.key.text, e.value)
		if err != nil {
			return nil, err
		}
		if e.key.text == "" || strings.ContainsAny(e.key.text, " /\\=") {
			return nil, r.errorf(e.key, "%q is no name of a server: leave spaces, slashes and = out", e.key.text)
		}
		if slices.ContainsFunc(slices.Concat(r.suite.Targets, r.suite.Commands), func(s Server) bool { return s.Name == e.key.text }) {
			return nil, r.errorf(e.key, "%s is the name of a target already: choose another", e.key.text)
		}
		if err := check(is); err != nil {
			return nil, r.errorf(e.value, "%v", err)
		}
		servers = append(servers, Server{e.key.text, is})
	}
	return servers, nil
}

func (r *reader) targets(n *node) (err error) {
	r.suite.Targets, err = r.servers("targets", n, func(uri string) error { _, err := target.Parse(uri); return err })
	return err
}

func (r *reader) commands(n *node) (err error) {
	r.suite.Commands, err = r.servers("server_cmd", n, func(line string) error {
		if strings.TrimSpace(line) == "" {
			return errors.New("the command is empty: write 'COMMAND --port {port}'")
		}
		return nil
	})
	return err
}

func (r *reader) serverURI(n *node) (err error) {
	if r.suite.ServerURI, err = r.scalar("server_uri", n); err != nil {
		return err
	}
	if _, err := target.Parse(strings.ReplaceAll(r.suite.ServerURI, "{port}", "1")); err != nil {
		return r.errorf(n, "server_uri: %v", err)
	}
	return nil
}

func (r *reader) readyTimeout(n *node) error {
	s, err := r.scalar("ready_timeout", n)
	if err != nil {
		return err
	}
	if r.suite.ReadyTimeout, err = time.ParseDuration(s); err != nil || r.suite.ReadyTimeout <= 0 {
		return r.errorf(n, "ready_timeout %q is no length of time (examples: 30s, 2m)", s)
	}
	return nil
}
