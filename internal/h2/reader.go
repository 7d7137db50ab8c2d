package h2

import (
	"fmt"
	"time"

	"golang.org/x/net/http2"
)

// reader takes a connection's frames apart in its read buffer. It belongs to one goroutine.
type reader struct {
	c    *conn
	buf  *[]byte
	r, w int // what is unread

	// The payload that is being passed on: of a DATA frame, or of a frame to be skipped.
	left   int
	pad    int
	st     *stream // nil: dropped
	fin    bool
	inData bool

	h       headerReader
	wakes   []*stream
	last    *stream // the stream of the last DATA frame
	strayID uint32  // the stream of the last stray DATA frame that was answered
	lastID  uint32  // highest stream the peer opened
	budget  budget
	setOne  bool // the first frame was SETTINGS
	preface bool // the client preface is still to come
}

const (
	firstBuffer = 32 << 10
	directLeast = 32 << 10 // with this much to be read directly,
	directTail  = 16 << 10 // no more than this is read into the buffer behind it, from where it would have to be copied
)

func (r *reader) init(c *conn) {
	r.c = c
	r.h.init(c.t.MaxHeaderList)
	r.budget.init(&c.w.sent)
}

// end lets go of what the reader held.
func (r *reader) end() {
	r.flush()
	c := r.c
	c.mu.Lock()
	gone := c.gone
	c.gone = nil
	for _, st := range c.streams {
		gone = append(gone, st)
	}
	c.mu.Unlock()
	for _, st := range gone {
		st.in.kill()
	}
	buffers.Put(r.buf)
	r.buf = nil
}

func (r *reader) loop() error {
	r.buf = buffers.Get(min(firstBuffer, r.c.t.ReadBuffer))
	for {
		if err := r.walk(); err != nil {
			return err
		}
		r.flush()
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// flush wakes the receivers that messages came for since the last flush.
func (r *reader) flush() {
	for i, st := range r.wakes {
		st.waking = false
		st.mu.Lock()
		st.cond.Signal()
		st.mu.Unlock()
		r.wakes[i] = nil
	}
	r.wakes = r.wakes[:0]
	if r.c.hasGone.Load() {
		r.reap()
	}
}

func (r *reader) reap() {
	c := r.c
	c.mu.Lock()
	gone := c.gone
	c.gone = nil
	c.hasGone.Store(false)
	c.mu.Unlock()
	for _, st := range gone {
		if r.last == st {
			r.last = nil
		}
		if r.st == st {
			c.held.Add(int64(-r.left))
			r.st = nil
		}
		c.release(st.partial.Swap(0))
		st.in.kill()
	}
}

// fill reads more: what is left of a DATA frame into its sink's own memory if it has any, the rest into the buffer.
func (r *reader) fill() error {
	b := *r.buf
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	var direct []byte
	var sink Sink
	if st := r.st; r.left > 0 && st != nil && r.r == r.w {
		st.adopt()
		if in := &st.in; in.active && in.sink != nil {
			sink = in.sink
			direct = sink.Direct()
			direct = direct[:min(len(direct), r.left, in.size-in.got)]
		}
	}
	if r.w == len(b) {
		r.makeRoom()
		b = *r.buf
	}
	buf := b[r.w:]
	if len(direct) >= directLeast {
		buf = buf[:min(len(buf), directTail)]
	}
	n, err := r.c.s.read(direct, buf)
	if err != nil {
		return err
	}
	r.c.lastRead.Store(time.Now().UnixNano())
	if d := min(n, len(direct)); d > 0 {
		n -= d
		sink.Advance(d)
		r.left -= d
		r.st.advance(d)
		if r.st.waiting.Load() {
			r.st.giveBack()
		}
		if r.left == 0 && r.pad == 0 {
			r.finish()
		}
	}
	r.w += n
	if r.w == len(b) && len(b) < r.c.t.ReadBuffer && n > 0 { // the socket had more: read larger pieces
		r.buf = buffers.grow(r.buf, min(4*len(b), r.c.t.ReadBuffer))
		*r.buf = (*r.buf)[:min(4*len(b), r.c.t.ReadBuffer)]
	}
	return nil
}

// makeRoom moves the beginning of a frame to the front of the buffer, or enlarges it.
func (r *reader) makeRoom() {
	b := *r.buf
	if r.r > 0 {
		copy(b, b[r.r:r.w])
		r.w -= r.r
		r.r = 0
		return
	}
	n := 2 * len(b) // a control frame that is larger than the buffer; walk has bounded it
	r.buf = buffers.grow(r.buf, n)
	*r.buf = (*r.buf)[:n]
}

// walk goes through all that is in the buffer, as far as it is complete.
func (r *reader) walk() error {
	for {
		b := (*r.buf)[r.r:r.w]
		if r.inData {
			if r.left == 0 && r.pad == 0 {
				if err := r.finish(); err != nil {
					return err
				}
				continue
			}
			if len(b) == 0 {
				return nil
			}
			r.payload(b)
			continue
		}
		if r.preface {
			if ok, err := r.greeting(b); !ok || err != nil {
				return err
			}
			continue
		}
		if len(b) < frameHeader {
			return nil
		}
		h := parseFrameHeader(b)
		if err := r.allowed(h); err != nil {
			return err
		}
		if h.Type == http2.FrameData {
			need := frameHeader
			if h.Flags.Has(http2.FlagDataPadded) && h.Length > 0 {
				need++
			}
			if len(b) < need {
				return nil
			}
			r.r += need
			if err := r.beginData(h, b[frameHeader:need]); err != nil {
				return err
			}
			continue
		}
		if !known(h.Type) {
			if err := r.budget.spend(1); err != nil {
				return err
			}
			r.r += frameHeader
			r.inData, r.left, r.pad, r.st, r.fin = true, int(h.Length), 0, nil, false
			continue
		}
		if len(b) < frameHeader+int(h.Length) {
			return nil
		}
		r.r += frameHeader + int(h.Length)
		if err := r.frame(h, b[frameHeader:frameHeader+int(h.Length)]); err != nil {
			if se, ok := err.(streamError); ok {
				err = r.streamFailed(se)
			}
			if err != nil {
				return err
			}
		}
	}
}

// greeting expects the client preface.
func (r *reader) greeting(b []byte) (bool, error) {
	n := min(len(b), len(http2.ClientPreface))
	if string(b[:n]) != http2.ClientPreface[:n] {
		return false, protocol("no HTTP/2 client preface")
	}
	if n < len(http2.ClientPreface) {
		return false, nil
	}
	r.r += n
	r.preface = false
	return true, nil
}

// allowed checks a frame's header against what may come now.
func (r *reader) allowed(h http2.FrameHeader) error {
	n := int(h.Length)
	switch {
	case n > r.c.t.MaxFrame:
		return connError{http2.ErrCodeFrameSize, fmt.Sprintf("a frame of %d bytes where %d are allowed", n, r.c.t.MaxFrame)}
	case !r.setOne && h.Type != http2.FrameSettings:
		return protocol("the first frame is %v, not SETTINGS", h.Type)
	case r.h.id != 0 && (h.Type != http2.FrameContinuation || h.StreamID != r.h.id):
		return protocol("%v of stream %d inside the header block of stream %d", h.Type, h.StreamID, r.h.id)
	case h.Type != http2.FrameData && known(h.Type) && n > 2*r.c.t.MaxHeaderList+minFrame:
		return calm("a %v frame of %d bytes", h.Type, n)
	}
	return nil
}

func known(t http2.FrameType) bool { return t <= http2.FrameContinuation }

// beginData is a DATA frame's start; pad holds the pad length if there is one.
func (r *reader) beginData(h http2.FrameHeader, pad []byte) error {
	n := int(h.Length)
	id := h.StreamID
	if id == 0 || !r.c.role.opened(id) {
		return protocol("DATA on stream %d, which is idle", id)
	}
	r.inData, r.left, r.pad, r.fin = true, n-len(pad), 0, h.Flags.Has(http2.FlagDataEndStream)
	if len(pad) > 0 {
		r.pad = int(pad[0])
		if r.left -= r.pad; r.left < 0 {
			return protocol("padding that is longer than its frame")
		}
	} else if h.Flags.Has(http2.FlagDataPadded) {
		return connError{http2.ErrCodeFrameSize, "a padded frame without a pad length"}
	}
	if r.left == 0 && !r.fin || r.pad > r.left+64 {
		if err := r.budget.spend(1); err != nil {
			return err
		}
	}
	if r.left > 0 {
		r.budget.earn(1, r.left)
	}
	if r.st = r.last; r.st == nil || r.st.id != id {
		r.st = r.c.stream(id)
		r.last = r.st
	}
	st := r.st
	var failed error
	switch {
	case st == nil:
		return r.stray(id, n)
	case st.remoteEnd.Load():
		failed = streamError{id, http2.ErrCodeStreamClosed, "DATA after the end of the stream"}
	case !st.open:
		failed = streamError{id, http2.ErrCodeProtocol, "DATA before HEADERS"}
	case st.avail.Add(int64(-n)) < 0:
		failed = streamError{id, http2.ErrCodeFlowControl, "more data than the stream's window allows"}
	case st.expect >= 0:
		if st.expect -= int64(r.left); st.expect < 0 || r.fin && st.expect != 0 {
			failed = streamError{id, http2.ErrCodeProtocol, "data that does not match content-length"}
		}
	}
	if failed != nil {
		if err := r.streamFailed(failed.(streamError)); err != nil {
			return err
		}
		r.st = nil
	} else if n > r.left {
		r.st.credit(int64(n - r.left))
	}
	held := r.left
	if r.st == nil {
		held = 0
	}
	return r.c.receive(n, held)
}

// stray drops a DATA frame of a stream that is over. The peer may have sent a whole window of them, however small, before
// it learned that we reset the stream, so they cost no more than they earn, and one RST_STREAM answers those in a row.
func (r *reader) stray(id uint32, n int) error {
	r.c.late.Add(int64(n))
	if r.strayID != id || n == 0 {
		if err := r.budget.spend(1); err != nil {
			return err
		}
	}
	if r.strayID != id {
		r.strayID = id
		if err := r.c.w.control(appendReset(nil, id, http2.ErrCodeStreamClosed)); err != nil {
			return err
		}
	}
	return r.c.receive(n, 0)
}

// payload passes on what is in the buffer of the current frame.
func (r *reader) payload(b []byte) {
	if r.left > 0 {
		n := min(r.left, len(b))
		if r.st != nil {
			r.st.data(b[:n])
		}
		r.left -= n
		r.r += n
		b = b[n:]
	}
	if r.left == 0 && r.pad > 0 {
		n := min(r.pad, len(b))
		r.pad -= n
		r.r += n
	}
}

// finish is the current frame's end.
func (r *reader) finish() error {
	st, end := r.st, r.fin
	r.inData, r.st, r.fin = false, nil, false
	if end && st != nil {
		st.remoteEnd.Store(true)
		st.quiet.Store(true)
		r.c.role.remoteEnd(st)
	}
	return nil
}

// streamFailed ends one stream because of what the peer did.
func (r *reader) streamFailed(e streamError) error {
	if err := r.budget.spend(10); err != nil {
		return err
	}
	if st := r.c.stream(e.id); st != nil {
		r.c.role.spoiled(st, e)
		return nil
	}
	return r.c.w.control(appendReset(nil, e.id, e.code))
}

func (r *reader) spoiled(st *stream, err error) { r.c.role.spoiled(st, err) }
