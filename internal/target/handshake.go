package target

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Bounds of what a server may answer to a login. A token has to fit in a header.
const (
	maxToken   = 64 << 10 // bytes of a token, or of one answer
	maxAnswers = 100
)

// loginError is a Handshake that failed.
type loginError struct{ err error }

func (e *loginError) Error() string { return "log in by Handshake: " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

var errNoToken = status.Error(codes.FailedPrecondition, "the server accepted the call but answered without a token")

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
	return s.exchange(ctx, client)
}

// exchange is the Handshake call that Auth asks for.
func (s *Session) exchange(ctx context.Context, client flight.FlightServiceClient) (*credential, error) {
	if s.target.Auth.Method == AuthBasic {
		return s.handshakeBasic(ctx, client)
	}
	return s.handshake(ctx, client)
}

// handshakeBasic sends Basic and takes the bearer token of the answer. Like
// arrow-go and C++ it sends no message.
func (s *Session) handshakeBasic(ctx context.Context, client flight.FlightServiceClient) (*credential, error) {
	basic := s.target.Auth.initial()
	stream, err := client.Handshake(metadata.AppendToOutgoingContext(ctx, basic.header, basic.value), grpc.MaxCallRecvMsgSize(maxToken))
	if err != nil {
		return nil, &loginError{err}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, &loginError{err}
	}
	_, md, err := drain(stream)
	if c := bearer(md.Get(authHeader)); c != nil && (err == nil || status.Code(err) == codes.Unimplemented) {
		return c, nil
	}
	if err != nil && status.Code(err) != codes.Unimplemented {
		return nil, &loginError{err}
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
	stream, err := client.Handshake(ctx, grpc.MaxCallRecvMsgSize(maxToken))
	if err != nil {
		return nil, &loginError{err}
	}
	for _, p := range payloads {
		// io.EOF says that the server has ended the call, and Recv tells how.
		if err := stream.Send(&flight.HandshakeRequest{Payload: p}); err != nil && err != io.EOF {
			return nil, &loginError{err}
		}
	}
	first, err := stream.Recv()
	if err == nil {
		if err = stream.CloseSend(); err != nil {
			return nil, &loginError{err}
		}
	} else if err != io.EOF {
		return nil, &loginError{err}
	}
	_, md, err := drain(stream)
	if err != nil {
		return nil, &loginError{err}
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
	return nil, &loginError{errNoToken}
}

// drain reads a Handshake to its end and returns its last message and all
// metadata. The error is nil where the status is OK. The caller cancels the call.
func drain(stream flight.FlightService_HandshakeClient) (last *flight.HandshakeResponse, md metadata.MD, err error) {
	for answers := 0; ; answers++ {
		var m *flight.HandshakeResponse
		if m, err = stream.Recv(); err != nil {
			break
		}
		if last = m; answers == maxAnswers {
			return nil, nil, status.Errorf(codes.ResourceExhausted, "the server goes on answering after %d messages", answers)
		}
	}
	if err == io.EOF {
		err = nil
	}
	header, _ := stream.Header() // Recv has told of any error
	return last, metadata.Join(header, stream.Trailer()), err
}

// Handshake makes one Handshake call over conn, with the credentials of Login,
// and leaves its token alone: to measure it. Where there is nothing to obtain
// it sends one empty payload.
func (s *Session) Handshake(ctx context.Context, conn *Conn) error {
	inner := conn.ClientConnInterface
	if d, ok := inner.(*dressed); ok {
		inner = d.ClientConnInterface
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := flight.NewClientFromConn(&dressed{ClientConnInterface: inner, s: s, login: s.target.Auth.logsIn()}, nil)
	if s.target.Auth.logsIn() {
		_, err := s.exchange(ctx, client)
		return err
	}
	stream, err := client.Handshake(ctx, grpc.MaxCallRecvMsgSize(maxToken))
	if err != nil {
		return err
	}
	if err := stream.Send(&flight.HandshakeRequest{}); err != nil && err != io.EOF {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, _, err = drain(stream)
	return err
}
