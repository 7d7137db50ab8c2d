package wire

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

// Echo sends back every message of a DoExchange as it came, until the peer
// ends its half; over GRPC and Direct no body is copied. A message with a
// descriptor alone is not sent back: it opens the call and carries nothing. on
// is called for each message before it goes out, with an Event that is valid
// during the call; it may be nil. Errors are those of Reader.Next and of
// sending.
func Echo(s interface {
	SendStream
	RecvStream
}, t Transport, on func(*Event)) error {
	if t == Stock {
		return echoStock(s, on)
	}
	r := NewReader(s, t, Count, nil)
	r.in.mode, r.in.cur.mode = modeEcho, modeEcho
	defer r.Close()
	for {
		r.drop()
		err := s.RecvMsg(r.in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.count++
		if err := r.event(r.in.cur); err != nil {
			return r.fail(err)
		}
		if on != nil {
			on(&r.ev)
		}
		if r.ev.Kind == KindMetadata && len(r.ev.AppMetadata) == 0 {
			continue
		}
		if err := s.SendMsg(r.in); err != nil {
			return err
		}
	}
}

func echoStock(s interface {
	SendStream
	RecvStream
}, on func(*Event)) error {
	r := NewReader(s, Stock, Count, nil)
	defer r.Close()
	for {
		fd := &flight.FlightData{}
		err := s.RecvMsg(fd)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.count++
		if _, err := r.eventStock(fd); err != nil {
			return r.fail(err)
		}
		if on != nil {
			on(&r.ev)
		}
		if r.ev.Kind == KindMetadata && len(fd.AppMetadata) == 0 {
			continue
		}
		if err := s.SendMsg(fd); err != nil {
			return err
		}
	}
}
