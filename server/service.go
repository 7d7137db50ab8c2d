package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// service holds the handlers. They know nothing of the transport below the
// streams that they are given, so they register with any grpc.ServiceRegistrar.
type service struct {
	flightgen.UnimplementedFlightServiceServer

	opts  Options
	mem   memory.Allocator
	files fileSet
	cache *cache
	stats stats
	token string
}

func newService(o Options) (*service, error) {
	files, err := newFileSet(o.Files)
	if err != nil {
		return nil, err
	}
	s := &service{opts: o, mem: o.Allocator, files: files, token: rand.Text()}
	if s.mem == nil {
		s.mem = memory.DefaultAllocator
	}
	s.cache = newCache(o.PrepareLimit, estimate, s.prepare)
	return s, nil
}

// ticket reads one of our tickets, checks what it may ask for, and returns the
// key of the batches that it sends.
func (s *service) ticket(b []byte) (workloads.Ticket, key, error) {
	t, err := workloads.ParseTicket(b)
	if err != nil {
		return t, key{}, status.Error(codes.InvalidArgument, err.Error())
	}
	k, err := s.key(t)
	return t, k, err
}

func (s *service) key(t workloads.Ticket) (key, error) {
	codec, err := wire.ParseCompression(t.Compression)
	if err != nil {
		return key{}, status.Errorf(codes.InvalidArgument, "ticket: %v", err)
	}
	if s.opts.Transport == wire.Stock && codec.Level != 0 {
		return key{}, status.Errorf(codes.InvalidArgument, "ticket: compression %s: a server of transport stock has no levels: ask for %s, or start it with --transport %s", codec, codec.Name, wire.GRPC)
	}
	if path := t.Spec.Path; path != "" && !s.files.offers(path) {
		return key{}, status.Errorf(codes.PermissionDenied, "file %q is not offered by this server: start it with --file %s", path, path)
	}
	return key{spec: t.Spec, codec: codec}, nil
}

// command reads the descriptor of a flight that the server is asked to send.
func (s *service) command(d *flight.FlightDescriptor) (workloads.Ticket, key, error) {
	if d.GetType() != flight.DescriptorCMD {
		return workloads.Ticket{}, key{}, status.Errorf(codes.InvalidArgument, "descriptor is of type %s with path %q: send a CMD that holds a flightbench ticket, as ListFlights tells", d.GetType(), d.GetPath())
	}
	return s.ticket(d.GetCmd())
}

// asked reads the descriptor of a stream that the server takes. One that is not
// ours, of whatever type, asks for nothing: its stream is counted.
func (s *service) asked(d *flight.FlightDescriptor) (workloads.Ticket, key, error) {
	cmd := bytes.TrimLeft(d.GetCmd(), " \t\r\n")
	if d.GetType() != flight.DescriptorCMD || !bytes.HasPrefix(cmd, []byte("{")) || !bytes.Contains(cmd, []byte(`"flightbench"`)) {
		return workloads.Ticket{}, key{}, nil
	}
	return s.ticket(cmd)
}

// shifted is the ticket of endpoint i: the same stream, further on in the
// rotation.
func shifted(t workloads.Ticket, i int) (workloads.Ticket, error) {
	if t.Batches > 0 && int64(i) > (math.MaxInt64-t.Start)/t.Batches {
		return t, status.Errorf(codes.InvalidArgument, "ticket: %d endpoints of %d batches from %d on overflow: ask for fewer", t.Endpoints, t.Batches, t.Start)
	}
	t.Start += int64(i) * t.Batches
	t.Endpoints = 1
	return t, nil
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

// internalf is a status for what is our own fault.
func internalf(format string, args ...any) error {
	return status.Error(codes.Internal, fmt.Sprintf(format, args...))
}
