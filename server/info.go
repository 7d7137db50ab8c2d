package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"flightbench/workloads"
)

// ticketLife is how long a ticket is promised to stay valid where Options.Expiry
// is 0. Ours describe their data and so never expire, but Flight has no other way
// to say that a ticket may be used again.
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
		t := defaultTicket(spec)
		schema, err := s.schema(stream.Context(), t.Spec)
		if err != nil {
			return err
		}
		cmd := t.Marshal()
		err = stream.Send(&flight.FlightInfo{
			Schema:           flight.SerializeSchema(schema, s.mem),
			FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd},
			Endpoint:         []*flight.FlightEndpoint{s.endpoint(t, time.Now())},
			TotalRecords:     spec.Rows * listedBatches,
			TotalBytes:       -1, // known once generated
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// schema is spec's, by generating as little as possible. Those of the workloads
// that ListFlights lists are kept: they are few.
func (s *service) schema(ctx context.Context, spec workloads.Spec) (*arrow.Schema, error) {
	name := spec.String()
	if known, ok := s.schemas.Load(name); ok {
		return known.(*arrow.Schema), nil
	}
	spec.Rows, spec.BatchBytes, spec.Distinct = 1, 0, 1
	set, err := workloads.Generate(ctx, spec, s.mem)
	if err != nil {
		return nil, generateStatus(spec, err)
	}
	defer set.Release()
	if slices.ContainsFunc(workloads.Kinds(), func(k workloads.Kind) bool { return k.Name == name }) {
		s.schemas.Store(name, set.Schema)
	}
	return set.Schema, nil
}

// GetFlightInfo prepares what the descriptor asks for and tells its exact rows
// and body bytes (-1 where the transport learns them only when it sends), in as
// many endpoints as it asks for. Each may be read again and again until it
// expires. Of a Perf it tells what Arrow's own server does, and prepares nothing.
func (s *service) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if sqlDescriptor(d) {
		if s.opts.SQL == nil {
			return nil, errNoSQL
		}
		return s.opts.SQL.GetFlightInfo(ctx, d)
	}
	r, err := s.command(d)
	if err != nil {
		return nil, err
	}
	if r.perf != nil {
		return s.perfInfo(ctx, d, r)
	}
	return s.info(ctx, d, r, r.endpoints())
}

// endpoints is how many r asks for.
func (r request) endpoints() int { return max(r.Endpoints, 1) }

// info tells of r's first n endpoints.
func (s *service) info(ctx context.Context, d *flight.FlightDescriptor, r request, n int) (*flight.FlightInfo, error) {
	last, err := shifted(r.Ticket, r.endpoints()) // one past the last, so that every start fits
	if err != nil {
		return nil, err
	}
	p, done, err := s.use(ctx, r.key)
	if err != nil {
		return nil, err
	}
	defer done()
	info := &flight.FlightInfo{
		Schema:           flight.SerializeSchema(p.schema, s.mem),
		FlightDescriptor: d,
		Endpoint:         make([]*flight.FlightEndpoint, n),
	}
	if _, _, ok := p.total(r.Start, last.Start-r.Start); !ok {
		return nil, status.Errorf(codes.InvalidArgument, "ticket: %d endpoints of %d batches hold more rows or bytes than can be counted: ask for fewer", r.endpoints(), r.Batches)
	}
	info.TotalRecords, info.TotalBytes, _ = p.total(r.Start, int64(n)*r.Batches)
	now := time.Now()
	for i := range n {
		part, err := shifted(r.Ticket, i)
		if err != nil {
			return nil, err
		}
		info.Endpoint[i] = s.endpoint(part, now)
	}
	return info, nil
}

// perfInfo tells of r.perf's streams.
func (s *service) perfInfo(ctx context.Context, d *flight.FlightDescriptor, r request) (*flight.FlightInfo, error) {
	schema, err := s.schema(ctx, r.Spec)
	if err != nil {
		return nil, err
	}
	info := &flight.FlightInfo{
		Schema:           flight.SerializeSchema(schema, s.mem),
		FlightDescriptor: d,
		TotalRecords:     int64(r.perf.Streams) * r.perf.RecordsPerStream,
		TotalBytes:       -1,
	}
	told := *r.perf
	told.Schema = nil // nobody reads it, and thousands of tickets would repeat it
	for i := range told.Streams {
		ticket := &flight.Ticket{Ticket: told.Stream(i).Marshal()}
		info.Endpoint = append(info.Endpoint, &flight.FlightEndpoint{Ticket: ticket, Location: s.locations()})
	}
	return info, nil
}

// endpoint is where and until when t may be read.
func (s *service) endpoint(t workloads.Ticket, now time.Time) *flight.FlightEndpoint {
	expires := now.Add(ticketLife)
	if s.opts.Expiry > 0 {
		t.Expires = now.Add(s.opts.Expiry).UnixMilli()
		expires = time.UnixMilli(t.Expires)
	}
	return &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: t.Marshal()}, Location: s.locations(), ExpirationTime: timestamppb.New(expires)}
}

// locations are those of every endpoint. Few and short, they are made each time.
func (s *service) locations() []*flight.Location {
	var ls []*flight.Location
	for _, uri := range s.opts.Locations {
		ls = append(ls, &flight.Location{Uri: uri})
	}
	return ls
}

// PollFlightInfo is GetFlightInfo in as many polls as Options.Polls says: each
// tells of more of the endpoints, and the descriptor for the next one, which is
// the ticket with the number of polls made. The last tells of all, and no
// descriptor. A Perf, which can't hold that number, is complete at once.
func (s *service) PollFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.PollInfo, error) {
	if sqlDescriptor(d) {
		if s.opts.SQL == nil {
			return nil, errNoSQL
		}
		return s.opts.SQL.PollFlightInfo(ctx, d)
	}
	r, err := s.command(d)
	if err != nil {
		return nil, err
	}
	progress := 1.0
	if r.perf != nil {
		info, err := s.perfInfo(ctx, d, r)
		return &flight.PollInfo{Info: info, Progress: &progress}, err
	}
	made, polls := r.Poll+1, int64(max(s.opts.Polls, 1))
	if made >= polls {
		info, err := s.info(ctx, d, r, r.endpoints())
		return &flight.PollInfo{Info: info, Progress: &progress}, err
	}
	info, err := s.info(ctx, d, r, int(int64(r.endpoints())*made/polls))
	if err != nil {
		return nil, err
	}
	progress = float64(made) / float64(polls)
	next := r.Ticket
	next.Poll = made
	return &flight.PollInfo{
		Info:             info,
		FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: next.Marshal()},
		Progress:         &progress,
		ExpirationTime:   timestamppb.New(time.Now().Add(ticketLife)), // it describes itself, and so never expires
	}, nil
}

// GetSchema tells the schema without preparing the data, but for a file's.
func (s *service) GetSchema(ctx context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	if sqlDescriptor(d) {
		if s.opts.SQL == nil {
			return nil, errNoSQL
		}
		return s.opts.SQL.GetSchema(ctx, d)
	}
	r, err := s.command(d)
	if err != nil {
		return nil, err
	}
	if r.Spec.Name != workloads.File {
		schema, err := s.schema(ctx, r.Spec)
		if err != nil {
			return nil, err
		}
		return &flight.SchemaResult{Schema: flight.SerializeSchema(schema, s.mem)}, nil
	}
	p, done, err := s.use(ctx, r.key)
	if err != nil {
		return nil, err
	}
	defer done()
	return &flight.SchemaResult{Schema: flight.SerializeSchema(p.schema, s.mem)}, nil
}
