package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// serverSide is a server's end of one connection.
type serverSide struct {
	srv    *Server
	c      *conn
	ctx    context.Context // of the handlers: carries the peer
	cancel context.CancelFunc
	resets rate // reader's

	mu     sync.Mutex
	maxID  uint32
	active int // streams that count against MaxStreams: until their handler has returned, also when they were reset
	busy   int // the same until their last frame was queued
	idle   time.Time
	away   uint32 // streams above it are refused: GOAWAY was sent; 0: not yet
	asked  bool   // drain was called
}

func newServerSide(s *Server, nc net.Conn, sk *sock, tc *tls.Conn) *serverSide {
	p := &peer.Peer{Addr: nc.RemoteAddr(), LocalAddr: nc.LocalAddr(), AuthInfo: plainInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}}
	if tc != nil {
		p.AuthInfo = tlsInfo(tc)
	}
	side := &serverSide{srv: s, idle: time.Now(), resets: rate{perSecond: s.o.ResetRate}}
	side.ctx, side.cancel = context.WithCancel(peer.NewContext(context.Background(), p))
	side.c = newConn(nc, sk, &s.o.Tuning, side)
	side.c.r.preface = true
	w := &side.c.w
	w.mu.Lock()
	w.out = side.c.hello(w.out, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: s.o.MaxStreams})
	w.ask()
	w.mu.Unlock()
	return side
}

func (s *serverSide) run() {
	c := s.c
	greet := time.AfterFunc(s.srv.o.handshake(), func() {
		if !c.settled.Load() {
			c.shut(errors.New("no SETTINGS from the client"))
		}
	})
	if s.srv.o.IdleTimeout > 0 || s.srv.o.StallTimeout > 0 {
		c.tasks.Go(s.watch)
	}
	_ = c.run() // the streams were told
	greet.Stop()
	s.cancel()
}

// watch sends away a connection that is idle, and ends streams whose client gives no window.
func (s *serverSide) watch() {
	idle, stall := s.srv.o.IdleTimeout, s.srv.o.StallTimeout
	period := min(max(idle, time.Second), max(stall, time.Second)) / 2
	if idle == 0 {
		period = stall / 2
	} else if stall == 0 {
		period = idle / 2
	}
	t := time.NewTicker(max(period, time.Millisecond))
	defer t.Stop()
	stuck := map[*stream]stalled{}
	for {
		select {
		case <-s.c.ended:
			return
		case <-t.C:
		}
		s.mu.Lock()
		gone := idle > 0 && s.busy == 0 && time.Since(s.idle) >= idle
		s.mu.Unlock()
		if gone {
			s.drain()
		}
		if stall > 0 {
			s.unstick(stuck)
		}
	}
}

// stalled is how often unstick found a stream without window, and how much it had sent by then.
type stalled struct {
	times int
	moved int64
}

// stallBytes is what a stream must send between two calls of unstick so as not to count as stuck: a crumb of window
// now and then is no progress.
const stallBytes = 1 << 10

// unstick ends the streams that have been waiting for window, with next to none given, since the last but one call.
func (s *serverSide) unstick(stuck map[*stream]stalled) {
	var all []*stream
	s.c.mu.Lock()
	for _, st := range s.c.streams {
		all = append(all, st)
	}
	s.c.mu.Unlock()
	now := make(map[*stream]bool, len(all))
	for _, st := range all {
		if !st.blocked.Load() {
			continue
		}
		now[st] = true
		s.c.w.mu.Lock()
		was, moved := stuck[st], st.moved
		s.c.w.mu.Unlock()
		if was.times > 0 && moved-was.moved >= stallBytes { // it only happens to wait right now
			was.times = 0
		}
		stuck[st] = stalled{was.times + 1, moved}
		if was.times == 2 {
			s.abandon(st, status.Error(codes.Unavailable, "the client gives no window"), http2.ErrCodeEnhanceYourCalm)
		}
	}
	for st := range stuck {
		if !now[st] {
			delete(stuck, st)
		}
	}
}

// drain sends GOAWAY and lets the streams there are finish: first without a limit, so that none that is under way is
// lost, then, when the client has seen it, with one.
func (s *serverSide) drain() {
	s.mu.Lock()
	again := s.asked
	s.asked = true
	s.mu.Unlock()
	if again {
		return
	}
	b := appendGoAway(nil, 1<<31-1, http2.ErrCodeNo, "")
	_ = s.c.w.control(b)
	time.AfterFunc(100*time.Millisecond, func() {
		s.mu.Lock()
		s.away = max(s.maxID, 1)
		last, idle := s.maxID, s.busy == 0
		s.mu.Unlock()
		_ = s.c.w.control(appendGoAway(nil, last, http2.ErrCodeNo, ""))
		if idle {
			s.c.shut(connError{http2.ErrCodeNo, "drained"})
		}
	})
}

func (s *serverSide) opened(id uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id%2 == 1 && id <= s.maxID
}

func (s *serverSide) settings()                            {}
func (s *serverSide) goAway(uint32, http2.ErrCode, string) {}

// enter admits a new stream, or says why not.
func (s *serverSide) enter(id uint32) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxID, s.c.r.lastID = id, id
	if s.away != 0 || s.active >= int(s.srv.o.MaxStreams) {
		return false
	}
	s.active++
	s.busy++
	return true
}

// yield gives back what enter took of MaxStreams. It comes before the stream's last frame, or the client could use
// the place before it is free.
func (s *serverSide) yield() {
	s.mu.Lock()
	s.active--
	s.mu.Unlock()
}

// exit is the end of what enter admitted, after yield.
func (s *serverSide) exit() {
	s.mu.Lock()
	s.busy--
	s.idle = time.Now()
	last := s.away != 0 && s.busy == 0
	s.mu.Unlock()
	if last {
		go s.c.shut(connError{http2.ErrCodeNo, "drained"})
	}
}

func (s *serverSide) headers(id uint32, b *headerBlock, end bool) error {
	if id%2 == 0 {
		return protocol("HEADERS of stream %d, which a client cannot open", id)
	}
	if s.opened(id) {
		return s.trailers(id, b, end)
	}
	if !s.enter(id) {
		if err := s.c.r.budget.spend(20); err != nil {
			return err
		}
		return streamError{id, http2.ErrCodeRefusedStream, "too many streams"}
	}
	st, err := s.admit(id, b)
	if err != nil {
		s.yield()
		s.exit()
		return err
	}
	if end {
		st.remoteEnd.Store(true)
		st.quiet.Store(true)
	}
	w := &s.c.w
	w.mu.Lock()
	st.sendWin = w.initWin
	s.c.mu.Lock()
	if s.c.err != nil {
		s.c.mu.Unlock()
		w.mu.Unlock()
		s.yield()
		s.exit()
		return s.c.err
	}
	s.c.streams[id] = st
	s.c.mu.Unlock()
	w.mu.Unlock()
	ss := st.owner.(*serverStream)
	if ss.answer != 0 {
		if end {
			s.refuse(st)
		}
		return nil
	}
	if end {
		st.finish(io.EOF, nil)
	}
	s.srv.handlers.Add(1)
	go ss.run()
	return nil
}

// trailers are a second header list from the client.
func (s *serverSide) trailers(id uint32, b *headerBlock, end bool) error {
	st := s.c.stream(id)
	switch {
	case st == nil || st.ended():
		return connError{http2.ErrCodeStreamClosed, "HEADERS on stream " + strconv.Itoa(int(id)) + ", which is closed"}
	case st.remoteEnd.Load():
		return streamError{id, http2.ErrCodeStreamClosed, "HEADERS after the end of the stream"}
	case !end:
		return streamError{id, http2.ErrCodeProtocol, "trailers that do not end the stream"}
	case b.bad != "" || b.pseudo > 0:
		return streamError{id, http2.ErrCodeProtocol, "malformed trailers"}
	case st.expect > 0:
		return streamError{id, http2.ErrCodeProtocol, "data that does not match content-length"}
	}
	st.remoteEnd.Store(true)
	st.quiet.Store(true)
	s.remoteEnd(st)
	return nil
}

// admit makes a stream of a request.
func (s *serverSide) admit(id uint32, b *headerBlock) (st *stream, err error) {
	answer := 0 // HTTP status, for what is no gRPC request
	malformed := func(why string) (*stream, error) {
		return nil, streamError{id, http2.ErrCodeProtocol, "malformed request: " + why}
	}
	method, path := b.get(":method"), b.get(":path")
	switch {
	case b.bad != "":
		return malformed(b.bad)
	case b.tooLarge:
		answer = http.StatusRequestHeaderFieldsTooLarge
	case method == "CONNECT" || b.get(":scheme") == "" || method == "" || path == "":
		return malformed("a pseudo-header field is missing")
	}
	for _, f := range b.fields[:b.pseudo] {
		switch f.Name {
		case ":method", ":path", ":scheme", ":authority":
		default:
			return malformed("the field " + f.Name)
		}
	}
	st = newStream(s.c, s.srv.o.MaxRecvMsgSize)
	st.id, st.open = id, true
	ss := &serverStream{side: s, st: st, path: path, head: method == http.MethodHead}
	st.owner = ss
	ct := ""
	for _, f := range b.fields[b.pseudo:] {
		switch f.Name {
		case "content-type":
			ct = f.Value
		case "content-length":
			n, err := strconv.ParseInt(f.Value, 10, 64)
			if err != nil || n < 0 || st.expect >= 0 && st.expect != n {
				return malformed("content-length")
			}
			st.expect = n
		case "grpc-encoding":
			st.encoding = f.Value
		case "grpc-timeout":
			d, ok := decodeTimeout(f.Value)
			if !ok {
				return malformed("grpc-timeout")
			}
			ss.timeout, ss.timed = d, true
		}
	}
	sub, ok := subtype(ct)
	switch {
	case answer != 0:
	case method != http.MethodPost:
		answer = http.StatusMethodNotAllowed
	case !ok:
		answer = http.StatusUnsupportedMediaType
	case !strings.HasPrefix(path, "/"):
		return malformed("path")
	}
	ss.sub, ss.answer, st.in.dead = sub, answer, answer != 0
	if answer == 0 {
		ss.md = incoming(b.fields)
	}
	return st, nil
}

// refuse answers what is no gRPC request, once all of it has come. Like any answer, its body waits for the client's
// window, so it has a goroutine of its own.
func (s *serverSide) refuse(st *stream) {
	ss := st.owner.(*serverStream)
	if !ss.answering.CompareAndSwap(false, true) {
		return
	}
	s.srv.handlers.Add(1)
	go func() {
		defer s.srv.handlers.Done()
		defer s.exit()
		body := fmt.Sprintf("%d %s: this server speaks gRPC\n", ss.answer, http.StatusText(ss.answer))
		fs := []hpack.HeaderField{{Name: ":status", Value: strconv.Itoa(ss.answer)},
			{Name: "content-type", Value: "text/plain; charset=utf-8"}, {Name: "content-length", Value: strconv.Itoa(len(body))}}
		if ss.answer == http.StatusMethodNotAllowed {
			fs = append(fs, hpack.HeaderField{Name: "allow", Value: "POST"})
		}
		w := &s.c.w
		w.mu.Lock()
		if st.sendable() == nil && w.err == nil {
			w.fields(st.id, fs, ss.head)
			st.sendDone = ss.head
		}
		w.mu.Unlock()
		defer s.yield() // not before: the body may wait for window
		if ss.head {
			w.push()
		} else {
			_ = w.message(st, nil, [][]byte{[]byte(body)}, len(body), now, true) // nobody to be told
		}
		s.c.remove(st)
	}()
}

func (s *serverSide) remoteEnd(st *stream) {
	ss := st.owner.(*serverStream)
	switch {
	case ss.answer != 0:
		s.refuse(st)
	case st.in.active || st.in.have > 0:
		st.finish(status.Error(codes.Internal, "the client ended the stream inside a message"), nil)
	default:
		st.finish(io.EOF, nil)
	}
}

func (s *serverSide) remoteReset(st *stream, code http2.ErrCode) error {
	ss := st.owner.(*serverStream)
	if !ss.answered.Load() && !s.resets.take(time.Now()) {
		return calm("more than %d streams a second were reset before they were answered", s.srv.o.ResetRate)
	}
	c := codes.Canceled
	if code != http2.ErrCodeCancel && code != http2.ErrCodeNo {
		c = resetCode(code)
	}
	s.abandon(st, status.Errorf(c, "the client reset the stream: %v", code), noReset)
	return nil
}

// abandon ends a stream that its handler, if it has one, still works on.
func (s *serverSide) abandon(st *stream, err error, code http2.ErrCode) {
	if !s.c.remove(st) {
		return
	}
	ss := st.owner.(*serverStream)
	st.abort(err)
	st.cease(err, code)
	if ss.answer == 0 {
		ss.stop()
	} else if ss.answering.CompareAndSwap(false, true) { // nobody does any more
		s.yield()
		s.exit()
	}
}

func (s *serverSide) spoiled(st *stream, err error) {
	var se streamError
	if errors.As(err, &se) {
		s.abandon(st, status.Error(codes.Internal, se.Error()), se.code)
		return
	}
	st.finish(err, nil) // the handler ends the stream
}

func (s *serverSide) lost(st *stream, err error) {
	s.abandon(st, status.Error(codes.Canceled, broken(err).Error()), noReset)
}
