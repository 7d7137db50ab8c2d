package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// Bounds of what ceilings may take of a server.
const (
	maxCeilings = 8
	ceilingIdle = 30 * time.Second // without a byte, after which one ends by itself
)

// ceilings are those that clients measure now. Safe for concurrent use.
type ceilings struct {
	near     net.Addr    // where the server itself listens
	tls      *tls.Config // nil: plaintext
	limit    int64       // bytes of all their buffers together
	stats    *stats
	idle     time.Duration
	mu       sync.Mutex
	open     map[string]*ceiling
	reserved int64 // bytes
	closed   bool
	all      sync.WaitGroup // their goroutines
}

// ceiling is one of them.
type ceiling struct {
	workloads.CeilingRequest
	id      string
	of      *ceilings
	bytes   int64         // reserved
	buffers [][]byte      // to be sent in rotation; nil where nothing is
	moved   atomic.Int64  // bytes, to see that it is not idle
	ended   chan struct{} // closed with it

	mu       sync.Mutex
	listener net.Listener      // nil: by gRPC
	conns    map[net.Conn]bool // nil once it has ended
}

// ceilingAction begins a ceiling, or ends one.
func (s *service) ceilingAction(_ context.Context, body []byte) ([]byte, error) {
	var r workloads.CeilingRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s: the body is no request: %v", workloads.CeilingAction, err)
	}
	if r.Close != "" {
		if c := s.ceilings.find(r.Close); c != nil {
			c.close()
		}
		return []byte("{}"), nil
	}
	if err := r.Validate(); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s: %v", workloads.CeilingAction, err)
	}
	for i, n := range r.Sizes {
		if n > int64(s.opts.MaxMessage) {
			return nil, status.Errorf(codes.ResourceExhausted, "%s: size %d is %d bytes, and a message may have %d: raise the server's --max-message", workloads.CeilingAction, i, n, s.opts.MaxMessage)
		}
	}
	out, err := s.ceilings.begin(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// begin makes ready for what r asks.
func (l *ceilings) begin(r workloads.CeilingRequest) (*workloads.Ceiling, error) {
	if r.By == workloads.CeilingTLS && l.tls == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "%s: this server has no TLS: ask for %s", workloads.CeilingAction, workloads.CeilingSocket)
	}
	c := &ceiling{CeilingRequest: r, id: rand.Text(), of: l, ended: make(chan struct{}), conns: map[net.Conn]bool{}}
	if r.Way == workloads.CeilingGet {
		for _, n := range r.Sizes {
			c.bytes += n
		}
	}
	if err := l.add(c); err != nil {
		return nil, err
	}
	if c.bytes > 0 {
		c.buffers = workloads.CeilingBytes(r.Sizes)
	}
	out := &workloads.Ceiling{ID: c.id}
	if r.By != workloads.CeilingGRPC {
		if err := c.listen(out); err != nil {
			l.all.Done()
			c.close()
			return nil, status.Errorf(codes.Unavailable, "%s: %v", workloads.CeilingAction, err)
		}
	}
	go func() {
		defer l.all.Done()
		c.watch()
	}()
	return out, nil
}

// add reserves what c takes, and a place for its watch.
func (l *ceilings) add(c *ceiling) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return status.Error(codes.Unavailable, "the server stops")
	case len(l.open) >= maxCeilings:
		return status.Errorf(codes.ResourceExhausted, "%s: %d are measured already, the most at a time: wait until one has ended", workloads.CeilingAction, maxCeilings)
	case c.bytes > l.limit-l.reserved:
		return status.Errorf(codes.ResourceExhausted, "%s: the messages have %d bytes together, and %d are left of the %d that --prepare-limit gives to ceilings: raise it, or use fewer distinct batches",
			workloads.CeilingAction, c.bytes, l.limit-l.reserved, l.limit)
	}
	if l.open == nil {
		l.open = map[string]*ceiling{}
	}
	l.open[c.id] = c
	l.reserved += c.bytes
	l.all.Add(1)
	return nil
}

// listen opens a listener beside the server's own and serves it.
func (c *ceiling) listen(out *workloads.Ceiling) (err error) {
	l := c.of
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		return errors.New("the server stops")
	}
	if l.near.Network() == "unix" {
		out.Path = l.near.String() + "-" + c.id[:8]
		if len(out.Path) > maxSocketPath { // a short name may still fit
			out.Path = filepath.Join(filepath.Dir(l.near.String()), c.id[:8])
		}
		c.listener, err = net.Listen("unix", out.Path)
	} else {
		host, _, _ := net.SplitHostPort(l.near.String())
		if c.listener, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			out.Port = c.listener.Addr().(*net.TCPAddr).Port
		}
	}
	if err != nil {
		return err
	}
	l.all.Add(1)
	go func() {
		defer l.all.Done()
		c.accept()
	}()
	return nil
}

// watch ends c once nothing has moved for a while.
func (c *ceiling) watch() {
	tick := time.NewTicker(c.of.idle)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-c.ended:
			return
		case <-tick.C:
			now := c.moved.Load()
			if now == last {
				c.close()
				return
			}
			last = now
		}
	}
}

// find is the one of that ID, nil where there is none.
func (l *ceilings) find(id string) *ceiling {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[id]
}

// close ends c, with its streams. It may be called any number of times.
func (c *ceiling) close() {
	l := c.of
	l.mu.Lock()
	_, open := l.open[c.id]
	if open {
		delete(l.open, c.id)
		l.reserved -= c.bytes
		close(c.ended)
	}
	l.mu.Unlock()
	if !open {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		_ = c.listener.Close()
	}
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// close ends all, for good, and returns when nothing of them runs.
func (l *ceilings) close() {
	l.mu.Lock()
	l.closed = true
	var open []*ceiling
	for _, c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		c.close()
	}
	l.all.Wait()
}

// message counts one of n bytes that was sent or taken.
func (c *ceiling) message(n int64) {
	c.moved.Add(n)
	c.of.stats.ceiling.batch(wire.Sizes{Body: n})
}

// size is that of the stream's message i.
func (c *ceiling) size(i int64) int64 { return c.Sizes[i%int64(len(c.Sizes))] }
