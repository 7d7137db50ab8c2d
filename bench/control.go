package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/results"
	"flightbench/workloads"
)

// control is the connection beside the measured ones: it asks a flightbench
// server for its counts and prepares its batches.
type control struct {
	session *target.Session
	conn    *target.Conn
	client  flight.FlightServiceClient
}

func dialControl(s *target.Session) (*control, error) {
	conn, err := s.Dial()
	if err != nil {
		return nil, err
	}
	return &control{session: s, conn: conn, client: flight.NewClientFromConn(conn, nil)}, nil
}

// stats returns the server's counts since it began, or nil if the server is not
// one of ours. It completes a call, so it also proves that the server is there.
func (c *control) stats(ctx context.Context) (*results.Peer, error) {
	p, _, err := c.counts(ctx)
	return p, err
}

// idleStats is stats once no stream is in flight, so that those that an earlier
// trial cut are not counted to this one. Where another client keeps the server
// busy it waits for quietFor at most.
func (c *control) idleStats(ctx context.Context) (*results.Peer, error) {
	for end := time.Now().Add(quietFor); ; {
		p, open, err := c.counts(ctx)
		if p == nil || open == 0 || time.Now().After(end) {
			return p, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

const quietFor = time.Second

// counts also tells how many data streams are in flight.
func (c *control) counts(ctx context.Context) (p *results.Peer, open int64, err error) {
	body, err := c.action(ctx, "flightbench.stats", nil)
	if err != nil {
		if foreign(err) {
			return nil, 0, nil
		}
		return nil, 0, err
	}
	var s struct {
		results.Peer
		StreamsOpen int64 `json:"streams_open"`
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, 0, nil // somebody else's action of that name
	}
	return &s.Peer, s.StreamsOpen, nil
}

// foreign tells whether err is how a server refuses an action or RPC that it
// does not know, as opposed to not being there or not letting us in.
func foreign(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unauthenticated, codes.PermissionDenied:
		return false
	}
	return true
}

// shape is what a server says of a workload that it has prepared.
type shape struct {
	Batches      int     `json:"batches"`        // distinct ones
	RowsPerBatch int64   `json:"rows_per_batch"` // of the first
	BodyBytes    []int64 `json:"body_bytes"`     // of each, -1 where it is known only once sent
	LogicalBytes []int64 `json:"logical_bytes"`  // of each
}

// prepare has the server generate and encode what t asks for, before it is timed.
func (c *control) prepare(ctx context.Context, t workloads.Ticket) (s shape, err error) {
	body, err := c.action(ctx, "flightbench.prepare", t.Marshal())
	if err != nil {
		return s, fmt.Errorf("prepare the workload on the server: %w", err)
	}
	if err := json.Unmarshal(body, &s); err != nil || s.Batches < 1 || len(s.BodyBytes) != s.Batches || len(s.LogicalBytes) != s.Batches {
		return s, fmt.Errorf("prepare the workload on the server: it answered %.100q, which is no description of batches", body)
	}
	return s, nil
}

// seenCancel is a call whose handler saw that it was canceled.
type seenCancel struct {
	ID   string `json:"id"`
	Seen int64  `json:"seen"` // Unix ns on the server's clock
}

// cancelled asks for the calls whose handlers have seen their cancellation.
func (c *control) cancelled(ctx context.Context) (seen []seenCancel, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	body, err := c.action(ctx, "flightbench.cancelled", nil)
	if err != nil {
		return nil, err
	}
	return seen, json.Unmarshal(body, &seen)
}

// action is the function of that name, logging in anew if the token has expired.
func (c *control) action(ctx context.Context, kind string, body []byte) (answer []byte, err error) {
	err = c.session.Do(ctx, func(ctx context.Context) error {
		answer, err = action(ctx, c.client, kind, body)
		return err
	})
	return answer, err
}

// action calls DoAction, reads all that is answered, and returns the first
// Result's body.
func action(ctx context.Context, client flight.FlightServiceClient, kind string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.DoAction(ctx, &flight.Action{Type: kind, Body: body})
	if err != nil {
		return nil, err
	}
	var first []byte
	for n := 0; ; n++ {
		res, err := stream.Recv()
		if err == io.EOF {
			return first, nil
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			first = res.Body
		}
	}
}

func (c *control) close() error { return c.conn.Close() }
