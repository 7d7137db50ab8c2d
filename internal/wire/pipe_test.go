package wire

import (
	"fmt"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"
)

// pipe is a stream in memory that keeps messages as FlightData bytes.
type pipe struct {
	msgs [][]byte
	// feed hands a message to the incoming one; nil means by a sink in one piece
	feed func(m *incoming, b []byte)
}

func (p *pipe) SendMsg(m any) error {
	switch m := m.(type) {
	case Segmented:
		segs, size := m.Segments(nil)
		var b []byte
		for _, s := range segs {
			b = append(b, s...)
		}
		if len(b) != size {
			return fmt.Errorf("segments have %d bytes, not %d", len(b), size)
		}
		p.msgs = append(p.msgs, b)
	case proto.Message:
		b, err := proto.Marshal(m)
		if err != nil {
			return err
		}
		p.msgs = append(p.msgs, b)
	default:
		return fmt.Errorf("can't send %T", m)
	}
	return nil
}

func (p *pipe) RecvMsg(m any) error {
	if len(p.msgs) == 0 {
		return io.EOF
	}
	b := p.msgs[0]
	p.msgs = p.msgs[1:]
	switch m := m.(type) {
	case *incoming:
		if p.feed == nil {
			feedSink(m, b, len(b))
		} else {
			p.feed(m, b)
		}
		return nil
	case proto.Message:
		return proto.Unmarshal(b, m)
	}
	return fmt.Errorf("can't receive %T", m)
}

// Send and Recv make the pipe a stream of arrow-go's flight package.
func (p *pipe) Send(fd *flight.FlightData) error { return p.SendMsg(fd) }
func (p *pipe) Recv() (*flight.FlightData, error) {
	fd := &flight.FlightData{}
	return fd, p.RecvMsg(fd)
}

// feedSink gives b to m through a sink in pieces, as a transport would.
func feedSink(m *incoming, b []byte, piece int) {
	s := m.NewSink()
	if err := s.Reset(len(b)); err != nil {
		panic(err)
	}
	for len(b) > 0 {
		n := min(piece, len(b))
		if d := s.Direct(); d != nil {
			n = copy(d, b[:n])
			s.Advance(n)
		} else if _, err := s.Write(b[:n]); err != nil {
			panic(err)
		}
		b = b[n:]
	}
	if err := s.Close(); err != nil {
		panic(err)
	}
	m.Take(s)
}

// drain reads all events of r, and gives each to on.
func drain(tb testing.TB, r *Reader, on func(*Event)) {
	tb.Helper()
	for {
		ev, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
		if on != nil {
			on(ev)
		}
	}
}
