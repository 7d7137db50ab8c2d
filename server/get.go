package server

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// DoGet sends a ticket's batches, all prepared before the first one goes out.
func (s *service) DoGet(in *flight.Ticket, stream flight.FlightService_DoGetServer) (err error) {
	ctx := stream.Context()
	defer func() { s.cancelled.note(ctx, err) }()
	if isSQL(in.GetTicket()) {
		return s.sqlGet(in, stream)
	}
	r, err := s.ticket(in.GetTicket())
	if err != nil {
		return err
	}
	if err := r.expired(time.Now()); err != nil {
		return err
	}
	p, done, err := s.use(ctx, r.key)
	if err != nil {
		return err
	}
	defer done()
	defer s.stats.begin(&s.stats.get)()

	g := getter{w: wire.NewWriter(stream, p.stream), p: p, stats: &s.stats.get}
	defer g.w.Close()
	if err := g.w.Begin(nil); err != nil {
		return err
	}
	if t := s.troubles.of(r.Ticket); r.Quirk != "" || !t.none() {
		return g.trouble(stream, r, t)
	}
	for i := range r.Batches {
		if err := g.write(p.rotation(r.Start + i)); err != nil {
			return err
		}
	}
	return g.end()
}

// getter sends the batches of one DoGet.
type getter struct {
	w     *wire.Writer
	p     *prepared
	stats *counter
}

// write sends and counts the batch at index of the prepared ones.
func (g *getter) write(index int64) error {
	n, err := g.w.Write(index, nil)
	if err == nil {
		g.stats.batch(n)
	}
	return err
}

// end sends the batch that a stream ends with, where it has one.
func (g *getter) end() error {
	if g.p.last < 0 {
		return nil
	}
	return g.write(g.p.last)
}

// trouble sends what r asks for, with what is unusual about it.
func (g *getter) trouble(stream flight.FlightService_DoGetServer, r request, t trouble) error {
	ctx := stream.Context()
	for i := range r.Batches {
		if err := t.fail(ctx, i); err != nil {
			return err
		}
		if err := t.wait(ctx); err != nil {
			return err
		}
		if r.Quirk == workloads.QuirkMetadata {
			if err := stream.Send(&flight.FlightData{AppMetadata: []byte("flightbench")}); err != nil {
				return err
			}
		}
		if g.p.empty >= 0 {
			if err := g.write(g.p.empty); err != nil {
				return err
			}
		}
		if err := g.write(g.p.rotation(r.Start + i)); err != nil {
			return err
		}
	}
	return t.fail(ctx, r.Batches)
}
