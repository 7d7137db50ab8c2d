package h2

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// conn is one HTTP/2 connection, either end. Its reader goroutine takes frames apart; role says what they mean.
type conn struct {
	t    *Tuning
	role role
	nc   net.Conn // the socket; closing it ends everything
	s    *sock
	w    writer
	r    reader

	mu      sync.Mutex
	streams map[uint32]*stream
	gone    []*stream // removed; the reader still has to let go of them
	err     error     // why the connection ended
	pings   uint32
	awaited map[[8]byte]chan time.Time // PINGs under way

	announced map[http2.SettingID]uint32 // the peer's settings; guarded by w.mu

	hasGone  atomic.Bool
	held     atomic.Int64 // bytes received that no receiver has taken
	owed     atomic.Int64 // bytes received that the peer may send again
	avail    atomic.Int64 // what the peer may still send
	late     atomic.Int64 // bytes received for streams that were over
	lastRead atomic.Int64 // unix nanoseconds
	pinged   atomic.Bool  // a keepalive PING is unanswered
	settled  atomic.Bool  // the peer's first SETTINGS came
	ended    chan struct{}
	tasks    sync.WaitGroup
}

// role is what differs between client and server. All but idle are called from the reader goroutine; an error ends
// the stream (streamError) or the connection.
type role interface {
	headers(id uint32, b *headerBlock, end bool) error
	remoteEnd(st *stream)
	remoteReset(st *stream, code http2.ErrCode) error
	goAway(last uint32, code http2.ErrCode, debug string)
	settings()
	opened(id uint32) bool // the stream was open once, or is
	spoiled(st *stream, err error)
	lost(st *stream, err error) // the connection ended under st
}

func newConn(nc net.Conn, s *sock, t *Tuning, r role) *conn {
	c := &conn{t: t, role: r, nc: nc, s: s, streams: make(map[uint32]*stream), announced: make(map[http2.SettingID]uint32), ended: make(chan struct{})}
	c.w.init(s, t)
	c.r.init(c)
	c.avail.Store(initialWindow)
	c.lastRead.Store(time.Now().UnixNano())
	return c
}

// hello appends our SETTINGS and opens the connection's window.
func (c *conn) hello(b []byte, more ...http2.Setting) []byte {
	b = appendSettings(b, append([]http2.Setting{
		{ID: http2.SettingInitialWindowSize, Val: uint32(c.t.Window)},
		{ID: http2.SettingMaxFrameSize, Val: uint32(c.t.MaxFrame)},
		{ID: http2.SettingMaxHeaderListSize, Val: uint32(c.t.MaxHeaderList)},
	}, more...)...)
	if n := c.t.ConnWindow - initialWindow; n > 0 {
		b = appendWindowUpdate(b, 0, uint32(n))
		c.avail.Add(int64(n))
	}
	return b
}

// run reads until the connection ends, then lets go of everything. It returns why.
func (c *conn) run() error {
	c.tasks.Go(c.w.flusher)
	if c.t.KeepaliveTime > 0 {
		c.tasks.Go(c.keepalive)
	}
	err := c.r.loop()
	c.w.mu.Lock()
	if c.w.cause != nil {
		err = c.w.cause
	}
	c.w.mu.Unlock()
	c.shut(err)
	c.r.end()
	c.tasks.Wait()
	return err
}

// shut ends the connection because of err; a connError is told to the peer. The first call counts.
func (c *conn) shut(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	all := make([]*stream, 0, len(c.streams))
	for _, st := range c.streams {
		all = append(all, st)
	}
	c.mu.Unlock()
	close(c.ended)
	for _, st := range all {
		c.role.lost(st, err)
	}
	var ce connError
	if errors.As(err, &ce) {
		c.farewell(ce)
	}
	_ = c.nc.Close()
	c.w.close()
}

// cause is why the connection ended, nil while it has not.
func (c *conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// farewell tries to tell the peer why, for a second at most.
func (c *conn) farewell(e connError) {
	_ = c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	w := &c.w
	w.mu.Lock()
	w.out = appendGoAway(w.out, c.r.lastID, e.code, e.reason)
	w.kick(now)
	for w.err == nil && (w.owned || len(w.out) > 0) {
		w.room.Wait() // the owner writes it, or fails by the deadline
	}
	w.mu.Unlock()
	// A socket closed with unread input is reset, and the peer may not see the GOAWAY: read a little first.
	if tc, ok := c.nc.(interface{ CloseWrite() error }); ok && c.s.cork == nil {
		_ = tc.CloseWrite()
		_ = c.nc.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		b := make([]byte, 64<<10) // with the loop below, 16 MiB at most: a flood is larger than one socket buffer
		for range 256 {
			if _, err := c.nc.Read(b); err != nil {
				break
			}
		}
	}
}

// broken is the error of a connection that has ended, as callers shall see it.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("connection closed by the peer")
	}
	return fmt.Errorf("connection lost: %w", err)
}

func (c *conn) stream(id uint32) *stream {
	c.mu.Lock()
	st := c.streams[id]
	c.mu.Unlock()
	return st
}

// remove takes st out of the connection; the reader gives back what it held for it.
func (c *conn) remove(st *stream) bool {
	st.quiet.Store(true)
	c.mu.Lock()
	_, ok := c.streams[st.id]
	if ok {
		delete(c.streams, st.id)
		c.gone = append(c.gone, st)
		c.hasGone.Store(true)
	}
	c.mu.Unlock()
	return ok
}

// release says that n received bytes were taken.
func (c *conn) release(n int64) {
	if n == 0 {
		return
	}
	if before := c.held.Add(-n) + n; before > int64(c.t.BufferLimit) {
		c.grant(nil) // it may have been withheld
	}
}

// receive accounts for n flow-controlled bytes off the socket, held of which a stream keeps.
func (c *conn) receive(n, held int) error {
	if c.avail.Add(int64(-n)) < 0 {
		return connError{http2.ErrCodeFlowControl, "more data than the connection's window allows"}
	}
	c.held.Add(int64(held))
	if c.owed.Add(int64(n)) >= int64(c.t.ConnWindow/4) {
		return c.grant(nil)
	}
	return nil
}

// grant writes window updates: p, and the connection's own if it is worth it.
func (c *conn) grant(p []byte) error {
	if c.owed.Load() >= int64(c.t.ConnWindow/8) && c.held.Load() <= int64(c.t.BufferLimit) {
		if n := c.owed.Swap(0); n > 0 {
			c.avail.Add(n)
			p = appendWindowUpdate(p, 0, uint32(n))
		}
	}
	if len(p) == 0 {
		return nil
	}
	return c.w.control(p)
}

// update gives the peer n more bytes of a stream's window.
func (c *conn) update(id uint32, n int64) {
	var b [2 * (frameHeader + 4)]byte
	_ = c.grant(appendWindowUpdate(b[:0], id, uint32(n))) // a connection that fails is seen by its reader
}

// keepalive pings a silent peer and ends the connection when it stays silent.
func (c *conn) keepalive() {
	t := time.NewTimer(c.t.KeepaliveTime)
	defer t.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-t.C:
		}
		silent := time.Since(time.Unix(0, c.lastRead.Load()))
		switch {
		case silent < c.t.KeepaliveTime:
			c.pinged.Store(false)
			t.Reset(c.t.KeepaliveTime - silent)
		case c.pinged.Load():
			c.shut(errors.New("keepalive: the peer did not answer a PING"))
			return
		default:
			c.pinged.Store(true)
			_ = c.w.control(appendPing(nil, false, [8]byte{'k', 'e', 'e', 'p'}))
			t.Reset(c.t.KeepaliveTimeout)
		}
	}
}
