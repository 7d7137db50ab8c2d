package h2

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// sock moves bytes between a connection and memory, and counts what the wire carries. One goroutine may read and one
// may write at a time; Close may come from anywhere.
type sock struct {
	nc     net.Conn  // what carries HTTP/2: the socket itself, or TLS over it
	raw    *rawSock  // vectored I/O without allocation; nil over TLS and where the system has none
	cork   *corkConn // below TLS; nil otherwise
	stage  []byte    // joins pieces where there is no vectored write
	counts *counts
	idle   idleClock // of the reader: waiting for the peer
	full   idleClock // of the writer: waiting for room
}

// sender names whom waits for room in the socket are added to, from now on; nil
// is nobody. Only the one that writes may call it.
func (s *sock) sender(b *Blocked) {
	if s.raw != nil {
		s.raw.sender(b)
	}
}

// counts is what the sockets of one ClientConn or Server carried: bytes as TCP sees them, and system calls.
type counts struct {
	read, written, calls atomic.Int64
}

// write writes p to w. It is counted before the peer can answer, so that what the peer has acknowledged is in the count.
func (c *counts) write(w io.Writer, p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	c.calls.Add(1)
	n, err := w.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

func newSock(nc net.Conn, under *corkConn, n *counts) *sock {
	s := &sock{nc: nc, cork: under, counts: n}
	if under == nil {
		s.raw = newRawSock(nc, n, &s.idle, &s.full)
	} else {
		under.idle = &s.idle
	}
	return s
}

// read fills direct first and then buf, in one call, and returns how many bytes came in all.
func (s *sock) read(direct, buf []byte) (int, error) {
	if s.raw != nil {
		return s.raw.readv(direct, buf)
	}
	if len(direct) == 0 {
		direct = buf
	}
	if s.cork == nil {
		s.idle.begin(Nanos())
	}
	n, err := s.nc.Read(direct)
	if s.cork == nil {
		s.idle.end(Nanos())
		s.counts.read.Add(int64(n))
		s.counts.calls.Add(1)
	}
	if n > 0 {
		err = nil // it will come again
	}
	return n, err
}

// write writes all of p. After an error it returns how much of it, as far as it knows.
func (s *sock) write(p []byte) (int, error) {
	if s.raw != nil {
		return s.raw.write(p)
	}
	return 0, s.staged(p, true)
}

// writev writes all of g, like write.
func (s *sock) writev(g *gather) (int, error) {
	if s.raw != nil {
		return s.raw.writev(g)
	}
	for i, v := range g.vecs {
		if err := s.staged(v, i == len(g.vecs)-1); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// tryWrite writes what the socket takes at once; ok is false when only a write that may block will do.
func (s *sock) tryWrite(p []byte) (n int, ok bool) {
	if s.raw != nil {
		return s.raw.tryWrite(p)
	}
	return 0, false
}

const stageSize = 64 << 10 // four whole TLS records

// staged joins pieces into whole records; last flushes.
func (s *sock) staged(p []byte, last bool) error {
	if s.stage == nil {
		s.stage = make([]byte, 0, stageSize)
	}
	for len(p) > 0 {
		if len(s.stage) == 0 && len(p) >= stageSize { // whole records need no joining
			n := len(p) / minFrame * minFrame
			if err := s.put(p[:n]); err != nil {
				return err
			}
			p = p[n:]
			continue
		}
		n := min(len(p), stageSize-len(s.stage))
		s.stage = append(s.stage, p[:n]...)
		p = p[n:]
		if len(s.stage) == stageSize {
			if err := s.put(s.stage); err != nil {
				return err
			}
			s.stage = s.stage[:0]
		}
	}
	if !last {
		return nil
	}
	if len(s.stage) > 0 {
		err := s.put(s.stage)
		s.stage = s.stage[:0]
		if err != nil {
			return err
		}
	}
	if s.cork != nil {
		return s.cork.flush()
	}
	return nil
}

func (s *sock) put(p []byte) error {
	if s.cork != nil {
		s.cork.keep()
	}
	if s.cork != nil {
		_, err := s.nc.Write(p)
		return err
	}
	_, err := s.counts.write(s.nc, p)
	return err
}

// corkConn is the socket below TLS: crypto/tls reads and writes one record at a time, here several become one system
// call. Handshake and alerts pass at once; only sock's own writes are held back until flush.
type corkConn struct {
	net.Conn
	counts *counts
	idle   *idleClock // set after the handshake
	in     []byte     // read and not yet taken by TLS
	inbuf  []byte

	mu   sync.Mutex // crypto/tls answers a key update from its reader
	out  []byte
	hold bool // records are kept until flush
}

const corkSize = 256 << 10

func (c *corkConn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		if c.inbuf == nil {
			c.inbuf = make([]byte, corkSize)
		}
		if c.idle != nil {
			c.idle.begin(Nanos())
		}
		n, err := c.Conn.Read(c.inbuf)
		if c.idle != nil {
			c.idle.end(Nanos())
		}
		c.counts.read.Add(int64(n))
		c.counts.calls.Add(1)
		c.in = c.inbuf[:n]
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *corkConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hold {
		return c.send(p)
	}
	if len(c.out)+len(p) > corkSize {
		if err := c.drain(); err != nil {
			return 0, err
		}
	}
	c.out = append(c.out, p...)
	return len(p), nil
}

func (c *corkConn) keep() {
	c.mu.Lock()
	c.hold = true
	c.mu.Unlock()
}

func (c *corkConn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = false
	return c.drain()
}

func (c *corkConn) drain() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.send(c.out)
	c.out = c.out[:0]
	return err
}

func (c *corkConn) send(p []byte) (int, error) {
	return c.counts.write(c.Conn, p)
}
