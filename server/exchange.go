package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
)

// DoExchange echoes. Counted, every message goes back as it came. A ticket that
// asks for batch or verify makes the server decode each batch, check it, and
// encode it anew with the ticket's compression, as a service that works on the
// data would; app_metadata is echoed all the same.
func (s *service) DoExchange(stream flight.FlightService_DoExchangeServer) (err error) {
	ctx := stream.Context()
	defer func() { s.cancelled.note(ctx, err) }()
	first, err := opening("DoExchange", stream)
	if err != nil {
		return err
	}
	if sqlDescriptor(first.first.GetFlightDescriptor()) {
		return status.Error(codes.InvalidArgument, "Flight SQL has no DoExchange: send the command by GetFlightInfo or DoPut")
	}
	in, err := s.intake(first)
	if err != nil {
		return err
	}
	defer in.close()
	defer s.stats.begin(&s.stats.exchange)()
	if err := in.trouble.fail(ctx, 0); err != nil {
		return err
	}
	if in.level == wire.Batch {
		return s.reencode(in, stream)
	}

	// The sending of a batch is known to have succeeded once the next message
	// comes or the stream ends well.
	var sent wire.Sizes
	echo := grpc.ServerStream(in.stream)
	var troubled *troubledEcho
	if !in.trouble.none() {
		troubled = &troubledEcho{ServerStream: in.stream, trouble: in.trouble}
		echo = troubled
	}
	err = wire.Echo(echo, s.opts.Transport, func(ev *wire.Event) {
		s.stats.exchange.bytes(sent)
		sent = wire.Sizes{}
		if ev.Kind == wire.KindBatch {
			sent = ev.Sizes
			s.stats.exchange.batch(sent)
		}
		if troubled != nil {
			troubled.batch = ev.Kind == wire.KindBatch
		}
	})
	if err == nil {
		s.stats.exchange.bytes(sent)
	}
	return err
}

// troubledEcho sends back with a delay, and ends with an error.
type troubledEcho struct {
	grpc.ServerStream
	trouble trouble
	batch   bool // the message to be sent is one
	batches int64
}

// SendMsg implements grpc.ServerStream.
func (e *troubledEcho) SendMsg(m any) error {
	if !e.batch {
		return e.ServerStream.SendMsg(m)
	}
	if err := e.trouble.wait(e.Context()); err != nil {
		return err
	}
	if err := e.ServerStream.SendMsg(m); err != nil {
		return err
	}
	e.batches++
	return e.trouble.fail(e.Context(), e.batches)
}

// reencode echoes what was decoded.
func (s *service) reencode(in *intake, stream grpc.ServerStream) error {
	r := wire.NewReader(in.stream, s.opts.Transport, in.level, s.mem)
	defer r.Close()
	out := &sizedSender{stream: stream}
	var w *flight.Writer
	var batches int64
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			if w == nil {
				return nil
			}
			return w.Close() // sends the schema if no batch did
		}
		if err != nil {
			if w != nil {
				w.Close()
			}
			return err
		}
		switch ev.Kind {
		case wire.KindSchema:
			w = flight.NewRecordWriter(out, s.ipcOptions(in, r)...)
		case wire.KindMetadata:
			err = stream.SendMsg(&flight.FlightData{AppMetadata: ev.AppMetadata})
		case wire.KindBatch:
			if err = in.trouble.wait(stream.Context()); err == nil {
				err = s.reencodeBatch(in, r, ev, w, out)
				batches++
			}
		}
		if err == nil {
			err = in.trouble.fail(stream.Context(), batches)
		}
		if err != nil {
			if w != nil {
				w.Close()
			}
			return err
		}
	}
}

func (s *service) reencodeBatch(in *intake, r *wire.Reader, ev *wire.Event, w *flight.Writer, out *sizedSender) error {
	rec, err := r.Record()
	if err != nil {
		return err
	}
	defer rec.Release()
	if err := in.check(rec); err != nil {
		return err
	}
	s.stats.exchange.batch(ev.Sizes)
	if err := w.WriteWithAppMetadata(rec, ev.AppMetadata); err != nil {
		return err
	}
	s.stats.exchange.bytes(wire.Sizes{Body: out.body, Logical: ev.Logical})
	return nil
}

func (s *service) ipcOptions(in *intake, r *wire.Reader) []ipc.Option {
	opts := []ipc.Option{ipc.WithSchema(r.Schema()), ipc.WithAllocator(s.mem), ipc.WithDictionaryDeltas(false)}
	switch in.key.codec.Name {
	case wire.LZ4:
		opts = append(opts, ipc.WithLZ4())
	case wire.ZSTD:
		opts = append(opts, ipc.WithZstd())
	}
	return opts
}

// sizedSender notes the body of the last message sent: after a Write, the
// batch's, for its dictionaries go first.
type sizedSender struct {
	stream grpc.ServerStream
	body   int64
}

// Send implements flight.DataStreamWriter.
func (s *sizedSender) Send(d *flight.FlightData) error {
	s.body = int64(len(d.DataBody))
	return s.stream.SendMsg(d)
}
