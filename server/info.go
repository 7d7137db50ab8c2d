package server

import (
	"context"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// ticketLife is how long a ticket is promised to stay valid. Ours describe their
// data and so never expire, but Flight has no other way to say that a ticket may
// be used again.
const ticketLife = 24 * time.Hour

// listedBatches is the length of the streams that ListFlights offers.
const listedBatches = 16

// ListFlights lists every generated workload with its defaults, without
// generating it: the descriptor to ask GetFlightInfo for, schema and rows. The
// criteria's expression is a prefix of the workload's name; empty is all.
func (s *service) ListFlights(c *flight.Criteria, stream flight.FlightService_ListFlightsServer) error {
	prefix := string(c.GetExpression())
	for _, kind := range workloads.Kinds() {
		if !strings.HasPrefix(kind.Name, prefix) || kind.Name == workloads.File {
			continue
		}
		spec, err := workloads.Parse(kind.Name)
		if err != nil {
			return internalf("workload %s has no defaults: %v", kind.Name, err)
		}
		t := workloads.Ticket{Spec: spec, Batches: listedBatches, Compression: wire.None, Endpoints: 1}
		schema, err := s.schema(stream.Context(), t.Spec)
		if err != nil {
			return err
		}
		cmd := t.Marshal()
		err = stream.Send(&flight.FlightInfo{
			Schema:           flight.SerializeSchema(schema, s.mem),
			FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd},
			Endpoint:         []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: cmd}, ExpirationTime: timestamppb.New(time.Now().Add(ticketLife))}},
			TotalRecords:     spec.Rows * listedBatches,
			TotalBytes:       -1, // known once generated
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// schema is spec's, by generating as little as possible.
func (s *service) schema(ctx context.Context, spec workloads.Spec) (*arrow.Schema, error) {
	spec.Rows, spec.BatchBytes, spec.Distinct = 1, 0, 1
	set, err := workloads.Generate(ctx, spec, s.mem)
	if err != nil {
		return nil, generateStatus(spec, err)
	}
	defer set.Release()
	return set.Schema, nil
}

// GetFlightInfo prepares what the descriptor asks for and tells its exact rows
// and body bytes (-1 where the transport learns them only when it sends), in as
// many endpoints as it asks for. Their location lists are empty: this server,
// over the same connection. Each may be read again and again.
func (s *service) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	t, k, err := s.command(d)
	if err != nil {
		return nil, err
	}
	n := max(t.Endpoints, 1)
	last, err := shifted(t, n) // one past the last, so that every start fits
	if err != nil {
		return nil, err
	}
	p, done, err := s.use(ctx, k)
	if err != nil {
		return nil, err
	}
	defer done()
	info := &flight.FlightInfo{
		Schema:           flight.SerializeSchema(p.schema, s.mem),
		FlightDescriptor: d,
		Endpoint:         make([]*flight.FlightEndpoint, n),
	}
	var ok bool
	info.TotalRecords, info.TotalBytes, ok = p.total(t.Start, last.Start-t.Start)
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "ticket: %d endpoints of %d batches hold more rows or bytes than can be counted: ask for fewer", n, t.Batches)
	}
	expires := timestamppb.New(time.Now().Add(ticketLife))
	for i := range n {
		part, err := shifted(t, i)
		if err != nil {
			return nil, err
		}
		info.Endpoint[i] = &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: part.Marshal()}, ExpirationTime: expires}
	}
	return info, nil
}

// PollFlightInfo is GetFlightInfo: the query is complete with the first poll.
func (s *service) PollFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.PollInfo, error) {
	info, err := s.GetFlightInfo(ctx, d)
	if err != nil {
		return nil, err
	}
	progress := 1.0
	return &flight.PollInfo{Info: info, Progress: &progress}, nil
}

// GetSchema tells the schema without preparing the data, but for a file's.
func (s *service) GetSchema(ctx context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	t, k, err := s.command(d)
	if err != nil {
		return nil, err
	}
	if t.Spec.Name != workloads.File {
		schema, err := s.schema(ctx, t.Spec)
		if err != nil {
			return nil, err
		}
		return &flight.SchemaResult{Schema: flight.SerializeSchema(schema, s.mem)}, nil
	}
	p, done, err := s.use(ctx, k)
	if err != nil {
		return nil, err
	}
	defer done()
	return &flight.SchemaResult{Schema: flight.SerializeSchema(p.schema, s.mem)}, nil
}
