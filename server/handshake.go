package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxHandshake bounds one payload, which is credentials and never data.
const maxHandshake = 64 << 10

const handshakeMethod = "/arrow.flight.protocol.FlightService/Handshake"

// Handshake answers a login. Of a server that asks for a handshake it takes the
// credentials, and answers the token as the payload. Of one that asks for
// something else the gate has let the call in, and with Basic has answered
// already: payloads come back as they are. Of one that asks for nothing it
// accepts whatever it is sent and answers each payload with a token that grants
// nothing; that token also travels as `authorization: Bearer` in the header,
// where basic authentication looks for it: clients which must shake hands can be
// measured.
func (s *service) Handshake(stream flight.FlightService_HandshakeServer) error {
	switch {
	case s.gate == nil:
		if err := stream.SetHeader(metadata.Pairs("authorization", "Bearer "+s.token)); err != nil {
			return err
		}
		return s.shake(stream, func([]byte) []byte { return []byte(s.token) })
	case s.gate.auth != AuthHandshake:
		return s.shake(stream, func(payload []byte) []byte { return payload })
	}
	user, password, err := s.credentials(stream)
	if err != nil {
		return err
	}
	if !s.gate.knows(user, password) {
		return errWrong
	}
	return stream.Send(&flight.HandshakeResponse{Payload: []byte(s.gate.give())})
}

// shake answers every payload.
func (s *service) shake(stream flight.FlightService_HandshakeServer, answer func([]byte) []byte) error {
	for {
		req, err := payload(stream)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = stream.Send(&flight.HandshakeResponse{ProtocolVersion: req.GetProtocolVersion(), Payload: answer(req.GetPayload())})
		if err != nil {
			return err
		}
	}
}

func payload(stream flight.FlightService_HandshakeServer) (*flight.HandshakeRequest, error) {
	req, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if n := len(req.GetPayload()); n > maxHandshake {
		return nil, status.Errorf(codes.InvalidArgument, "handshake payload has %d bytes: send at most %d", n, maxHandshake)
	}
	return req, nil
}

// credentials reads a BasicAuth message, or else the user as it is and then the
// password, as the examples of pyarrow and Java do.
func (s *service) credentials(stream flight.FlightService_HandshakeServer) (user, password string, err error) {
	first, err := payload(stream)
	if errors.Is(err, io.EOF) {
		return "", "", status.Error(codes.Unauthenticated, "the handshake ended before its first payload: send a BasicAuth message, or the user and then the password")
	}
	if err != nil {
		return "", "", err
	}
	var both flight.BasicAuth
	if !s.gate.user.is(string(first.GetPayload())) && proto.Unmarshal(first.GetPayload(), &both) == nil && both.GetUsername() != "" {
		return both.GetUsername(), both.GetPassword(), nil
	}
	second, err := payload(stream)
	if errors.Is(err, io.EOF) {
		return "", "", status.Error(codes.Unauthenticated, "the handshake ended after its first payload, which is no BasicAuth message: send one, or the user and then the password")
	}
	if err != nil {
		return "", "", err
	}
	return string(first.GetPayload()), string(second.GetPayload()), nil
}
