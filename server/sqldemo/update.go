package sqldemo

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"

	"flightbench/server/sqldemo/internal/sqlite"
)

// DoPutCommandStatementUpdate runs a statement that writes.
func (s *sqlServer) DoPutCommandStatementUpdate(ctx context.Context, cmd flightsql.StatementUpdate) (int64, error) {
	return s.update(ctx, plain(cmd.GetQuery(), cmd.GetTransactionId()))
}

var errQuery = errors.New("the statement is a query: ask for its FlightInfo and read that")

// update runs a statement that writes once for each row of parameters, all or
// none of them, and returns the number of rows that it changed.
func (s *sqlServer) update(ctx context.Context, q query) (changed int64, err error) {
	ctx, se, leave, err := s.in(ctx, q.tx)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = se.run(ctx, func(c *conn) error {
		st, err := prepare(c, q.sql, q.params)
		if err != nil {
			return err
		}
		defer st.Close()
		if st.ReadOnly() && st.Columns() > 0 {
			return errQuery
		}
		return se.atomically(ctx, c, func() error {
			changed, err = runAll(c, st, q.args())
			return err
		})
	})
	if err != nil {
		return 0, explain(ctx, err)
	}
	return changed, nil
}

// runAll runs st with each row of parameters and drops what it returns.
func runAll(c *conn, st *sqlite.Stmt, args argsFunc) (changed int64, err error) {
	defer st.Reset()
	for {
		more, err := args(st)
		if err != nil || !more {
			return changed, err
		}
		before := c.TotalChanges()
		for more {
			if more, err = st.Step(); err != nil {
				return 0, err
			}
		}
		if c.TotalChanges() != before { // Changes would be an earlier statement's
			changed += c.Changes()
		}
		st.Reset()
	}
}
