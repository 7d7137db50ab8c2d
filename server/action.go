package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Actions of this server besides those that Flight defines.
const (
	ActionPing    = "ping"                // answers "ok"
	ActionStats   = "flightbench.stats"   // answers a Stats as JSON
	ActionPrepare = "flightbench.prepare" // takes a ticket, answers a Preparation as JSON
)

// action is one that DoAction knows; run answers the body of the one Result.
type action struct {
	name, doc string
	run       func(*service, context.Context, []byte) ([]byte, error)
}

var actions = []action{
	{ActionPing, `answers "ok"`, func(*service, context.Context, []byte) ([]byte, error) { return []byte("ok"), nil }},
	{ActionStats, "counters since the server began, as JSON", func(s *service, _ context.Context, _ []byte) ([]byte, error) {
		return s.stats.json(s.opts.Version, s.opts.Transport)
	}},
	{ActionPrepare, "generates and encodes the batches of the ticket in the body, answers their sizes as JSON", (*service).prepareAction},
	{flight.CancelFlightInfoActionType, "drops the prepared batches of a FlightInfo; takes a CancelFlightInfoRequest, answers a CancelFlightInfoResult", (*service).cancelAction},
	{flight.RenewFlightEndpointActionType, "renews a FlightEndpoint; takes a RenewFlightEndpointRequest, answers the FlightEndpoint", (*service).renewAction},
}

// DoAction runs one of the actions that ListActions lists.
func (s *service) DoAction(a *flight.Action, stream flight.FlightService_DoActionServer) error {
	for _, known := range actions {
		if known.name != a.GetType() {
			continue
		}
		body, err := known.run(s, stream.Context(), a.GetBody())
		if err != nil {
			return err
		}
		return stream.Send(&flight.Result{Body: body})
	}
	return status.Errorf(codes.Unimplemented, "action %q is unknown: ListActions lists those of this server", a.GetType())
}

// ListActions lists every action that DoAction knows.
func (s *service) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	for _, a := range actions {
		if err := stream.Send(&flight.ActionType{Type: a.name, Description: a.doc}); err != nil {
			return err
		}
	}
	return nil
}

// Preparation is what flightbench.prepare made ready, of each distinct batch in
// rotation: rows, body bytes as they will be sent (-1: known once sent) and
// logical bytes.
type Preparation struct {
	Batches      int     `json:"batches"`        // distinct ones
	RowsPerBatch int64   `json:"rows_per_batch"` // of the first; a file's may vary, see Rows
	Rows         []int64 `json:"rows"`
	BodyBytes    []int64 `json:"body_bytes"`
	LogicalBytes []int64 `json:"logical_bytes"`
}

func (s *service) prepareAction(ctx context.Context, body []byte) ([]byte, error) {
	_, k, err := s.ticket(body)
	if err != nil {
		return nil, err
	}
	p, done, err := s.use(ctx, k)
	if err != nil {
		return nil, err
	}
	defer done()
	out := Preparation{Batches: len(p.sizes), RowsPerBatch: p.sizes[0].Rows}
	for _, n := range p.sizes {
		out.Rows = append(out.Rows, n.Rows)
		out.BodyBytes = append(out.BodyBytes, n.Body)
		out.LogicalBytes = append(out.LogicalBytes, n.Logical)
	}
	return json.Marshal(out)
}

// cancelAction gives up what was prepared for a FlightInfo: CANCELLED if there
// was something. Its queries are complete from the start and its tickets
// describe their data, so streams in flight go on and a later DoGet prepares
// anew; a client ends a stream by cancelling its call.
func (s *service) cancelAction(_ context.Context, body []byte) ([]byte, error) {
	var req flight.CancelFlightInfoRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s: the body is no CancelFlightInfoRequest: %v", flight.CancelFlightInfoActionType, err)
	}
	if len(req.GetInfo().GetEndpoint()) == 0 {
		return nil, status.Errorf(codes.InvalidArgument, "%s: the info has no endpoint: send one that GetFlightInfo answered", flight.CancelFlightInfoActionType)
	}
	keys := make(map[key]bool)
	for _, e := range req.GetInfo().GetEndpoint() {
		_, k, err := s.ticket(e.GetTicket().GetTicket())
		if err != nil {
			return nil, err
		}
		keys[k] = true
	}
	result := flight.CancelFlightInfoResult{Status: flight.CancelStatusNotCancellable}
	for k := range keys {
		if s.cache.forget(k) {
			result.Status = flight.CancelStatusCancelled
		}
	}
	return marshal(&result)
}

// renewAction promises one more ticketLife for an endpoint of ours.
func (s *service) renewAction(_ context.Context, body []byte) ([]byte, error) {
	var req flight.RenewFlightEndpointRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s: the body is no RenewFlightEndpointRequest: %v", flight.RenewFlightEndpointActionType, err)
	}
	if _, _, err := s.ticket(req.GetEndpoint().GetTicket().GetTicket()); err != nil {
		return nil, err
	}
	req.Endpoint.ExpirationTime = timestamppb.New(time.Now().Add(ticketLife))
	return marshal(req.Endpoint)
}

func marshal(m proto.Message) ([]byte, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, internalf("marshal %s: %v", m.ProtoReflect().Descriptor().Name(), err)
	}
	return b, nil
}
