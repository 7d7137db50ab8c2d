package wire

import "google.golang.org/grpc/mem"

// SinkMessage is what a transport recognises in RecvMsg(m any): instead of
// decoding into m it fills sinks, in its own goroutine and as many as it
// needs, and hands each completed one over.
type SinkMessage interface {
	// NewSink makes a sink for m's messages; safe to call at any time.
	NewSink() Sink
	// Take makes m adopt the content of a closed sink of its own and returns
	// the sink to be reused for a later message. What m held before is gone.
	Take(Sink) Sink
}

// Segmented is what a transport recognises in SendMsg(m any): the message as
// pieces.
type Segmented interface {
	// Segments appends the message's pieces to dst, without copying bodies,
	// and returns them with the message's size in bytes. The pieces stay as
	// they are until SendMsg returns.
	Segments(dst [][]byte) (segs [][]byte, size int)
}

var (
	_ SinkMessage = (*incoming)(nil)
	_ Segmented   = (*incoming)(nil)
)

// incoming is a received FlightData: what RecvMsg is given. The codec fills it
// from grpc-go's frames, other transports through sinks.
type incoming struct {
	pool *Pool
	mode mode
	cur  *flightData

	frames mem.BufferSlice // modeEcho over grpc: the message as it came
}

func newIncoming(pool *Pool, m mode) *incoming {
	return &incoming{pool: pool, mode: m, cur: &flightData{pool: pool, mode: m}}
}

// NewSink implements SinkMessage.
func (m *incoming) NewSink() Sink { return &flightData{pool: m.pool, mode: m.mode} }

// Take implements SinkMessage.
func (m *incoming) Take(s Sink) Sink {
	m.release()
	old := m.cur
	m.cur = s.(*flightData)
	return old
}

// release frees what the message holds.
func (m *incoming) release() {
	m.cur.release()
	m.frames.Free()
	m.frames = nil
}

// unmarshal parses the message that grpc-go received as data: in place, but
// for what the mode keeps.
func (m *incoming) unmarshal(data mem.BufferSlice) {
	m.release()
	m.cur.start(data.Len())
	for _, b := range data {
		m.cur.feed(b.ReadOnlyData())
	}
	m.cur.finish()
	if m.mode == modeEcho {
		data.Ref()
		m.frames = data
	}
}

// Segments implements Segmented for an echo.
func (m *incoming) Segments(dst [][]byte) ([][]byte, int) {
	if m.cur.raw != nil {
		return append(dst, *m.cur.raw), len(*m.cur.raw)
	}
	for _, b := range m.frames {
		dst = append(dst, b.ReadOnlyData())
	}
	return dst, m.frames.Len()
}

// marshal gives grpc-go the message as it came; the frames are freed when both
// m and the transport have done with them.
func (m *incoming) marshal() mem.BufferSlice {
	if m.cur.raw != nil {
		return mem.BufferSlice{mem.Copy(*m.cur.raw, m.pool)}
	}
	m.frames.Ref()
	return m.frames
}
