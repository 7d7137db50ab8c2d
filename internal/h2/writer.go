package h2

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2/hpack"
)

// writer is a connection's way out. Frames of small messages, headers and answers to the peer are appended to out and
// written together by whoever comes by; large messages are written by their own goroutine, straight from the caller's
// memory, one turn of at most turn bytes after another, streams taking turns first come, first served.
//
// At most one goroutine, the owner, is in a system call. It drops mu meanwhile; the order of frames is the order in
// which mu was held.
type writer struct {
	mu    sync.Mutex
	s     *sock
	err   error // errBroken: the connection cannot be written to any more
	cause error

	owned   bool
	owner   *stream // whose goroutine the owner is; nil: the flusher's, or unknown
	broken  bool    // the owner's write is to be interrupted
	out     []byte
	spare   []byte
	answers int // bytes of out that the peer caused, for the flood limits
	turns   []*stream
	room    sync.Cond // out was taken by its owner
	wake    sync.Cond // the flusher's
	asked   bool
	closed  bool
	g       gather

	turn                     int // most bytes of one turn
	queue                    int // out's bound for messages
	maxFrame                 int // of a DATA frame sent: the peer's limit and ours
	peerMax                  int
	initWin                  int64 // of new streams
	connWin                  int64
	peerHeaders, peerStreams int64        // the peer's limits; -1: none
	waiting                  []*stream    // for connWin
	sent                     atomic.Int64 // payload, for the flood limits
	henc                     *hpack.Encoder
	hbuf                     bytes.Buffer
}

func (w *writer) init(s *sock, t *Tuning) {
	w.s, w.turn, w.queue = s, t.WriteBuffer, t.WriteBuffer/2
	w.maxFrame, w.peerMax, w.connWin, w.initWin = minFrame, minFrame, initialWindow, initialWindow
	w.peerHeaders, w.peerStreams = -1, -1
	w.room.L, w.wake.L = &w.mu, &w.mu
	w.henc = hpack.NewEncoder(&w.hbuf)
}

var errBroken = errors.New("the connection has ended")

// fail ends all writing; callers that wait get err. mu is held.
func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = errBroken
		w.cause = err
		_ = w.s.nc.SetReadDeadline(time.Now().Add(time.Second)) // for what the peer may have said before
	}
	w.room.Broadcast()
	w.wake.Signal()
	for _, st := range w.turns {
		st.sendCond.Signal()
	}
	for _, st := range w.waiting {
		st.sendCond.Signal()
	}
}

// drain writes out, up to times over, until it is empty or a stream waits for its turn. The caller is the owner and
// holds mu.
func (w *writer) drain(times int) {
	for ; times > 0 && len(w.out) > 0 && w.err == nil && len(w.turns) == 0; times-- {
		buf := w.out
		w.out, w.spare, w.answers = w.spare[:0], nil, 0
		w.room.Broadcast()
		w.mu.Unlock()
		n, err := w.s.write(buf)
		w.mu.Lock()
		if w.interrupted() && err != nil {
			w.out = append(bytes.Clone(buf[n:]), w.out...)
			return
		}
		if cap(buf) <= 4*w.queue {
			w.spare = buf[:0]
		}
		if err != nil {
			w.fail(err)
		}
	}
}

// release ends ownership: the next stream has its turn, or the flusher takes what is left. mu is held.
func (w *writer) release() {
	w.interrupted() // one that came too late must not end the next owner's write
	w.owner = nil
	if len(w.turns) > 0 {
		next := w.turns[0]
		w.turns = append(w.turns[:0], w.turns[1:]...)
		w.owner, next.hasTurn = next, true
		next.sendCond.Signal()
		return
	}
	w.owned = false
	w.room.Broadcast()
	if len(w.out) > 0 {
		w.ask()
	}
}

func (w *writer) ask() {
	if !w.asked {
		w.asked = true
		w.wake.Signal()
	}
}

// urgency says when a small message is written.
type urgency int

const (
	now   urgency = iota // by the caller
	soon                 // by whoever comes by, or the flusher
	later                // with what the caller sends next
)

// kick sees to it that out is written. mu is held.
func (w *writer) kick(u urgency) { w.kickBy(nil, u) }

// kickBy is kick by the sender of st.
func (w *writer) kickBy(st *stream, u urgency) {
	switch {
	case w.owned || len(w.out) == 0 || w.err != nil: // the owner looks after it
	case u == now || st != nil && len(w.out) >= w.queue/2:
		w.owned, w.owner = true, st
		w.drain(1)
		w.release()
	case u == soon:
		w.ask()
	}
}

// push writes out now, as far as the caller need not wait for the peer to read.
func (w *writer) push() {
	w.mu.Lock()
	if w.s.raw != nil {
		w.try()
	} else {
		w.kick(now)
	}
	w.mu.Unlock()
}

// try writes out if that can be done without waiting, and leaves it to the flusher otherwise: for the reader, which must
// never wait for the peer to read. mu is held.
func (w *writer) try() {
	if w.owned || len(w.out) == 0 || w.err != nil {
		return
	}
	if w.s.raw == nil {
		w.ask()
		return
	}
	w.owned = true
	buf := w.out
	w.out, w.spare, w.answers = w.spare[:0], nil, 0
	w.mu.Unlock()
	n, ok := w.s.tryWrite(buf)
	w.mu.Lock()
	switch {
	case !ok:
		w.fail(io.ErrClosedPipe)
	case n < len(buf): // put what is left in front
		rest := append(buf[:0], buf[n:]...)
		w.out, w.spare = append(rest, w.out...), w.out[:0]
	default:
		w.spare = buf[:0]
		w.room.Broadcast()
	}
	w.release()
}

// hold waits until out has room for another message of st. mu is held.
func (w *writer) hold(st *stream) error {
	for len(w.out) >= w.queue && w.err == nil && st.sendable() == nil {
		if w.owned {
			st.waitTurn(&w.room)
		} else {
			w.kickBy(st, now)
		}
	}
	return w.err
}

// flusher writes what nobody else came by to write. It ends when the writer is closed.
func (w *writer) flusher() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for !w.asked && !w.closed {
			w.wake.Wait()
		}
		if w.closed {
			return
		}
		if !w.owned && len(w.out) < w.queue/2 { // a sender may be about to add more
			w.mu.Unlock()
			runtime.Gosched()
			w.mu.Lock()
		}
		w.asked = false
		if !w.owned && w.err == nil {
			w.owned = true
			w.drain(1 << 10)
			w.release()
		}
	}
}

func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.fail(io.ErrClosedPipe)
	w.mu.Unlock()
}

// control queues frames for the peer and has them written without waiting. It fails when the peer causes answers and
// does not read them.
func (w *writer) control(p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, p...)
	w.answers += len(p)
	if w.answers > maxAnswers {
		return calm("%d bytes of answers wait for a peer that does not read", w.answers)
	}
	w.try()
	return nil
}

const maxAnswers = 256 << 10

// fields encodes a header list into frames of out. mu is held.
func (w *writer) fields(id uint32, fs []hpack.HeaderField, end bool) {
	w.hbuf.Reset()
	for _, f := range fs {
		_ = w.henc.WriteField(f) // a bytes.Buffer takes everything
	}
	w.out = appendHeaderBlock(w.out, w.hbuf.Bytes(), id, w.peerMax, end)
}
