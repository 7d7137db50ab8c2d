package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/wire"
)

// DoPut takes a stream and drops it. A batch that carries app_metadata is
// acknowledged, after it was taken, by one PutResult that echoes it; so is a
// message of app_metadata alone. Schemas and dictionaries never are: arrow-go
// repeats the first batch's app_metadata on those before it.
func (s *service) DoPut(stream flight.FlightService_DoPutServer) (err error) {
	ctx := stream.Context()
	defer func() { s.cancelled.note(ctx, err) }()
	first, err := opening("DoPut", stream)
	if err != nil {
		return err
	}
	if sqlDescriptor(first.first.GetFlightDescriptor()) {
		return s.sqlPut(first)
	}
	in, err := s.intake(first)
	if err != nil {
		return err
	}
	defer in.close()
	defer s.stats.begin(&s.stats.put)()
	if err := in.trouble.fail(ctx, 0); err != nil {
		return err
	}

	r := wire.NewReader(in.stream, s.opts.Transport, in.level, s.mem)
	defer r.Close()
	var ack flight.PutResult
	var batches int64
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case wire.KindBatch:
			if err := in.trouble.wait(ctx); err != nil {
				return err
			}
			if err := in.verify(r); err != nil {
				return err
			}
			s.stats.put.batch(ev.Sizes)
			batches++
		case wire.KindMetadata:
		default:
			continue
		}
		if len(ev.AppMetadata) > 0 {
			ack.AppMetadata = ev.AppMetadata // serialised before Send returns
			if err := stream.Send(&ack); err != nil {
				return err
			}
		}
		if err := in.trouble.fail(ctx, batches); err != nil {
			return err
		}
	}
}

// verify checks the batch that r is at, if the ticket asks for that.
func (in *intake) verify(r *wire.Reader) error {
	if in.set == nil {
		return nil
	}
	rec, err := r.Record()
	if err != nil {
		return err
	}
	defer rec.Release()
	return in.check(rec)
}
