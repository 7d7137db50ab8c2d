package server

import (
	"context"
	"crypto/rand"
	"sync"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// service holds the handlers. They know nothing of the transport below the
// streams that they are given, so they register with any grpc.ServiceRegistrar.
type service struct {
	flightgen.UnimplementedFlightServiceServer

	opts      Options
	mem       memory.Allocator
	files     fileSet
	cache     *cache
	stats     stats
	gate      *gate  // nil: everybody may call
	token     string // what Handshake answers without a gate
	troubles  troubles
	cancelled cancelled
	sessions  sessions
	schemas   sync.Map // of listed workloads, by name: *arrow.Schema
	ceilings  ceilings
}

func newService(o Options) (*service, error) {
	files, err := newFileSet(o.Files)
	if err != nil {
		return nil, err
	}
	s := &service{opts: o, mem: o.Allocator, files: files, gate: newGate(o.Access), token: rand.Text()}
	if s.mem == nil {
		s.mem = memory.DefaultAllocator
	}
	s.ceilings = ceilings{tls: o.TLS, limit: o.PrepareLimit, stats: &s.stats, idle: ceilingIdle}
	s.cache = newCache(o.PrepareLimit, estimate, s.prepare)
	return s, nil
}

// use acquires k's prepared batches; done must be called once they are no
// longer needed.
func (s *service) use(ctx context.Context, k key) (p *prepared, done func(), err error) {
	e, err := s.cache.acquire(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	return e.prepared, func() { s.cache.release(e) }, nil
}
