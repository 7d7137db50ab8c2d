package h2

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ClientConn is a grpc.ClientConnInterface over one connection at a time. It connects when the first call needs it, and
// again after the connection was lost or the server sent it away. It may be used from many goroutines.
type ClientConn struct {
	o      ClientOptions
	base   callOptions
	counts counts

	mu      sync.Mutex
	cur     *clientSide   // takes new calls; nil: none
	dialing chan struct{} // closed when the dial under way has ended; nil: none is
	lastErr error         // of the last dial
	notYet  time.Time     // no dial before
	backoff time.Duration
	closed  bool

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

var _ grpc.ClientConnInterface = (*ClientConn)(nil)

var errClosing = status.Error(codes.Canceled, "the client connection is closing")

// NewClient returns a ClientConn that has not connected yet.
func NewClient(o ClientOptions) (*ClientConn, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.TLS != nil {
		c := o.TLS.Clone()
		c.NextProtos = []string{"h2"}
		c.DynamicRecordSizingDisabled = true // whole records from the start
		if c.ServerName == "" {
			host, _, err := net.SplitHostPort(o.Authority)
			if err != nil {
				host = o.Authority
			}
			c.ServerName = host
		}
		o.TLS = c
	}
	cc := &ClientConn{o: o, base: callOptions{maxRecv: o.MaxRecvMsgSize, maxSend: o.MaxSendMsgSize}}
	if err := cc.base.apply(o.DefaultCallOptions); err != nil {
		return nil, err
	}
	cc.ctx, cc.cancel = context.WithCancel(context.Background())
	return cc, nil
}

// WireBytes returns how many bytes the sockets of all connections so far carried, TLS and framing included.
func (cc *ClientConn) WireBytes() (read, written int64) {
	return cc.counts.read.Load(), cc.counts.written.Load()
}

// Syscalls returns how many reads and writes those were, also such as found nothing to read yet.
func (cc *ClientConn) Syscalls() int64 { return cc.counts.calls.Load() }

// Close ends all calls with Canceled and waits until nothing of the connection is left.
func (cc *ClientConn) Close() error {
	cc.mu.Lock()
	if cc.closed {
		cc.mu.Unlock()
		return errClosing
	}
	cc.closed = true
	cc.mu.Unlock()
	cc.cancel()
	cc.tasks.Wait()
	return nil
}

// side returns a connection that takes calls, dialling if there is none. A call that does not wait for readiness gets
// the error of the last dial while none is allowed yet.
func (cc *ClientConn) side(ctx context.Context, wait bool) (*clientSide, error) {
	for {
		cc.mu.Lock()
		if cc.closed {
			cc.mu.Unlock()
			return nil, errClosing
		}
		if cc.cur != nil {
			s := cc.cur
			cc.mu.Unlock()
			return s, nil
		}
		if cc.dialing == nil {
			pause := time.Until(cc.notYet)
			if pause > 0 && !wait {
				err := cc.lastErr
				cc.mu.Unlock()
				return nil, status.Errorf(codes.Unavailable, "no connection: %v", err)
			}
			cc.dialing = make(chan struct{})
			cc.tasks.Go(func() { cc.connect(pause) })
		}
		ch := cc.dialing
		cc.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		if wait {
			continue
		}
		cc.mu.Lock()
		s, err := cc.cur, cc.lastErr
		cc.mu.Unlock()
		if s == nil && err != nil {
			return nil, status.Errorf(codes.Unavailable, "no connection: %v", err)
		}
	}
}

// connect dials once, after pause, and runs the connection until it ends.
func (cc *ClientConn) connect(pause time.Duration) {
	var err error
	select {
	case <-time.After(pause):
	case <-cc.ctx.Done():
		err = cc.ctx.Err()
	}
	var s *clientSide
	if err == nil {
		s, err = cc.dial()
	}
	if err == nil {
		cc.tasks.Go(s.run)
		t := time.NewTimer(cc.o.handshake())
		select {
		case <-s.ready:
		case <-s.c.ended:
			err = broken(s.c.err)
		case <-t.C:
			err = errors.New("no SETTINGS from the server; does it speak HTTP/2 here?")
			s.c.shut(err)
		}
		t.Stop()
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	close(cc.dialing)
	cc.dialing = nil
	if err == nil && s.leaving() { // or the next dial would follow at once, and so on
		err = errors.New("the server sends its clients away at once")
	}
	cc.lastErr = err
	if err != nil {
		cc.backoff = min(max(2*cc.backoff, cc.o.BackoffBase), cc.o.BackoffMax)
		cc.notYet = time.Now().Add(cc.backoff)
		return
	}
	cc.backoff = 0
	cc.cur = s
}

// leave makes new calls use another connection than s.
func (cc *ClientConn) leave(s *clientSide) {
	cc.mu.Lock()
	if cc.cur == s {
		cc.cur = nil
	}
	cc.mu.Unlock()
}

func (t Tuning) handshake() time.Duration {
	if t.HandshakeTimeout == 0 {
		return 1 << 62
	}
	return t.HandshakeTimeout
}

// Invoke makes a unary call.
func (cc *ClientConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	cs, err := cc.newStream(ctx, &grpc.StreamDesc{}, method, opts)
	if err != nil {
		return err
	}
	if err := cs.SendMsg(args); err != nil {
		return err
	}
	return cs.RecvMsg(reply)
}

// NewStream begins a streaming call. As with grpc-go, it must be received from until an error, or its context cancelled.
func (cc *ClientConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	cs, err := cc.newStream(ctx, desc, method, opts)
	if err != nil {
		return nil, err
	}
	return cs, nil
}
