package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// maxPreparing is how many statements are prepared, or closed, at a time.
const maxPreparing = 16

// preparedOp runs prepared statements: in a transaction they are prepared
// within it, else once a slot.
type preparedOp struct {
	t          *trial
	statements statements
	params     *wire.Prepared // of one row each; nil: there are none
	bound      atomic.Int64   // executions so far: each binds the next row
}

// preparedSlot is what a slot keeps.
type preparedSlot struct {
	pick    *rand.Rand
	handles [][]byte // of the statements; nil in transactions
}

func newPrepared(ctx context.Context, t *trial) (operation, error) {
	all, err := readStatements(t.config.SQL)
	if err != nil {
		return nil, err
	}
	o := &preparedOp{t: t, statements: all}
	if t.config.Params != "" {
		if err := o.encodeParams(ctx); err != nil {
			return nil, err
		}
	}
	for _, s := range t.slots {
		s.state = &preparedSlot{pick: s.picker()}
	}
	op := &sqlOp{do: o.do, release: o.release}
	if t.config.Transaction {
		return op, nil
	}
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxPreparing)
	for _, s := range t.slots {
		g.Go(func() error {
			state := s.state.(*preparedSlot)
			for _, st := range all {
				h, err := s.prepareStatement(gctx, st, nil)
				if err != nil {
					return st.explain(err)
				}
				state.handles = append(state.handles, h)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		o.release()
		return nil, oneLine(err)
	}
	return op, nil
}

// readParams reads the rows to bind, as batches of one row each. They belong
// to c.
func readParams(ctx context.Context, c *cache, path string) (*workloads.Set, error) {
	spec := workloads.Default()
	spec.Name, spec.Path, spec.Rows = workloads.File, path, 1
	set, err := c.set(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("--params: %w", err)
	}
	if len(set.Batches) == 0 || set.Batches[0].Record.NumRows() == 0 {
		return nil, fmt.Errorf("--params: %q has no row to bind", path)
	}
	return set, nil
}

func (o *preparedOp) encodeParams(ctx context.Context) error {
	set, err := readParams(ctx, o.t.cache, o.t.config.Params)
	if err != nil {
		return err
	}
	recs := make([]arrow.RecordBatch, len(set.Batches))
	for i, b := range set.Batches {
		recs[i] = b.Record
	}
	if o.params, err = wire.Prepare(o.t.transport, set.Schema, recs, wire.Compression{}, memory.DefaultAllocator); err != nil {
		return fmt.Errorf("--params: %w", err)
	}
	return nil
}

func (o *preparedOp) do(ctx context.Context, s *slot, txn []byte) error {
	state := s.state.(*preparedSlot)
	i := o.statements.pick(state.pick)
	st := o.statements[i]
	if txn == nil {
		return st.explain(o.execute(ctx, s, &state.handles[i]))
	}
	handle, err := s.prepareStatement(ctx, st, txn)
	if err != nil {
		return st.explain(err)
	}
	err = o.execute(ctx, s, &handle)
	if closed := s.closeStatement(ctx, handle); err == nil {
		err = closed
	}
	return st.explain(err)
}

// execute binds the next row, if there are parameters, and runs the statement.
func (o *preparedOp) execute(ctx context.Context, s *slot, handle *[]byte) error {
	if o.params != nil {
		err := s.timed(latBind, func() error { return o.bind(ctx, s, handle) })
		if err != nil {
			return fmt.Errorf("bind parameters: %w", err)
		}
	}
	d, err := command(&gen.CommandPreparedStatementQuery{PreparedStatementHandle: *handle})
	if err != nil {
		return err
	}
	return s.query(ctx, d)
}

// bind sends one row of parameters. A server may answer with another handle,
// which stands for the statement from then on (FlightSql.proto,
// DoPutPreparedStatementResult).
func (o *preparedOp) bind(ctx context.Context, s *slot, handle *[]byte) error {
	d, err := command(&gen.CommandPreparedStatementQuery{PreparedStatementHandle: *handle})
	if err != nil {
		return err
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	stream, err := s.client.DoPut(ctx)
	if err != nil {
		return err
	}
	w := wire.NewWriter(stream, o.params)
	defer w.Close()
	if err = w.Begin(d); err == nil {
		_, err = w.Write(o.bound.Add(1)-1, nil)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for {
		res, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var bound gen.DoPutPreparedStatementResult
		if err := proto.Unmarshal(res.GetAppMetadata(), &bound); err != nil {
			return status.Errorf(codes.Internal, "the server's answer is no DoPutPreparedStatementResult: %v", err)
		}
		if h := bound.GetPreparedStatementHandle(); len(h) > 0 {
			*handle = h
		}
	}
}

// prepareStatement returns the handle of st.
func (s *slot) prepareStatement(ctx context.Context, st statement, txn []byte) ([]byte, error) {
	var made gen.ActionCreatePreparedStatementResult
	err := s.timed(latPrepare, func() error {
		return s.sqlAction(ctx, flightsql.CreatePreparedStatementActionType, &gen.ActionCreatePreparedStatementRequest{Query: st.text, TransactionId: txn}, &made)
	})
	return made.GetPreparedStatementHandle(), err
}

func (s *slot) closeStatement(ctx context.Context, handle []byte) error {
	return s.sqlAction(ctx, flightsql.ClosePreparedStatementActionType, &gen.ActionClosePreparedStatementRequest{PreparedStatementHandle: handle}, nil)
}

// release closes what the slots have prepared.
func (o *preparedOp) release() {
	if o.params != nil {
		o.params.Release()
		o.params = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), peerTimeout)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxPreparing)
	for _, s := range o.t.slots {
		state := s.state.(*preparedSlot)
		g.Go(func() error {
			for _, h := range state.handles {
				if gctx.Err() != nil {
					return nil // the server is gone
				}
				if err := s.closeStatement(gctx, h); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		o.t.warn(fmt.Sprintf("prepared statements could not be closed: %v", oneLine(err)))
	}
}
