package h2

import (
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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// serverStream is a call as its handler sees it: a grpc.ServerStream.
type serverStream struct {
	side      *serverSide
	st        *stream
	path      string
	sub       string
	md        metadata.MD // of the request
	timeout   time.Duration
	timed     bool
	answer    int  // HTTP status, for what is no gRPC request
	head      bool // which was HEAD
	answering atomic.Bool
	cd        coding

	ctx      context.Context
	cancel   atomic.Pointer[context.CancelFunc]
	stopped  atomic.Bool
	answered atomic.Bool // something was sent

	mu      sync.Mutex
	header  metadata.MD
	trailer metadata.MD
	sent    bool // the headers
}

// stop cancels the handler's context.
func (ss *serverStream) stop() {
	ss.stopped.Store(true)
	if c := ss.cancel.Load(); c != nil {
		(*c)()
	}
}

// run is the handler's goroutine.
func (ss *serverStream) run() {
	defer ss.side.srv.handlers.Done()
	defer ss.side.exit()
	var ctx context.Context
	var cancel context.CancelFunc
	if !ss.timed {
		ctx, cancel = context.WithCancel(ss.side.ctx)
	} else {
		ctx, cancel = context.WithTimeout(ss.side.ctx, ss.timeout)
		timed := ctx
		defer context.AfterFunc(timed, func() {
			err := status.FromContextError(timed.Err()).Err()
			ss.st.abort(err)
			ss.st.halt(err)
		})()
	}
	defer cancel()
	ss.cancel.Store(&cancel)
	if ss.stopped.Load() {
		cancel()
	}
	ctx = metadata.NewIncomingContext(ctx, ss.md)
	ss.ctx = grpc.NewContextWithServerTransportStream(ctx, transportStream{ss})
	err := ss.call()
	ss.side.yield()
	ss.finish(err)
	ss.st.abort(io.EOF)
	ss.st.untake()
}

// call finds the handler and runs it.
func (ss *serverStream) call() error {
	srv := ss.side.srv
	name := strings.TrimPrefix(ss.path, "/")
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return status.Errorf(codes.Unimplemented, "malformed method name %q", ss.path)
	}
	svc := srv.services[name[:i]]
	if svc == nil {
		return status.Errorf(codes.Unimplemented, "unknown service %v", name[:i])
	}
	ss.cd = coding{codec: srv.o.Codec, maxSend: srv.o.MaxSendMsgSize}
	if ss.cd.codec == nil {
		if ss.cd.codec = lookCodec(ss.sub); ss.cd.codec == nil {
			ss.cd.codec = lookCodec("")
		}
	}
	comp, ok := compressor(ss.st.encoding)
	if !ok {
		return status.Errorf(codes.Unimplemented, "no decompressor registered for grpc-encoding %q", ss.st.encoding)
	}
	ss.cd.comp, ss.st.decomp = comp, comp
	if m := svc.methods[name[i+1:]]; m != nil {
		return ss.unary(svc, m)
	}
	if d := svc.streams[name[i+1:]]; d != nil {
		if srv.o.StreamInterceptor == nil {
			return d.Handler(svc.impl, ss)
		}
		info := &grpc.StreamServerInfo{FullMethod: ss.path, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams}
		return srv.o.StreamInterceptor(svc.impl, ss, info, d.Handler)
	}
	return status.Errorf(codes.Unimplemented, "unknown method %v for service %v", name[i+1:], name[:i])
}

func (ss *serverStream) unary(svc *service, m *grpc.MethodDesc) error {
	decode := func(v any) error {
		err := ss.st.recv(&ss.cd, v)
		if err == io.EOF {
			return status.Error(codes.Internal, "cardinality violation: no request in a call that has one")
		}
		return err
	}
	reply, err := m.Handler(svc.impl, ss.ctx, decode, ss.side.srv.o.UnaryInterceptor)
	if err != nil {
		return err
	}
	return ss.send(reply, later) // with the status
}

// finish sends the status of the call, in one list with the headers if they were not sent and there is nothing in them.
func (ss *serverStream) finish(err error) {
	sts, ok := status.FromError(err)
	if !ok {
		switch {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			sts = status.FromContextError(err)
		default:
			sts = status.New(codes.Unknown, err.Error())
		}
	}
	st := ss.st
	if !st.c.remove(st) {
		return // reset, or the connection has ended
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	w := &st.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	var fs []hpack.HeaderField
	if !ss.sent && len(ss.header) > 0 {
		ss.headers()
	}
	if !ss.sent {
		fs = append(fs, hpack.HeaderField{Name: ":status", Value: "200"}, hpack.HeaderField{Name: "content-type", Value: contentType(ss.sub)})
	}
	fs = appendStatus(appendMetadata(fs, ss.trailer), sts)
	ss.sent = true
	if w.peerHeaders >= 0 && listSize(fs) > w.peerHeaders {
		fs = appendStatus(fs[:0], status.New(codes.Internal, "the trailers are larger than the client takes"))
	}
	w.fields(st.id, fs, true)
	st.sendDone = true
	if !st.remoteEnd.Load() {
		w.out = appendReset(w.out, st.id, http2.ErrCodeNo) // what the client still sends is not wanted
	}
	w.kick(now)
}

// headers queues the response's headers; ss.mu and the writer's are held.
func (ss *serverStream) headers() {
	fs := append(make([]hpack.HeaderField, 0, 8),
		hpack.HeaderField{Name: ":status", Value: "200"}, hpack.HeaderField{Name: "content-type", Value: contentType(ss.sub)})
	if ss.cd.comp != nil {
		fs = append(fs, hpack.HeaderField{Name: "grpc-encoding", Value: ss.cd.comp.Name()})
	}
	if a := acceptEncoding(); a != "" {
		fs = append(fs, hpack.HeaderField{Name: "grpc-accept-encoding", Value: a})
	}
	ss.st.c.w.fields(ss.st.id, appendMetadata(fs, ss.header), false)
	ss.sent = true
	ss.answered.Store(true)
}

// flushHeaders queues the headers if that was not done.
func (ss *serverStream) flushHeaders(u urgency) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.sent {
		return nil
	}
	w := &ss.st.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ss.st.sendable(); err != nil {
		return err
	}
	if w.err != nil {
		return status.Error(codes.Unavailable, "the connection has ended")
	}
	ss.headers()
	w.kick(u)
	return nil
}

func (ss *serverStream) Context() context.Context { return ss.ctx }

// SetHeader adds to the response's headers, which leave with the first message.
func (ss *serverStream) SetHeader(md metadata.MD) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.sent {
		return status.Error(codes.Internal, "SetHeader called after the headers were sent")
	}
	ss.header = metadata.Join(ss.header, md)
	return nil
}

// SendHeader sends the response's headers at once.
func (ss *serverStream) SendHeader(md metadata.MD) error {
	if err := ss.SetHeader(md); err != nil {
		return err
	}
	return ss.flushHeaders(now)
}

// SetTrailer adds to the trailers.
func (ss *serverStream) SetTrailer(md metadata.MD) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.trailer = metadata.Join(ss.trailer, md)
}

// SendMsg returns when m may be reused: its bytes were written or copied.
func (ss *serverStream) SendMsg(m any) error { return ss.send(m, soon) }

func (ss *serverStream) send(m any, u urgency) error {
	if !ss.answered.Load() {
		if err := ss.flushHeaders(later); err != nil {
			return err
		}
	}
	err := ss.st.encode(&ss.cd, m, nil)
	if err == nil {
		err = ss.st.dispatch(u, false)
	}
	ss.st.forget()
	if err != nil {
		if _, ok := status.FromError(err); !ok {
			err = status.Errorf(codes.Unavailable, "message not sent: %v", err)
		}
	}
	return err
}

// RecvMsg takes the client's next message into m; io.EOF says that there are no more.
func (ss *serverStream) RecvMsg(m any) error {
	ss.st.push()
	return ss.st.recv(&ss.cd, m)
}

// transportStream is what grpc.SetHeader and its like find in the context.
type transportStream struct{ ss *serverStream }

func (t transportStream) Method() string                  { return t.ss.path }
func (t transportStream) SetHeader(md metadata.MD) error  { return t.ss.SetHeader(md) }
func (t transportStream) SendHeader(md metadata.MD) error { return t.ss.SendHeader(md) }
func (t transportStream) SetTrailer(md metadata.MD) error { t.ss.SetTrailer(md); return nil }
