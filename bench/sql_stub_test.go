package bench_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stubSQL answers Flight SQL and keeps books. Its statements are "ROWS n",
// answered with n rows, and "FAIL CODE", refused in two lines; what is prepared
// may have a ? and is answered with a row a bound row.
type stubSQL struct {
	flightsql.BaseServer
	took func(sent int64) int64 // what an ingest is told; nil: what was sent

	mu                 sync.Mutex
	ran                map[string]int // by statement
	transactions       map[string]bool
	commits, rollbacks int
	outside            int // operations that were in no open transaction
	prepared           map[string]string
	made, closed       int
	bound              []int64 // parameters, in the order of their coming
	ingested           map[string]int64
}

func (s *stubSQL) start(t *testing.T) string {
	t.Helper()
	s.ran, s.transactions, s.prepared, s.ingested = map[string]int{}, map[string]bool{}, map[string]string{}, map[string]int64{}
	return serveFlight(t, flightsql.NewFlightServer(s))
}

// serveFlight serves f by plain grpc-go until the test ends and returns its URI.
func serveFlight(t *testing.T, f flight.FlightServer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	flight.RegisterFlightServiceServer(g, f)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-served })
	return "grpc://" + l.Addr().String()
}

// locked runs f under mu. That also makes visible what handlers wrote: the race
// detector does not see the answers that travelled over sockets.
func (s *stubSQL) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *stubSQL) run(statement string, txn []byte) error {
	s.locked(func() {
		s.ran[statement]++
		if !s.transactions[string(txn)] {
			s.outside++
		}
	})
	if name, ok := strings.CutPrefix(statement, "FAIL "); ok {
		return status.Errorf(map[string]codes.Code{"syntax": codes.InvalidArgument, "table": codes.NotFound}[name], "near %q:\n\tsomething is wrong", statement)
	}
	return nil
}

func ticketOf(handle string, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	ticket := d.Cmd
	if handle != "" {
		var err error
		if ticket, err = flightsql.CreateStatementQueryTicket([]byte(handle)); err != nil {
			return nil, err
		}
	}
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}}, FlightDescriptor: d, TotalRecords: -1, TotalBytes: -1}, nil
}

func (s *stubSQL) GetFlightInfoStatement(_ context.Context, q flightsql.StatementQuery, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if err := s.run(q.GetQuery(), q.GetTransactionId()); err != nil {
		return nil, err
	}
	return ticketOf(q.GetQuery(), d)
}

func (s *stubSQL) DoGetStatement(_ context.Context, t flightsql.StatementQueryTicket) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var n int
	if _, err := fmt.Sscanf(string(t.GetStatementHandle()), "ROWS %d", &n); err != nil {
		return nil, nil, status.Errorf(codes.InvalidArgument, "%q", t.GetStatementHandle())
	}
	return numbers(make([]int64, n)...)
}

func numbers(values ...int64) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, numberSchema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	ch := make(chan flight.StreamChunk, 1)
	ch <- flight.StreamChunk{Data: b.NewRecordBatch()}
	close(ch)
	return numberSchema, ch, nil
}

var numberSchema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (s *stubSQL) BeginTransaction(context.Context, flightsql.ActionBeginTransactionRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("txn %d", s.commits+s.rollbacks+len(s.transactions))
	s.transactions[id] = true
	return []byte(id), nil
}

func (s *stubSQL) EndTransaction(_ context.Context, r flightsql.ActionEndTransactionRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.transactions[string(r.GetTransactionId())] {
		return status.Errorf(codes.NotFound, "no transaction %q", r.GetTransactionId())
	}
	delete(s.transactions, string(r.GetTransactionId()))
	if r.GetAction() == flightsql.EndTransactionCommit {
		s.commits++
	} else {
		s.rollbacks++
	}
	return nil
}

func (s *stubSQL) CreatePreparedStatement(_ context.Context, r flightsql.ActionCreatePreparedStatementRequest) (res flightsql.ActionCreatePreparedStatementResult, err error) {
	if err := s.run(r.GetQuery(), r.GetTransactionId()); err != nil {
		return res, err
	}
	s.locked(func() {
		s.made++
		res.Handle = fmt.Appendf(nil, "%d", s.made)
		s.prepared[string(res.Handle)] = r.GetQuery()
	})
	return res, nil
}

func (s *stubSQL) ClosePreparedStatement(_ context.Context, r flightsql.ActionClosePreparedStatementRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.prepared[string(r.GetPreparedStatementHandle())]; !ok {
		return status.Errorf(codes.NotFound, "no prepared statement %q", r.GetPreparedStatementHandle())
	}
	delete(s.prepared, string(r.GetPreparedStatementHandle()))
	s.closed++
	return nil
}

// DoPutPreparedStatementQuery gives the statement another handle, as stateless
// servers do.
func (s *stubSQL) DoPutPreparedStatementQuery(_ context.Context, q flightsql.PreparedStatementQuery, r flight.MessageReader, _ flight.MetadataWriter) ([]byte, error) {
	old := string(q.GetPreparedStatementHandle())
	handle := strings.SplitN(old, "=", 2)[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.prepared[old]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no prepared statement %q", old)
	}
	for r.Next() {
		for _, v := range r.RecordBatch().Column(0).(*array.Int64).Int64Values() {
			s.bound = append(s.bound, v)
			handle += fmt.Sprintf("=%d", v)
		}
	}
	delete(s.prepared, old)
	s.prepared[handle] = text
	return []byte(handle), r.Err()
}

func (s *stubSQL) GetFlightInfoPreparedStatement(_ context.Context, q flightsql.PreparedStatementQuery, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := string(q.GetPreparedStatementHandle())
	text, ok := s.prepared[h]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no prepared statement %q", h)
	}
	if strings.Contains(text, "?") && strings.Count(h, "=") != 1 {
		return nil, status.Errorf(codes.InvalidArgument, "%q has not one row of parameters bound: %q", text, h)
	}
	return ticketOf("", d)
}

func (s *stubSQL) DoGetPreparedStatement(_ context.Context, q flightsql.PreparedStatementQuery) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return numbers(1)
}

func (s *stubSQL) DoPutCommandStatementIngest(_ context.Context, c flightsql.StatementIngest, r flight.MessageReader) (int64, error) {
	var n int64
	for r.Next() {
		n += r.RecordBatch().NumRows()
	}
	s.locked(func() {
		s.ingested[c.GetTable()] += n
		if !s.transactions[string(c.GetTransactionId())] {
			s.outside++
		}
	})
	if s.took != nil {
		n = s.took(n)
	}
	return n, r.Err()
}
