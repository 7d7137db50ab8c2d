package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// clientSide is a client's end of one connection.
type clientSide struct {
	cc    *ClientConn
	c     *conn
	peer  *peer.Peer
	ready chan struct{} // closed with the server's first SETTINGS

	mu     sync.Mutex
	nextID uint32
	active int
	limit  int // the server's MAX_CONCURRENT_STREAMS
	queue  []chan struct{}
	away   bool   // takes no more calls
	last   uint32 // of GOAWAY: the server ignores streams above it
}

// errRefused marks a call that the server certainly did not look at.
var errRefused = errors.New("refused by the server")

// plainInfo is the peer's AuthInfo without TLS.
type plainInfo struct{ credentials.CommonAuthInfo }

func (plainInfo) AuthType() string { return "insecure" }

// dial opens a connection as far as our own preface.
func (cc *ClientConn) dial() (*clientSide, error) {
	ctx, cancel := context.WithTimeout(cc.ctx, cc.o.handshake())
	defer cancel()
	nc, err := cc.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	BoundLocal(nc)
	p := &peer.Peer{Addr: nc.RemoteAddr(), LocalAddr: nc.LocalAddr(), AuthInfo: plainInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}}
	sk := (*sock)(nil)
	if cc.o.TLS == nil {
		sk = newSock(nc, nil, &cc.counts)
	} else {
		cork := &corkConn{Conn: nc, counts: &cc.counts}
		tc := tls.Client(cork, cc.o.TLS)
		if err := tc.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("tls handshake: %w", err)
		}
		if got := tc.ConnectionState().NegotiatedProtocol; got != "h2" {
			_ = nc.Close()
			return nil, fmt.Errorf("tls handshake: the server chose protocol %q, not h2", got)
		}
		p.AuthInfo = tlsInfo(tc)
		sk = newSock(tc, cork, &cc.counts)
	}
	s := &clientSide{cc: cc, peer: p, nextID: 1, last: 1<<31 - 1, limit: 1 << 30, ready: make(chan struct{})}
	s.c = newConn(nc, sk, &cc.o.Tuning, s)
	w := &s.c.w
	w.mu.Lock()
	w.out = s.c.hello(append(w.out, http2.ClientPreface...), http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	w.mu.Unlock()
	return s, nil
}

func tlsInfo(tc *tls.Conn) credentials.TLSInfo {
	return credentials.TLSInfo{State: tc.ConnectionState(), CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
}

func (s *clientSide) run() {
	stop := context.AfterFunc(s.cc.ctx, func() { s.c.shut(errClosing) })
	defer stop()
	w := &s.c.w
	w.mu.Lock()
	w.ask()
	w.mu.Unlock()
	_ = s.c.run() // the streams were told
	s.drain()
}

func (s *clientSide) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// enter waits for one of the streams that the server allows.
func (s *clientSide) enter(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.away {
			s.mu.Unlock()
			return errRefused
		}
		if s.active < s.limit {
			s.active++
			s.mu.Unlock()
			return nil
		}
		ch := make(chan struct{})
		s.queue = append(s.queue, ch)
		s.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			s.mu.Lock()
			select {
			case <-ch: // the place is another's
				s.next()
			default:
				for i, q := range s.queue {
					if q == ch {
						s.queue = append(s.queue[:i], s.queue[i+1:]...)
						break
					}
				}
			}
			s.mu.Unlock()
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// next lets waiting calls look again, as many as there are places. mu is held.
func (s *clientSide) next() {
	for n := s.limit - s.active; len(s.queue) > 0 && (n > 0 || s.away); n-- {
		close(s.queue[0])
		s.queue = s.queue[1:]
	}
}

// exit gives the place back; the last one out of a connection that takes no more calls closes it.
func (s *clientSide) exit() {
	s.mu.Lock()
	s.active--
	s.next()
	last := s.away && s.active == 0
	s.mu.Unlock()
	if last {
		go s.c.shut(errors.New("the server sent the client away"))
	}
}

// drain makes new calls use another connection.
func (s *clientSide) drain() {
	s.cc.leave(s)
	s.mu.Lock()
	s.away = true
	s.next()
	s.mu.Unlock()
}

// open sends a call's headers; they leave with the first message, or soon.
func (s *clientSide) open(st *stream, fs []hpack.HeaderField, u urgency) error {
	c, w := s.c, &s.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peerHeaders >= 0 && listSize(fs) > w.peerHeaders {
		return status.Errorf(codes.Internal, "header list of %d bytes, where the server takes %d", listSize(fs), w.peerHeaders)
	}
	if w.err != nil {
		return errRefused
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return errRefused
	}
	s.mu.Lock()
	if s.nextID > s.last { // GOAWAY came since enter
		s.mu.Unlock()
		c.mu.Unlock()
		return errRefused
	}
	st.id = s.nextID
	s.nextID += 2
	spent := s.nextID > 1<<31-1<<16
	s.mu.Unlock()
	st.sendWin = w.initWin
	c.streams[st.id] = st
	c.mu.Unlock()
	w.fields(st.id, fs, false)
	w.kick(u)
	if spent {
		go s.drain()
	}
	return nil
}

func (s *clientSide) opened(id uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id%2 == 1 && id < s.nextID
}

func (s *clientSide) settings() {
	w := &s.c.w
	w.mu.Lock()
	n := w.peerStreams
	w.mu.Unlock()
	s.mu.Lock()
	if n >= 0 {
		s.limit = int(n)
	}
	s.next()
	s.mu.Unlock()
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

func (s *clientSide) headers(id uint32, b *headerBlock, end bool) error {
	if !s.opened(id) {
		return protocol("HEADERS of stream %d, which is idle", id)
	}
	st := s.c.stream(id)
	if st == nil {
		return nil // cancelled
	}
	cs := st.owner.(*clientStream)
	switch {
	case st.remoteEnd.Load():
		return streamError{id, http2.ErrCodeStreamClosed, "HEADERS after the end of the stream"}
	case b.bad != "":
		return streamError{id, http2.ErrCodeProtocol, "malformed headers: " + b.bad}
	case b.tooLarge:
		cs.end(st, status.Newf(codes.ResourceExhausted, "header list larger than max (%d vs. %d)", b.size, s.c.t.MaxHeaderList), nil, http2.ErrCodeCancel)
		return nil
	case !st.open:
		code, err := strconv.Atoi(b.get(":status"))
		if err != nil || b.pseudo != 1 || code < 100 {
			return streamError{id, http2.ErrCodeProtocol, "response without one :status"}
		}
		if code < 200 {
			if end || code == 101 {
				return streamError{id, http2.ErrCodeProtocol, "an informational response that ends the stream"}
			}
			return nil
		}
		st.open = true
		cs.response(st, code, b, end)
	case b.pseudo > 0 || !end:
		return streamError{id, http2.ErrCodeProtocol, "malformed trailers"}
	default:
		st.remoteEnd.Store(true)
		cs.trailers(st, b)
	}
	return nil
}

func (s *clientSide) remoteEnd(st *stream) {
	st.owner.(*clientStream).end(st, status.New(codes.Internal, "the server ended the stream without a status"), nil, http2.ErrCodeNo)
}

func (s *clientSide) remoteReset(st *stream, code http2.ErrCode) error {
	cs := st.owner.(*clientStream)
	if code == http2.ErrCodeRefusedStream {
		cs.refused(st)
		return nil
	}
	c := resetCode(code)
	if d, ok := cs.ctx.Deadline(); ok && c == codes.Canceled && !time.Now().Before(d) { // the server's timer came first
		cs.end(st, status.FromContextError(context.DeadlineExceeded), nil, noReset)
		return nil
	}
	cs.end(st, status.Newf(c, "stream terminated by RST_STREAM with error code: %v", code), nil, noReset)
	return nil
}

func (s *clientSide) spoiled(st *stream, err error) {
	cs := st.owner.(*clientStream)
	code := http2.ErrCodeCancel
	var se streamError
	sts, _ := status.FromError(err)
	if errors.As(err, &se) {
		code, sts = se.code, status.New(codes.Internal, se.Error())
	}
	st.in.kill()
	st.open = false
	cs.end(st, sts, nil, code)
}

func (s *clientSide) goAway(last uint32, code http2.ErrCode, debug string) {
	s.mu.Lock()
	s.last = min(s.last, last) // before the streams are looked through: open adds none above it any more
	s.mu.Unlock()
	s.drain()
	s.c.mu.Lock()
	var late []*stream
	for id, st := range s.c.streams {
		if id > last {
			late = append(late, st)
		}
	}
	s.c.mu.Unlock()
	for _, st := range late {
		st.owner.(*clientStream).refused(st)
	}
	s.mu.Lock()
	idle := s.active == 0
	s.mu.Unlock()
	if idle {
		go s.c.shut(fmt.Errorf("the server sent the client away: %v %s", code, debug))
	}
}

func (s *clientSide) lost(st *stream, err error) {
	sts := status.New(codes.Unavailable, broken(err).Error())
	if errors.Is(err, errClosing) {
		sts = status.Convert(errClosing)
	}
	st.owner.(*clientStream).end(st, sts, nil, noReset)
}
