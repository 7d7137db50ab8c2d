package h2

import (
	"encoding/binary"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// inbound puts a stream's messages together. It belongs to the connection's reader goroutine.
type inbound struct {
	prefix     [messagePrefix]byte
	have       int // bytes of prefix
	active     bool
	compressed bool
	size, got  int
	sink       Sink
	buf        *[]byte
	dead       bool // the receiver has failed; what comes is dropped
}

const (
	firstPiece = 64 << 10 // of a message whose length is only claimed
	maxReady   = 1 << 18  // messages that wait in one stream
)

// data takes payload of the stream that lies in the read buffer.
func (st *stream) data(p []byte) {
	in := &st.in
	for len(p) > 0 && !in.dead {
		if !in.active {
			n := copy(in.prefix[in.have:], p)
			in.have += n
			p = p[n:]
			st.partial.Add(int64(n))
			if in.have == messagePrefix {
				in.have = 0
				st.begin()
			}
			continue
		}
		n := min(len(p), in.size-in.got)
		if in.sink != nil {
			if _, err := in.sink.Write(p[:n]); err != nil {
				st.spoil(err)
				break // what is left is given back below
			}
		} else {
			if in.got+n > cap(*in.buf) {
				in.buf = buffers.grow(in.buf, min(in.size, max(in.got+n, 2*cap(*in.buf))))
			}
			*in.buf = append((*in.buf)[:in.got], p[:n]...)
		}
		p = p[n:]
		st.advance(n)
	}
	if in.dead {
		st.c.release(st.partial.Swap(0))
		st.c.release(int64(len(p)))
	} else if st.waiting.Load() {
		st.giveBack()
	}
}

// giveBack gives window for the part of a message that has come: a receiver that waits must not wait for a message
// larger than the window.
func (st *stream) giveBack() {
	n := st.partial.Swap(0)
	st.c.release(n)
	st.credit(n)
}

// advance notes n bytes of the message, which are where they belong.
func (st *stream) advance(n int) {
	st.in.got += n
	st.partial.Add(int64(n))
	if st.in.got == st.in.size {
		st.complete()
	}
}

// begin starts the message whose prefix has come.
func (st *stream) begin() {
	in := &st.in
	size := int64(binary.BigEndian.Uint32(in.prefix[1:]))
	switch {
	case in.prefix[0] > 1:
		st.spoil(status.Errorf(codes.Internal, "received a message with the unknown flag %d", in.prefix[0]))
		return
	case size > int64(st.limit):
		st.spoil(status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", size, st.limit))
		return
	}
	in.size, in.got, in.active, in.compressed = int(size), 0, true, in.prefix[0] == 1
	in.sink, in.buf = nil, nil
	if !in.compressed {
		in.sink = st.idleSink()
	}
	if in.sink != nil {
		if err := in.sink.Reset(in.size); err != nil {
			st.spoil(err)
			return
		}
	} else {
		in.buf = buffers.Get(min(in.size, firstPiece))
		*in.buf = (*in.buf)[:0]
	}
	if in.size == 0 {
		st.complete()
	}
}

// idleSink is a sink for the next message, or nil while the receiver has shown no factory.
func (st *stream) idleSink() Sink {
	st.mu.Lock()
	defer st.mu.Unlock()
	if n := len(st.sinks); n > 0 {
		s := st.sinks[n-1]
		st.sinks = st.sinks[:n-1]
		return s
	}
	if st.factory == nil {
		return nil
	}
	return st.factory.NewSink()
}

// adopt moves a message that is being put together as bytes into a sink, once there is a factory.
func (st *stream) adopt() {
	in := &st.in
	if !in.active || in.sink != nil || in.compressed || in.dead {
		return
	}
	s := st.idleSink()
	if s == nil {
		return
	}
	err := s.Reset(in.size)
	if err == nil {
		_, err = s.Write(*in.buf)
	}
	buffers.Put(in.buf)
	in.sink, in.buf = s, nil
	if err != nil {
		st.spoil(err)
	}
}

func (st *stream) complete() {
	in := &st.in
	if in.sink != nil {
		if err := in.sink.Close(); err != nil {
			st.spoil(err)
			return
		}
	}
	m := message{sink: in.sink, buf: in.buf, flow: int(st.partial.Swap(0)), compressed: in.compressed}
	in.active, in.sink, in.buf = false, nil, nil
	st.mu.Lock()
	if st.closed || len(st.ready) >= maxReady {
		full := !st.closed
		st.mu.Unlock()
		m.drop()
		st.c.release(int64(m.flow))
		if full {
			st.spoil(status.Errorf(codes.ResourceExhausted, "more than %d messages wait to be received", maxReady))
		}
		return
	}
	st.ready = append(st.ready, m)
	st.held += int64(m.flow)
	st.mu.Unlock()
	if st.waiting.Load() && !st.waking {
		st.waking = true
		st.c.r.wakes = append(st.c.r.wakes, st)
	}
}

// spoil makes the receiver fail with err once it has taken what is ready; later bytes are dropped.
func (st *stream) spoil(err error) {
	if _, ok := status.FromError(err); !ok {
		err = status.Errorf(codes.Internal, "message cannot be taken apart: %v", err)
	}
	st.in.kill()
	st.c.release(st.partial.Swap(0))
	st.c.r.spoiled(st, err)
}

// drop gives back a message's memory.
func (m message) drop() {
	buffers.Put(m.buf)
	if d, ok := m.sink.(interface{ Discard() }); ok {
		d.Discard()
	}
}

// kill forgets the message that is being put together.
func (in *inbound) kill() {
	message{sink: in.sink, buf: in.buf}.drop()
	*in = inbound{dead: true}
}

// take waits for the next message.
func (st *stream) take() (message, error) {
	if st.next == len(st.taken) {
		st.taken = st.taken[:0]
		st.next = 0
		st.mu.Lock()
		st.sinks = append(st.sinks, st.spare...)
		st.spare = st.spare[:0]
		for len(st.ready) == 0 {
			if st.done {
				err := st.err
				st.mu.Unlock()
				return message{}, err
			}
			st.waiting.Store(true)
			st.giveBack()
			st.waitReady()
			st.waiting.Store(false)
		}
		st.taken, st.ready = st.ready, st.taken
		held := st.held
		st.held = 0
		st.mu.Unlock()
		st.c.release(held)
	}
	m := st.taken[st.next]
	st.taken[st.next] = message{}
	st.next++
	st.credit(int64(m.flow))
	return m, nil
}

// untake gives back what was taken in advance, when the receiver stops.
func (st *stream) untake() {
	for _, m := range st.taken[st.next:] {
		m.drop()
	}
	st.taken, st.next = nil, 0
}

// credit gives n received bytes back to the peer, in time in one window update.
func (st *stream) credit(n int64) {
	if n == 0 || st.quiet.Load() {
		return
	}
	if st.owed.Add(n) < int64(st.c.t.Window/4) {
		return
	}
	if n := st.owed.Swap(0); n > 0 {
		st.avail.Add(n)
		st.c.update(st.id, n)
	}
}
