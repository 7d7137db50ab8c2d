package h2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawPeer speaks frames to a server of blobs.
type rawPeer struct {
	t    *testing.T
	nc   net.Conn
	fr   *http2.Framer
	henc *hpack.Encoder
	hbuf bytes.Buffer
}

func newRawPeer(t *testing.T, change func(*ServerOptions)) *rawPeer {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultServerOptions()
	o.Codec = blobCodec{}
	if change != nil {
		change(&o)
	}
	s := NewServer(o)
	s.RegisterService(&blobService, nil)
	go s.Serve(lis)
	t.Cleanup(s.Stop)
	nc, err := net.Dial("tcp", lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	p := &rawPeer{t: t, nc: nc, fr: http2.NewFramer(nc, nc)}
	p.henc = hpack.NewEncoder(&p.hbuf)
	p.fr.AllowIllegalReads, p.fr.AllowIllegalWrites = true, true
	p.fr.SetMaxReadFrameSize(1 << 24)
	_, _ = io.WriteString(nc, http2.ClientPreface)
	_ = p.fr.WriteSettings()
	return p
}

func (p *rawPeer) block(path string, extra ...hpack.HeaderField) []byte {
	p.hbuf.Reset()
	for _, f := range append([]hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"},
		{Name: ":path", Value: path}, {Name: ":authority", Value: "x"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"}}, extra...) {
		_ = p.henc.WriteField(f)
	}
	return bytes.Clone(p.hbuf.Bytes())
}

func (p *rawPeer) open(id uint32, path string, end bool) error {
	return p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block(path), EndHeaders: true, EndStream: end})
}

// goAway reads until GOAWAY, and returns its code; a reset of the socket without one is an error.
func (p *rawPeer) goAway() (http2.ErrCode, error) {
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			return 0, err
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			return g.ErrCode, nil
		}
	}
}

// wantReset reads until a stream is reset with code.
func (p *rawPeer) wantReset(code http2.ErrCode) {
	p.t.Helper()
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			p.t.Fatal(err)
		}
		if r, ok := f.(*http2.RSTStreamFrame); ok {
			if r.ErrCode != code {
				p.t.Fatalf("RST_STREAM %v, want %v", r.ErrCode, code)
			}
			return
		}
	}
}

func TestFloodsAreSentAway(t *testing.T) {
	const many = 200_000
	repeat := func(p *rawPeer, f func(i int) error) {
		for i := range many {
			if f(i) != nil {
				return
			}
		}
	}
	for name, tc := range map[string]struct {
		flood func(p *rawPeer)
		want  http2.ErrCode
	}{
		"rapid reset": {func(p *rawPeer) {
			repeat(p, func(i int) error {
				id := uint32(2*i + 1)
				if err := p.open(id, "/test.Blob/Echo", false); err != nil {
					return err
				}
				return p.fr.WriteRSTStream(id, http2.ErrCodeCancel)
			})
		}, http2.ErrCodeEnhanceYourCalm},
		"continuation": {func(p *rawPeer) {
			_ = p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block("/test.Blob/Echo")})
			repeat(p, func(int) error { return p.fr.WriteContinuation(1, false, nil) })
		}, http2.ErrCodeEnhanceYourCalm},
		"large continuation": {func(p *rawPeer) {
			_ = p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block("/test.Blob/Echo")})
			p.hbuf.Reset()
			_ = p.henc.WriteField(hpack.HeaderField{Name: "x", Value: string(make([]byte, 10_000)), Sensitive: true})
			b := bytes.Clone(p.hbuf.Bytes())
			repeat(p, func(int) error { return p.fr.WriteContinuation(1, false, b) })
		}, http2.ErrCodeEnhanceYourCalm},
		"settings": {func(p *rawPeer) {
			repeat(p, func(int) error { return p.fr.WriteSettings() })
		}, http2.ErrCodeEnhanceYourCalm},
		"ping": {func(p *rawPeer) {
			repeat(p, func(int) error { return p.fr.WritePing(false, [8]byte{}) })
		}, http2.ErrCodeEnhanceYourCalm},
		"empty data": {func(p *rawPeer) {
			_ = p.open(1, "/test.Blob/Echo", false)
			repeat(p, func(int) error { return p.fr.WriteData(1, false, nil) })
		}, http2.ErrCodeEnhanceYourCalm},
		"priority": {func(p *rawPeer) {
			repeat(p, func(int) error { return p.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3}) })
		}, http2.ErrCodeEnhanceYourCalm},
		"unknown frames": {func(p *rawPeer) {
			repeat(p, func(int) error { return p.fr.WriteRawFrame(0xfa, 0, 1, []byte("x")) })
		}, http2.ErrCodeEnhanceYourCalm},
		"tiny window updates": {func(p *rawPeer) {
			_ = p.open(1, "/test.Blob/Echo", false)
			repeat(p, func(int) error { return p.fr.WriteWindowUpdate(1, 1) })
		}, http2.ErrCodeEnhanceYourCalm},
		"refused streams": {func(p *rawPeer) {
			repeat(p, func(i int) error { return p.open(uint32(2*i+1), "/test.Blob/Echo", false) })
		}, http2.ErrCodeEnhanceYourCalm},
		"window overflow": {func(p *rawPeer) {
			_ = p.fr.WriteWindowUpdate(0, 1<<31-1)
			_ = p.fr.WriteWindowUpdate(0, 1<<31-1)
		}, http2.ErrCodeFlowControl},
		"window exceeded": {func(p *rawPeer) {
			_ = p.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			_ = p.open(1, "/test.Blob/Get", false)
			req := getRequest(1, 1000, 1).data // the handler is stuck in its answer
			_ = p.fr.WriteData(1, false, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(req))), req...))
			b := binary.BigEndian.AppendUint32([]byte{0}, 1<<29)
			b = append(b, make([]byte, 1<<20)...)
			repeat(p, func(int) error { return p.fr.WriteData(1, false, b) })
		}, http2.ErrCodeNo},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRawPeer(t, func(o *ServerOptions) { o.MaxStreams = 100 })
			go tc.flood(p)
			if tc.want == http2.ErrCodeNo {
				p.wantReset(http2.ErrCodeFlowControl)
				return
			}
			got, err := p.goAway()
			if err != nil || got != tc.want {
				t.Fatalf("GOAWAY %v (%v), want %v", got, err, tc.want)
			}
		})
	}
}

// A header list that is too large is answered on its own stream.
func TestLargeHeaderList(t *testing.T) {
	p := newRawPeer(t, nil)
	var extra []hpack.HeaderField
	for range 70 {
		extra = append(extra, hpack.HeaderField{Name: "x-filler", Value: string(bytes.Repeat([]byte("abc"), 300)), Sensitive: true})
	}
	b := p.block("/test.Blob/Echo", extra...)
	_ = p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:16000], EndStream: true})
	for b = b[16000:]; len(b) > 16000; b = b[16000:] {
		_ = p.fr.WriteContinuation(1, false, b[:16000])
	}
	_ = p.fr.WriteContinuation(1, true, b)
	p.fr.AllowIllegalReads = false
	p.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := f.(*http2.MetaHeadersFrame); ok {
			if got := h.PseudoValue("status"); got != "431" {
				t.Fatalf("status %s, want 431", got)
			}
			return
		}
	}
}

// Only a client that gives no window for too long is cut off.
func TestStalledStream(t *testing.T) {
	p := newRawPeer(t, func(o *ServerOptions) { o.StallTimeout = 100 * time.Millisecond })
	_ = p.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	_ = p.open(1, "/test.Blob/Get", false)
	req := getRequest(10, 1000, 1).data
	_ = p.fr.WriteData(1, true, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(req))), req...))
	p.wantReset(http2.ErrCodeEnhanceYourCalm)
}

func TestSilentClient(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultServerOptions()
	o.HandshakeTimeout = 50 * time.Millisecond
	s := NewServer(o)
	go s.Serve(lis)
	defer s.Stop()
	nc, err := net.Dial("tcp", lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, nc); err != nil && errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
