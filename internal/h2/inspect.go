package h2

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// Peer is what a server has told of itself below gRPC. Sizes are bytes. A setting that it did not announce is -1, and then has
// the value of RFC 9113 section 6.5.2: a window of 65,535, frames of 16 KiB, a table of 4,096, no limit of streams and headers.
type Peer struct {
	Local, Remote net.Addr
	TLS           *tls.ConnectionState // nil for plaintext

	InitialWindowSize    int64 // of a stream, for what we send
	MaxFrameSize         int64
	MaxConcurrentStreams int64
	HeaderTableSize      int64
	MaxHeaderListSize    int64

	ConnWindow int64         // what all streams together may send now; on an idle connection, the window that the server grants it
	Late       int64         // bytes of DATA that came for calls which this end had ended
	RTT        time.Duration // of one PING
}

// Inspect connects if need be and asks the server with one PING. Beware: gRPC servers send away a client that pings more than three
// times without a call between (ENHANCE_YOUR_CALM, "too_many_pings").
func (cc *ClientConn) Inspect(ctx context.Context) (Peer, error) {
	side, err := cc.side(ctx, false)
	if err != nil {
		return Peer{}, err
	}
	rtt, err := side.c.ping(ctx)
	if err != nil {
		return Peer{}, err
	}
	p := side.c.announcement()
	p.RTT = rtt
	p.Local, p.Remote = side.peer.LocalAddr, side.peer.Addr
	if info, ok := side.peer.AuthInfo.(credentials.TLSInfo); ok {
		p.TLS = &info.State
	}
	return p, nil
}

// announcement is what the peer's frames have said so far.
func (c *conn) announcement() Peer {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	said := func(id http2.SettingID) int64 {
		if v, ok := c.announced[id]; ok {
			return int64(v)
		}
		return -1
	}
	return Peer{
		InitialWindowSize:    said(http2.SettingInitialWindowSize),
		MaxFrameSize:         said(http2.SettingMaxFrameSize),
		MaxConcurrentStreams: said(http2.SettingMaxConcurrentStreams),
		HeaderTableSize:      said(http2.SettingHeaderTableSize),
		MaxHeaderListSize:    said(http2.SettingMaxHeaderListSize),
		ConnWindow:           c.w.connWin,
		Late:                 c.late.Load(),
	}
}

// ping measures one PING's way to the peer and back.
func (c *conn) ping(ctx context.Context) (time.Duration, error) {
	back := make(chan time.Time, 1)
	c.mu.Lock()
	c.pings++
	data := [8]byte{'a', 's', 'k'} // unlike keepalive's
	binary.BigEndian.PutUint32(data[4:], c.pings)
	if c.awaited == nil {
		c.awaited = map[[8]byte]chan time.Time{}
	}
	c.awaited[data] = back
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.awaited, data)
		c.mu.Unlock()
	}()
	sent := time.Now()
	if err := c.w.control(appendPing(nil, false, data)); err != nil {
		return 0, status.Errorf(codes.Unavailable, "PING: %v", err)
	}
	select {
	case at := <-back:
		return at.Sub(sent), nil
	case <-c.ended:
		return 0, status.Errorf(codes.Unavailable, "PING: %v", broken(c.cause()))
	case <-ctx.Done():
		return 0, status.FromContextError(ctx.Err()).Err()
	}
}

// pong wakes whoever waits for the answer to this PING.
func (c *conn) pong(data [8]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if back, ok := c.awaited[data]; ok {
		delete(c.awaited, data)
		back <- time.Now()
	}
}

type serverTimeoutKey struct{}

// WithServerTimeout makes the calls of ctx tell the server that they may take d, whatever the deadline of ctx itself: with a longer one
// here it can be seen whether the server keeps to what it was told.
func WithServerTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, serverTimeoutKey{}, d)
}

// serverTimeout is how long a call with ctx may take, as the server is told; ok is false for no limit.
func serverTimeout(ctx context.Context) (d time.Duration, ok bool) {
	if d, ok = ctx.Value(serverTimeoutKey{}).(time.Duration); ok {
		return d, true
	}
	end, ok := ctx.Deadline()
	return time.Until(end), ok
}
