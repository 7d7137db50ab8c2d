package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// Server is a grpc.ServiceRegistrar that serves what was registered. Register everything before Serve.
type Server struct {
	o      ServerOptions
	counts counts

	mu        sync.Mutex
	services  map[string]*service
	listeners map[net.Listener]bool
	conns     map[*serverSide]bool
	raw       map[net.Conn]bool // in their TLS handshake
	serving   bool
	draining  bool
	stopped   bool

	handlers sync.WaitGroup
	tasks    sync.WaitGroup // connections
}

type service struct {
	desc    *grpc.ServiceDesc
	impl    any
	methods map[string]*grpc.MethodDesc
	streams map[string]*grpc.StreamDesc
}

var (
	_ grpc.ServiceRegistrar = (*Server)(nil)

	errStopped = grpc.ErrServerStopped
)

// NewServer returns a server that listens nowhere yet; the options must be valid.
func NewServer(o ServerOptions) *Server {
	if o.TLS != nil {
		c := o.TLS.Clone()
		c.NextProtos = []string{"h2"}
		c.DynamicRecordSizingDisabled = true // whole records from the start
		o.TLS = c
	}
	return &Server{o: o, services: map[string]*service{}, listeners: map[net.Listener]bool{}, conns: map[*serverSide]bool{}, raw: map[net.Conn]bool{}}
}

// RegisterService registers an implementation, as grpc.Server does: it panics if impl does not have the service's
// methods, if the name is taken, or if Serve was called already.
func (s *Server) RegisterService(d *grpc.ServiceDesc, impl any) {
	if impl != nil {
		if want := reflect.TypeOf(d.HandlerType).Elem(); !reflect.TypeOf(impl).Implements(want) {
			panic(fmt.Sprintf("h2: %T does not have the methods of %v", impl, want))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving {
		panic("h2: RegisterService of " + d.ServiceName + " after Serve")
	}
	if s.services[d.ServiceName] != nil {
		panic("h2: service " + d.ServiceName + " registered twice")
	}
	v := &service{desc: d, impl: impl, methods: map[string]*grpc.MethodDesc{}, streams: map[string]*grpc.StreamDesc{}}
	for i := range d.Methods {
		v.methods[d.Methods[i].MethodName] = &d.Methods[i]
	}
	for i := range d.Streams {
		v.streams[d.Streams[i].StreamName] = &d.Streams[i]
	}
	s.services[d.ServiceName] = v
}

// GetServiceInfo lists what is registered, for reflection.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]grpc.ServiceInfo{}
	for name, v := range s.services {
		i := grpc.ServiceInfo{Metadata: v.desc.Metadata}
		for m := range v.methods {
			i.Methods = append(i.Methods, grpc.MethodInfo{Name: m})
		}
		for m, d := range v.streams {
			i.Methods = append(i.Methods, grpc.MethodInfo{Name: m, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams})
		}
		all[name] = i
	}
	return all
}

// WireBytes returns how many bytes the sockets of all connections so far carried, TLS and framing included.
func (s *Server) WireBytes() (read, written int64) {
	return s.counts.read.Load(), s.counts.written.Load()
}

// Syscalls returns how many reads and writes those were, also such as found nothing to read yet.
func (s *Server) Syscalls() int64 { return s.counts.calls.Load() }

// Serve takes connections until the listener fails or the server is stopped, which is no error. It closes lis.
func (s *Server) Serve(lis net.Listener) error {
	defer lis.Close()
	if err := s.o.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.stopped || s.draining {
		s.mu.Unlock()
		return errStopped
	}
	s.serving = true
	s.listeners[lis] = true
	s.mu.Unlock()
	var delay time.Duration
	for {
		nc, err := lis.Accept()
		s.mu.Lock()
		over := s.stopped || s.draining
		full := s.o.MaxConns > 0 && len(s.conns)+len(s.raw) >= s.o.MaxConns
		if err == nil && !over && !full {
			BoundLocal(nc)
			s.raw[nc] = true
			s.tasks.Go(func() { s.serve(nc) })
		}
		s.mu.Unlock()
		switch {
		case err == nil && (over || full):
			_ = nc.Close()
		case err == nil:
			delay = 0
		case over:
			return nil
		default:
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() && !strings.Contains(err.Error(), "too many open files") {
				return err
			}
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			time.Sleep(delay)
		}
	}
}

// serve runs one connection.
func (s *Server) serve(nc net.Conn) {
	defer nc.Close()
	sk, info, err := s.handshake(nc)
	s.mu.Lock()
	delete(s.raw, nc)
	if err != nil || s.stopped || s.draining {
		s.mu.Unlock()
		return
	}
	side := newServerSide(s, nc, sk, info)
	s.conns[side] = true
	s.mu.Unlock()
	side.run()
	s.mu.Lock()
	delete(s.conns, side)
	s.mu.Unlock()
}

func (s *Server) handshake(nc net.Conn) (*sock, *tls.Conn, error) {
	if s.o.TLS == nil {
		return newSock(nc, nil, &s.counts), nil, nil
	}
	cork := &corkConn{Conn: nc, counts: &s.counts}
	tc := tls.Server(cork, s.o.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), s.o.handshake())
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	if tc.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, nil, errors.New("the client does not offer h2")
	}
	return newSock(tc, cork, &s.counts), tc, nil
}

// refuse sets state, s.stopped or s.draining, takes no more connections, and returns those that there are.
func (s *Server) refuse(state *bool) []*serverSide {
	s.mu.Lock()
	defer s.mu.Unlock()
	*state = true
	for l := range s.listeners {
		_ = l.Close()
	}
	for nc := range s.raw {
		_ = nc.Close()
	}
	return slices.Collect(maps.Keys(s.conns))
}

// Stop ends everything at once: calls fail with Unavailable at the client, and handlers find their contexts done. It waits
// for the connections, not for handlers that ignore their context.
func (s *Server) Stop() {
	for _, c := range s.refuse(&s.stopped) {
		c.c.shut(errStopped)
	}
	s.tasks.Wait()
}

// GracefulStop takes no more connections and calls, and returns when the calls under way have ended.
func (s *Server) GracefulStop() {
	for _, c := range s.refuse(&s.draining) {
		c.drain()
	}
	s.tasks.Wait()
	s.handlers.Wait()
}
