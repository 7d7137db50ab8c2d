package wire

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Opaque is a gRPC message of bytes that mean nothing: what a transport can do
// where no Arrow is in the way. On the wire it is a google.protobuf.BytesValue,
// so that an end with grpc-go's own codec may be at the other side. It goes out
// from its own memory and comes in like a FlightData's body: counted in the read
// buffer or, kept, landed once in a pooled buffer. Over Stock it is what
// protobuf makes of it. Not for concurrent use. The zero value counts.
type Opaque struct {
	// Bytes are what Send sends. They must stay as they are for as long as a
	// transport may hold them.
	Bytes []byte
	// Keep has what is received landed in memory, so that it can be sent again.
	Keep bool

	cur    opaqueSink
	frames mem.BufferSlice // of grpc-go, kept
	echo   bool            // what was received is sent
	prefix []byte          // scratch of Segments
	stock  wrapperspb.BytesValue
}

// Send sends Bytes over s, which t carries.
func (m *Opaque) Send(s SendStream, t Transport) error {
	m.echo = false
	if t == Stock {
		m.stock.Value = m.Bytes
		return s.SendMsg(&m.stock)
	}
	return s.SendMsg(m)
}

// Return sends what was received last and kept.
func (m *Opaque) Return(s SendStream, t Transport) error {
	if t == Stock {
		return s.SendMsg(&m.stock)
	}
	m.echo = true
	return s.SendMsg(m)
}

// Receive takes the next message and returns the number of its bytes.
func (m *Opaque) Receive(s RecvStream, t Transport) (int64, error) {
	if t == Stock {
		err := s.RecvMsg(&m.stock)
		return int64(len(m.stock.Value)), err
	}
	if err := s.RecvMsg(m); err != nil {
		return 0, err
	}
	return opaqueBytes(m.cur.size), nil
}

var (
	_ SinkMessage = (*Opaque)(nil)
	_ Segmented   = (*Opaque)(nil)
)

// opaqueField is the field of BytesValue.
const opaqueField = 1

// opaqueSink takes one message.
type opaqueSink struct {
	keep bool
	size int     // of the message
	at   int     // bytes of it that have come
	raw  *[]byte // the message, kept
}

// opaqueBytes is how many bytes a BytesValue of n bytes holds.
func opaqueBytes(n int) int64 {
	for k := 1; k < n; k++ {
		if b := n - 1 - k; protowire.SizeVarint(uint64(b)) == k {
			return int64(b)
		}
	}
	return 0
}

// Release frees what was kept. Receive does it for the message before.
func (m *Opaque) Release() {
	m.cur.Discard()
	m.frames.Free()
	m.frames = nil
}

func (m *Opaque) appendPrefix(b []byte) []byte {
	if len(m.Bytes) == 0 {
		return b // BytesValue leaves out empty bytes
	}
	b = protowire.AppendTag(b, opaqueField, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(len(m.Bytes)))
}

// Segments implements Segmented.
func (m *Opaque) Segments(dst [][]byte) ([][]byte, int) {
	switch {
	case m.echo && m.cur.raw != nil:
		return append(dst, *m.cur.raw), len(*m.cur.raw)
	case m.echo:
		for _, b := range m.frames {
			dst = append(dst, b.ReadOnlyData())
		}
		return dst, m.frames.Len()
	}
	m.prefix = m.appendPrefix(m.prefix[:0])
	return append(dst, m.prefix, m.Bytes), len(m.prefix) + len(m.Bytes)
}

// marshal is for grpc-go, which holds the message after SendMsg has returned.
func (m *Opaque) marshal() mem.BufferSlice {
	if m.echo {
		m.frames.Ref()
		return m.frames
	}
	return mem.BufferSlice{mem.SliceBuffer(m.appendPrefix(nil)), mem.SliceBuffer(m.Bytes)}
}

// unmarshal takes a message of grpc-go.
func (m *Opaque) unmarshal(data mem.BufferSlice) {
	m.Release()
	m.cur.size = data.Len()
	if m.Keep {
		data.Ref()
		m.frames = data
	}
}

// NewSink implements SinkMessage.
func (m *Opaque) NewSink() Sink { return &opaqueSink{keep: m.Keep} }

// Take implements SinkMessage.
func (m *Opaque) Take(s Sink) Sink {
	m.Release()
	taken := s.(*opaqueSink)
	m.cur = *taken
	taken.raw = nil
	return taken
}

// Reset implements Sink.
func (s *opaqueSink) Reset(size int) error {
	s.Discard()
	if size < 0 {
		return fmt.Errorf("message of %d bytes", size)
	}
	s.size, s.at = size, 0
	if s.keep {
		s.raw = SharedPool().Get(size)
	}
	return nil
}

// Write implements Sink.
func (s *opaqueSink) Write(p []byte) (int, error) {
	if len(p) > s.size-s.at {
		return 0, errOverrun
	}
	if s.raw != nil {
		copy((*s.raw)[s.at:], p)
	}
	s.at += len(p)
	return len(p), nil
}

// Direct implements Sink.
func (s *opaqueSink) Direct() []byte {
	if s.raw == nil || s.at == s.size {
		return nil
	}
	return (*s.raw)[s.at:]
}

// Advance implements Sink.
func (s *opaqueSink) Advance(n int) { s.at += n }

// Close implements Sink.
func (s *opaqueSink) Close() error {
	if s.at != s.size {
		return fmt.Errorf("message ends after %d of %d bytes", s.at, s.size)
	}
	return nil
}

// Discard gives back what nobody will take.
func (s *opaqueSink) Discard() {
	if s.raw != nil {
		SharedPool().Put(s.raw)
		s.raw = nil
	}
}
