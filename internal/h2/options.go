package h2

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// Tuning is what both ends have in common. Sizes are bytes.
type Tuning struct {
	Window        int // how much of one stream the peer may send before the application has taken it
	ConnWindow    int // the same for all streams of a connection together, before it has been read off the socket
	ReadBuffer    int // the most one read takes off the socket; it begins small and grows with use
	WriteBuffer   int // the most a stream writes before others have their turn; half of it bounds queued small messages
	MaxFrame      int // the largest frame the peer may send: 16 KiB to 16 MiB - 1
	SendFrame     int // the largest DATA frame sent, where the peer allows it: at least 16 KiB
	MaxHeaderList int // the largest header list accepted, as RFC 9113 counts it
	BufferLimit   int // bytes a connection holds for streams that do not take them; beyond it, the peer gets no more window

	MaxRecvMsgSize int
	MaxSendMsgSize int

	KeepaliveTime    time.Duration // silence after which the peer is pinged; 0: never
	KeepaliveTimeout time.Duration // how long the answer may take before the connection is given up
	HandshakeTimeout time.Duration // for TLS and the first SETTINGS
}

func defaultTuning() Tuning {
	return Tuning{
		Window: 8 << 20, ConnWindow: 32 << 20, ReadBuffer: 256 << 10, WriteBuffer: 512 << 10,
		MaxFrame: 4 << 20, SendFrame: 512 << 10, MaxHeaderList: 64 << 10, BufferLimit: 256 << 20,
		MaxRecvMsgSize: 1 << 30, MaxSendMsgSize: 1<<31 - 1,
		KeepaliveTimeout: 20 * time.Second, HandshakeTimeout: 20 * time.Second,
	}
}

func (t Tuning) validate() error {
	for _, f := range []struct {
		name      string
		v, lo, hi int
	}{
		{"Window", t.Window, 1, maxWindow}, {"ConnWindow", t.ConnWindow, initialWindow, maxWindow},
		{"ReadBuffer", t.ReadBuffer, 4 << 10, 64 << 20}, {"WriteBuffer", t.WriteBuffer, 4 << 10, 64 << 20},
		{"MaxFrame", t.MaxFrame, minFrame, maxFrameLimit}, {"SendFrame", t.SendFrame, minFrame, maxFrameLimit},
		{"MaxHeaderList", t.MaxHeaderList, 4 << 10, 16 << 20}, {"BufferLimit", t.BufferLimit, 1, 1 << 40},
		{"MaxRecvMsgSize", t.MaxRecvMsgSize, 0, 1<<32 - 1}, {"MaxSendMsgSize", t.MaxSendMsgSize, 0, 1<<32 - 1},
	} {
		if f.v < f.lo || f.v > f.hi {
			return fmt.Errorf("h2: %s is %d; set it between %d and %d, or begin with the defaults", f.name, f.v, f.lo, f.hi)
		}
	}
	if t.KeepaliveTime < 0 || t.KeepaliveTimeout < 0 || t.HandshakeTimeout < 0 {
		return fmt.Errorf("h2: a negative keepalive or handshake time; use 0 to switch it off")
	}
	return nil
}

// ClientOptions say how a ClientConn reaches its server. Begin with DefaultClientOptions.
type ClientOptions struct {
	Tuning
	// Dial opens the socket (not TLS). It is called again after a connection is lost.
	Dial func(ctx context.Context) (net.Conn, error)
	// Authority is the :authority of requests, and with TLS the server's name unless TLS says another.
	Authority string
	TLS       *tls.Config // nil: plaintext HTTP/2 with prior knowledge
	UserAgent string
	// DefaultCallOptions come before each call's own.
	DefaultCallOptions []grpc.CallOption
	BackoffBase        time.Duration // wait after the first failed dial; it doubles up to BackoffMax
	BackoffMax         time.Duration
}

// DefaultClientOptions are made for bulk over a fast network: 8 MiB stream and 32 MiB connection windows, reads of up to
// 256 KiB (which stay in cache; 1 MiB was a quarter slower on loopback), frames of up to 4 MiB accepted and of 512 KiB
// sent (a receiver reads a long frame straight into the message's own memory), messages of up to 1 GiB. Dial must still be set.
func DefaultClientOptions() ClientOptions {
	return ClientOptions{Tuning: defaultTuning(), UserAgent: "grpc-go-h2/1.0", BackoffBase: 100 * time.Millisecond, BackoffMax: 5 * time.Second}
}

// Validate says which field cannot be used and what to set it to.
func (o ClientOptions) Validate() error {
	if o.Dial == nil {
		return fmt.Errorf("h2: ClientOptions.Dial is nil; set it to what opens the connection")
	}
	return o.validate()
}

// ServerOptions say how a Server talks to its clients, and what it bears. Begin with DefaultServerOptions.
type ServerOptions struct {
	Tuning
	TLS               *tls.Config // nil: plaintext HTTP/2 with prior knowledge
	Codec             encoding.CodecV2
	UnaryInterceptor  grpc.UnaryServerInterceptor
	StreamInterceptor grpc.StreamServerInterceptor

	MaxStreams  uint32        // handlers of one connection that run at a time
	MaxConns    int           // connections at a time; 0: no limit
	IdleTimeout time.Duration // a connection without streams for this long is sent away; 0: never
	ResetRate   int           // streams a client may reset per second before they were answered, after a burst of five times it
	// StallTimeout ends a stream whose client gives no window for this long while it is being sent to; 0: never.
	StallTimeout time.Duration
}

// DefaultServerOptions are the client's defaults, 1,024 streams and 200 early resets a second for each connection,
// and 64 MiB held for handlers that do not read.
func DefaultServerOptions() ServerOptions {
	o := ServerOptions{Tuning: defaultTuning(), MaxStreams: 1024, ResetRate: 200, IdleTimeout: 0, StallTimeout: 10 * time.Minute}
	o.BufferLimit = 64 << 20
	return o
}

// Validate says which field cannot be used and what to set it to.
func (o ServerOptions) Validate() error {
	if o.MaxStreams == 0 {
		return fmt.Errorf("h2: ServerOptions.MaxStreams is 0; set it to at least 1")
	}
	if o.MaxConns < 0 || o.ResetRate < 1 || o.IdleTimeout < 0 || o.StallTimeout < 0 {
		return fmt.Errorf("h2: a negative limit in ServerOptions, or a ResetRate below 1")
	}
	return o.validate()
}
