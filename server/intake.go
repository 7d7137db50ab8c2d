package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// An intake is the receiving half of a DoPut or DoExchange whose descriptor has
// been read. Not for concurrent use.
type intake struct {
	request
	stream  *replay // begins with the message that held the descriptor
	trouble trouble
	level   wire.Level
	set     *workloads.Set // to verify against; nil: nothing is verified
	taken   int64          // batches checked
	close   func()
}

// opening reads the first message of a call named rpc, which must carry the
// descriptor.
func opening(rpc string, stream grpc.ServerStream) (*replay, error) {
	first := new(flight.FlightData)
	switch err := stream.RecvMsg(first); {
	case errors.Is(err, io.EOF):
		return nil, status.Errorf(codes.InvalidArgument, "%s ended before its first message: send a descriptor and a schema", rpc)
	case err != nil:
		return nil, err
	case first.GetFlightDescriptor() == nil:
		return nil, status.Errorf(codes.InvalidArgument, "the first message of %s has no descriptor: send one, an empty one will do", rpc)
	}
	return &replay{stream, first}, nil
}

// intake prepares for what the descriptor of stream's first message asks.
func (s *service) intake(stream *replay) (*intake, error) {
	r, err := s.asked(stream.first.GetFlightDescriptor())
	if err != nil {
		return nil, err
	}
	in := &intake{request: r, stream: stream, trouble: s.troubles.of(r.Ticket), close: func() {}}
	switch r.Decode {
	case "", workloads.DecodeCount:
	case workloads.DecodeBatch:
		in.level = wire.Batch
	case workloads.DecodeVerify:
		raw := r.key
		raw.codec = wire.Compression{Name: wire.None} // the raw batches are enough
		p, done, err := s.use(stream.Context(), raw)
		if err != nil {
			return nil, err
		}
		in.level, in.set, in.close = wire.Batch, p.set, done
	default:
		return nil, status.Errorf(codes.InvalidArgument, "ticket: decode %q is unknown: use count, batch or verify", r.Decode)
	}
	return in, nil
}

// check compares the batch that r is at with the one that the ticket promised.
func (in *intake) check(rec arrow.RecordBatch) error {
	if in.set == nil {
		return nil
	}
	if err := in.set.Verify(in.Start+in.taken, rec); err != nil {
		return status.Errorf(codes.DataLoss, "batch %d of the stream is not what its ticket says: %v", in.taken, err)
	}
	in.taken++
	return nil
}

// replay is a stream whose first message was read already and comes once more:
// how the rest is to be received was said in it.
type replay struct {
	grpc.ServerStream
	first *flight.FlightData
}

// RecvMsg implements grpc.ServerStream.
func (r *replay) RecvMsg(m any) error {
	first := r.first
	if first == nil {
		return r.ServerStream.RecvMsg(m)
	}
	r.first = nil
	switch m := m.(type) {
	case *flight.FlightData:
		m.FlightDescriptor, m.DataHeader, m.AppMetadata, m.DataBody = first.FlightDescriptor, first.DataHeader, first.AppMetadata, first.DataBody
		return nil
	case wire.SinkMessage:
		b, err := proto.Marshal(first)
		if err != nil {
			return internalf("marshal the first message again: %v", err)
		}
		sink := m.NewSink()
		if err := sink.Reset(len(b)); err != nil {
			return internalf("replay the first message: %v", err)
		}
		if _, err := sink.Write(b); err != nil {
			return internalf("replay the first message: %v", err)
		}
		if err := sink.Close(); err != nil {
			return internalf("replay the first message: %v", err)
		}
		m.Take(sink)
		return nil
	}
	return internalf("replay the first message into a %T", m)
}
