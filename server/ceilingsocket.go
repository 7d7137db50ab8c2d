package server

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"time"

	"flightbench/internal/h2"
	"flightbench/internal/wire"
	"flightbench/workloads"
)

const (
	ceilingGreeting = 5 * time.Second // in which a connection must say whose it is
	ceilingChunk    = 256 << 10       // bytes taken at a time
)

// accept serves connections until the listener is closed.
func (c *ceiling) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		h2.BoundLocal(conn) // or it would be slower than our HTTP/2
		if c.By == workloads.CeilingTLS {
			conn = tls.Server(conn, c.of.tls)
		}
		if !c.keep(conn) {
			_ = conn.Close()
			continue
		}
		c.of.all.Add(1)
		go func() {
			defer c.of.all.Done()
			defer c.drop(conn)
			c.serve(conn)
		}()
	}
}

// keep notes conn, so that it ends with c; false where there are too many, or
// c has ended.
func (c *ceiling) keep(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil || len(c.conns) >= workloads.MaxCeilingSockets {
		return false
	}
	c.conns[conn] = true
	return true
}

func (c *ceiling) drop(conn net.Conn) {
	c.mu.Lock()
	delete(c.conns, conn)
	c.mu.Unlock()
	_ = conn.Close()
}

// serve answers one connection, see workloads.Ceiling. What is wrong with it
// ends it: it is no protocol for strangers.
func (c *ceiling) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(ceilingGreeting))
	var id [workloads.CeilingIDBytes]byte
	if _, err := io.ReadFull(conn, id[:]); err != nil || string(id[:]) != c.id {
		return
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	var buf []byte
	if c.Way != workloads.CeilingGet {
		buf = make([]byte, ceilingChunk)
	}
	for {
		var head [8]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint64(head[:])
		if n < 1 || n > workloads.MaxBatches {
			return
		}
		if err := c.stream(conn, int64(n), buf); err != nil {
			return
		}
	}
}

// stream moves the n messages of one stream.
func (c *ceiling) stream(conn net.Conn, n int64, buf []byte) error {
	defer c.of.stats.begin(&c.of.stats.ceiling)()
	for i := range n {
		var err error
		size := c.size(i)
		// What the client has all of must have been counted.
		if c.Way != workloads.CeilingPut {
			c.message(size)
		}
		switch c.Way {
		case workloads.CeilingGet:
			_, err = conn.Write(c.buffers[i%int64(len(c.buffers))])
		case workloads.CeilingPut:
			err = take(conn, nil, size, buf)
		default:
			c.of.stats.ceiling.bytes(wire.Sizes{Body: size}) // the way back
			err = take(conn, conn, size, buf)
		}
		if err != nil {
			return err
		}
		if c.Way == workloads.CeilingPut {
			c.message(size)
		}
	}
	if c.Way == workloads.CeilingPut {
		_, err := conn.Write([]byte{1})
		return err
	}
	return nil
}

// take reads n bytes by way of buf, and writes them to echo unless that is nil.
//
// Note: io.Copy would have the kernel splice them past this process, which no
// server of data can do.
func take(r io.Reader, echo io.Writer, n int64, buf []byte) error {
	for n > 0 {
		k, err := r.Read(buf[:min(n, int64(len(buf)))])
		if k > 0 && echo != nil {
			if _, err := echo.Write(buf[:k]); err != nil {
				return err
			}
		}
		if n -= int64(k); err != nil && n > 0 {
			return err
		}
	}
	return nil
}
