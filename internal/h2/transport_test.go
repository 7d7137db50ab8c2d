package h2

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// link is a client and a server of blobs.
type link struct {
	client, server string // direct or grpc
	security       string // plain, tls or unix
	tune           func(*Tuning)
	serverOptions  func(*ServerOptions)
}

func (l link) String() string { return l.client + "-" + l.server + "-" + l.security }

func (l link) start(t testing.TB) grpc.ClientConnInterface {
	t.Helper()
	network, addr := "tcp", "127.0.0.1:0"
	if l.security == "unix" {
		network, addr = "unix", filepath.Join(t.TempDir(), "s")
	}
	lis, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	addr = lis.Addr().String()
	var stls, ctls *tls.Config
	if l.security == "tls" {
		if stls, ctls, err = testTLS(); err != nil {
			t.Fatal(err)
		}
	}
	if l.server == "grpc" {
		opts := []grpc.ServerOption{grpc.ForceServerCodecV2(blobCodec{}), grpc.MaxRecvMsgSize(1 << 30)}
		if stls != nil {
			opts = append(opts, grpc.Creds(credentials.NewTLS(stls)))
		}
		s := grpc.NewServer(opts...)
		s.RegisterService(&blobService, nil)
		go s.Serve(lis)
		t.Cleanup(s.Stop)
	} else {
		o := DefaultServerOptions()
		if l.tune != nil {
			l.tune(&o.Tuning)
		}
		if l.serverOptions != nil {
			l.serverOptions(&o)
		}
		o.TLS, o.Codec = stls, blobCodec{}
		s := NewServer(o)
		s.RegisterService(&blobService, nil)
		go s.Serve(lis)
		t.Cleanup(s.Stop)
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
	if l.client == "grpc" {
		creds := insecure.NewCredentials()
		if ctls != nil {
			creds = credentials.NewTLS(ctls)
		}
		cc, err := grpc.NewClient("passthrough:///localhost", grpc.WithTransportCredentials(creds),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cc.Close() })
		return cc
	}
	o := DefaultClientOptions()
	if l.tune != nil {
		l.tune(&o.Tuning)
	}
	o.Dial, o.Authority, o.TLS = dial, "localhost", ctls
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

func links() (all []link) {
	small := func(t *Tuning) {
		t.Window, t.ConnWindow, t.ReadBuffer, t.WriteBuffer = 20_000, 100_000, 5_000, 30_000
		t.MaxFrame, t.SendFrame = 32<<10, 20<<10
	}
	for _, p := range [][2]string{{"direct", "direct"}, {"direct", "grpc"}, {"grpc", "direct"}} {
		for _, s := range []string{"plain", "tls", "unix"} {
			all = append(all, link{client: p[0], server: p[1], security: s})
		}
		all = append(all, link{client: p[0], server: p[1], security: "plain", tune: small}, link{client: p[0], server: p[1], security: "tls", tune: small})
	}
	return all
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestMessagesArriveWhole(t *testing.T) {
	for i, l := range links() {
		t.Run(fmt.Sprint(i, l), func(t *testing.T) {
			cc := l.start(t)
			var wg sync.WaitGroup
			for _, size := range []int{0, 1, 99, 4096, 16379, 16384, 100_000, 3 << 20} {
				wg.Go(func() { getAll(t, cc, 7, size, 1+size/7000) })
				wg.Go(func() { echoAll(t, cc, 5, size) })
			}
			wg.Wait()
		})
	}
}

func getAll(t *testing.T, cc grpc.ClientConnInterface, n, size, parts int) {
	s, err := openBlob(testContext(t), cc, "Get")
	if err != nil {
		t.Error(err)
		return
	}
	if err := s.SendMsg(getRequest(n, size, parts)); err != nil {
		t.Error(err)
	}
	want := make([]byte, size)
	fill(want, size)
	var m blob
	for i := 0; ; i++ {
		err := s.RecvMsg(&m)
		if err == io.EOF {
			if i != n {
				t.Errorf("size %d: %d messages, want %d", size, i, n)
			}
			return
		}
		if err != nil {
			t.Errorf("size %d, message %d: %v", size, i, err)
			return
		}
		if !bytes.Equal(m.data, want) {
			t.Errorf("size %d: message %d differs", size, i)
			return
		}
	}
}

func echoAll(t *testing.T, cc grpc.ClientConnInterface, n, size int) {
	s, err := openBlob(testContext(t), cc, "Echo")
	if err != nil {
		t.Error(err)
		return
	}
	want := make([]byte, size)
	fill(want, size+1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range n {
			if err := s.SendMsg(&blob{data: want, parts: 3}); err != nil {
				t.Errorf("size %d: send: %v", size, err)
				return
			}
		}
		s.CloseSend()
	})
	var m blob
	for i := range n + 1 {
		err := s.RecvMsg(&m)
		if i == n && err == io.EOF {
			return
		}
		if err != nil || i == n {
			t.Errorf("size %d, message %d: %v", size, i, err)
			return
		}
		if !bytes.Equal(m.data, want) {
			t.Errorf("size %d: message %d differs", size, i)
		}
	}
}

func TestPutIsCounted(t *testing.T) {
	for i, l := range links() {
		t.Run(fmt.Sprint(i, l), func(t *testing.T) {
			cc := l.start(t)
			s, err := openBlob(testContext(t), cc, "Put")
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i := range 300 {
				m := &blob{data: make([]byte, i*i), parts: i % 5}
				total += len(m.data)
				if err := s.SendMsg(m); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			var m blob
			if err := s.RecvMsg(&m); err != nil {
				t.Fatal(err)
			}
			if got := int(binary.BigEndian.Uint64(m.data)); got != total {
				t.Fatalf("server counted %d bytes, sent %d", got, total)
			}
		})
	}
}

// A receiver that does not read stops its sender at the window, and others on the connection go on.
func TestBackPressure(t *testing.T) {
	for _, pair := range [][2]string{{"direct", "direct"}, {"direct", "grpc"}, {"grpc", "direct"}} {
		l := link{client: pair[0], server: pair[1], security: "plain", tune: func(t *Tuning) { t.Window = 64 << 10 }}
		t.Run(l.String(), func(t *testing.T) {
			cc := l.start(t)
			ctx, cancel := context.WithCancel(testContext(t))
			s, err := openBlob(ctx, cc, "Echo")
			if err != nil {
				t.Fatal(err)
			}
			sent := make(chan int, 1)
			go func() {
				m := &blob{data: make([]byte, 10_000)}
				n := 0
				for s.SendMsg(m) == nil {
					n++
				}
				sent <- n
			}()
			for range 3 { // the connection is not blocked by it
				getAll(t, cc, 3, 300_000, 1)
			}
			time.Sleep(50 * time.Millisecond)
			cancel()
			// Both windows, twice over for what grpc-go and the sockets hold.
			if n := <-sent; n*10_000 > 16<<20 {
				t.Fatalf("%d messages were sent to nobody", n)
			}
			if err := s.RecvMsg(&blob{}); err == nil {
				for err == nil {
					err = s.RecvMsg(&blob{})
				}
				if status.Code(err) != codes.Canceled {
					t.Fatal(err)
				}
			}
		})
	}
}

// A stream cancelled while its sender waits for window lets go of everything.
func TestCancelBlockedSender(t *testing.T) {
	cc := link{client: "direct", server: "direct", security: "plain", tune: func(t *Tuning) { t.Window = 1 }}.start(t)
	ctx, cancel := context.WithCancel(testContext(t))
	s, err := openBlob(ctx, cc, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		cancel()
	}()
	m := &blob{data: make([]byte, 100<<20)}
	for err == nil {
		err = s.SendMsg(m)
	}
	if err != io.EOF {
		t.Fatalf("SendMsg: %v, want io.EOF", err)
	}
	if err := s.RecvMsg(&blob{}); status.Code(err) != codes.Canceled {
		t.Fatalf("RecvMsg: %v, want Canceled", err)
	}
	getAll(t, cc, 1, 1000, 1)
}

// Calls beyond the server's limit wait for their turn.
func TestStreamLimit(t *testing.T) {
	cc := link{client: "direct", server: "direct", security: "plain", serverOptions: func(o *ServerOptions) { o.MaxStreams = 3 }}.start(t)
	getAll(t, cc, 1, 1, 1)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { getAll(t, cc, 3, 5000, 1) })
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	for range 3 {
		if _, err := openBlob(ctx, cc, "Echo"); err != nil {
			t.Fatal(err)
		}
	}
	short, stop := context.WithTimeout(ctx, 30*time.Millisecond)
	defer stop()
	if _, err := openBlob(short, cc, "Echo"); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("fourth stream: %v, want DeadlineExceeded", err)
	}
}

func TestMessageLimits(t *testing.T) {
	for _, l := range links()[:3] {
		t.Run(l.String(), func(t *testing.T) {
			cc := l.start(t)
			s, err := cc.NewStream(testContext(t), &blobService.Streams[0], "/test.Blob/Get", grpc.ForceCodecV2(blobCodec{}), grpc.MaxCallRecvMsgSize(1000))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SendMsg(getRequest(5, 1001, 1)); err != nil {
				t.Fatal(err)
			}
			if err := s.RecvMsg(&blob{}); status.Code(err) != codes.ResourceExhausted {
				t.Fatalf("RecvMsg: %v, want ResourceExhausted", err)
			}
			s, err = cc.NewStream(testContext(t), &blobService.Streams[1], "/test.Blob/Put", grpc.ForceCodecV2(blobCodec{}), grpc.MaxCallSendMsgSize(10))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SendMsg(&blob{data: make([]byte, 11)}); status.Code(err) != codes.ResourceExhausted {
				t.Fatalf("SendMsg: %v, want ResourceExhausted", err)
			}
		})
	}
}

type strangeOption struct{ grpc.EmptyCallOption }

func TestCallOptionsAreNotIgnored(t *testing.T) {
	cc := link{client: "direct", server: "direct", security: "plain"}.start(t)
	err := cc.Invoke(testContext(t), "/test.Blob/Get", &blob{}, &blob{}, strangeOption{})
	if status.Code(err) != codes.Unimplemented {
		t.Fatalf("unknown option: %v, want Unimplemented", err)
	}
	err = cc.Invoke(testContext(t), "/test.Blob/Nope", &blob{}, &blob{}, grpc.EmptyCallOption{}, grpc.ForceCodecV2(blobCodec{}))
	if status.Code(err) != codes.Unimplemented || err.Error() == "" {
		t.Fatalf("unknown method: %v, want Unimplemented", err)
	}
}

// A call that is cancelled while its bytes wait for a peer that reads nothing returns, and the connection can go on.
func TestCancelBlockedWrite(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		nc, err := lis.Accept()
		if err != nil {
			return
		}
		b := appendSettings(nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
		_, _ = nc.Write(appendWindowUpdate(b, 0, maxWindow-initialWindow))
		accepted <- nc
	}()
	cc, err := NewClient(testClientOptions(lis.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	for _, size := range []int{64 << 20, 4 << 10, 1000, 64 << 20, 4 << 10} {
		ctx, cancel := context.WithCancel(testContext(t))
		s, err := openBlob(ctx, cc, "Echo")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		m := &blob{data: make([]byte, size), parts: 3}
		for err == nil {
			err = s.SendMsg(m)
		}
		if err != io.EOF {
			t.Fatalf("SendMsg of %d: %v, want io.EOF", size, err)
		}
		if err := s.RecvMsg(&blob{}); status.Code(err) != codes.Canceled {
			t.Fatalf("RecvMsg: %v, want Canceled", err)
		}
	}
	// What was sent is still a sequence of whole frames.
	nc := <-accepted
	defer nc.Close()
	_, _ = io.ReadFull(nc, make([]byte, len(http2.ClientPreface)))
	fr := http2.NewFramer(io.Discard, nc)
	fr.SetMaxReadFrameSize(1 << 24)
	resets := 0
	for resets < 5 {
		f, err := fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := f.(*http2.RSTStreamFrame); ok {
			resets++
		}
	}
}

// TestBareStatusDetails passes on what C++ servers send in place of a
// google.rpc.Status, as grpc-go does.
func TestBareStatusDetails(t *testing.T) {
	for _, end := range []struct{ client, server string }{{"direct", "direct"}, {"direct", "grpc"}, {"grpc", "direct"}} {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		desc := grpc.ServiceDesc{ServiceName: "s", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "M",
			Handler: func(_ any, ctx context.Context, _ func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				if err := grpc.SetTrailer(ctx, metadata.Pairs(statusDetails, "\x00bare")); err != nil {
					return nil, err
				}
				return nil, status.Error(codes.Unknown, "broken")
			}}}}
		if end.server == "grpc" {
			s := grpc.NewServer()
			s.RegisterService(&desc, nil)
			go s.Serve(lis)
			t.Cleanup(s.Stop)
		} else {
			s := NewServer(DefaultServerOptions())
			s.RegisterService(&desc, nil)
			go s.Serve(lis)
			t.Cleanup(s.Stop)
		}
		var cc grpc.ClientConnInterface
		if end.client == "grpc" {
			c, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cc = c
		} else {
			o := DefaultClientOptions()
			o.Dial = func(ctx context.Context) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", lis.Addr().String())
			}
			c, err := NewClient(o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cc = c
		}
		var trailer metadata.MD
		err = cc.Invoke(t.Context(), "/s/M", &emptypb.Empty{}, &emptypb.Empty{}, grpc.Trailer(&trailer))
		if got := trailer.Get(statusDetails); status.Code(err) != codes.Unknown || status.Convert(err).Message() != "broken" || len(got) != 1 || got[0] != "\x00bare" {
			t.Errorf("%v: %v, details %q", end, err, got)
		}
	}
}
