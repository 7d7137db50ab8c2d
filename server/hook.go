package server

import (
	"context"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// A hook sees a call before its handler does. It may refuse the call, and add to
// the headers and trailers of its answer with grpc.SetHeader and grpc.SetTrailer.
type hook func(ctx context.Context, method string) error

// hooks are those that o asks for, the outermost first; none by default, so that
// nothing is on the path of a call.
func (s *service) hooks() []hook {
	var hs []hook
	if s.gate != nil {
		hs = append(hs, s.gate.admit)
	}
	if s.opts.Cookies {
		hs = append(hs, s.sessions.greet)
	}
	for i := range s.opts.Middleware {
		hs = append(hs, middleware(i+1))
	}
	return hs
}

// middleware is one that reads a header and adds one: what a tracing or metering
// middleware does, and no more. Its header answers what it read, or 1.
func middleware(n int) hook {
	name := "x-flightbench-mw-" + strconv.Itoa(n)
	return func(ctx context.Context, _ string) error {
		value := "1"
		if vs := metadata.ValueFromIncomingContext(ctx, name); len(vs) > 0 {
			value = vs[0]
		}
		return grpc.SetHeader(ctx, metadata.Pairs(name, value))
	}
}

// interceptors nests an interceptor for each hook, for unary and for streaming
// calls. Both are nil where there is no hook.
//
// Note: one interceptor that loops over the hooks would be cheaper; but what
// middleware costs is to be measured, and that of real servers is nested.
func interceptors(hs []hook) (unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) {
	for i := len(hs) - 1; i >= 0; i-- {
		h, innerUnary, innerStream := hs[i], unary, stream
		unary = func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := h(ctx, info.FullMethod); err != nil {
				return nil, err
			}
			if innerUnary == nil {
				return handler(ctx, req)
			}
			return innerUnary(ctx, req, info, handler)
		}
		stream = func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if err := h(ss.Context(), info.FullMethod); err != nil {
				return err
			}
			if innerStream == nil {
				return handler(srv, ss)
			}
			return innerStream(srv, ss, info, handler)
		}
	}
	return unary, stream
}
