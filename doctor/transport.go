package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/h2"
)

// pings on one connection without a call between: servers send away who pings more often.
const pings = 3

type transportData struct {
	InitialWindow int64   `json:"initial_window_size"` // -1 and below: not announced
	ConnWindow    int64   `json:"connection_window"`
	MaxFrame      int64   `json:"max_frame_size"`
	MaxStreams    int64   `json:"max_concurrent_streams"`
	HeaderTable   int64   `json:"header_table_size"`
	MaxHeaderList int64   `json:"max_header_list_size"`
	RTT           []int64 `json:"ping_ns"`
}

// transport opens an HTTP/2 connection, reads what the server announces, and pings it.
func (x *examiner) transport(ctx context.Context) {
	l, err := dialBare(x.t)
	if err == nil {
		defer l.close()
		first, cancel := context.WithTimeout(ctx, x.o.Timeout*3/5) // the rest is for finding out why not
		x.peer, err = l.inspect(first)
		cancel()
	}
	if err != nil {
		x.noHTTP2(ctx, err)
		return
	}
	rtts := []int64{int64(x.peer.RTT)}
	for len(rtts) < pings {
		p, err := l.inspect(ctx)
		if err != nil {
			break // the first one has answered; what follows will tell
		}
		rtts = append(rtts, int64(p.RTT))
	}
	slices.Sort(rtts)
	x.peer.RTT = time.Duration(rtts[0])
	p := x.peer
	data := transportData{p.InitialWindowSize, p.ConnWindow, p.MaxFrameSize, p.MaxConcurrentStreams, p.HeaderTableSize, p.MaxHeaderListSize, rtts}
	x.add(OK, fmt.Sprintf("window of a stream %s, of the connection %s; frames up to %s; %s at a time; %s",
		said(p.InitialWindowSize, 1<<16-1), size(p.ConnWindow), said(p.MaxFrameSize, 16<<10), streams(p.MaxConcurrentStreams), headerLimit(p.MaxHeaderListSize)), "", data)
	x.topic = "round trip"
	x.add(OK, fmt.Sprintf("PING answered in %s (median of %d, best %s)", span(time.Duration(rtts[len(rtts)/2])), len(rtts), span(x.peer.RTT)), "", nil)
	x.streamLimit(p)
}

func said(v, standard int64) string {
	if v < 0 {
		return size(standard) + " (the standard's)"
	}
	return size(v)
}

func streams(n int64) string {
	if n < 0 || n >= 1<<31-1 {
		return "any number of calls"
	}
	return count(int(n), "call")
}

func headerLimit(n int64) string {
	if n < 0 || n >= 1<<31-1 {
		return "headers of any size"
	}
	return "headers up to " + size(n)
}

func (x *examiner) streamLimit(p h2.Peer) {
	if n := p.MaxConcurrentStreams; n >= 0 && n < 16 {
		x.topic = "HTTP/2"
		x.add(Warning, fmt.Sprintf("only %s at a time on a connection: the others wait in the client", count(int(n), "call")),
			"raise MAX_CONCURRENT_STREAMS to 100 or more, or use --connections", nil)
	}
}

// noHTTP2 says why there is no HTTP/2 connection, by a look at what the port answers.
func (x *examiner) noHTTP2(ctx context.Context, err error) {
	x.halt = "there is no HTTP/2 connection"
	p, perr := placeOf(x.t.URI)
	if x.t.TLS != nil && status.Code(err) == codes.DeadlineExceeded {
		x.add(Problem, "there is TLS, but then the server says nothing by HTTP/2", "check that it is the server's port, and that the server is not stuck or behind a proxy whose server is gone", nil)
		return
	}
	if perr != nil || x.t.TLS != nil {
		x.add(Problem, x.explain(err), "", nil)
		return
	}
	switch kind, detail := sniff(ctx, p, x.o.Timeout/5); kind {
	case "tls":
		x.add(Problem, "the port speaks TLS, and the target is plaintext", "write grpc+tls:// in place of "+p.scheme+"://", nil)
	case "http1":
		x.add(Problem, fmt.Sprintf("the port speaks HTTP/1.1, not HTTP/2 (it says %q)", detail), "this is a web server or a proxy, not a gRPC server: check the port", nil)
	case "other":
		x.add(Problem, fmt.Sprintf("the port does not speak HTTP/2: it begins with %q", detail), "this is no gRPC server: check the port", nil)
	case "closed":
		x.add(Problem, "the port accepts connections, and hangs up on an HTTP/2 client", "check that it is the server's port; a proxy without a server behind it does this, too", nil)
	case "silent":
		x.add(Problem, "the port accepts connections, but says nothing to an HTTP/2 client", "check that it is the server's port, and that the server is not stuck or behind a proxy whose server is gone", nil)
	default:
		x.add(Problem, x.explain(err), "", nil)
	}
}

// sniff speaks HTTP/2 to a port, and TLS where that is not understood, and says what answers: http2, http1, tls, other, silent, or
// closed.
func sniff(ctx context.Context, p place, patience time.Duration) (kind, detail string) {
	hello := new(bytes.Buffer)
	hello.WriteString(http2.ClientPreface)
	_ = http2.NewFramer(hello, nil).WriteSettings()
	got, end := ask(ctx, p, hello.Bytes(), patience)
	switch {
	case bytes.HasPrefix(got, []byte("HTTP/1.")):
		line, _, _ := strings.Cut(string(got), "\r\n")
		return "http1", clip(line, 60)
	case len(got) >= 2 && got[0] == 0x15 && got[1] == 3: // a TLS alert
		return "tls", ""
	case len(got) >= 9 && got[3] == byte(http2.FrameSettings) && got[4]&^1 == 0:
		return "http2", ""
	case len(got) > 0:
		return "other", clip(string(got[:min(len(got), 60)]), 40)
	}
	// A ClientHello without names, which a TLS server answers by whatever alert or handshake it likes.
	got, _ = ask(ctx, p, clientHello, patience)
	if len(got) >= 2 && (got[0] == 0x15 || got[0] == 0x16) && got[1] == 3 {
		return "tls", ""
	}
	if end {
		return "closed", ""
	}
	return "silent", ""
}

// clientHello is a complete TLS 1.2 hello with one cipher suite.
var clientHello = append([]byte{0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3}, append(make([]byte, 32), 0, 0, 2, 0xc0, 0x2f, 1, 0)...)

// ask sends hello and reads what comes first; end says that the other side hung up.
func ask(ctx context.Context, p place, hello []byte, patience time.Duration) (got []byte, end bool) {
	address := p.path
	if p.network == "tcp" {
		address = net.JoinHostPort(p.host, p.port)
	}
	nc, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, p.network, address)
	if err != nil {
		return nil, true
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.Close() })()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(hello); err != nil {
		return nil, true
	}
	b := make([]byte, 512)
	n, err := nc.Read(b)
	var late net.Error
	return b[:n], err != nil && !(errors.As(err, &late) && late.Timeout())
}
