package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// CheckReady says why servers cannot be found ready for the Configs.
func CheckReady(ctx context.Context, ready string, configs ...results.Config) error {
	if name, isAction := strings.CutPrefix(ready, opAction); ready != "ping" && ready != "info" && (!isAction || name == "") {
		return fmt.Errorf("--ready %q is unknown: use ping, action:NAME or info", ready)
	}
	for _, c := range configs {
		if ready == "info" {
			if _, err := readyDescriptors(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// AwaitReady returns once the server at t is ready for c: it answers a call at
// all (ready is "ping"), or DoAction NAME ("action:NAME") or GetFlightInfo of
// what c asks for ("info") succeed. It gives up when ctx ends or alive is false,
// with the last reason why it was not, and at once if the server does not let us
// in.
func AwaitReady(ctx context.Context, t target.Target, c results.Config, ready string, alive func() bool) error {
	if err := CheckReady(ctx, ready, c); err != nil {
		return err
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
		ds, err := readyDescriptors(ctx, c)
		if err != nil {
			return err
		}
		for _, d := range ds {
			if _, err = client.GetFlightInfo(ctx, d); err == nil || !foreign(err) {
				break
			}
		}
		return err
	}
	_, err = action(ctx, client, strings.TrimPrefix(ready, opAction), nil)
	return err
}

// readyDescriptors are what c may ask a server with, which need know one of
// them: the perf workload has a name in Arrow's own benchmark, too.
func readyDescriptors(ctx context.Context, c results.Config) ([]*flight.FlightDescriptor, error) {
	t := &trial{config: &c}
	var err error
	if t.kind, err = kindOf(c.Op); err != nil {
		return nil, err
	}
	if t.kind.name == OpQuery {
		all, err := readStatements(c.SQL)
		if err != nil {
			return nil, err
		}
		d, err := command(&gen.CommandStatementQuery{Query: all[0].text})
		return []*flight.FlightDescriptor{d}, err
	}
	asks := []string{c.Request}
	switch asks[0] = requestOf(c, t.kind); asks[0] {
	case RequestPath, RequestCmd:
	case RequestFlightbench:
		if t.payload.spec, err = SpecOf(c); err != nil {
			return nil, err
		}
		if c.Workload == "perf" {
			asks = append(asks, RequestPerf)
		}
	default:
		return nil, fmt.Errorf("--ready info asks for what is to be read, and --op %s has no descriptor for that: use --ready ping or action:NAME", c.Op)
	}
	c.Rows, c.Batches = max(c.Rows, 1), max(c.Batches, 1)
	var out []*flight.FlightDescriptor
	for _, c.Request = range asks {
		d, err := t.descriptor(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
