package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// A stream under way survives a graceful stop; later calls go to the server that came after.
func TestGoAway(t *testing.T) {
	for _, kind := range []string{"direct", "grpc"} {
		t.Run(kind, func(t *testing.T) {
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := lis.Addr().String()
			var stop, graceful func()
			if kind == "direct" {
				o := DefaultServerOptions()
				o.Codec = blobCodec{}
				s := NewServer(o)
				s.RegisterService(&blobService, nil)
				go s.Serve(lis)
				stop, graceful = s.Stop, s.GracefulStop
			} else {
				s := grpc.NewServer(grpc.ForceServerCodecV2(blobCodec{}))
				s.RegisterService(&blobService, nil)
				go s.Serve(lis)
				stop, graceful = s.Stop, s.GracefulStop
			}
			defer func() { stop() }()
			cc, err := NewClient(testClientOptions(addr))
			if err != nil {
				t.Fatal(err)
			}
			defer cc.Close()
			s, err := openBlob(testContext(t), cc, "Echo")
			if err != nil {
				t.Fatal(err)
			}
			ping := func() {
				t.Helper()
				if err := s.SendMsg(&blob{data: []byte("hello")}); err != nil {
					t.Fatal(err)
				}
				var m blob
				if err := s.RecvMsg(&m); err != nil || string(m.data) != "hello" {
					t.Fatal(err, m.data)
				}
			}
			ping()
			stopped := make(chan struct{})
			go func() { graceful(); close(stopped) }()
			lis2 := listenAgain(t, addr)
			o := DefaultServerOptions()
			o.Codec = blobCodec{}
			s2 := NewServer(o)
			s2.RegisterService(&blobService, nil)
			go s2.Serve(lis2)
			defer s2.Stop()
			for range 20 {
				ping()
				getAll(t, cc, 2, 100, 1)
				time.Sleep(10 * time.Millisecond)
			}
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if err := s.RecvMsg(&blob{}); err != io.EOF {
				t.Fatal(err)
			}
			<-stopped
		})
	}
}

func listenAgain(t *testing.T, addr string) net.Listener {
	for {
		lis, err := net.Listen("tcp", addr)
		if err == nil {
			return lis
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestReconnect(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	lis.Close()
	o := testClientOptions(addr)
	o.BackoffBase = 10 * time.Millisecond
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	if _, err := openBlob(testContext(t), cc, "Get"); status.Code(err) != codes.Unavailable {
		t.Fatalf("without a server: %v, want Unavailable", err)
	}
	short, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	err = cc.Invoke(short, "/test.Blob/Get", &blob{}, &blob{}, grpc.WaitForReady(true), grpc.ForceCodecV2(blobCodec{}))
	if status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("waiting for a server: %v, want DeadlineExceeded", err)
	}
	for range 2 {
		stop := serveBlobs("direct", listenAgain(t, addr), nil)
		s, err := cc.NewStream(testContext(t), &blobService.Streams[2], "/test.Blob/Echo", grpc.WaitForReady(true), grpc.ForceCodecV2(blobCodec{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SendMsg(&blob{data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if err := s.RecvMsg(&blob{}); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := s.RecvMsg(&blob{}); status.Code(err) != codes.Unavailable {
			t.Fatalf("after the server has gone: %v, want Unavailable", err)
		}
	}
}

func TestMetadataBothWays(t *testing.T) {
	desc := grpc.ServiceDesc{ServiceName: "test.Meta", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{StreamName: "Echo", ServerStreams: true,
		Handler: func(_ any, s grpc.ServerStream) error {
			md, _ := metadata.FromIncomingContext(s.Context())
			p, ok := peer.FromContext(s.Context())
			if !ok || p.AuthInfo.AuthType() != "tls" {
				return errors.New("no tls peer")
			}
			m, _ := grpc.Method(s.Context())
			if err := grpc.SetHeader(s.Context(), metadata.Pairs("h-bin", md.Get("in-bin")[0], "method", m)); err != nil {
				return err
			}
			s.SetTrailer(metadata.Pairs("t", md.Get("in")[0], "t", md.Get("in")[1]))
			return s.SendMsg(&blob{data: []byte("x")})
		}}}}
	stls, ctls, err := testTLS()
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	so := DefaultServerOptions()
	so.TLS = stls
	srv := NewServer(so)
	srv.RegisterService(&desc, nil)
	go srv.Serve(lis)
	defer srv.Stop()
	o := testClientOptions(lis.Addr().String())
	o.TLS = ctls
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	ctx := metadata.AppendToOutgoingContext(testContext(t), "in-bin", "\x00\xff,", "in", "a", "in", "b c")
	var header, trailer metadata.MD
	var p peer.Peer
	var finished atomic.Int32
	s, err := cc.NewStream(ctx, &desc.Streams[0], "/test.Meta/Echo", grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p),
		grpc.OnFinish(func(err error) {
			if err == nil {
				finished.Add(1)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&blob{}); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&blob{}); err != io.EOF {
		t.Fatal(err)
	}
	if got := header.Get("h-bin"); len(got) != 1 || got[0] != "\x00\xff," {
		t.Errorf("header %q", got)
	}
	if got := header.Get("method"); len(got) != 1 || got[0] != "/test.Meta/Echo" {
		t.Errorf("method %q", got)
	}
	if got := fmt.Sprint(trailer.Get("t")); got != "[a b c]" {
		t.Errorf("trailer %s", got)
	}
	if p.Addr.String() != lis.Addr().String() || finished.Load() != 1 {
		t.Errorf("peer %v, finished %d times", p.Addr, finished.Load())
	}
	if r, w := cc.WireBytes(); r == 0 || w == 0 {
		t.Errorf("wire bytes %d, %d", r, w)
	}
}

// cutConn ends after so many bytes in either direction.
type cutConn struct {
	net.Conn
	left atomic.Int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.left.Add(int64(-n)) < 0 {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	left := c.left.Add(int64(-len(p)))
	if left < 0 {
		n, _ := c.Conn.Write(p[:max(0, len(p)+int(left))])
		c.Conn.Close()
		return n, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

// Nothing is left of a connection that is cut after any number of bytes: no goroutine, pooled buffer or descriptor.
func TestCutAnywhere(t *testing.T) {
	for _, security := range []string{"plain", "tls"} {
		t.Run(security, func(t *testing.T) { cutAnywhere(t, security) })
	}
}

func cutAnywhere(t *testing.T, security string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultServerOptions()
	o.Codec = blobCodec{}
	co := testClientOptions(lis.Addr().String())
	if security == "tls" {
		if o.TLS, co.TLS, err = testTLS(); err != nil {
			t.Fatal(err)
		}
	}
	srv := NewServer(o)
	srv.RegisterService(&blobService, nil)
	go srv.Serve(lis)
	defer srv.Stop()
	time.Sleep(10 * time.Millisecond)
	goroutines, lent, files := runtime.NumGoroutine(), buffers.lent.Load(), openFiles()
	offset := int64(0)
	for i := 0; offset < 400_000; i++ {
		if offset < 3000 && security == "plain" {
			offset += 7
		} else {
			offset += 97 + offset/8
		}
		cutOnce(t, co, offset)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		g, l, f := runtime.NumGoroutine(), buffers.lent.Load(), openFiles()
		if g <= goroutines && l <= lent && f <= files {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines %d → %d, buffers %d → %d, files %d → %d\n%s", goroutines, g, lent, l, files, f, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// cutOnce uses a connection that is cut after n bytes: raw streams, sinks, and proto-like messages.
func cutOnce(t *testing.T, o ClientOptions, n int64) {
	dial := o.Dial
	o.BackoffBase = time.Hour // the one connection only
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		nc, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		c := &cutConn{Conn: nc}
		c.left.Store(n)
		return c, nil
	}
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i, method := range []string{"Get", "Echo", "Put"} {
		wg.Go(func() {
			s, err := openBlob(ctx, cc, method)
			if err != nil {
				return
			}
			if i == 0 {
				_ = s.SendMsg(getRequest(3, 30_000, 2))
			} else {
				for range 3 {
					_ = s.SendMsg(&blob{data: make([]byte, 30_000), parts: 2})
				}
			}
			_ = s.CloseSend()
			m := &blob{count: i == 1}
			for err == nil {
				err = s.RecvMsg(m)
			}
			if c := status.Code(err); err != io.EOF && c != codes.Unavailable {
				t.Errorf("cut after %d: %s ended with %v", n, method, err)
			}
		})
	}
	wg.Wait()
	cc.Close()
}

func openFiles() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(d)
}
