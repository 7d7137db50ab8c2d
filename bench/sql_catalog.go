package bench

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"
)

// catalogOp asks for metadata and reads it to its last row: one call.
type catalogOp struct{ descriptor *flight.FlightDescriptor }

func newCatalog(cmd proto.Message) func(context.Context, *trial) (operation, error) {
	return func(_ context.Context, t *trial) (operation, error) {
		for _, s := range t.slots {
			s.state = s.apart()
		}
		d, err := command(cmd)
		return &catalogOp{d}, err
	}
}

// apart is s with counters of its own, for streams that are part of a call and
// are not to be counted themselves.
func (s *slot) apart() *slot {
	return &slot{recorder: recorder{counters: &counters{}, window: s.window, hists: s.hists},
		t: s.t, index: s.index, conn: s.conn, client: s.client}
}

func (o *catalogOp) run(ctx context.Context, s *slot) error {
	q := s.state.(*slot)
	start := s.t.clock.now()
	info, err := q.info(ctx, o.descriptor)
	if err == nil {
		err = q.readAll(ctx, info, nil)
	}
	if err != nil {
		return oneLine(fmt.Errorf("%s: %w", s.t.config.Op, err))
	}
	now := s.t.clock.now()
	s.response(latCatalog, now, start)
	s.stream(now)
	return nil
}
