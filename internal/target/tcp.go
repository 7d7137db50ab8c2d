package target

import (
	"context"
	"net"
	"sync"
	"time"
)

// TCP is what the system knows of the sockets of a connection.
type TCP struct {
	Sockets     int
	Retransmits int64         // segments that this side sent again
	RTT         time.Duration // smoothed, the longest of the sockets'
}

// sockets remembers the sockets of a Conn, for TCP. Those of TCP alone.
type sockets struct {
	mu  sync.Mutex
	all []*net.TCPConn
}

// keptSockets bounds what a connection that reconnects for ever remembers.
const keptSockets = 16

// dialer is dial, but that what it returns is remembered.
func (s *sockets) dialer(dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if t, ok := c.(*net.TCPConn); ok && err == nil {
			s.mu.Lock()
			if len(s.all) == keptSockets {
				s.all = append(s.all[:0], s.all[1:]...)
			}
			s.all = append(s.all, t)
			s.mu.Unlock()
		}
		return c, err
	}
}

// read sums what is known of the sockets that are open.
func (s *sockets) read() (sum TCP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if t, ok := tcpInfo(c); ok {
			sum.Sockets++
			sum.Retransmits += t.Retransmits
			sum.RTT = max(sum.RTT, t.RTT)
		}
	}
	return sum
}
