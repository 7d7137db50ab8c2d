package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// AwaitReady returns once the server at t is ready for c: it answers a call at
// all (ready is "ping"), or DoAction NAME ("action:NAME") or GetFlightInfo
// ("info") succeed. It gives up when ctx ends or alive is false, with the last
// reason why it was not, and at once if the server does not let us in.
func AwaitReady(ctx context.Context, t target.Target, c results.Config, ready string, alive func() bool) error {
	if name, isAction := strings.CutPrefix(ready, opAction); ready != "ping" && ready != "info" && (!isAction || name == "") {
		return fmt.Errorf("--ready %q is unknown: use ping, action:NAME or info", ready)
	}
	s, err := t.Open(target.Tuning{Transport: wire.Transport(c.Transport), MaxMessage: c.MaxMessage})
	if err != nil {
		return err
	}
	defer s.Close()
	last := errors.New("no call was answered")
	for alive() {
		err := probe(ctx, s, c, ready)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return last
		}
		last = target.Explain(t, err)
		if code := status.Code(err); code == codes.Unauthenticated || code == codes.PermissionDenied {
			return last // it is there, and waiting will not make it let us in
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return last
		}
	}
	return errors.New("it has ended")
}

// probe makes the call that ready names, over a connection of its own: one that
// failed would wait before it tried again.
func probe(ctx context.Context, s *target.Session, c results.Config, ready string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.Login(ctx); err != nil {
		return err
	}
	conn, err := s.Dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	client := flight.NewClientFromConn(conn, nil)
	switch {
	case ready == "ping":
		return ping(ctx, client)
	case ready == "info":
		tr := &trial{config: &c}
		if tr.kind, err = kindOf("info"); err != nil {
			return err
		}
		c.Request = requestOf(c, tr.kind)
		if tr.payload.spec, err = SpecOf(c); err != nil {
			return err
		}
		d, err := tr.descriptor(ctx)
		if err != nil {
			return err
		}
		_, err = client.GetFlightInfo(ctx, d)
		return err
	}
	_, err = action(ctx, client, strings.TrimPrefix(ready, opAction), nil)
	return err
}
