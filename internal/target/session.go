package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Session is what a client and a server know of each other: token, cookies,
// further locations. Its connections share them. It is safe for concurrent use.
type Session struct {
	target  Target
	tuning  Tuning
	root    *Session                   // of the target itself; s is that, or one of its locations
	headers []string                   // names and values in turn
	jar     *jar                       // nil: no cookies
	own     atomic.Pointer[credential] // nil at a location: the root's

	mu        sync.Mutex
	login     *login              // under way
	refused   *credential         // no other can be had for it
	refusal   error               // why
	locations map[string]*Session // the root's, by address

	renewals atomic.Int64    // the root's
	ctx      context.Context // the root's: ends with Close
	cancel   context.CancelFunc
}

// login is an attempt to obtain a credential, which others may wait for.
type login struct {
	done chan struct{}
	err  error // read after done
}

// maxLocations bounds the addresses of one session, which its server names.
const maxLocations = 4096

var errClosed = errors.New("the session is closed")

// Open checks what t says and returns a session with it. It does no I/O.
func (t Target) Open(tu Tuning) (*Session, error) {
	if t.network == "" {
		return nil, fmt.Errorf("target %q was not made by Parse", t.Name)
	}
	var err error
	if tu.line, err = tu.Link.open(); err != nil {
		return nil, fmt.Errorf("target %q: %w", t.URI, err)
	}
	s := &Session{target: t, tuning: tu, locations: map[string]*Session{}}
	s.root = s
	if err := t.Auth.Validate(); err != nil {
		return nil, fmt.Errorf("target %q: %w", t.URI, err)
	}
	for _, h := range t.Headers {
		if err := h.validate(); err != nil {
			return nil, fmt.Errorf("target %q: %w", t.URI, err)
		}
		if !t.Auth.none() && (h.Name == authHeader || h.Name == tokenHeader) {
			return nil, fmt.Errorf("target %q: header %s and --auth %s both say who calls: give one of them", t.URI, h.Name, t.Auth.Method)
		}
		if t.Cookies && h.Name == "cookie" {
			return nil, fmt.Errorf("target %q: header cookie was given, and cookies are kept: do one of them", t.URI)
		}
		s.headers = append(s.headers, h.Name, h.Value)
	}
	if t.Cookies {
		s.jar = newJar()
	}
	conn, err := t.connect(tu) // it connects with the first call, so this checks tu
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	s.own.Store(t.Auth.initial())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.locations[t.key()] = s
	return s, nil
}

// Format implements fmt.Formatter: every verb prints the address alone.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session with "+s.target.URI) }

// Target is where the session is; at a location, the location.
func (s *Session) Target() Target { return s.target }

// Dial returns a connection of its own, every call over which carries headers,
// credentials and cookies. The caller closes it.
func (s *Session) Dial() (*Conn, error) {
	if s.root.ctx.Err() != nil {
		return nil, errClosed
	}
	conn, err := s.target.connect(s.tuning)
	if err != nil {
		return nil, err
	}
	if len(s.headers) > 0 || s.jar != nil || !s.target.Auth.none() {
		conn.ClientConnInterface = &dressed{ClientConnInterface: conn.ClientConnInterface, s: s}
	}
	return conn, nil
}

// credential is what calls carry now.
func (s *Session) credential() *credential {
	if c := s.own.Load(); c != nil {
		return c
	}
	return s.root.own.Load()
}

// adopt replaces was by what an answer brought, unless somebody was faster.
func (s *Session) adopt(was, c *credential) {
	if c == nil {
		return
	}
	if !s.own.CompareAndSwap(was, c) && s != s.root {
		s.own.CompareAndSwap(nil, c)
	}
}

// Login obtains the token over a connection of its own; a method that has none
// to obtain does nothing.
func (s *Session) Login(ctx context.Context) error {
	if !s.target.Auth.logsIn() {
		return nil
	}
	return s.renew(ctx, nil)
}

// Do calls f, and once more after a new Login if it failed with
// Unauthenticated and the token may have expired. Calls that fail at the same
// time share one Login. What cannot be renewed fails as it is. Without a
// session, nil, there is nothing to renew.
func (s *Session) Do(ctx context.Context, f func(ctx context.Context) error) error {
	if s == nil {
		return f(ctx)
	}
	was := s.credential()
	err := f(ctx)
	if status.Code(err) != codes.Unauthenticated || was.final && s.credential() == was {
		return err
	}
	if renewErr := s.renew(ctx, was); renewErr != nil {
		return fmt.Errorf("the server refused the token, and a new one could not be had: %w", renewErr)
	}
	return f(ctx)
}

// renew logs in, unless the credential is not was any more. A login that is
// under way serves all who ask meanwhile; one that the server refused is not
// repeated, so that many streams do not lock an account.
func (s *Session) renew(ctx context.Context, was *credential) error {
	for {
		s.mu.Lock()
		switch {
		case was == nil:
		case s.credential() != was:
			s.mu.Unlock()
			return nil
		case s.refused == was:
			defer s.mu.Unlock()
			return s.refusal
		}
		l := s.login
		if l == nil {
			l = &login{done: make(chan struct{})}
			s.login = l
			s.mu.Unlock()
			s.run(ctx, l, was)
			return l.err
		}
		s.mu.Unlock()
		select {
		case <-l.done:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
		if code := status.Code(l.err); l.err == nil || code != codes.Canceled && code != codes.DeadlineExceeded {
			return l.err
		} // else its caller gave up, which is not our end
	}
}

// run is the login l.
func (s *Session) run(ctx context.Context, l *login, was *credential) {
	c, err := s.obtain(ctx)
	if s.root.ctx.Err() != nil {
		err = errClosed
	}
	s.mu.Lock()
	if l.err = err; err == nil {
		s.own.Store(c)
		if was != nil && was.token {
			s.root.renewals.Add(1)
		}
	}
	if code := status.Code(err); was != nil && (code == codes.Unauthenticated || code == codes.PermissionDenied) {
		s.refused, s.refusal = was, err
	}
	s.login = nil
	s.mu.Unlock()
	close(l.done)
}

// Renewals counts the tokens that had to be replaced, at all locations.
func (s *Session) Renewals() int64 { return s.root.renewals.Load() }

// At returns the session at one of an endpoint's locations; locations that
// mean the original connection give the target's own.
//
// The location gets the target's headers and credentials, its cookies so far
// (as ADBC's driver does it), and its token until the location refuses that:
// then it logs in there. TLS follows the location's scheme, and is verified as
// Trust says for the target, but for ServerName, which counts only for the
// target's own host. A plaintext target has no Trust unless WithLocationTrust
// gave one: then the system's roots verify its grpc+tls locations. What proves
// who calls, and headers, which may, are not sent in plaintext to another
// machine where the target itself has TLS.
func (s *Session) At(location string) (*Session, error) {
	root := s.root
	if IsReuse(location) {
		return root, nil
	}
	t, err := Parse(location)
	if err != nil {
		return nil, fmt.Errorf("location: %w", err)
	}
	root.mu.Lock()
	defer root.mu.Unlock()
	if root.ctx.Err() != nil {
		return nil, errClosed
	}
	if at := root.locations[t.key()]; at != nil {
		return at, nil
	}
	if len(root.locations) >= maxLocations {
		return nil, fmt.Errorf("location %s: the server has named %d addresses before it, the most that are kept: read from the target alone", t.URI, maxLocations)
	}
	of := root.target
	if t.TLS != nil {
		p := of.trust
		if t.host != of.host {
			p.serverName = ""
		}
		t = t.trusting(p)
	}
	t.Auth, t.Headers, t.Cookies = of.Auth, of.Headers, of.Cookies
	if of.TLS != nil && t.TLS == nil && !t.Local() && of.revealing() {
		return nil, fmt.Errorf("location %s is plaintext while the target is not, and calls would carry credentials or headers: have the server list grpc+tls://%s, or read from the target alone", t.URI, t.address)
	}
	at := &Session{target: t, tuning: root.tuning, root: root, headers: root.headers, jar: root.jar.clone()}
	root.locations[t.key()] = at
	return at, nil
}

// revealing tells whether calls carry what others must not read. Any header may
// be a secret, such as x-api-key.
func (t Target) revealing() bool { return !t.Auth.none() || t.Cookies || len(t.Headers) > 0 }

// Close ends logins under way, here and at all locations. Connections that
// Dial returned stay.
func (s *Session) Close() error {
	s.root.cancel()
	return nil
}
