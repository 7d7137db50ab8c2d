package wire

import (
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

var _ Segmented = (*outgoing)(nil)

// outgoing is a FlightData to be sent: what SendMsg is given. A Writer reuses
// one for all its messages.
type outgoing struct {
	p          *Prepared
	msg        *encoded
	descriptor []byte // marshalled; nil for none
	app        []byte
	prefix     []byte // scratch of Segments
}

// appendPrefix appends all of the message but the body's bytes.
func (o *outgoing) appendPrefix(b []byte) []byte {
	if o.descriptor != nil {
		b = protowire.AppendTag(b, fieldDescriptor, protowire.BytesType)
		b = protowire.AppendBytes(b, o.descriptor)
	}
	b = protowire.AppendTag(b, fieldHeader, protowire.BytesType)
	b = protowire.AppendBytes(b, o.msg.header)
	if len(o.app) > 0 {
		b = protowire.AppendTag(b, fieldAppMetadata, protowire.BytesType)
		b = protowire.AppendBytes(b, o.app)
	}
	if o.msg.sizes.Body > 0 {
		b = protowire.AppendTag(b, fieldBody, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(o.msg.sizes.Body))
	}
	return b
}

// Segments implements Segmented.
func (o *outgoing) Segments(dst [][]byte) ([][]byte, int) {
	o.prefix = o.appendPrefix(o.prefix[:0])
	dst = append(dst, o.prefix)
	return append(dst, o.msg.pieces...), len(o.prefix) + int(o.msg.sizes.Body)
}

// prefixCap is more than the size up to which grpc-go does not give buffers
// back, so that a sending is told when they are free.
const prefixCap = 2 << 10

// sending is one message in grpc-go's hands. Its first buffer is the prefix
// and its last, which is empty, a guard: grpc-go frees the buffers in order, so
// that when the guard is given back the whole message was written or dropped.
type sending struct {
	hold    *hold
	prefix  []byte
	guard   []byte
	slice   mem.BufferSlice
	pending atomic.Int32
}

// hold is a sending's reference to what it sends, apart from it so that it
// outlives it: grpc-go drops messages for streams that were cancelled without
// freeing them, and then only the garbage collector tells.
type hold struct{ p *Prepared }

func (h *hold) release() {
	if p := h.p; p != nil {
		h.p = nil
		p.unref()
	}
}

var sendings = sync.Pool{New: func() any {
	b := make([]byte, 2*prefixCap)
	s := &sending{hold: &hold{}, prefix: b[:0:prefixCap], guard: b[prefixCap : prefixCap : 2*prefixCap]}
	runtime.AddCleanup(s, (*hold).release, s.hold)
	return s
}}

// marshal gives grpc-go the message: body pieces are the batch's own buffers.
func (o *outgoing) marshal() mem.BufferSlice {
	s := sendings.Get().(*sending)
	o.p.ref()
	s.hold.p = o.p
	s.pending.Store(2)
	s.prefix = o.appendPrefix(s.prefix[:0])
	s.slice = append(s.slice[:0], mem.NewBuffer(&s.prefix, s))
	s.slice = append(s.slice, o.msg.grpc...)
	s.slice = append(s.slice, mem.NewBuffer(&s.guard, s))
	return s.slice
}

// Get implements mem.BufferPool; nothing calls it.
func (s *sending) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Put implements mem.BufferPool: grpc-go has done with the prefix or the guard.
func (s *sending) Put(*[]byte) {
	if s.pending.Add(-1) != 0 {
		return
	}
	p := s.hold.p
	s.hold.p = nil
	clear(s.slice)
	sendings.Put(s)
	p.unref()
}
