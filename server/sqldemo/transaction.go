package sqldemo

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// BeginTransaction begins one that sees the database as of its first statement.
// It writes from its first write on: others that write wait for its end.
func (s *sqlServer) BeginTransaction(ctx context.Context, _ flightsql.ActionBeginTransactionRequest) ([]byte, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	se, err := newSession(ctx, s.db, true)
	if err != nil {
		return nil, explain(ctx, err)
	}
	id, err := s.transactions.add(se)
	if err != nil {
		abandon(se)
		return nil, err
	}
	return id, nil
}

// EndTransaction commits or rolls back.
func (s *sqlServer) EndTransaction(ctx context.Context, req flightsql.ActionEndTransactionRequest) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var how string
	switch req.GetAction() {
	case flightsql.EndTransactionCommit:
		how = commit
	case flightsql.EndTransactionRollback:
		how = rollback
	default:
		return status.Error(codes.InvalidArgument, "the action of EndTransaction is not set: give END_TRANSACTION_COMMIT or END_TRANSACTION_ROLLBACK")
	}
	se, err := s.transactions.remove(req.GetTransactionId())
	if err != nil {
		return err
	}
	return explain(ctx, se.end(how))
}

// abandon rolls back a transaction that nobody ended.
func abandon(se *session) { _ = se.end(rollback) }
