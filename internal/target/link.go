package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/benchmark/latency"
	"google.golang.org/grpc/test/bufconn"
)

// Link is the network that connections seem to pass, so that a server on the
// desk can be measured as if it were far away. The zero value is the network
// that there is.
type Link struct {
	RTT       time.Duration // of a round trip, beside what the real network takes
	Bandwidth float64       // bytes a second, in each direction, that all connections share; 0: unlimited
}

const (
	// MinRTT is the shortest round trip that a Link can imitate: shorter ones
	// are lost among the delays of the scheduler.
	MinRTT = time.Millisecond
	// MaxInFlight bounds the bytes that a Link holds in each direction of a connection.
	MaxInFlight = 1 << 30

	slack     = 4 * time.Millisecond // that timers may be late without a loss of bandwidth
	minPacket = 1500                 // bytes
	maxPacket = 64 << 10
	unlimited = 64 << 20 // bytes in flight where only the round trip is limited
)

// Validate says what of l cannot be imitated.
func (l Link) Validate() error {
	switch {
	case l.RTT < 0:
		return fmt.Errorf("a round trip of %v is no time: use 0 for none", l.RTT)
	case l.RTT > 0 && l.RTT < MinRTT:
		return fmt.Errorf("a round trip of %v is shorter than timers can tell apart: use %v or more", l.RTT, MinRTT)
	case l.Bandwidth < 0 || l.Bandwidth > 0 && l.Bandwidth < minPacket:
		return fmt.Errorf("a bandwidth of %g B/s is less than a packet a second: use 12kbit or more", l.Bandwidth)
	case l.inFlight() > MaxInFlight:
		return fmt.Errorf("%v at %g B/s would keep %d bytes in flight in each direction of a connection: at most %d can be", l.RTT, l.Bandwidth, l.inFlight(), MaxInFlight)
	}
	return nil
}

// inFlight is the size of the buffer that stands for the line: what is under
// way in one direction, and half as much again so that it never limits.
func (l Link) inFlight() int64 {
	if l.Bandwidth == 0 {
		return unlimited
	}
	return int64(1.5*l.Bandwidth*(l.RTT/2+slack).Seconds()) + 2*maxPacket
}

// line is a Link in use. Its connections share the bandwidth.
//
// A connection over it ends in this process: at a relay, which passes the bytes
// on to the server. Between the two the bytes wait for their turn (rate) and
// for their time (grpc-go's benchmark/latency).
type line struct {
	network  latency.Network
	packet   int
	inFlight int
	up, down *rate.Limiter // nil: unlimited
}

// open returns nil for the network that there is.
func (l Link) open() (*line, error) {
	if l == (Link{}) {
		return nil, nil
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	n := &line{network: latency.Network{Latency: l.RTT / 2}, packet: maxPacket, inFlight: int(l.inFlight())}
	if l.Bandwidth > 0 {
		n.packet = min(max(int(l.Bandwidth/1000), minPacket), maxPacket)
		burst := max(2*n.packet, int(l.Bandwidth*slack.Seconds()))
		n.up, n.down = rate.NewLimiter(rate.Limit(l.Bandwidth), burst), rate.NewLimiter(rate.Limit(l.Bandwidth), burst)
	}
	return n, nil
}

// dialer is dial at the other end of the line.
func (l *line) dialer(dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	if l == nil {
		return dial
	}
	return func(ctx context.Context) (net.Conn, error) {
		server, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		near, far, err := l.pair(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("imitate a network of %v: %w", 2*l.network.Latency, err), server.Close())
		}
		relay(far, server)
		return near, nil
	}
}

// pair returns the two ends of a new connection over the line. Its making takes
// a round trip, as TCP's does.
func (l *line) pair(ctx context.Context) (near, far net.Conn, err error) {
	const tries = 5 // the two ends measure how late each other's bytes are, and may be unlucky
	for range tries {
		if near, far, err = l.shake(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return &pacedConn{near, l.up, l.packet}, &pacedConn{far, l.down, l.packet}, nil
}

// shake has latency.Conn begin on both ends of a pipe.
func (l *line) shake(ctx context.Context) (near, far net.Conn, err error) {
	pipe := bufconn.Listen(l.inFlight)
	defer pipe.Close()
	type end struct {
		net.Conn
		err error
	}
	accepted := make(chan end, 1)
	go func() {
		c, err := pipe.Accept()
		if err == nil {
			c, err = closing(l.network.Conn, c)
		}
		accepted <- end{c, err}
	}()
	c, err := pipe.DialContext(ctx)
	if err != nil {
		return nil, nil, err
	}
	near, err = closing(l.network.Conn, c)
	other := <-accepted
	if err = errors.Join(err, other.err); err != nil {
		for _, c := range []net.Conn{near, other.Conn} {
			if c != nil {
				_ = c.Close()
			}
		}
		return nil, nil, err
	}
	return near, other.Conn, nil
}

// closing wraps c, or closes it so that its other end does not wait for ever.
func closing(wrap func(net.Conn) (net.Conn, error), c net.Conn) (net.Conn, error) {
	w, err := wrap(c)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return w, nil
}

// pacedConn writes in packets, each at its turn.
type pacedConn struct {
	net.Conn
	turn   *rate.Limiter // nil: at once
	packet int
}

func (c *pacedConn) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		chunk := p[:min(len(p), c.packet)]
		if c.turn != nil {
			if err := c.turn.WaitN(context.Background(), len(chunk)); err != nil {
				return n, err
			}
		}
		m, err := c.Conn.Write(chunk)
		if n += m; err != nil {
			return n, err
		}
		p = p[len(chunk):]
	}
	return n, nil
}

// relay copies between a and b until either ends; what the other was sent
// before still arrives. Nobody waits for its goroutines: they end with a.
func relay(a, b net.Conn) {
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			defer a.Close()
			defer b.Close()
			// Hides a socket's ReadFrom and WriteTo, which would splice past the line.
			_, _ = io.CopyBuffer(struct{ io.Writer }{way[0]}, struct{ io.Reader }{way[1]}, make([]byte, maxPacket))
		}()
	}
}
