package h2

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// stream is one HTTP/2 stream at either end: the part that a client's and a server's call have in common.
type stream struct {
	c  *conn
	id uint32

	// Sending; guarded by c.w.mu.
	sendWin  int64
	sendCond sync.Cond
	hasTurn  bool
	sendDone bool  // END_STREAM or RST_STREAM was sent
	sendErr  error // the stream ended under the sender
	blocked  atomic.Bool
	moved    int64    // bytes sent, for what watches over stalled streams
	segs     [][]byte // the sender's, reused
	bufs     mem.BufferSlice
	prefix   [messagePrefix]byte
	size     int
	burst    atomic.Int32 // messages sent since the receiver last waited

	// Arriving; the reader's own.
	in     inbound
	expect int64
	waking bool
	open   bool // headers came, so DATA may

	avail     atomic.Int64 // what the peer may still send
	partial   atomic.Int64 // bytes of the incomplete message that no window was given back for
	owed      atomic.Int64 // bytes taken and not yet given back to the peer
	waiting   atomic.Bool  // RecvMsg waits
	remoteEnd atomic.Bool  // END_STREAM or RST_STREAM came
	quiet     atomic.Bool  // no window updates any more

	mu      sync.Mutex
	cond    sync.Cond // on mu: ready, done, headers
	ready   []message
	held    int64 // flow-controlled bytes in ready
	factory SinkMessage
	sinks   []Sink // to be reused
	done    bool   // nothing more will come
	err     error  // what RecvMsg returns then: io.EOF or a status error
	header  metadata.MD
	haveHdr bool
	trailer metadata.MD
	closed  bool // ready is not wanted any more

	// The receiver's own.
	taken []message
	next  int
	spare []Sink

	encoding string // grpc-encoding of what arrives; set before the first message
	decomp   encoding.Compressor
	limit    int      // of a message received
	owner    any      // *clientStream or *serverStream
	times    *Blocked // what its waits are added to; nil: nothing
}

// message is a complete one, in a sink or as bytes.
type message struct {
	sink       Sink
	buf        *[]byte
	flow       int
	compressed bool
}

func newStream(c *conn, limit int) *stream {
	st := &stream{c: c, limit: limit}
	st.cond.L = &st.mu
	st.sendCond.L = &c.w.mu
	st.expect = -1
	st.avail.Store(int64(max(c.t.Window, initialWindow)))
	return st
}

// sendable says why nothing more can be sent; c.w.mu is held.
func (st *stream) sendable() error {
	switch {
	case st.sendErr != nil:
		return st.sendErr
	case st.sendDone:
		return status.Error(codes.Internal, "SendMsg called after the stream was closed for sending")
	}
	return nil
}

// errCancelled is given to cease for a call that nobody waits for any more: the sender returns io.EOF, also from a write.
var errCancelled = errors.New("cancelled")

// cease ends sending: a blocked sender returns err, and the peer gets RST_STREAM of code unless both sides are done or
// code is noReset.
func (st *stream) cease(err error, code http2.ErrCode) {
	w := &st.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == errCancelled {
		w.interrupt(st)
		err = io.EOF
	}
	if st.sendErr == nil {
		st.sendErr = err
	}
	closed := st.sendDone && st.remoteEnd.Load() && code != http2.ErrCodeStreamClosed
	if code != noReset && !closed && w.err == nil {
		w.out = appendReset(w.out, st.id, code)
		w.try()
	}
	st.sendDone = true
	st.sendCond.Signal()
	w.room.Broadcast() // it may wait in hold
}

// ended says that both sides have ended the stream.
func (st *stream) ended() bool {
	st.c.w.mu.Lock()
	defer st.c.w.mu.Unlock()
	return st.sendDone && st.remoteEnd.Load()
}

// closeSend sends END_STREAM.
func (st *stream) closeSend() {
	w := &st.c.w
	w.mu.Lock()
	if st.sendable() == nil && w.err == nil {
		w.small(st, &pieces{}, 0, true)
	}
	w.mu.Unlock()
	w.push()
}

// push has everything sent so far written before the caller waits for the peer.
func (st *stream) push() {
	if st.burst.Swap(0) > 1 {
		st.c.w.push()
	}
}

// ending waits for the end of a stream that should have no more messages, and returns nil if there is one.
func (st *stream) ending() error {
	m, err := st.take()
	if err == nil {
		m.drop()
		st.untake()
	}
	return err
}

// finish says that nothing more will come: RecvMsg returns err once what is ready was taken. The first call counts.
func (st *stream) finish(err error, trailer metadata.MD) {
	st.mu.Lock()
	if !st.done {
		st.done, st.err, st.trailer = true, err, trailer
	}
	st.cond.Broadcast()
	st.mu.Unlock()
}

// abort is finish for when what is ready is not wanted either.
func (st *stream) abort(err error) {
	st.mu.Lock()
	if !st.done || st.err == io.EOF {
		st.done, st.err = true, err
	}
	st.drop()
	st.cond.Broadcast()
	st.mu.Unlock()
}

// drop gives back what is ready and all that still arrives. mu is held.
func (st *stream) drop() {
	st.closed = true
	st.quiet.Store(true)
	for _, m := range st.ready {
		m.drop()
	}
	clear(st.ready)
	st.ready = nil
	st.c.release(st.held)
	st.held = 0
}

// halt makes a blocked sender return err; the stream can still be ended in order.
func (st *stream) halt(err error) {
	w := &st.c.w
	w.mu.Lock()
	if st.sendErr == nil {
		st.sendErr = err
	}
	st.sendCond.Signal()
	w.room.Broadcast() // it may wait in hold
	w.mu.Unlock()
}
