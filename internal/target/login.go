package target

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// obtain asks the server for a credential over a connection of its own.
func (s *Session) obtain(ctx context.Context) (*credential, error) {
	conn, err := s.target.connect(s.tuning)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.root.ctx, cancel)
	defer stop()
	client := flight.NewClientFromConn(&dressed{ClientConnInterface: conn, s: s, login: true}, nil)
	if s.target.Auth.Method == AuthBasic {
		return s.handshakeBasic(ctx, client)
	}
	return s.handshake(ctx, client)
}

// handshakeBasic sends Basic and takes the bearer token of the answer. Like
// arrow-go and C++ it sends no message.
func (s *Session) handshakeBasic(ctx context.Context, client flight.FlightServiceClient) (*credential, error) {
	basic := s.target.Auth.initial()
	stream, err := client.Handshake(metadata.AppendToOutgoingContext(ctx, basic.header, basic.value))
	if err != nil {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	if err := stream.CloseSend(); err != nil {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	_, md, err := drain(stream)
	if c := bearer(md.Get(authHeader)); c != nil && (err == nil || status.Code(err) == codes.Unimplemented) {
		return c, nil
	}
	if err != nil && status.Code(err) != codes.Unimplemented {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	basic.final = true
	return basic, nil // a server need not give a token, nor have the RPC
}

// handshake sends the payloads and takes the answer's, half-closing only then:
// a server may answer only while the client still could send.
func (s *Session) handshake(ctx context.Context, client flight.FlightServiceClient) (*credential, error) {
	payloads, err := s.target.Auth.payloads()
	if err != nil {
		return nil, err
	}
	stream, err := client.Handshake(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	for _, p := range payloads {
		// io.EOF says that the server has ended the call, and Recv tells how.
		if err := stream.Send(&flight.HandshakeRequest{Payload: p}); err != nil && err != io.EOF {
			return nil, fmt.Errorf("log in by Handshake: %w", err)
		}
	}
	first, err := stream.Recv()
	if err == nil {
		if err = stream.CloseSend(); err != nil {
			return nil, fmt.Errorf("log in by Handshake: %w", err)
		}
	} else if err != io.EOF {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	_, md, err := drain(stream)
	if err != nil {
		return nil, fmt.Errorf("log in by Handshake: %w", err)
	}
	if len(first.GetPayload()) > 0 {
		return &credential{header: tokenHeader, value: string(first.GetPayload()), token: true}, nil
	}
	if c := bearer(md.Get(authHeader)); c != nil {
		return c, nil
	}
	if first != nil { // an empty token is one, to arrow-go and C++
		return &credential{header: tokenHeader, token: true}, nil
	}
	return nil, status.Errorf(codes.FailedPrecondition, "log in by Handshake: the server accepted the call but answered without a token: it may want --auth basic, or ask for nothing")
}

// drain reads a Handshake to its end and returns its last message and all
// metadata. The error is nil where the status is OK.
func drain(stream flight.FlightService_HandshakeClient) (last *flight.HandshakeResponse, md metadata.MD, err error) {
	for {
		var m *flight.HandshakeResponse
		if m, err = stream.Recv(); err != nil {
			break
		}
		last = m
	}
	if err == io.EOF {
		err = nil
	}
	header, _ := stream.Header() // Recv has told of any error
	return last, metadata.Join(header, stream.Trailer()), err
}

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
