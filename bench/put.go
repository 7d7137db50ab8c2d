package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// putOp sends one stream an iteration.
type putOp struct {
	descriptor *flight.FlightDescriptor
	ack        func(s *slot, r *flight.PutResult) // sees every PutResult; may be nil
}

func newPut(ctx context.Context, t *trial) (operation, error) {
	d, err := t.descriptor(ctx)
	return &putOp{descriptor: d}, err
}

// run sends while acks are drained, half-closes, and reads to the end to learn
// the status.
func (o *putOp) run(ctx context.Context, s *slot) error {
	ctx, c := s.beginStream(ctx)
	start := s.t.clock.now()
	stream, err := s.client.DoPut(ctx)
	if err != nil {
		return s.sent(c, start, "DoPut", nil, err, nil)
	}
	var drained sync.WaitGroup
	var ackErr error
	drained.Go(func() { ackErr = o.drain(s, stream, c) })
	sendErr := s.send(stream, o.descriptor, s.t.config.PutAck, c, func(now int64, z wire.Sizes) { s.batch(now, z) })
	if sendErr != nil && !errors.Is(sendErr, io.EOF) {
		c.cancel(sendErr)
	}
	tail := s.times.tails.Begin()
	drained.Wait()
	s.times.tails.End(tail)
	return s.sent(c, start, "DoPut", sendErr, ackErr, stream.Trailer)
}

// sent ends a call that sent: the server's status says more than what went
// wrong on the way to it, unless sending it was what we gave up the call for.
func (s *slot) sent(c *call, start int64, name string, sendErr, recvErr error, trailer func() metadata.MD) error {
	err := recvErr
	switch ours := sendErr != nil && !errors.Is(sendErr, io.EOF); {
	case ours && (recvErr == nil || status.Code(recvErr) == codes.Canceled && errors.Is(context.Cause(c.ctx), sendErr)):
		err, trailer = sendErr, nil
	case sendErr != nil && recvErr == nil:
		err = status.Error(codes.Aborted, "the server ended the stream with OK before all batches were sent")
	}
	if err = c.end(err, trailer); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !c.canceled {
		s.ended(start)
	}
	return nil
}

func (o *putOp) drain(s *slot, stream flight.FlightService_DoPutClient, c *call) error {
	for {
		ack, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		c.message()
		s.acks.Add(1)
		if o.ack != nil {
			o.ack(s, ack)
		}
		if sent, ok := readStamp(ack.AppMetadata); ok {
			s.latency(latPutAck, s.t.clock.now(), sent)
		}
	}
}

// send writes the schema and every batch and half-closes. ack says which
// batches carry a stamp in their app_metadata; sent is called after each. c, if
// not nil, is told of each as well.
// io.EOF means that the server has ended the call; its status comes by Recv.
func (s *slot) send(stream grpc.ClientStream, d *flight.FlightDescriptor, ack string, c *call, sent func(now int64, z wire.Sizes)) error {
	w := wire.NewWriter(stream, s.t.payload.prepared)
	defer w.Close()
	if err := w.Begin(d); err != nil {
		return err
	}
	var buf [stampLen]byte
	for i := range s.t.config.Batches {
		var meta []byte
		if ack == AckAll || ack == AckLast && i == s.t.config.Batches-1 {
			meta = putStamp(&buf, s.t.clock.now())
		}
		z, err := w.Write(i, meta)
		if err != nil {
			return err
		}
		sent(s.t.clock.now(), z)
		if c != nil {
			c.batch()
		}
	}
	return stream.CloseSend()
}

// exchangeOp sends one stream an iteration while it reads the echo.
type exchangeOp struct {
	descriptor *flight.FlightDescriptor
	set        *workloads.Set
}

func newExchange(ctx context.Context, t *trial) (operation, error) {
	d, err := t.descriptor(ctx)
	return &exchangeOp{d, t.payload.set}, err
}

func (o *exchangeOp) run(ctx context.Context, s *slot) error {
	ctx, c := s.beginStream(ctx)
	start := s.t.clock.now()
	stream, err := s.client.DoExchange(ctx)
	if err != nil {
		return s.sent(c, start, "DoExchange", nil, err, nil)
	}
	var sent sync.WaitGroup
	var sendErr error
	var tail int64
	both := s.times.calls.Begin() // it sends while it receives
	sent.Go(func() {
		sendErr = s.send(stream, o.descriptor, AckAll, nil, func(now int64, z wire.Sizes) {
			s.bytes(now, z)
			c.message()
		})
		if sendErr != nil && !errors.Is(sendErr, io.EOF) {
			c.cancel(sendErr)
		}
		tail = s.times.tails.Begin()
	})
	in := receiving{call: c, start: start, set: o.set, seen: func(now int64, e *wire.Event) {
		if at, ok := readStamp(e.AppMetadata); ok {
			s.latency(latExchange, now, at)
		}
	}}
	recvErr := s.receive(stream, &in)
	if recvErr != nil {
		c.cancel(recvErr)
	}
	sent.Wait()
	s.times.tails.End(tail)
	s.times.calls.End(both)
	if recvErr == nil && (errors.Is(sendErr, io.EOF) || sendErr == nil && in.batches != s.t.config.Batches) {
		sendErr, recvErr = nil, status.Errorf(codes.DataLoss, "%d batches came back of a stream of %d: the server does not echo", in.batches, s.t.config.Batches)
	}
	return s.sent(c, start, "DoExchange", sendErr, recvErr, in.trailer(stream))
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
