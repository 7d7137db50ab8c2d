package sqldemo

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/server/sqldemo/internal/sqlite"
)

// query is a statement with where and how often it runs.
type query struct {
	tx     []byte // empty: in a transaction of its own
	sql    string
	args   func() argsFunc // nil: once, without parameters
	params int             // columns that args binds; -1: none
	schema *arrow.Schema   // nil: what the statement gives
	done   func()          // not nil: called once it has run
}

func plain(sql string, tx []byte) query {
	return query{tx: tx, sql: sql, args: func() argsFunc { return texts() }, params: -1}
}

// ticket is the statement handle of a query: nothing has to be kept for it.
func ticket(sql string, tx []byte) ([]byte, error) {
	handle := append([]byte{byte(len(tx))}, tx...)
	return flightsql.CreateStatementQueryTicket(append(handle, sql...))
}

func parseTicket(handle []byte) (query, error) {
	if len(handle) == 0 || len(handle) < 1+int(handle[0]) {
		return query{}, status.Error(codes.InvalidArgument, "the ticket's statement handle is none that this server gave: call GetFlightInfo for one")
	}
	n := 1 + int(handle[0])
	return plain(string(handle[n:]), handle[1:n]), nil
}

// stream runs a query and sends its batches as they come.
func (s *sqlServer) stream(ctx context.Context, q query) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	done := q.done
	if done == nil {
		done = func() {}
	}
	ctx, se, leave, err := s.in(ctx, q.tx)
	if err != nil {
		done()
		return nil, nil, err
	}
	var cur *cursor
	var ready []arrow.RecordBatch // of a statement that writes: its rows are sent when they are safe
	err = se.run(ctx, func(c *conn) error {
		st, err := prepare(c, q.sql, q.params)
		if err != nil {
			return err
		}
		open := func() error {
			cur, err = newCursor(st, q.args(), q.schema, s.mem, s.lim)
			return err
		}
		if st.ReadOnly() {
			if !se.explicit { // so that all runs see the same
				if err := c.do(begin); err != nil {
					st.Close()
					return err
				}
			}
			return open()
		}
		defer st.Close()
		return se.atomically(ctx, c, func() error {
			if err := open(); err != nil {
				return err
			}
			for bytes := int64(0); ; {
				rec, err := cur.next()
				if err != nil {
					cur.close()
				}
				if err != nil || rec == nil {
					return err
				}
				ready = append(ready, rec)
				if bytes += sizeOfBatch(rec); bytes > s.parameterBytes {
					return status.Errorf(codes.ResourceExhausted, "the statement writes and returns rows of more than the %d bytes that the demo keeps until it has ended: return fewer", s.parameterBytes)
				}
			}
		})
	})
	if err != nil {
		err = explain(ctx, err)
		if cur != nil {
			cur.close()
		}
		for _, r := range ready {
			r.Release()
		}
		leave()
		done()
		return nil, nil, err
	}
	schema, out := cur.schema, make(chan flight.StreamChunk)
	go func() {
		defer close(out)
		defer done()
		defer leave()
		defer s.closeCursor(se, cur)
		for {
			chunk := flight.StreamChunk{}
			if len(ready) > 0 {
				chunk.Data, ready = ready[0], ready[1:]
			} else {
				err := se.cont(ctx, func(*conn) (err error) {
					chunk.Data, err = cur.next()
					return err
				})
				chunk.Err = explain(ctx, err)
			}
			if chunk.Data == nil && chunk.Err == nil {
				return
			}
			select {
			case out <- chunk:
				if chunk.Err != nil {
					return
				}
			case <-ctx.Done():
				for _, r := range append(ready, chunk.Data) {
					if r != nil {
						r.Release()
					}
				}
				return
			}
		}
	}()
	return schema, out, nil
}

// closeCursor frees a cursor while nothing else uses its connection.
func (s *sqlServer) closeCursor(se *session, cur *cursor) {
	se.turn <- struct{}{}
	cur.close()
	<-se.turn
}

// described is what is known of a statement that has not run.
type described struct {
	schema *arrow.Schema // nil if only running it can tell
	params *arrow.Schema // names; of type null, since SQLite takes any
	query  bool          // has rows and changes nothing
}

func (s *sqlServer) describe(ctx context.Context, sql string, tx []byte) (described, error) {
	ctx, se, leave, err := s.in(ctx, tx)
	if err != nil {
		return described{}, err
	}
	defer leave()
	var d described
	err = se.run(ctx, func(c *conn) error {
		st, err := c.Prepare(sql)
		if err != nil {
			return err
		}
		defer st.Close()
		d = described{schema: schemaOf(describe(st)), params: paramsOf(st), query: st.ReadOnly() && st.Columns() > 0}
		return nil
	})
	return d, explain(ctx, err)
}

func paramsOf(st *sqlite.Stmt) *arrow.Schema {
	fields := make([]arrow.Field, st.Params())
	for i := range fields {
		name := st.ParamName(i + 1)
		if name == "" {
			name = "?"
		}
		fields[i] = arrow.Field{Name: name, Type: arrow.Null, Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// schemaOfQuery is the schema that a query's results have. Where only values can
// tell it runs the query as far as a cursor must, unless the query writes.
func (s *sqlServer) schemaOfQuery(ctx context.Context, q query) (*flight.SchemaResult, error) {
	ctx, se, leave, err := s.in(ctx, q.tx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var schema *arrow.Schema
	err = se.run(ctx, func(c *conn) error {
		st, err := c.Prepare(q.sql)
		if err != nil {
			return err
		}
		if schema = schemaOf(describe(st)); schema != nil {
			st.Close()
			return nil
		}
		if !st.ReadOnly() {
			st.Close()
			return errors.New("the schema of what a statement that writes returns is known once it has run")
		}
		cur, err := newCursor(st, q.args(), nil, s.mem, s.lim)
		if err != nil {
			return err
		}
		schema = cur.schema
		cur.close()
		return nil
	})
	if err != nil {
		return nil, explain(ctx, err)
	}
	return &flight.SchemaResult{Schema: flight.SerializeSchema(schema, s.mem)}, nil
}

// info is the FlightInfo of one endpoint, here.
func (s *sqlServer) info(desc *flight.FlightDescriptor, ticket []byte, schema *arrow.Schema) *flight.FlightInfo {
	info := &flight.FlightInfo{
		Endpoint:         []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}},
		FlightDescriptor: desc,
		TotalRecords:     -1,
		TotalBytes:       -1,
	}
	if schema != nil {
		info.Schema = flight.SerializeSchema(schema, s.mem)
	}
	return info
}

// GetFlightInfoStatement compiles the query. Its schema is missing where only
// running it can tell.
func (s *sqlServer) GetFlightInfoStatement(ctx context.Context, cmd flightsql.StatementQuery, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	d, err := s.describe(ctx, cmd.GetQuery(), cmd.GetTransactionId())
	if err != nil {
		return nil, err
	}
	t, err := ticket(cmd.GetQuery(), cmd.GetTransactionId())
	if err != nil {
		return nil, err
	}
	return s.info(desc, t, d.schema), nil
}

func (s *sqlServer) GetSchemaStatement(ctx context.Context, cmd flightsql.StatementQuery, _ *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return s.schemaOfQuery(ctx, plain(cmd.GetQuery(), cmd.GetTransactionId()))
}

func (s *sqlServer) DoGetStatement(ctx context.Context, cmd flightsql.StatementQueryTicket) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	q, err := parseTicket(cmd.GetStatementHandle())
	if err != nil {
		return nil, nil, err
	}
	return s.stream(ctx, q)
}

// PollFlightInfoStatement is done at once: a query runs while it is read.
func (s *sqlServer) PollFlightInfoStatement(ctx context.Context, _ flightsql.StatementQuery, desc *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return s.poll(ctx, desc)
}

func (s *sqlServer) PollFlightInfoPreparedStatement(ctx context.Context, _ flightsql.PreparedStatementQuery, desc *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return s.poll(ctx, desc)
}

func (s *sqlServer) PollFlightInfo(ctx context.Context, desc *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return s.poll(ctx, desc)
}

func (s *sqlServer) poll(ctx context.Context, desc *flight.FlightDescriptor) (*flight.PollInfo, error) {
	info, err := s.rpcs.GetFlightInfo(ctx, desc)
	if err != nil {
		return nil, err
	}
	done := 1.0
	return &flight.PollInfo{Info: info, Progress: &done}, nil
}
