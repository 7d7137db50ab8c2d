package server

import (
	"bytes"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// sqlType begins the type URL of every message of Flight SQL.
const sqlType = "type.googleapis.com/arrow.flight.protocol.sql."

// sqlActions are those of Flight SQL alone.
var sqlActions = []string{
	flightsql.CreatePreparedStatementActionType,
	flightsql.CreatePreparedSubstraitPlanActionType,
	flightsql.ClosePreparedStatementActionType,
	flightsql.BeginTransactionActionType,
	flightsql.EndTransactionActionType,
	flightsql.BeginSavepointActionType,
	flightsql.EndSavepointActionType,
	flightsql.CancelQueryActionType,
}

// isSQL is whether a command or a ticket is Flight SQL's: a google.protobuf.Any
// of one of its types.
func isSQL(b []byte) bool {
	if !bytes.Contains(b, []byte(sqlType)) {
		return false
	}
	var a anypb.Any
	return proto.Unmarshal(b, &a) == nil && strings.HasPrefix(a.GetTypeUrl(), sqlType)
}

func sqlDescriptor(d *flight.FlightDescriptor) bool {
	return d.GetType() == flight.DescriptorCMD && isSQL(d.GetCmd())
}

// sqlAction is whether an action is Flight SQL's, or one of Flight's own about an
// endpoint of its.
func sqlAction(a *flight.Action) bool {
	switch a.GetType() {
	case flight.CancelFlightInfoActionType, flight.RenewFlightEndpointActionType:
		return bytes.Contains(a.GetBody(), []byte(sqlType))
	}
	return slices.Contains(sqlActions, a.GetType())
}

var errNoSQL = status.Error(codes.Unimplemented, "this server has no Flight SQL: start it with --sql-demo")

// sqlGet has Flight SQL answer a DoGet. Of its streams only their number is counted.
func (s *service) sqlGet(in *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	if s.opts.SQL == nil {
		return errNoSQL
	}
	defer s.stats.begin(&s.stats.get)()
	return s.opts.SQL.DoGet(in, stream)
}

// sqlPut has Flight SQL answer a DoPut, of which it gets every message.
func (s *service) sqlPut(stream *replay) error {
	if s.opts.SQL == nil {
		return errNoSQL
	}
	defer s.stats.begin(&s.stats.put)()
	return s.opts.SQL.DoPut(putStream{stream})
}

// putStream is a replay as generated code sees it.
type putStream struct{ *replay }

// Send implements flight.FlightService_DoPutServer.
func (p putStream) Send(m *flight.PutResult) error { return p.SendMsg(m) }

// Recv implements flight.FlightService_DoPutServer.
func (p putStream) Recv() (*flight.FlightData, error) {
	m := new(flight.FlightData)
	if err := p.RecvMsg(m); err != nil {
		return nil, err
	}
	return m, nil
}

// listSQLActions sends the actions of Flight SQL but those that are sent already.
func (s *service) listSQLActions(stream flight.FlightService_ListActionsServer, sent map[string]bool) error {
	if s.opts.SQL == nil {
		return nil
	}
	return s.opts.SQL.ListActions(&flight.Empty{}, &moreActions{stream, sent})
}

// moreActions leaves out what was sent.
type moreActions struct {
	flight.FlightService_ListActionsServer
	sent map[string]bool
}

// Send implements flight.FlightService_ListActionsServer.
func (m *moreActions) Send(a *flight.ActionType) error {
	if m.sent[a.GetType()] {
		return nil
	}
	m.sent[a.GetType()] = true
	return m.FlightService_ListActionsServer.Send(a)
}
