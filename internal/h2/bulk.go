package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// message sends one message of st, which may be small or large. It returns when all of it was written or copied. u is
// for small ones; end ends the stream with it.
func (w *writer) message(st *stream, prefix []byte, segs [][]byte, size int, u urgency, end bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := len(prefix) + size
	w.sent.Add(int64(max(left, budgetReward)))
	src := pieces{prefix, segs}
	if left <= smallMessage && int64(left) <= st.sendWin && int64(left) <= w.connWin && len(w.waiting) == 0 {
		if err := w.hold(st); err != nil {
			return err
		}
	}
	// The windows may have moved while hold waited.
	if left <= smallMessage && int64(left) <= st.sendWin && int64(left) <= w.connWin && len(w.waiting) == 0 {
		if err := st.sendable(); err != nil {
			return err
		}
		st.sendWin -= int64(left)
		w.connWin -= int64(left)
		st.moved += int64(left)
		w.small(st, &src, left, end)
		w.kickBy(st, u)
		return nil
	}
	for left > 0 {
		n, err := w.reserve(st, min(left, w.turn))
		if err != nil {
			return err
		}
		if err := w.acquire(st); err != nil {
			w.unreserve(n)
			return err
		}
		left -= n
		if !w.bulk(st, &src, n, end && left == 0) {
			w.release()
			return st.sendable()
		}
		w.owner = nil
		w.drain(1)
		w.release()
	}
	return w.err
}

const smallMessage = 16 << 10 // up to here a copy is cheaper than a turn of its own

// small appends n bytes of src to out as DATA frames. mu is held.
func (w *writer) small(st *stream, src *pieces, n int, end bool) {
	for first := true; first || n > 0; first = false {
		k := min(n, w.maxFrame)
		n -= k
		w.out = appendFrameHeader(w.out, k, http2.FrameData, endFlag(end && n == 0), st.id)
		for k > 0 {
			p := src.next(k)
			w.out = append(w.out, p...)
			k -= len(p)
		}
	}
	if end {
		st.sendDone = true
	}
}

func endFlag(end bool) http2.Flags {
	if end {
		return http2.FlagDataEndStream
	}
	return 0
}

// bulk writes n bytes of src from where they lie, behind whatever out holds. It returns false if it was interrupted.
// The caller is the owner and holds mu.
func (w *writer) bulk(st *stream, src *pieces, n int, end bool) bool {
	buf := w.out
	w.out, w.spare, w.answers = w.spare[:0], nil, 0
	w.room.Broadcast()
	frame := w.maxFrame
	if end {
		st.sendDone = true
	}
	w.owner = st
	w.mu.Unlock()
	w.s.sender(st.times)
	g := &w.g
	g.reset()
	g.ref(buf)
	var err error
	var rest []byte // of an interrupted write, as far as the frame's end
	for n > 0 && err == nil {
		for n > 0 && !g.full() && err == nil {
			k := min(n, frame)
			n -= k
			putFrameHeader(g.room(frameHeader), k, http2.FrameData, endFlag(end && n == 0), st.id)
			for k > 0 {
				if len(g.vecs) >= gatherVecs && err == nil { // a frame of very many pieces
					rest, err = w.put(g)
				}
				p := src.next(k)
				k -= len(p)
				if err == nil {
					g.add(p)
				} else {
					rest = append(rest, p...)
				}
			}
		}
		if err == nil {
			rest, err = w.put(g)
		}
	}
	w.s.sender(nil)
	w.mu.Lock()
	if w.spare == nil && cap(buf) <= 4*w.queue {
		w.spare = buf[:0]
	}
	switch cut := w.interrupted(); {
	case err == nil:
	case cut:
		w.unreserve(n)
		w.out = append(rest, w.out...)
		return false
	default:
		w.fail(err)
	}
	return true
}

// put writes g and empties it. After an error it returns a copy of what is not written.
func (w *writer) put(g *gather) (rest []byte, err error) {
	n, err := w.s.writev(g)
	if err != nil {
		for _, v := range g.vecs {
			k := min(n, len(v))
			rest = append(rest, v[k:]...)
			n -= k
		}
	}
	g.reset()
	return rest, err
}

// interrupt makes st's goroutine return from a write that blocks because the peer does not read; what it had begun is
// left to the flusher. A TLS connection cannot go on after that, so there it waits. mu is held.
func (w *writer) interrupt(st *stream) {
	if w.owned && w.owner == st && w.s.raw != nil && w.err == nil {
		w.broken = true
		_ = w.s.nc.SetWriteDeadline(time.Unix(1, 0))
	}
}

// interrupted says whether the write that has just returned was to be interrupted, and makes the next one possible.
func (w *writer) interrupted() bool {
	if !w.broken {
		return false
	}
	w.broken = false
	_ = w.s.nc.SetWriteDeadline(time.Time{})
	return true
}
