package sqldemo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
)

// Server is a Flight SQL server over a database of its own, which goes when it is
// closed. Safe for concurrent use.
type Server struct {
	sql  sqlServer
	rpcs flight.FlightServer
}

// New makes the database and fills it: lineitem, nation and region.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return newServer(ctx, o, memory.DefaultAllocator)
}

func newServer(ctx context.Context, o Options, mem memory.Allocator) (*Server, error) {
	db, err := openDatabase(o)
	if err != nil {
		return nil, err
	}
	s := &Server{sql: sqlServer{
		db: db, mem: mem, lim: limits{o.BatchRows, o.BatchBytes}, parameterBytes: o.ParameterBytes,
		prepared:     handles[*prepared]{what: "prepared statement", max: o.Prepared, idle: o.Idle, drop: (*prepared).drop},
		transactions: handles[*session]{what: "transaction", max: o.Connections / 2, idle: o.Idle, drop: abandon},
	}}
	s.sql.root, s.sql.shut = context.WithCancelCause(context.Background())
	s.sql.Alloc = mem
	if err := s.sql.registerInfo(o); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.rpcs = &service{FlightServer: flightsql.NewFlightServerWithAllocator(&s.sql, mem)}
	s.sql.rpcs = s.rpcs
	if err := fill(ctx, &s.sql, o.Rows); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("fill the SQL demo's database: %w", err)
	}
	return s, nil
}

// FlightService returns the RPCs, for a server to register or to hand Flight SQL's
// commands, tickets and actions to. Its DoPut needs a descriptor in the first
// message.
func (s *Server) FlightService() flight.FlightServer { return s.rpcs }

// Close ends every call, waits for them, and removes the database. Calls that come
// later fail. What a client has stopped sending in the middle ends with its
// stream: stop the gRPC server before.
func (s *Server) Close() error { return s.sql.close() }

// service is arrow-go's routing of RPCs, with the actions that this server has.
type service struct{ flight.FlightServer }

// maxInflated is what a batch may have once it is decompressed.
const maxInflated = 1 << 30

// DoPut refuses batches that claim to be larger, and malformed messages, before
// arrow-go's reader sees them, which may panic nevertheless.
func (s *service) DoPut(stream flight.FlightService_DoPutServer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Errorf(codes.InvalidArgument, "the data cannot be read: %v", p)
		}
	}()
	return s.FlightServer.DoPut(checkedPut{stream})
}

type checkedPut struct {
	flight.FlightService_DoPutServer
}

// Recv implements flight.FlightService_DoPutServer.
func (p checkedPut) Recv() (*flight.FlightData, error) {
	m, err := p.FlightService_DoPutServer.Recv()
	if err != nil {
		return nil, err
	}
	switch n, err := wire.Check(m); {
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case n > maxInflated:
		return nil, status.Errorf(codes.ResourceExhausted, "a batch claims to have %d bytes without its codec, and at most %d are taken: send smaller batches", n, maxInflated)
	}
	return m, nil
}

// ListActions lists Flight SQL's actions.
func (*service) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	for _, a := range []struct{ name, what string }{
		{flightsql.CreatePreparedStatementActionType, "Prepare a SQL statement: ActionCreatePreparedStatementRequest"},
		{flightsql.ClosePreparedStatementActionType, "Close a prepared statement: ActionClosePreparedStatementRequest"},
		{flightsql.BeginTransactionActionType, "Begin a transaction: ActionBeginTransactionRequest"},
		{flightsql.EndTransactionActionType, "Commit or roll back a transaction: ActionEndTransactionRequest"},
		{flight.CancelFlightInfoActionType, "Answers that a query ends with the call that reads it: CancelFlightInfoRequest"},
	} {
		if err := stream.Send(&flight.ActionType{Type: a.name, Description: a.what}); err != nil {
			return err
		}
	}
	return nil
}

// sqlServer implements Flight SQL.
type sqlServer struct {
	flightsql.BaseServer
	db             *database
	mem            memory.Allocator
	lim            limits
	parameterBytes int64
	rpcs           flight.FlightServer

	bound        atomic.Int64 // bytes of the parameters of all prepared statements
	prepared     handles[*prepared]
	transactions handles[*session]

	root context.Context // ends with the server
	shut context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

func (s *sqlServer) close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.shut(errShut)
	s.calls.Wait()
	s.prepared.close()
	s.transactions.close()
	return s.db.close()
}

// enter begins a call: its context ends with the server too. The caller calls
// leave once.
func (s *sqlServer) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errShut
	}
	s.calls.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.root, func() { cancel(errShut) })
	return ctx, func() {
		stop()
		cancel(nil)
		s.calls.Done()
	}, nil
}

// in begins a call and finds where its statement runs: in the transaction, or, if
// tx is empty, in a session of its own. The caller calls leave once.
func (s *sqlServer) in(ctx context.Context, tx []byte) (_ context.Context, _ *session, leave func(), err error) {
	ctx, out, err := s.enter(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(tx) == 0 {
		se, err := newSession(ctx, s.db, false)
		if err != nil {
			err = explain(ctx, err)
			out()
			return nil, nil, nil, err
		}
		return ctx, se, func() { se.release(); out() }, nil
	}
	se, done, err := s.transactions.use(tx)
	if status.Code(err) == codes.NotFound {
		err = status.Errorf(codes.NotFound, "the transaction has ended, or was not used for %v: begin another, and prepare again what was prepared in it", s.transactions.idle)
	}
	if err == nil {
		if err = se.retain(); err != nil {
			done()
		}
	}
	if err != nil {
		out()
		return nil, nil, nil, err
	}
	return ctx, se, func() { se.release(); done(); out() }, nil
}
