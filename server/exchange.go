package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"

	"flightbench/internal/wire"
)

// DoExchange echoes. Counted, every message goes back as it came. A ticket that
// asks for batch or verify makes the server decode each batch, check it, and
// encode it anew with the ticket's compression, as a service that works on the
// data would; app_metadata is echoed all the same.
func (s *service) DoExchange(stream flight.FlightService_DoExchangeServer) error {
	in, err := s.intake("DoExchange", stream)
	if err != nil {
		return err
	}
	defer in.close()
	defer s.stats.begin(&s.stats.exchange)()
	if in.level == wire.Batch {
		return s.reencode(in, stream)
	}

	// The sending of a batch is known to have succeeded once the next message
	// comes or the stream ends well.
	var sent wire.Sizes
	err = wire.Echo(in.stream, s.opts.Transport, func(ev *wire.Event) {
		s.stats.exchange.bytes(sent)
		sent = wire.Sizes{}
		if ev.Kind == wire.KindBatch {
			sent = ev.Sizes
			s.stats.exchange.batch(sent)
		}
	})
	if err == nil {
		s.stats.exchange.bytes(sent)
	}
	return err
}

// reencode echoes what was decoded.
func (s *service) reencode(in *intake, stream grpc.ServerStream) error {
	r := wire.NewReader(in.stream, s.opts.Transport, in.level, s.mem)
	defer r.Close()
	out := &sizedSender{stream: stream}
	var w *flight.Writer
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
			err = s.reencodeBatch(in, r, ev, w, out)
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
	switch in.codec.Name {
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
