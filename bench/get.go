package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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
		info := ticketed(ticket)
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

// info calls GetFlightInfo, or PollFlightInfo until it is complete. A get of a
// server that has neither takes the descriptor's bytes for the ticket.
func (s *slot) info(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	t := s.t
	if t.lacks.info.Load() {
		return ticketed(d.Cmd), nil
	}
	start := t.clock.now()
	if t.config.Poll {
		info, err := s.poll(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("PollFlightInfo: %w", err)
		}
		s.response(latInfo, t.clock.now(), start)
		return info, nil
	}
	cctx, c := s.begin(ctx)
	info, err := s.client.GetFlightInfo(cctx, d, c.keep())
	if err = c.end(err, nil); err == nil {
		s.response(latInfo, t.clock.now(), start)
		return info, nil
	}
	if status.Code(err) == codes.Unimplemented && d.Type == flight.DescriptorCMD && t.kind.name == OpGet {
		t.lacks.info.Store(true)
		t.warn("the server has no GetFlightInfo: the descriptor's bytes were sent as the ticket")
		return ticketed(d.Cmd), nil
	}
	if t.before == nil && t.config.Request == RequestFlightbench && d.Type == flight.DescriptorCMD {
		return nil, fmt.Errorf("GetFlightInfo of a workload of ours, which this server need not know (name data that it has with --path, --cmd, --ticket or --sql; flightbench doctor lists some): %w", err)
	}
	return nil, fmt.Errorf("GetFlightInfo: %w", err)
}

// ticketed is a FlightInfo of one ticket.
func ticketed(ticket []byte) *flight.FlightInfo {
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}}, TotalRecords: -1}
}

// poll asks until the query is complete, each time with the descriptor of the
// answer before (Flight.rst, PollFlightInfo).
func (s *slot) poll(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	var known *flight.FlightInfo // so far
	for {
		start := s.t.clock.now()
		cctx, c := s.begin(ctx)
		p, err := s.client.PollFlightInfo(cctx, d, c.keep())
		if err = c.end(err, nil); err != nil {
			if known != nil {
				s.t.abandon(known)
			}
			return nil, err
		}
		s.latency(latPoll, s.t.clock.now(), start)
		if p.FlightDescriptor != nil {
			known, d = p.Info, p.FlightDescriptor
			continue
		}
		if p.Info == nil {
			return nil, status.Error(codes.FailedPrecondition, "the query is complete, and the server gave no FlightInfo")
		}
		return p.Info, nil
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
		s.t.warnOnce("total_records", fmt.Sprintf("the server announced %d rows in total_records and sent %d", info.TotalRecords, rows))
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
		rows, batches, err := s.read(ctx, srv, ep.Ticket, set)
		if ctx.Err() != nil {
			return rows, err
		}
		gone := status.Code(err) == codes.Unavailable
		srv.down.Store(gone)
		if !gone || batches > 0 || len(servers) == 1 && srv == s.t.servers.home {
			return rows, err
		}
		failed = append(failed, fmt.Sprintf("%s: %v", srv.uri, err))
		if i < len(servers)-1 {
			s.failovers.Add(1)
			s.t.warnOnce("location "+srv.uri, fmt.Sprintf("location %s cannot be reached, the next one was read: %v", srv.uri, err))
		}
	}
	return 0, status.Errorf(codes.Unavailable, "no location of an endpoint can be reached (%s): use --location original, or rewrite:FROM=TO", strings.Join(failed, "; "))
}

// renewed is ep, renewed if it is about to expire and the server renews.
func (s *slot) renewed(ctx context.Context, ep *flight.FlightEndpoint) *flight.FlightEndpoint {
	if ep.ExpirationTime == nil || time.Until(ep.ExpirationTime.AsTime()) > renewMargin || s.t.lacks.renew.Load() {
		return ep
	}
	cctx, c := s.begin(ctx)
	fresh, err := renew(cctx, s.client, ep)
	err = c.end(err, nil)
	switch {
	case err == nil:
		s.endpointRenewals.Add(1)
		return fresh
	case status.Code(err) == codes.Unimplemented:
		s.t.lacks.renew.Store(true)
		s.t.warn("endpoints were about to expire, and the server has no RenewFlightEndpoint")
	case ctx.Err() == nil:
		s.t.warnOnce("renew", fmt.Sprintf("an endpoint was about to expire and could not be renewed: %v", err))
	}
	return ep
}

func renew(ctx context.Context, client flight.FlightServiceClient, ep *flight.FlightEndpoint) (*flight.FlightEndpoint, error) {
	body, err := proto.Marshal(&flight.RenewFlightEndpointRequest{Endpoint: ep})
	if err != nil {
		return nil, err
	}
	if body, err = action(ctx, client, flight.RenewFlightEndpointActionType, body); err != nil {
		return nil, err
	}
	fresh := &flight.FlightEndpoint{}
	if err := proto.Unmarshal(body, fresh); err != nil {
		return nil, err
	}
	if fresh.Ticket == nil {
		return nil, errors.New("the server answered an endpoint without a ticket")
	}
	return fresh, nil
}

// read is one DoGet. It returns the rows and batches that came, also with an error.
func (s *slot) read(ctx context.Context, srv *server, ticket *flight.Ticket, set *workloads.Set) (rows, batches int64, err error) {
	if ticket == nil {
		return 0, 0, status.Error(codes.FailedPrecondition, "an endpoint has no ticket: there is nothing to ask for")
	}
	ctx, c := s.beginStream(ctx)
	start := s.t.clock.now()
	stream, err := srv.clients[s.index%len(srv.clients)].DoGet(ctx, ticket)
	if err != nil {
		if err = c.end(err, nil); err != nil {
			err = fmt.Errorf("DoGet: %w", err)
		}
		return 0, 0, err
	}
	in := receiving{call: c, start: start, set: set}
	if set != nil {
		if t, err := workloads.ParseTicket(ticket.GetTicket()); err == nil {
			in.next = t.Start
		}
	}
	err = s.receive(stream, &in)
	if err = c.end(err, in.trailer(stream)); err != nil {
		return in.rows, in.batches, fmt.Errorf("DoGet: %w", err)
	}
	srv.streams.Add(1)
	if !c.canceled {
		s.ended(start)
	}
	return in.rows, in.batches, nil
}

// receiving is a stream of batches that is being read.
type receiving struct {
	call  *call
	start int64          // of the call
	next  int64          // the rotation's index of the next batch
	set   *workloads.Set // to verify against; nil: nothing is verified
	seen  func(now int64, e *wire.Event)

	rows, batches int64 // read so far
	live          bool  // it was given up for what it carried, and has not ended
}

// trailer is where the stream's trailers are, nil while it has not ended.
func (in *receiving) trailer(stream grpc.ClientStream) func() metadata.MD {
	if in.live {
		return nil
	}
	return stream.Trailer
}

// verify compares the batch that r is at with the workload's. Batches without
// rows may come between, and be some of the workload's own.
func (in *receiving) verify(r *wire.Reader, rows int64) error {
	n := int64(len(in.set.Batches))
	if rows == 0 && in.set.Batches[in.next%n].Record.NumRows() > 0 {
		return nil
	}
	rec, err := r.Record()
	if err != nil {
		return err
	}
	defer rec.Release()
	if err := in.set.Verify(in.next, rec); err != nil {
		return status.Errorf(codes.DataLoss, "received data differ from the workload: %v", err)
	}
	in.next++
	return nil
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
			in.live = errors.As(err, new(*wire.DataError))
			return err
		}
		if e.Realigned > 0 {
			s.realigned.Add(e.Realigned)
		}
		if e.Kind != wire.KindBatch {
			in.call.message()
			continue
		}
		if in.set != nil {
			if err := in.verify(r, e.Rows); err != nil {
				in.live = true
				return err
			}
		}
		now := s.t.clock.now()
		s.batch(now, e.Sizes)
		if in.batches == 0 {
			s.response(latFirstBatch, now, in.start)
		} else {
			s.latency(latBatchGap, now, last)
		}
		if in.seen != nil {
			in.seen(now, e)
		}
		last = now
		in.batches++
		in.rows += e.Rows
		in.call.batch()
	}
}

// abandon tells a foreign server that the rest of info is not wanted, so that
// its query does not go on. Ours holds nothing for a FlightInfo.
func (t *trial) abandon(info *flight.FlightInfo) {
	if t.before != nil || t.lacks.cancel.Load() || t.lacks.info.Load() || t.config.Ticket != "" {
		return
	}
	body, err := proto.Marshal(&flight.CancelFlightInfoRequest{Info: info})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := t.control.action(ctx, flight.CancelFlightInfoActionType, body); err != nil {
		t.lacks.cancel.Store(true) // it has none, or is gone: the others need not wait for that
	}
}
