package h2

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestInspect(t *testing.T) {
	for _, security := range []string{"plain", "tls", "unix"} {
		for server, want := range map[string]Peer{
			"direct": {InitialWindowSize: 300_000, MaxFrameSize: 50_000, MaxConcurrentStreams: 1024, HeaderTableSize: -1, MaxHeaderListSize: 9_000, ConnWindow: 2_000_000},
			"grpc":   {InitialWindowSize: -1, MaxFrameSize: 16384, MaxConcurrentStreams: -1, HeaderTableSize: -1, MaxHeaderListSize: -1, ConnWindow: initialWindow},
		} {
			l := link{client: "direct", server: server, security: security, tune: func(t *Tuning) {
				t.Window, t.ConnWindow, t.MaxFrame, t.MaxHeaderList = 300_000, 2_000_000, 50_000, 9_000
			}}
			t.Run(l.String(), func(t *testing.T) {
				got, err := l.start(t).(*ClientConn).Inspect(testContext(t))
				if err != nil {
					t.Fatal(err)
				}
				if got.RTT <= 0 || got.Remote == nil {
					t.Errorf("round trip %v to %v", got.RTT, got.Remote)
				}
				if (got.TLS != nil) != (security == "tls") || got.TLS != nil && len(got.TLS.PeerCertificates) != 1 {
					t.Errorf("TLS %+v over %s", got.TLS, security)
				}
				got.RTT, got.Local, got.Remote, got.TLS = 0, nil, nil, nil
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// scripted is a client of a server that speaks as told, after its SETTINGS.
func scripted(t *testing.T, serve func(fr *http2.Framer)) *ClientConn {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := lis.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.ReadFull(nc, make([]byte, len(http2.ClientPreface)))
		fr := http2.NewFramer(nc, nc)
		fr.SetMaxReadFrameSize(1 << 24)
		_ = fr.WriteSettings()
		serve(fr)
	}()
	cc, err := NewClient(testClientOptions(lis.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close(); lis.Close(); <-done })
	return cc
}

// silence reads until the client goes.
func silence(fr *http2.Framer) {
	for {
		if _, err := fr.ReadFrame(); err != nil {
			return
		}
	}
}

func TestInspectOfBadServers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := scripted(t, silence).Inspect(ctx); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a server that answers no PING: %v, want DeadlineExceeded", err)
	}
	gone := scripted(t, func(fr *http2.Framer) {
		for {
			if f, err := fr.ReadFrame(); err != nil || f.Header().Type == http2.FramePing {
				return
			}
		}
	})
	if _, err := gone.Inspect(testContext(t)); status.Code(err) != codes.Unavailable {
		t.Errorf("a server that hangs up: %v, want Unavailable", err)
	}
}

// A server that goes on sending after it was told to stop is found out.
func TestInspectCountsLateData(t *testing.T) {
	const late = 1000
	cc := scripted(t, func(fr *http2.Framer) {
		for {
			f, err := fr.ReadFrame()
			switch f := f.(type) {
			case *http2.PingFrame:
				err = fr.WritePing(true, f.Data)
			case *http2.HeadersFrame:
				var b bytes.Buffer
				e := hpack.NewEncoder(&b)
				_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
				_ = e.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/grpc"})
				err = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: b.Bytes(), EndHeaders: true})
			case *http2.RSTStreamFrame:
				if f.ErrCode == http2.ErrCodeCancel {
					err = fr.WriteData(f.StreamID, false, make([]byte, late))
				}
			}
			if err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(testContext(t))
	s, err := openBlob(ctx, cc, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Header(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.RecvMsg(&blob{}); status.Code(err) != codes.Canceled {
		t.Fatal(err)
	}
	p, err := cc.Inspect(testContext(t))
	if err != nil || p.Late != late {
		t.Errorf("%d late bytes, want %d: %v", p.Late, late, err)
	}
}

// The server ends a call by the time it was told, while ours has long to go.
func TestServerTimeout(t *testing.T) {
	for _, server := range []string{"direct", "grpc"} {
		cc := link{client: "direct", server: server, security: "plain"}.start(t)
		ctx := testContext(t)
		s, err := openBlob(WithServerTimeout(ctx, 20*time.Millisecond), cc, "Echo")
		if err != nil {
			t.Fatal(err)
		}
		err = s.RecvMsg(&blob{})
		if c := status.Code(err); c != codes.DeadlineExceeded && c != codes.Canceled {
			t.Errorf("%s server: %v, want DeadlineExceeded or Canceled", server, err)
		}
		if ctx.Err() != nil {
			t.Errorf("%s server: our own deadline ended the call", server)
		}
	}
}
