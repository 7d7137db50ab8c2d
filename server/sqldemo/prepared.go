package sqldemo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// prepared is a prepared statement: its text, compiled again for each execution on
// whichever connection runs it, and the parameters of its queries. Safe for
// concurrent use.
type prepared struct {
	sql string
	tx  []byte // that it was prepared in, and runs in
	d   described

	bound  *atomic.Int64 // bytes of all statements' parameters
	mu     sync.Mutex
	params []arrow.RecordBatch // owned; nil: none are bound
	bytes  int64               // of them
	closed bool
}

func (p *prepared) drop() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.set(nil, 0)
}

// set takes over params of so many bytes, which a closed statement does not keep.
func (p *prepared) set(params []arrow.RecordBatch, bytes int64) {
	p.mu.Lock()
	old := p.params
	if p.closed {
		old, params, bytes = append(old, params...), nil, 0
	}
	p.bound.Add(bytes - p.bytes)
	p.params, p.bytes = params, bytes
	p.mu.Unlock()
	for _, r := range old {
		r.Release()
	}
}

// boundTimes is how many times Options.ParameterBytes all statements together
// may keep.
const boundTimes = 16

// query is what the statement runs now. The caller calls done once when it has run.
func (p *prepared) query() (q query, done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.params == nil {
		return plain(p.sql, p.tx), func() {}
	}
	batches := p.params
	for _, r := range batches {
		r.Retain()
	}
	q = query{tx: p.tx, sql: p.sql, args: func() argsFunc { return rowsOf(batches) }, params: int(batches[0].NumCols())}
	return q, func() {
		for _, r := range batches {
			r.Release()
		}
	}
}

// CreatePreparedStatement compiles the statement to tell about it.
func (s *sqlServer) CreatePreparedStatement(ctx context.Context, req flightsql.ActionCreatePreparedStatementRequest) (res flightsql.ActionCreatePreparedStatementResult, err error) {
	p := &prepared{sql: req.GetQuery(), tx: req.GetTransactionId(), bound: &s.bound}
	if p.d, err = s.describe(ctx, p.sql, p.tx); err != nil {
		return res, err
	}
	if res.Handle, err = s.prepared.add(p); err != nil {
		return res, err
	}
	update := !p.d.query
	res.IsUpdate = &update
	res.DatasetSchema, res.ParameterSchema = p.d.schema, p.d.params
	return res, nil
}

func (s *sqlServer) ClosePreparedStatement(_ context.Context, req flightsql.ActionClosePreparedStatementRequest) error {
	p, err := s.prepared.remove(req.GetPreparedStatementHandle())
	if err != nil {
		return err
	}
	p.drop()
	return nil
}

// DoPutPreparedStatementQuery keeps the parameters of the queries to come: a query
// runs once for each row and returns the rows of all runs.
func (s *sqlServer) DoPutPreparedStatementQuery(ctx context.Context, cmd flightsql.PreparedStatementQuery, rdr flight.MessageReader, _ flight.MetadataWriter) ([]byte, error) {
	p, done, err := s.prepared.use(cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	defer done()
	batches, bytes, err := s.readParameters(ctx, p, rdr)
	if err != nil {
		for _, b := range batches {
			b.Release()
		}
		return nil, err
	}
	p.set(batches, bytes)
	return cmd.GetPreparedStatementHandle(), nil
}

// readParameters returns all of rdr's batches, retained, also with an error, and
// their bytes; at least one batch, maybe without rows.
func (s *sqlServer) readParameters(ctx context.Context, p *prepared, rdr flight.MessageReader) (batches []arrow.RecordBatch, bytes int64, err error) {
	if err := checkParameters(p, rdr); err != nil {
		return nil, 0, err
	}
	for rdr.Next() {
		rec := rdr.RecordBatch()
		if bytes += sizeOfBatch(rec); bytes > s.parameterBytes {
			return batches, 0, status.Errorf(codes.ResourceExhausted, "the parameters take more than the %d bytes that the demo keeps for a statement: bind fewer rows at a time", s.parameterBytes)
		}
		if s.bound.Load()+bytes > boundTimes*s.parameterBytes {
			return batches, 0, status.Errorf(codes.ResourceExhausted, "the parameters of all prepared statements take more than the %d bytes that the demo keeps: close some", boundTimes*s.parameterBytes)
		}
		rec.Retain()
		batches = append(batches, rec)
	}
	if err := rdr.Err(); err != nil {
		return batches, 0, explain(ctx, fmt.Errorf("read the parameters: %w", err))
	}
	if len(batches) == 0 {
		none := array.NewRecordBuilder(s.mem, rdr.Schema())
		defer none.Release()
		batches = append(batches, none.NewRecordBatch())
	}
	return batches, bytes, nil
}

func sizeOfBatch(rec arrow.RecordBatch) (bytes int64) {
	for _, c := range rec.Columns() {
		bytes += sizeOf(c.Data())
	}
	return bytes
}

// sizeOf returns the bytes of an array's buffers.
func sizeOf(d arrow.ArrayData) int64 {
	var n int64
	for _, b := range d.Buffers() {
		if b != nil {
			n += int64(b.Len())
		}
	}
	for _, c := range d.Children() {
		n += sizeOf(c)
	}
	if d.DataType().ID() == arrow.DICTIONARY {
		n += sizeOf(d.Dictionary())
	}
	return n
}

// checkParameters reads the schema of parameters and compares it with the statement.
func checkParameters(p *prepared, rdr flight.MessageReader) error {
	schema := rdr.Schema()
	if schema == nil {
		return status.Errorf(codes.InvalidArgument, "read the schema of the parameters: %v", rdr.Err())
	}
	if have, want := schema.NumFields(), p.d.params.NumFields(); have != want {
		return status.Errorf(codes.InvalidArgument, "the statement has %d parameters, and rows of %d columns are bound to them", want, have)
	}
	if _, err := newBinder(schema); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return nil
}

func (s *sqlServer) GetFlightInfoPreparedStatement(_ context.Context, cmd flightsql.PreparedStatementQuery, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	p, done, err := s.prepared.use(cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	defer done()
	return s.info(desc, desc.Cmd, p.d.schema), nil
}

func (s *sqlServer) GetSchemaPreparedStatement(ctx context.Context, cmd flightsql.PreparedStatementQuery, _ *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	p, done, err := s.prepared.use(cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	defer done()
	q, ran := p.query()
	defer ran()
	return s.schemaOfQuery(ctx, q)
}

func (s *sqlServer) DoGetPreparedStatement(ctx context.Context, cmd flightsql.PreparedStatementQuery) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	p, done, err := s.prepared.use(cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, nil, err
	}
	q, ran := p.query()
	q.done = func() { ran(); done() }
	return s.stream(ctx, q)
}

// DoPutPreparedStatementUpdate runs the statement once for each row as it comes,
// or once if it has no parameters; all or nothing of it is done.
func (s *sqlServer) DoPutPreparedStatementUpdate(ctx context.Context, cmd flightsql.PreparedStatementUpdate, rdr flight.MessageReader) (int64, error) {
	p, done, err := s.prepared.use(cmd.GetPreparedStatementHandle())
	if err != nil {
		return 0, err
	}
	defer done()
	if p.d.params.NumFields() == 0 {
		return s.update(ctx, plain(p.sql, p.tx))
	}
	if err := checkParameters(p, rdr); err != nil {
		return 0, err
	}
	return s.update(ctx, query{tx: p.tx, sql: p.sql, params: rdr.Schema().NumFields(), args: func() argsFunc { return rowsRead(rdr) }})
}
