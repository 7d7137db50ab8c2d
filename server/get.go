package server

import (
	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/wire"
)

// DoGet sends a ticket's batches, all prepared before the first one goes out.
func (s *service) DoGet(in *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	t, k, err := s.ticket(in.GetTicket())
	if err != nil {
		return err
	}
	p, done, err := s.use(stream.Context(), k)
	if err != nil {
		return err
	}
	defer done()
	defer s.stats.begin(&s.stats.get)()

	w := wire.NewWriter(stream, p.stream)
	defer w.Close()
	if err := w.Begin(nil); err != nil {
		return err
	}
	for i := range t.Batches {
		n, err := w.Write(t.Start+i, nil)
		if err != nil {
			return err
		}
		s.stats.get.batch(n)
	}
	return nil
}
