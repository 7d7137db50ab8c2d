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
	paced  bool                       // the iteration is of an open loop, and
	due    int64                      // should have begun then
	times  times
}

// ended counts a stream that ended by itself and records how long it took.
func (s *slot) ended(start int64) {
	now := s.t.clock.now()
	s.stream(now)
	s.response(latStream, now, start)
}

// response is latency of what an iteration's user waits for: in an open loop
// it is kept from the intended start, which is when the iteration was due, as
// well as from the actual one, and the former has the metric's own name.
//
// Note: the intended start of a DoGet is that of the GetFlightInfo before it,
// for nobody can say when else the call should have begun: a server that stalls
// in the one makes the user wait for the other.
func (s *slot) response(m metric, now, since int64) {
	if !s.window.holds(now) {
		return
	}
	if s.paced {
		s.sample(m+fromActual, now-since)
		since = s.due
	}
	s.sample(m, now-since)
}
