package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// newQuery makes the operation query: each iteration runs one statement.
func newQuery(_ context.Context, t *trial) (operation, error) {
	all, err := readStatements(t.config.SQL)
	if err != nil {
		return nil, err
	}
	for _, s := range t.slots {
		s.state = s.picker()
	}
	return &sqlOp{do: func(ctx context.Context, s *slot, txn []byte) error {
		st := all[all.pick(s.state.(*rand.Rand))]
		d, err := command(&gen.CommandStatementQuery{Query: st.text, TransactionId: txn})
		if err != nil {
			return err
		}
		return st.explain(s.query(ctx, d))
	}}, nil
}

// query asks with d and reads all that is answered. Planning it is `info`, its
// first row `first_batch`, from the DoGet on, and all of it `query`.
func (s *slot) query(ctx context.Context, d *flight.FlightDescriptor) error {
	start, canceled := s.t.clock.now(), s.wholeCanceled.Load()
	info, err := s.info(ctx, d)
	if err != nil {
		return err
	}
	if err := s.readAll(ctx, info, nil); err != nil {
		return err
	}
	if s.wholeCanceled.Load() == canceled {
		s.response(latQuery, s.t.clock.now(), start)
	}
	return nil
}

// transaction has do run in a transaction, which is committed if do succeeds
// and rolled back if it fails, is canceled or is cut.
func (s *slot) transaction(ctx context.Context, do func(ctx context.Context, s *slot, txn []byte) error) error {
	var begun gen.ActionBeginTransactionResult
	err := s.timed(latBegin, func() error {
		return s.sqlAction(ctx, flightsql.BeginTransactionActionType, &gen.ActionBeginTransactionRequest{}, &begun)
	})
	if err != nil {
		return err
	}
	if len(begun.TransactionId) == 0 {
		return status.Error(codes.Internal, "BeginTransaction: the server gave the transaction no id")
	}
	end := func(how gen.ActionEndTransactionRequest_EndTransaction) error {
		return s.sqlAction(ctx, flightsql.EndTransactionActionType, &gen.ActionEndTransactionRequest{TransactionId: begun.TransactionId, Action: how}, nil)
	}
	canceled := s.wholeCanceled.Load()
	if err = do(ctx, s, begun.TransactionId); err == nil && ctx.Err() == nil && s.wholeCanceled.Load() == canceled {
		return s.timed(latCommit, func() error { return end(flightsql.EndTransactionCommit) })
	}
	if failed := end(flightsql.EndTransactionRollback); failed != nil {
		s.t.warnOnce("rollback", fmt.Sprintf("a transaction could not be rolled back, and may stay open: %v", oneLine(failed)))
	}
	return err
}

// timed records how long f took if it succeeds.
func (s *slot) timed(m metric, f func() error) error {
	start := s.t.clock.now()
	err := f()
	if err == nil {
		s.latency(m, s.t.clock.now(), start)
	}
	return err
}

// sqlAction makes an action of Flight SQL. answer may be nil.
//
// Note: actions open and close what the server keeps, so --cancel-after is not
// for them, and the end of the trial leaves them peerTimeout to end by
// themselves: a transaction whose id was never learned could not be closed.
func (s *slot) sqlAction(ctx context.Context, kind string, request, answer proto.Message) error {
	ctx, cancel := outlive(ctx, peerTimeout)
	defer cancel()
	ctx, release := s.deadline(ctx)
	defer release()
	body, err := pack(request)
	if err == nil {
		body, err = action(ctx, s.client, kind, body)
	}
	if err == nil && answer != nil {
		if err = unpack(body, answer); err != nil {
			err = status.Errorf(codes.Internal, "the server's answer is no %s: %v", answer.ProtoReflect().Descriptor().Name(), err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// deadline is ctx with that of --timeout.
func (s *slot) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if d := duration(s.t.config.Timeout); d > 0 {
		return context.WithTimeout(ctx, d)
	}
	return context.WithCancel(ctx)
}

// outlive is a context that ends grace after ctx does.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-late.Done():
		}
	})
	return late, func() { stop(); cancel() }
}
