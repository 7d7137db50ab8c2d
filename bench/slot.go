package bench

import (
	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/target"
)

// slot is one of the iterations in flight: it runs one after another over its
// connection. Not for concurrent use, but for the recorder.
type slot struct {
	recorder
	t      *trial
	index  int // from 0; it also chooses the connection
	conn   *target.Conn
	client flight.FlightServiceClient // over conn
	failed bool                       // an iteration of it has
	state  any                        // what the operation keeps for this slot
}

// ended counts a stream that ended by itself and records how long it took.
func (s *slot) ended(start int64) {
	now := s.t.clock.now()
	s.stream(now)
	s.latency(latStream, now, start)
}
