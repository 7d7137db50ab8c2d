package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// maxEndpointStreams is how many endpoints of one FlightInfo are read at a time.
const maxEndpointStreams = 256

// renewMargin is how long an endpoint must last for its stream to be begun.
const renewMargin = time.Second

// dataKinds are the operations that move a workload's batches.
func dataKinds() []opKind {
	return []opKind{
		{name: OpGet, doc: "DoGet of every endpoint", primary: latBatchGap, setUp: newGet,
			latencies: []metric{latInfo, latPoll, latFirstBatch, latBatchGap, latStream, latCancel, latCancelSeen}},
		{name: OpPut, doc: "DoPut", primary: latStream, setUp: newPut, latencies: []metric{latPutAck, latStream, latCancel, latCancelSeen}},
		{name: OpExchange, doc: "DoExchange with a server that echoes", primary: latExchange, setUp: newExchange,
			latencies: []metric{latFirstBatch, latBatchGap, latExchange, latStream, latCancel, latCancelSeen}},
	}
}

// getOp reads what ask is answered with.
type getOp struct {
	ask func(ctx context.Context, s *slot) (*flight.FlightInfo, error)
	set *workloads.Set // to verify against; nil: nothing is verified
}

func newGet(ctx context.Context, t *trial) (operation, error) {
	if t.config.Ticket != "" {
		ticket, err := Bytes(t.config.Ticket)
		if err != nil {
			return nil, fmt.Errorf("--ticket: %w", err)
		}
		info := &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}}, TotalRecords: -1}
		return &getOp{ask: func(context.Context, *slot) (*flight.FlightInfo, error) { return info, nil }}, nil
	}
	d, err := t.descriptor(ctx)
	if err != nil {
		return nil, err
	}
	return &getOp{set: t.payload.set, ask: func(ctx context.Context, s *slot) (*flight.FlightInfo, error) { return s.info(ctx, d) }}, nil
}

// run asks anew in each iteration, since a ticket may be good for one DoGet
// only, and reads every endpoint.
func (o *getOp) run(ctx context.Context, s *slot) error {
	info, err := o.ask(ctx, s)
	if err != nil {
		return err
	}
	return s.readAll(ctx, info, o.set)
}

// info calls GetFlightInfo, or PollFlightInfo until it is complete.
func (s *slot) info(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	start := s.t.clock.now()
	cctx, c := s.begin(ctx)
	var info *flight.FlightInfo
	var err error
	name := "GetFlightInfo"
	if s.t.config.Poll {
		name = "PollFlightInfo"
		info, err = s.poll(cctx, d)
	} else {
		info, err = s.client.GetFlightInfo(cctx, d)
	}
	err = c.end(err, nil)
	switch {
	case status.Code(err) == codes.Unimplemented && d.Type == flight.DescriptorCMD && !s.t.config.Poll && s.t.kind.name == OpGet:
		s.t.warn("the server has no GetFlightInfo: the descriptor's bytes were sent as the ticket")
		return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: d.Cmd}}}, TotalRecords: -1}, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case info == nil:
		return nil, status.Errorf(codes.Canceled, "%s was canceled before it was complete", name)
	}
	s.latency(latInfo, s.t.clock.now(), start)
	return info, nil
}

// poll asks until the query is complete, each time with the descriptor of the
// answer before (Flight.rst, PollFlightInfo).
func (s *slot) poll(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	for {
		start := s.t.clock.now()
		p, err := s.client.PollFlightInfo(ctx, d)
		if err != nil {
			return nil, err
		}
		s.latency(latPoll, s.t.clock.now(), start)
		if p.FlightDescriptor == nil {
			return p.Info, nil
		}
		d = p.FlightDescriptor
	}
}

// readAll reads every endpoint of info, all at a time unless they are ordered.
func (s *slot) readAll(ctx context.Context, info *flight.FlightInfo, set *workloads.Set) (err error) {
	if len(info.Endpoint) == 0 {
		return status.Error(codes.FailedPrecondition, "the FlightInfo lists no endpoint: nothing to read")
	}
	defer func() {
		if err != nil || ctx.Err() != nil {
			s.t.abandon(info)
		}
	}()
	var rows int64
	if s.t.config.Ordered || len(info.Endpoint) == 1 {
		for _, ep := range info.Endpoint {
			n, err := s.endpoint(ctx, ep, set)
			if err != nil {
				return err
			}
			rows += n
		}
	} else if rows, err = s.readParallel(ctx, info, set); err != nil {
		return err
	}
	if info.TotalRecords >= 0 && rows != info.TotalRecords && s.t.cancelAfter == (cancelAfter{}) {
		s.t.warn(fmt.Sprintf("the server announced %d rows in total_records and sent %d", info.TotalRecords, rows))
	}
	return nil
}

func (s *slot) readParallel(ctx context.Context, info *flight.FlightInfo, set *workloads.Set) (int64, error) {
	if n := len(info.Endpoint); n > maxEndpointStreams {
		s.t.warn(fmt.Sprintf("%d endpoints of one FlightInfo were read %d at a time", n, maxEndpointStreams))
	}
	rows := make([]int64, len(info.Endpoint))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxEndpointStreams)
	for i, ep := range info.Endpoint {
		g.Go(func() (err error) {
			rows[i], err = s.endpoint(gctx, ep, set)
			return err
		})
	}
	err := g.Wait()
	var sum int64
	for _, n := range rows {
		sum += n
	}
	return sum, err
}

// endpoint reads ep from the first of its servers that can be reached, and
// returns the rows read.
func (s *slot) endpoint(ctx context.Context, ep *flight.FlightEndpoint, set *workloads.Set) (rows int64, err error) {
	ep = s.renewed(ctx, ep)
	servers, err := s.t.servers.candidates(ep)
	if err != nil {
		return 0, err
	}
	var failed []string
	for i, srv := range servers {
		var batches int64
		rows, batches, err = s.read(ctx, srv, ep.Ticket, set)
		if status.Code(err) != codes.Unavailable || batches > 0 || ctx.Err() != nil || len(servers) == 1 {
			srv.down.Store(false)
			break
		}
		srv.down.Store(true)
		failed = append(failed, fmt.Sprintf("%s: %v", srv.uri, err))
		if i == len(servers)-1 {
			return 0, status.Errorf(codes.Unavailable, "no location of an endpoint can be reached (%s): use --location original, or rewrite:FROM=TO", strings.Join(failed, "; "))
		}
		s.failovers.Add(1)
		s.t.warn(fmt.Sprintf("location %s cannot be reached, the next one was read: %v", srv.uri, err))
	}
	return rows, err
}

// renewed is ep, renewed if it is about to expire and the server renews.
func (s *slot) renewed(ctx context.Context, ep *flight.FlightEndpoint) *flight.FlightEndpoint {
	if ep.ExpirationTime == nil || time.Until(ep.ExpirationTime.AsTime()) > renewMargin {
		return ep
	}
	body, err := proto.Marshal(&flight.RenewFlightEndpointRequest{Endpoint: ep})
	if err == nil {
		body, err = action(ctx, s.client, flight.RenewFlightEndpointActionType, body)
	}
	fresh := &flight.FlightEndpoint{}
	if err == nil {
		err = proto.Unmarshal(body, fresh)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.t.warn(fmt.Sprintf("an endpoint was about to expire and could not be renewed: %v", err))
		}
		return ep
	}
	s.endpointRenewals.Add(1)
	return fresh
}

// read is one DoGet. It returns the rows and batches that came, also with an error.
func (s *slot) read(ctx context.Context, srv *server, ticket *flight.Ticket, set *workloads.Set) (rows, batches int64, err error) {
	ctx, c := s.begin(ctx)
	start := s.t.clock.now()
	stream, err := srv.clients[s.index%len(srv.clients)].DoGet(ctx, ticket)
	if err != nil {
		return 0, 0, fmt.Errorf("DoGet: %w", c.end(err, nil))
	}
	in := receiving{call: c, start: start, set: set}
	if set != nil {
		if t, err := workloads.ParseTicket(ticket.GetTicket()); err == nil {
			in.first = t.Start
		}
	}
	err = s.receive(stream, &in)
	if err = c.end(err, stream.Trailer); err != nil {
		return in.rows, in.batches, fmt.Errorf("DoGet: %w", err)
	}
	srv.streams.Add(1)
	if c.canceled.Load() == 0 {
		s.ended(start)
	}
	return in.rows, in.batches, nil
}

// receiving is a stream of batches that is being read.
type receiving struct {
	call  *call
	start int64          // of the call
	first int64          // the rotation's index of the first batch
	set   *workloads.Set // to verify against; nil: nothing is verified
	seen  func(now int64, e *wire.Event)

	rows, batches int64 // read so far
	full          int64 // of them batches with rows
}

// receive reads batches until the stream ends, which is no error.
func (s *slot) receive(stream wire.RecvStream, in *receiving) error {
	level := wire.Batch
	if s.t.config.Decode == "count" {
		level = wire.Count
	}
	r := wire.NewReader(stream, s.t.transport, level, memory.DefaultAllocator)
	defer r.Close()
	last := in.start
	for {
		e, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Realigned > 0 {
			s.realigned.Add(e.Realigned)
		}
		if e.Kind != wire.KindBatch {
			in.call.message()
			continue
		}
		if in.set != nil && e.Rows > 0 {
			if err := verify(r, in.set, in.first+in.full); err != nil {
				return err
			}
		}
		now := s.t.clock.now()
		s.batch(now, e.Sizes)
		if in.batches == 0 {
			s.latency(latFirstBatch, now, in.start)
		} else {
			s.latency(latBatchGap, now, last)
		}
		if in.seen != nil {
			in.seen(now, e)
		}
		last = now
		in.batches++
		in.rows += e.Rows
		if e.Rows > 0 {
			in.full++
		}
		in.call.batch()
	}
}

func verify(r *wire.Reader, set *workloads.Set, i int64) error {
	rec, err := r.Record()
	if err != nil {
		return err
	}
	defer rec.Release()
	if err := set.Verify(i, rec); err != nil {
		return status.Errorf(codes.DataLoss, "received data differ from the workload: %v", err)
	}
	return nil
}

// abandon tells a foreign server that the rest of info is not wanted, so that
// its query does not go on. Ours holds nothing for a FlightInfo.
func (t *trial) abandon(info *flight.FlightInfo) {
	if t.before != nil || t.noCancel.Load() || t.config.Ticket != "" || slices.ContainsFunc(info.Endpoint, func(e *flight.FlightEndpoint) bool { return e.Ticket == nil }) {
		return
	}
	body, err := proto.Marshal(&flight.CancelFlightInfoRequest{Info: info})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := t.control.action(ctx, flight.CancelFlightInfoActionType, body); err != nil {
		t.noCancel.Store(true) // it has none, or is gone: the others need not wait for that
	}
}
