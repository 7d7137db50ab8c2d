package target

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// dressed is a connection whose calls carry what the session knows, and give
// back what it is to learn. Only the beginning and the end of a call pass here:
// its streams are the transport's own.
type dressed struct {
	grpc.ClientConnInterface
	s     *Session
	login bool // the call is what obtains the credential
}

func (c *dressed) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, opts = c.dress(ctx, opts)
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func (c *dressed) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, opts = c.dress(ctx, opts)
	return c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
}

func (c *dressed) dress(ctx context.Context, opts []grpc.CallOption) (context.Context, []grpc.CallOption) {
	s := c.s
	kv := s.headers
	was := s.credential()
	if was.header != "" && !c.login {
		kv = append(kv[:len(kv):len(kv)], was.header, was.value)
	}
	if cookies := s.jar.header(); cookies != "" {
		kv = append(kv[:len(kv):len(kv)], "cookie", cookies)
	}
	if len(kv) > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, kv...)
	}
	mayLearn := s.target.Auth.Method == AuthBasic && !was.token && !c.login
	if s.jar == nil && !mayLearn {
		return ctx, opts
	}
	var header, trailer metadata.MD
	return ctx, append(opts[:len(opts):len(opts)], grpc.Header(&header), grpc.Trailer(&trailer), grpc.OnFinish(func(error) {
		s.jar.learn(header)
		s.jar.learn(trailer)
		if mayLearn {
			s.adopt(was, bearer(slices.Concat(header.Get(authHeader), trailer.Get(authHeader))))
		}
	}))
}
