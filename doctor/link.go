package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/h2"
	"flightbench/internal/target"
	"flightbench/internal/wire"
)

// link is one connection and the stubs to call over it. Everything goes over the direct transport, which can tell what it sees below
// gRPC.
type link struct {
	session *target.Session
	conn    *target.Conn
	flight.FlightServiceClient
}

// dialLink opens a session of its own, with the credentials that t has.
func dialLink(ctx context.Context, t target.Target, tu target.Tuning) (*link, error) {
	tu.Transport = wire.Direct
	s, err := t.Open(tu)
	if err != nil {
		return nil, err
	}
	if err := s.Login(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	c, err := s.Dial()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &link{s, c, flight.NewFlightServiceClient(c)}, nil
}

// dialBare is dialLink without any credentials.
func dialBare(t target.Target) (*link, error) {
	t.Auth, t.Headers, t.Cookies = target.Auth{}, nil, false
	return dialLink(context.Background(), t, target.Tuning{})
}

// close closes l, which may be nil.
func (l *link) close() {
	if l != nil {
		_ = l.conn.Close()
		_ = l.session.Close()
	}
}

func (l *link) inspect(ctx context.Context) (h2.Peer, error) {
	if l.conn.Inspect == nil {
		return h2.Peer{}, errors.New("the transport cannot be inspected: use direct")
	}
	return l.conn.Inspect(ctx)
}

// hasCredentials tells whether t proves who it is, by anything but a client certificate.
func hasCredentials(t target.Target) bool {
	return t.Auth.Method != "" && t.Auth.Method != "none" || len(t.Headers) > 0
}

// quote is what a server said in brief, in quotation marks; empty if it said nothing.
func (x *examiner) quote(s string) string {
	if s = clip(x.t.Brief(s), 200); s == "" {
		return ""
	}
	return fmt.Sprintf(" (it says “%s”)", s)
}
