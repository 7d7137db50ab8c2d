package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// opaqueOp moves streams of opaque messages over the trial's own connections.
type opaqueOp struct {
	ceiling
	t       *trial
	at      *workloads.Ceiling
	way     string
	buffers [][]byte // to be sent
}

func newOpaque(ctx context.Context, t *trial) (_ operation, err error) {
	_, way, _ := t.config.Rung()
	o := &opaqueOp{ceiling: t.ceiling, t: t, way: way}
	if o.at, err = o.begin(ctx, t, workloads.CeilingGRPC); err != nil {
		return nil, err
	}
	if way != workloads.CeilingGet {
		o.buffers = workloads.CeilingBytes(o.bodies())
	}
	return o, nil
}

// Close ends it at the server.
func (o *opaqueOp) Close() error { return o.t.endCeiling(o.at.ID) }

var opaqueStream = &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// run is one call.
func (o *opaqueOp) run(ctx context.Context, s *slot) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, workloads.CeilingHeader, o.at.ID+" "+strconv.FormatInt(o.batches, 10))
	stream, err := s.conn.NewStream(ctx, opaqueStream, "/"+workloads.CeilingService+"/"+o.way)
	if err != nil {
		return err
	}
	var out wire.Opaque
	send := func(i int64) (wire.Sizes, error) {
		out.Bytes = o.buffers[i%int64(len(o.buffers))]
		return o.size(i), out.Send(stream, o.t.transport)
	}
	in := wire.Opaque{Keep: o.t.config.Decode != "count"}
	defer in.Release()
	take := func(i int64) (wire.Sizes, error) {
		n, err := in.Receive(stream, o.t.transport)
		switch {
		case errors.Is(err, io.EOF):
			err = status.Errorf(codes.DataLoss, "the server ended the stream with OK after %d of %d messages", i, o.batches)
		case err == nil && n != o.size(i).Body:
			err = status.Errorf(codes.DataLoss, "message %d has %d bytes, not %d", i, n, o.size(i).Body)
		case err == nil && i == o.batches-1:
			err = o.over(stream)
		}
		return o.size(i), err
	}
	switch o.way {
	case workloads.CeilingGet:
		if err = stream.CloseSend(); err == nil {
			err = o.stream(ctx, s, take)
		}
	case workloads.CeilingPut:
		err = o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
			z, err := send(i)
			if errors.Is(err, io.EOF) {
				return z, o.over(stream)
			}
			if err == nil && i == o.batches-1 {
				if err = stream.CloseSend(); err == nil {
					err = o.over(stream)
				}
			}
			return z, err
		})
	default:
		err = o.exchange(ctx, cancel, s, stream, send, take)
	}
	if err != nil {
		return fmt.Errorf("gRPC %s of opaque messages: %w", o.way, err)
	}
	return nil
}

// over awaits the end of the call.
func (o *opaqueOp) over(stream grpc.ClientStream) error {
	var m wire.Opaque
	if n, err := m.Receive(stream, o.t.transport); err == nil {
		return status.Errorf(codes.DataLoss, "the server sent %d bytes after the last message", n)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// exchange sends while it reads what comes back.
func (o *opaqueOp) exchange(ctx context.Context, cancel func(), s *slot, stream grpc.ClientStream, send, take func(int64) (wire.Sizes, error)) error {
	var sent sync.WaitGroup
	var sendErr error
	sent.Go(func() {
		if sendErr = o.outward(ctx, s, send); sendErr == nil {
			sendErr = stream.CloseSend()
		}
		if sendErr != nil && !errors.Is(sendErr, io.EOF) {
			cancel()
		}
	})
	err := o.stream(ctx, s, take)
	if err != nil {
		cancel()
	}
	sent.Wait()
	if err == nil && !errors.Is(sendErr, io.EOF) {
		err = sendErr
	}
	return err
}
