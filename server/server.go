// Package server is the embedded Flight server: every RPC of Flight.proto over
// generated data. What a stream carries is asked for by its ticket or its
// descriptor (workloads.Ticket), so that one server serves every configuration
// of a benchmark. Batches are generated and encoded before the first of them is
// sent, and kept; what a client sends is counted, decoded or verified as its
// descriptor asks, and then dropped.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"flightbench/internal/h2"
	"flightbench/internal/wire"
)

// ErrCut says that a Server stopped before its streams had ended.
var ErrCut = errors.New("streams were cut")

// A Server is bound to its address from New on and serves while Serve runs.
// Safe for concurrent use.
type Server struct {
	opts     Options
	uri      string
	listener net.Listener
	rpc      rpcServer
	service  *service
	served   atomic.Bool
}

// rpcServer is what a transport's server does. *grpc.Server is one.
type rpcServer interface {
	grpc.ServiceRegistrar
	Serve(net.Listener) error
	GracefulStop() // refuses new calls and waits for those in flight
	Stop()         // cuts them, and waits for their handlers
}

// New validates o and listens, but accepts nothing before Serve. A Server that
// is never served must be closed.
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	svc, err := newService(o)
	if err != nil {
		return nil, err
	}
	ep, err := parseListen(o.Listen)
	if err != nil {
		return nil, err
	}
	l, err := ep.listen()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, uri: ep.uri(l), listener: l, rpc: newRPCServer(o, svc.hooks()), service: svc}
	flightgen.RegisterFlightServiceServer(s.rpc, svc)
	registerCeilings(s.rpc, svc)
	svc.ceilings.near = l.Addr()
	return s, nil
}

func newRPCServer(o Options, hs []hook) rpcServer {
	unary, stream := interceptors(hs)
	if o.Transport == wire.Direct {
		d := directOptions(o)
		d.UnaryInterceptor, d.StreamInterceptor = unary, stream
		return h2.NewServer(d)
	}
	opts := grpcOptions(o)
	if unary != nil {
		opts = append(opts, grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(stream))
	}
	return grpc.NewServer(opts...)
}

// directOptions are Options for our own HTTP/2.
func directOptions(o Options) h2.ServerOptions {
	d := h2.DefaultServerOptions()
	d.TLS, d.MaxRecvMsgSize, d.MaxSendMsgSize = o.TLS, o.MaxMessage, o.MaxMessage
	for _, f := range []struct {
		to    *int
		value int
	}{{&d.Window, o.Window}, {&d.ConnWindow, o.ConnWindow}, {&d.ReadBuffer, o.ReadBuffer}, {&d.WriteBuffer, o.WriteBuffer}} {
		if f.value != 0 {
			*f.to = f.value
		}
	}
	if o.MaxStreams > 0 {
		d.MaxStreams = o.MaxStreams
	}
	return d
}

// grpcOptions are Options for grpc-go.
func grpcOptions(o Options) []grpc.ServerOption {
	opts := wire.ServerOptions(o.Transport, o.MaxMessage)
	opts = append(opts,
		grpc.WaitForHandlers(true), // a handler in flight still holds its batches
		// Clients that ping often are no attack here, and a GOAWAY would spoil
		// their measurement.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)
	if o.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	if stream, conn := o.windows(); stream > 0 {
		opts = append(opts, grpc.StaticStreamWindowSize(stream), grpc.StaticConnWindowSize(conn))
	}
	if o.ReadBuffer > 0 {
		opts = append(opts, grpc.ReadBufferSize(o.ReadBuffer))
	}
	if o.WriteBuffer > 0 {
		opts = append(opts, grpc.WriteBufferSize(o.WriteBuffer))
	}
	if o.MaxStreams > 0 {
		opts = append(opts, grpc.MaxConcurrentStreams(o.MaxStreams))
	}
	return opts
}

// URI is the bound address as a Flight location, such as grpc://127.0.0.1:43211.
func (s *Server) URI() string { return s.uri }

// Serve accepts connections until ctx is done. It then refuses new calls, lets
// those in flight end for at most Options.Drain and cuts the rest, in which case
// the error is ErrCut. Nothing that the server started is left when it returns.
// A Server serves once.
func (s *Server) Serve(ctx context.Context) error {
	if !s.served.CompareAndSwap(false, true) {
		return fmt.Errorf("serve %s: it was served or closed before: make another with New", s.uri)
	}
	defer s.service.cache.close()
	defer s.service.ceilings.close()
	accepted := make(chan error, 1)
	go func() { accepted <- s.rpc.Serve(s.listener) }()
	select {
	case err := <-accepted:
		s.rpc.Stop()
		if err == nil || errors.Is(err, grpc.ErrServerStopped) {
			return nil // closed
		}
		return fmt.Errorf("serve %s: %w", s.uri, err)
	case <-ctx.Done():
	}
	cut := s.drain()
	if err := <-accepted; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return errors.Join(fmt.Errorf("serve %s: %w", s.uri, err), cut)
	}
	return cut
}

// drain stops the server, gently first.
func (s *Server) drain() error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.rpc.GracefulStop()
	}()
	timer := time.NewTimer(s.opts.Drain)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
	}
	open := s.service.stats.open.Load()
	s.rpc.Stop()
	<-done
	return fmt.Errorf("stop %s: %w: %d data streams had not ended after %s", s.uri, ErrCut, open, s.opts.Drain)
}

// Close stops at once and cuts every stream. A running Serve returns nil. It may
// be called any number of times.
func (s *Server) Close() error {
	never := s.served.CompareAndSwap(false, true)
	s.rpc.Stop()
	if !never {
		return nil // Serve closes what it holds
	}
	s.service.cache.close()
	return s.listener.Close()
}
