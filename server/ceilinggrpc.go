package server

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// registerCeilings has r serve workloads.CeilingService: streams of opaque
// bytes, for ceilings that were begun by the action.
func registerCeilings(r grpc.ServiceRegistrar, s *service) {
	d := grpc.ServiceDesc{ServiceName: workloads.CeilingService, HandlerType: (*any)(nil)}
	for _, way := range workloads.CeilingWays() {
		d.Streams = append(d.Streams, grpc.StreamDesc{StreamName: way, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return s.opaque(way, stream) }})
	}
	r.RegisterService(&d, s)
}

// opaque is one call of such a ceiling.
func (s *service) opaque(way string, stream grpc.ServerStream) error {
	c, n, err := s.ceilings.called(way, stream)
	if err != nil {
		return err
	}
	defer s.stats.begin(&s.stats.ceiling)()
	m := wire.Opaque{Keep: c.Keep || way == workloads.CeilingExchange}
	defer m.Release()
	for i := int64(0); way != workloads.CeilingGet || i < n; i++ {
		select {
		case <-c.ended:
			return status.Error(codes.Aborted, "the ceiling has ended")
		default:
		}
		if way == workloads.CeilingGet {
			m.Bytes = c.buffers[i%int64(len(c.buffers))]
			if err := m.Send(stream, s.opts.Transport); err != nil {
				return err
			}
			c.message(int64(len(m.Bytes)))
			continue
		}
		size, err := m.Receive(stream, s.opts.Transport)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.message(size)
		if way == workloads.CeilingExchange {
			if err := m.Return(stream, s.opts.Transport); err != nil {
				return err
			}
			s.stats.ceiling.bytes(wire.Sizes{Body: size})
		}
	}
	return nil
}

// called is the ceiling that the call is of, and the number of its messages.
func (l *ceilings) called(way string, stream grpc.ServerStream) (*ceiling, int64, error) {
	said := metadata.ValueFromIncomingContext(stream.Context(), workloads.CeilingHeader)
	if len(said) != 1 {
		return nil, 0, status.Errorf(codes.InvalidArgument, "the header %s is missing: begin by the action %s", workloads.CeilingHeader, workloads.CeilingAction)
	}
	id, count, _ := strings.Cut(said[0], " ")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 || n > workloads.MaxBatches {
		return nil, 0, status.Errorf(codes.InvalidArgument, "the header %s says %q messages: say 1 to %d", workloads.CeilingHeader, clip(count), int64(workloads.MaxBatches))
	}
	c := l.find(id)
	if c == nil || c.By != workloads.CeilingGRPC || c.Way != way {
		return nil, 0, status.Errorf(codes.NotFound, "no ceiling of that ID is measured by %s: begin by the action %s", way, workloads.CeilingAction)
	}
	return c, n, nil
}
