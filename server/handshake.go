package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// maxHandshake bounds one payload, which is credentials and never data.
const maxHandshake = 64 << 10

// Handshake accepts whatever it is sent and answers each payload with the
// server's token. The token also travels as `authorization: Bearer` in the
// header, where basic authentication looks for it, also without a payload.
//
// Note: nothing is checked. This server asks for no credentials, so the token
// grants nothing and no call looks for it; it exists so that clients which must
// shake hands can be measured.
func (s *service) Handshake(stream flight.FlightService_HandshakeServer) error {
	if err := stream.SetHeader(metadata.Pairs("authorization", "Bearer "+s.token)); err != nil {
		return err
	}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n := len(req.GetPayload()); n > maxHandshake {
			return status.Errorf(codes.InvalidArgument, "handshake payload has %d bytes: send at most %d", n, maxHandshake)
		}
		err = stream.Send(&flight.HandshakeResponse{ProtocolVersion: req.GetProtocolVersion(), Payload: []byte(s.token)})
		if err != nil {
			return err
		}
	}
}
