package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// slot is one of the streams in flight: it runs one stream after another over
// its connection. Not for concurrent use.
type slot struct {
	recorder
	clock      clock
	config     *results.Config
	transport  wire.Transport
	client     flight.FlightServiceClient
	target     target.Target
	descriptor *flight.FlightDescriptor
	prepared   *wire.Prepared // put and exchange
	set        *workloads.Set // verify
	warn       func(string)
}

// operations run one iteration: a stream, or for DoGet one for each endpoint.
var operations = map[string]func(*slot, context.Context) error{
	OpGet: (*slot).get, OpPut: (*slot).put, OpExchange: (*slot).exchange,
}

// get calls GetFlightInfo, since a ticket may be good for one DoGet only, and
// reads every endpoint in turn.
func (s *slot) get(ctx context.Context) error {
	start := s.clock.now()
	info, err := s.client.GetFlightInfo(ctx, s.descriptor)
	switch {
	case status.Code(err) == codes.Unimplemented:
		s.warn("the server has no GetFlightInfo: the descriptor's bytes were sent as the ticket")
		return s.getTicket(ctx, &flight.Ticket{Ticket: s.descriptor.Cmd})
	case err != nil:
		return fmt.Errorf("GetFlightInfo: %w", err)
	}
	s.latency(latInfo, s.clock.now(), start)
	if len(info.Endpoint) == 0 {
		return status.Error(codes.FailedPrecondition, "GetFlightInfo listed no endpoint: nothing to read")
	}
	for _, ep := range info.Endpoint {
		if len(ep.Location) > 0 && !slices.ContainsFunc(ep.Location, s.here) {
			s.warn(fmt.Sprintf("an endpoint lists only other locations (%s): it was read over the original connection", ep.Location[0].Uri))
		}
		if err := s.getTicket(ctx, ep.Ticket); err != nil {
			return err
		}
	}
	return nil
}

// here tells whether l is the original connection.
func (s *slot) here(l *flight.Location) bool {
	return l.Uri == "" || l.Uri == "arrow-flight-reuse-connection://?" || s.target.Same(l.Uri)
}

func (s *slot) getTicket(ctx context.Context, ticket *flight.Ticket) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := s.clock.now()
	stream, err := s.client.DoGet(ctx, ticket)
	if err != nil {
		return fmt.Errorf("DoGet: %w", err)
	}
	var first int64
	if t, err := workloads.ParseTicket(ticket.GetTicket()); err == nil {
		first = t.Start
	}
	if _, err := s.receive(stream, start, first, nil); err != nil {
		return fmt.Errorf("DoGet: %w", err)
	}
	s.ended(start)
	return nil
}

// receive reads batches until the stream ends. first is the rotation's index of
// the first batch; seen, if not nil, is called for each batch.
func (s *slot) receive(stream wire.RecvStream, start, first int64, seen func(now int64, e *wire.Event)) (n int64, err error) {
	level := wire.Batch
	if s.config.Decode == "count" {
		level = wire.Count
	}
	r := wire.NewReader(stream, s.transport, level, memory.DefaultAllocator)
	defer r.Close()
	last := start
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if e.Realigned > 0 {
			s.realigned.Add(e.Realigned)
		}
		if e.Kind != wire.KindBatch {
			continue
		}
		if s.set != nil {
			if err := s.verify(r, first+n); err != nil {
				return n, err
			}
		}
		now := s.clock.now()
		s.batch(now, e.Sizes)
		if n == 0 {
			s.latency(latFirstBatch, now, start)
		} else {
			s.latency(latBatchGap, now, last)
		}
		if seen != nil {
			seen(now, e)
		}
		last = now
		n++
	}
}

func (s *slot) verify(r *wire.Reader, i int64) error {
	rec, err := r.Record()
	if err != nil {
		return err
	}
	defer rec.Release()
	if err := s.set.Verify(i, rec); err != nil {
		return status.Errorf(codes.DataLoss, "received data differ from the workload: %v", err)
	}
	return nil
}

func (s *slot) ended(start int64) {
	now := s.clock.now()
	s.stream(now)
	s.latency(latStream, now, start)
}

// put sends one stream while its acks are drained, half-closes, and reads to
// the end to learn the status.
func (s *slot) put(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := s.clock.now()
	stream, err := s.client.DoPut(ctx)
	if err != nil {
		return fmt.Errorf("DoPut: %w", err)
	}
	var drained sync.WaitGroup
	var ackErr error
	drained.Go(func() { ackErr = s.drainAcks(stream) })
	sendErr := s.send(stream, s.config.PutAck, func(now int64, z wire.Sizes) { s.batch(now, z) })
	if sendErr != nil && !errors.Is(sendErr, io.EOF) {
		cancel()
	}
	drained.Wait()
	switch {
	case sendErr != nil && !errors.Is(sendErr, io.EOF):
		return fmt.Errorf("DoPut: %w", sendErr)
	case ackErr != nil:
		return fmt.Errorf("DoPut: %w", ackErr)
	case sendErr != nil:
		return status.Error(codes.Aborted, "DoPut: the server ended the stream with OK before all batches were sent")
	}
	s.ended(start)
	return nil
}

func (s *slot) drainAcks(stream flight.FlightService_DoPutClient) error {
	for {
		ack, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		s.acks.Add(1)
		if sent, ok := readStamp(ack.AppMetadata); ok {
			s.latency(latPutAck, s.clock.now(), sent)
		}
	}
}

// send writes the schema and every batch and half-closes. ack says which
// batches carry a stamp in their app_metadata; sent is called after each.
// io.EOF means that the server has ended the call; its status comes by Recv.
func (s *slot) send(stream grpc.ClientStream, ack string, sent func(now int64, z wire.Sizes)) error {
	w := wire.NewWriter(stream, s.prepared)
	defer w.Close()
	if err := w.Begin(s.descriptor); err != nil {
		return err
	}
	var buf [stampLen]byte
	for i := range s.config.Batches {
		var meta []byte
		if ack == AckAll || ack == AckLast && i == s.config.Batches-1 {
			meta = putStamp(&buf, s.clock.now())
		}
		z, err := w.Write(i, meta)
		if err != nil {
			return err
		}
		sent(s.clock.now(), z)
	}
	return stream.CloseSend()
}

// exchange sends one stream while it reads the echo.
func (s *slot) exchange(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := s.clock.now()
	stream, err := s.client.DoExchange(ctx)
	if err != nil {
		return fmt.Errorf("DoExchange: %w", err)
	}
	var sent sync.WaitGroup
	var sendErr error
	sent.Go(func() {
		if sendErr = s.send(stream, AckAll, s.bytes); sendErr != nil && !errors.Is(sendErr, io.EOF) {
			cancel()
		}
	})
	n, recvErr := s.receive(stream, start, 0, func(now int64, e *wire.Event) {
		if at, ok := readStamp(e.AppMetadata); ok {
			s.latency(latExchange, now, at)
		}
	})
	if recvErr != nil {
		cancel()
	}
	sent.Wait()
	switch {
	case sendErr != nil && !errors.Is(sendErr, io.EOF):
		return fmt.Errorf("DoExchange: %w", sendErr)
	case recvErr != nil:
		return fmt.Errorf("DoExchange: %w", recvErr)
	case n != s.config.Batches:
		return status.Errorf(codes.DataLoss, "DoExchange: %d batches came back of a stream of %d: the server does not echo", n, s.config.Batches)
	}
	s.ended(start)
	return nil
}

// A stamp is app_metadata that says when its batch was sent, on the trial's
// clock. A server that echoes app_metadata, as Arrow's own do, gives it back.
const (
	stampMagic = "FBSTAMP1"
	stampLen   = len(stampMagic) + 8
)

func putStamp(b *[stampLen]byte, now int64) []byte {
	copy(b[:], stampMagic)
	binary.LittleEndian.PutUint64(b[len(stampMagic):], uint64(now))
	return b[:]
}

func readStamp(b []byte) (sent int64, ok bool) {
	if len(b) != stampLen || string(b[:len(stampMagic)]) != stampMagic {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(b[len(stampMagic):])), true
}
