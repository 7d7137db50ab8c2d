package server

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"flightbench/workloads"
)

// Actions of this server besides those that Flight defines.
const (
	ActionPing      = "ping"                  // answers "ok"
	ActionStats     = "flightbench.stats"     // answers a Stats as JSON
	ActionPrepare   = "flightbench.prepare"   // takes a ticket, answers a Preparation as JSON
	ActionFail      = "flightbench.fail"      // takes a kind of error, and fails with it
	ActionCancelled = "flightbench.cancelled" // answers a list of Cancelled as JSON, and forgets it
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
	{ActionFail, "fails with the kind of error in the body: " + strings.Join(workloads.FailKinds(), ", "), (*service).failAction},
	{ActionCancelled, "answers which calls named by " + CallHeader + " were cancelled and when their handler saw it, as JSON, and forgets them", func(s *service, _ context.Context, _ []byte) ([]byte, error) {
		return s.cancelled.take()
	}},
	{workloads.CeilingAction, "begins or ends a ceiling: opaque bytes by gRPC or a socket; takes a request and answers where, as JSON", (*service).ceilingAction},
	{flight.CancelFlightInfoActionType, "drops the prepared batches of a FlightInfo; takes a CancelFlightInfoRequest, answers a CancelFlightInfoResult", (*service).cancelAction},
	{flight.RenewFlightEndpointActionType, "renews a FlightEndpoint; takes a RenewFlightEndpointRequest, answers the FlightEndpoint", (*service).renewAction},
	{flight.SetSessionOptionsActionType, "sets options of the session, which it begins if need be; takes a SetSessionOptionsRequest", func(s *service, ctx context.Context, b []byte) ([]byte, error) {
		return s.sessions.set(ctx, b)
	}},
	{flight.GetSessionOptionsActionType, "answers the options of the session as a GetSessionOptionsResult", func(s *service, ctx context.Context, b []byte) ([]byte, error) {
		return s.sessions.get(ctx, b)
	}},
	{flight.CloseSessionActionType, "closes the session; answers a CloseSessionResult", func(s *service, ctx context.Context, b []byte) ([]byte, error) {
		return s.sessions.end(ctx, b)
	}},
}

// DoAction runs one of the actions that ListActions lists.
func (s *service) DoAction(a *flight.Action, stream flight.FlightService_DoActionServer) error {
	if sqlAction(a) {
		if s.opts.SQL == nil {
			return errNoSQL
		}
		return s.opts.SQL.DoAction(a, stream)
	}
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
	sent := make(map[string]bool)
	for _, a := range actions {
		sent[a.name] = true
		if err := stream.Send(&flight.ActionType{Type: a.name, Description: a.doc}); err != nil {
			return err
		}
	}
	return s.listSQLActions(stream, sent)
}

func (s *service) failAction(ctx context.Context, body []byte) ([]byte, error) {
	kind := string(body)
	if !slices.Contains(workloads.FailKinds(), kind) {
		return nil, status.Errorf(codes.InvalidArgument, "%s: kind %q is unknown: use one of %s", ActionFail, clip(kind), strings.Join(workloads.FailKinds(), ", "))
	}
	return nil, failure(ctx, kind, "the action asked for this error: "+kind)
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
	r, err := s.ticket(body)
	if err != nil {
		return nil, err
	}
	p, done, err := s.use(ctx, r.key)
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
		return nil, notA(flight.CancelFlightInfoActionType, &req, err)
	}
	if len(req.GetInfo().GetEndpoint()) == 0 {
		return nil, status.Errorf(codes.InvalidArgument, "%s: the info has no endpoint: send one that GetFlightInfo answered", flight.CancelFlightInfoActionType)
	}
	keys := make(map[key]bool)
	for _, e := range req.GetInfo().GetEndpoint() {
		r, err := s.ticket(e.GetTicket().GetTicket())
		if err != nil {
			return nil, err
		}
		keys[r.key] = true
	}
	result := flight.CancelFlightInfoResult{Status: flight.CancelStatusNotCancellable}
	for k := range keys {
		if s.cache.forget(k) {
			result.Status = flight.CancelStatusCancelled
		}
	}
	return marshal(&result)
}

// renewAction promises one more life for an endpoint of ours that has not
// expired. What expires is the ticket itself, so the endpoint that it answers has
// another one.
func (s *service) renewAction(_ context.Context, body []byte) ([]byte, error) {
	var req flight.RenewFlightEndpointRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, notA(flight.RenewFlightEndpointActionType, &req, err)
	}
	r, err := s.ticket(req.GetEndpoint().GetTicket().GetTicket())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if err := r.expired(now); err != nil {
		return nil, err
	}
	if r.Expires == 0 {
		req.Endpoint.ExpirationTime = timestamppb.New(now.Add(ticketLife))
		return marshal(req.Endpoint)
	}
	renewed := s.endpoint(r.Ticket, now)
	req.Endpoint.Ticket, req.Endpoint.ExpirationTime = renewed.Ticket, renewed.ExpirationTime
	return marshal(req.Endpoint)
}

func marshal(m proto.Message) ([]byte, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, internalf("marshal %s: %v", m.ProtoReflect().Descriptor().Name(), err)
	}
	return b, nil
}
