package h2

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// clientStream is a call. Should the server refuse it unseen, it moves to another stream, of another connection if need
// be, as long as what was sent is remembered.
type clientStream struct {
	cc     *ClientConn
	desc   *grpc.StreamDesc
	method string
	o      callOptions
	cd     coding
	sub    string
	ctx    context.Context
	cancel context.CancelFunc
	stop   atomic.Pointer[func() bool] // of the watch over ctx

	cur   atomic.Pointer[stream]
	mu    sync.Mutex // moving, and what follows
	kept  replay
	tries int
	half  bool // CloseSend was called
	got   bool // the receiver's: the one response has come

	once sync.Once
}

// replay remembers what was sent, while it is little and no answer has come.
type replay struct {
	msgs [][]byte // prefix and message
	size int
	lost bool
}

const replayLimit = 64 << 10

func (r *replay) add(prefix []byte, segs [][]byte, size int) {
	if r.size += len(prefix) + size; r.lost || r.size > replayLimit {
		r.msgs, r.lost = nil, true
		return
	}
	b := append(make([]byte, 0, len(prefix)+size), prefix...)
	for _, s := range segs {
		b = append(b, s...)
	}
	r.msgs = append(r.msgs, b)
}

var errUnread = status.Error(codes.Canceled, "the call ended before all messages were received")

const noReset = ^http2.ErrCode(0)

func (cc *ClientConn) newStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts []grpc.CallOption) (*clientStream, error) {
	cs := &clientStream{cc: cc, desc: desc, method: method, o: cc.base}
	if err := cs.o.apply(opts); err != nil {
		return nil, err
	}
	var err error
	if cs.cd, cs.sub, err = cs.o.coding(); err == nil {
		cs.ctx, cs.cancel = context.WithCancel(ctx)
		err = cs.start()
	}
	if err != nil {
		for _, f := range cs.o.onFinish {
			f(err)
		}
		if cs.cancel != nil {
			cs.cancel()
		}
		return nil, err
	}
	stop := context.AfterFunc(cs.ctx, cs.cancelled)
	cs.stop.Store(&stop)
	return cs, nil
}

// start opens a stream on some connection.
func (cs *clientStream) start() error {
	for {
		side, err := cs.cc.side(cs.ctx, cs.o.wait)
		if err != nil {
			return err
		}
		if err = cs.open(side); !errors.Is(err, errRefused) {
			return err
		}
		cs.cc.leave(side) // it may not have noticed yet that it is over
		if cs.tries++; cs.tries > 10 && !cs.o.wait {
			return status.Errorf(codes.Unavailable, "the server turns every connection away, the last one with: %v", side.c.cause())
		}
		if cs.tries > 2 {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-cs.ctx.Done():
				return status.FromContextError(cs.ctx.Err()).Err()
			}
		}
	}
}

func (cs *clientStream) open(side *clientSide) error {
	fs, err := cs.request(side)
	if err != nil {
		return err
	}
	if err := side.enter(cs.ctx); err != nil {
		return err
	}
	if err := cs.ctx.Err(); err != nil {
		side.exit()
		return status.FromContextError(err).Err()
	}
	st := newStream(side.c, cs.o.maxRecv)
	st.owner, st.times = cs, BlockedOf(cs.ctx)
	u := soon
	if !cs.desc.ClientStreams {
		u = later // SendMsg follows, or else push
		st.burst.Store(2)
	}
	if err := side.open(st, fs, u); err != nil {
		side.exit()
		return err
	}
	cs.cur.Store(st)
	for _, p := range cs.o.peers {
		*p = *side.peer
	}
	return nil
}

// request is the call's header list.
func (cs *clientStream) request(side *clientSide) ([]hpack.HeaderField, error) {
	scheme := "http"
	if cs.cc.o.TLS != nil {
		scheme = "https"
	}
	authority := cs.cc.o.Authority
	if cs.o.authority != "" {
		authority = cs.o.authority
	}
	path := cs.method
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	fs := append(make([]hpack.HeaderField, 0, 16),
		hpack.HeaderField{Name: ":method", Value: "POST"}, hpack.HeaderField{Name: ":scheme", Value: scheme},
		hpack.HeaderField{Name: ":path", Value: path}, hpack.HeaderField{Name: ":authority", Value: authority},
		hpack.HeaderField{Name: "content-type", Value: contentType(cs.sub)},
		hpack.HeaderField{Name: "user-agent", Value: cs.cc.o.UserAgent}, hpack.HeaderField{Name: "te", Value: "trailers"})
	if d, ok := serverTimeout(cs.ctx); ok {
		fs = append(fs, hpack.HeaderField{Name: "grpc-timeout", Value: encodeTimeout(d)})
	}
	if cs.cd.comp != nil {
		fs = append(fs, hpack.HeaderField{Name: "grpc-encoding", Value: cs.cd.comp.Name()})
	}
	if a := acceptEncoding(); a != "" {
		fs = append(fs, hpack.HeaderField{Name: "grpc-accept-encoding", Value: a})
	}
	if md, ok := metadata.FromOutgoingContext(cs.ctx); ok {
		fs = appendMetadata(fs, md)
	}
	for _, c := range cs.o.creds {
		md, err := cs.credentials(side, c, authority)
		if err != nil {
			return nil, err
		}
		for k, v := range md {
			if k = strings.ToLower(k); !reserved(k) {
				fs = append(fs, field(k, v))
			}
		}
	}
	return fs, nil
}

func (cs *clientStream) credentials(side *clientSide, c credentials.PerRPCCredentials, authority string) (map[string]string, error) {
	if c.RequireTransportSecurity() && cs.cc.o.TLS == nil {
		return nil, status.Error(codes.Unauthenticated, "the credentials need TLS, and the connection has none")
	}
	ctx := credentials.NewContextWithRequestInfo(cs.ctx, credentials.RequestInfo{Method: cs.method, AuthInfo: side.peer.AuthInfo})
	service := cs.method
	if i := strings.LastIndexByte(service, '/'); i > 0 {
		service = service[:i]
	}
	md, err := c.GetRequestMetadata(ctx, "https://"+strings.TrimSuffix(authority, ":443")+service)
	if err != nil {
		if _, ok := status.FromError(err); ok {
			return nil, err
		}
		return nil, status.Errorf(codes.Unauthenticated, "per-RPC credentials: %v", err)
	}
	return md, nil
}

// response takes the response's headers; after end there are only trailers in them.
func (cs *clientStream) response(st *stream, code int, b *headerBlock, end bool) {
	ct, enc := "", ""
	for _, f := range b.fields {
		switch f.Name {
		case "content-type":
			ct = f.Value
		case "grpc-encoding":
			enc = f.Value
		}
	}
	_, grpcType := subtype(ct)
	sts, haveStatus := parseStatus(b.fields)
	switch {
	case end && haveStatus: // trailers only
		st.remoteEnd.Store(true)
		cs.end(st, sts, incoming(b.fields), http2.ErrCodeNo)
		return
	case code != 200 || !grpcType:
		c := httpCode(code)
		st.remoteEnd.Store(end)
		cs.end(st, status.Newf(c, "HTTP status %d with content-type %q is no gRPC response", code, ct), nil, http2.ErrCodeCancel)
		return
	case end:
		st.remoteEnd.Store(true)
		cs.end(st, status.New(codes.Internal, "the server ended the stream without a status"), nil, http2.ErrCodeNo)
		return
	}
	st.encoding = enc
	dec, ok := compressor(enc)
	st.mu.Lock()
	st.header, st.haveHdr = incoming(b.fields), true
	st.decomp = dec
	st.cond.Broadcast()
	st.mu.Unlock()
	if !ok {
		cs.end(st, status.Newf(codes.Internal, "no decompressor registered for grpc-encoding %q", enc), nil, http2.ErrCodeCancel)
	}
}

func (cs *clientStream) trailers(st *stream, b *headerBlock) {
	sts, ok := parseStatus(b.fields)
	if !ok {
		sts = status.New(codes.Unknown, "trailers without grpc-status")
	}
	cs.end(st, sts, incoming(b.fields), http2.ErrCodeNo)
}

// end is the stream's end with a status, and with RST_STREAM of code unless both sides are done or code is noReset.
func (cs *clientStream) end(st *stream, sts *status.Status, trailer metadata.MD, code http2.ErrCode) {
	if !st.c.remove(st) {
		return
	}
	err := sts.Err()
	if err == nil {
		err = io.EOF
	}
	st.finish(err, trailer)
	st.cease(io.EOF, code)
	st.c.role.(*clientSide).exit()
}

// refused is the end of a stream that the server did not look at.
func (cs *clientStream) refused(st *stream) {
	if st.open { // it did: sending all again could have it done twice
		cs.end(st, status.New(codes.Unavailable, "the server refused a stream that it had begun to answer"), nil, noReset)
		return
	}
	if !st.c.remove(st) {
		return
	}
	st.finish(errRefused, nil)
	st.cease(errRefused, noReset)
	st.c.role.(*clientSide).exit()
}

// cancelled is what the end of the context does.
func (cs *clientStream) cancelled() {
	st := cs.cur.Load()
	sts := status.FromContextError(cs.ctx.Err())
	if st.c.remove(st) {
		st.abort(sts.Err())
		st.cease(errCancelled, http2.ErrCodeCancel)
		st.c.role.(*clientSide).exit()
	}
	cs.finish(sts.Err())
}

// again moves the call from a refused stream to another one and sends what was sent.
func (cs *clientStream) again(old *stream) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.cur.Load() != old {
		return nil
	}
	if cs.tries++; cs.kept.lost || cs.tries > 5 {
		return status.Error(codes.Unavailable, "the server refused the stream")
	}
	if err := cs.start(); err != nil {
		return err
	}
	st := cs.cur.Load()
	if err := cs.ctx.Err(); err != nil { // the watch over ctx saw the old stream
		cs.cancelled()
		return status.FromContextError(err).Err()
	}
	for i, m := range cs.kept.msgs {
		last := i == len(cs.kept.msgs)-1 && cs.half
		if err := st.c.w.message(st, m[:messagePrefix], [][]byte{m[messagePrefix:]}, len(m)-messagePrefix, now, last); err != nil {
			return nil // RecvMsg will tell, or move once more
		}
	}
	if cs.half && len(cs.kept.msgs) == 0 {
		st.closeSend()
	}
	return nil
}

// finish is the call's end: options get their results, and the context ends.
func (cs *clientStream) finish(err error) {
	cs.once.Do(func() {
		if stop := cs.stop.Load(); stop != nil {
			(*stop)()
		}
		st := cs.cur.Load()
		st.mu.Lock()
		h, t := st.header, st.trailer
		if len(st.ready) > 0 && st.err == io.EOF { // RecvMsg must not pass over what is dropped
			st.err = cmp.Or(err, errUnread)
		}
		st.drop() // or it counted against the connection for ever
		st.mu.Unlock()
		for _, p := range cs.o.headers {
			*p = h
		}
		for _, p := range cs.o.trailers {
			*p = t
		}
		cs.cancel()
		if err == io.EOF {
			err = nil
		}
		for _, f := range cs.o.onFinish {
			f(err)
		}
	})
}

func (cs *clientStream) Context() context.Context { return cs.ctx }

// Header waits for the response's headers.
func (cs *clientStream) Header() (metadata.MD, error) {
	for {
		st := cs.cur.Load()
		st.push()
		st.mu.Lock()
		for !st.haveHdr && !st.done {
			st.waitReady()
		}
		h, err := st.header, st.err
		st.mu.Unlock()
		if h == nil && err == errRefused {
			if err := cs.again(st); err != nil {
				return nil, err
			}
			continue
		}
		return h, nil // RecvMsg tells of an error
	}
}

// Trailer returns the trailers, after RecvMsg has returned an error.
func (cs *clientStream) Trailer() metadata.MD {
	st := cs.cur.Load()
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.trailer
}

// checkContext ends the call at once if its context has ended; the watch over it may come late.
func (cs *clientStream) checkContext() {
	if cs.ctx.Err() != nil {
		cs.cancelled()
	}
}

// CloseSend ends the client's half of the stream.
func (cs *clientStream) CloseSend() error {
	cs.checkContext()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.half {
		cs.half = true
		cs.cur.Load().closeSend()
	}
	return nil
}

// SendMsg returns when m may be reused: its bytes were written or copied. io.EOF says that the stream has ended;
// RecvMsg tells how.
func (cs *clientStream) SendMsg(m any) error {
	cs.checkContext()
	var keep *replay
	last := !cs.desc.ClientStreams
	cs.mu.Lock()
	st := cs.cur.Load() // not before: the receiver may be moving the call, without this message
	if cs.half {
		cs.mu.Unlock()
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	}
	if !cs.kept.lost {
		keep = &cs.kept
	}
	err := st.encode(&cs.cd, m, keep)
	cs.half = last && err == nil
	cs.mu.Unlock()
	if err == nil {
		err = st.dispatch(soon, last)
	}
	st.forget()
	if err == errRefused && keep != nil { // what is kept holds m by now
		if err = cs.again(st); err == nil {
			return nil
		}
	}
	switch {
	case err == nil:
		return nil
	case err == io.EOF, err == errRefused, err == errBroken:
		if last {
			return nil // RecvMsg tells
		}
		return io.EOF
	}
	cs.fail(cs.cur.Load(), err)
	return err
}

// fail ends the call because of an error on this side.
func (cs *clientStream) fail(st *stream, err error) {
	cs.end(st, status.Convert(err), nil, http2.ErrCodeCancel)
	cs.finish(err)
}

// RecvMsg takes the next message into m. At the end it returns io.EOF or the call's status.
func (cs *clientStream) RecvMsg(m any) error {
	cs.checkContext()
	err := cs.recv(m)
	if err == nil && !cs.desc.ServerStreams {
		cs.got = true
		switch err = cs.cur.Load().ending(); err {
		case io.EOF:
			cs.finish(nil)
			return nil
		case nil:
			err = status.Error(codes.Internal, "cardinality violation: more than one response to a call that has one")
		}
	} else if err == io.EOF && !cs.desc.ServerStreams && !cs.got {
		err = status.Error(codes.Internal, "cardinality violation: no response to a call that has one")
	}
	if err != nil {
		if err != io.EOF {
			cs.end(cs.cur.Load(), status.Convert(err), nil, http2.ErrCodeCancel)
		}
		cs.finish(err)
	}
	return err
}

func (cs *clientStream) recv(m any) error {
	for {
		st := cs.cur.Load()
		st.push()
		err := st.recv(&cs.cd, m)
		if err != errRefused {
			return err
		}
		if err := cs.again(st); err != nil {
			return err
		}
	}
}
