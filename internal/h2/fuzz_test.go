package h2

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// scriptConn gives a fixed input in pieces and swallows output; then it ends.
type scriptConn struct {
	in     []byte
	step   int
	wait   chan struct{} // input begins when it is closed
	mu     sync.Mutex
	closed chan struct{}
	once   sync.Once
}

func newScriptConn(in []byte, step int) *scriptConn {
	return &scriptConn{in: in, step: max(step, 1), closed: make(chan struct{}), wait: make(chan struct{})}
}

func (c *scriptConn) Read(p []byte) (int, error) {
	select {
	case <-c.wait:
	case <-c.closed:
		return 0, net.ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.in[:min(c.step, len(c.in))])
	c.in = c.in[n:]
	return n, nil
}

func (c *scriptConn) Write(p []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
		return len(p), nil
	}
}

func (c *scriptConn) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scriptConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }

func seedFrames(client bool) []byte {
	var b, hb bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.AllowIllegalWrites = true
	henc := hpack.NewEncoder(&hb)
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100_000})
	list := func(kv ...string) []byte {
		hb.Reset()
		for i := 0; i < len(kv); i += 2 {
			_ = henc.WriteField(hpack.HeaderField{Name: kv[i], Value: kv[i+1]})
		}
		return bytes.Clone(hb.Bytes())
	}
	if client { // what a client sends
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: list(":method", "POST", ":scheme", "http", ":path", "/test.Blob/Echo", "content-type", "application/grpc", "grpc-timeout", "1S")})
	} else {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: list(":status", "200", "content-type", "application/grpc", "x-bin", "AAE")})
	}
	m := binary.BigEndian.AppendUint32([]byte{0}, 300)
	_ = fr.WriteDataPadded(1, false, append(m, make([]byte, 200)...), make([]byte, 3))
	_ = fr.WriteData(1, client, make([]byte, 100))
	_ = fr.WriteWindowUpdate(0, 1000)
	_ = fr.WritePing(false, [8]byte{1})
	if !client {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, BlockFragment: list("grpc-status", "3")})
		_ = fr.WriteContinuation(1, true, list("grpc-message", "a%20b"))
		_ = fr.WriteGoAway(1, http2.ErrCodeNo, nil)
	} else {
		_ = fr.WriteRSTStream(1, http2.ErrCodeCancel)
	}
	return b.Bytes()
}

// FuzzServer gives a server any input, split anywhere.
func FuzzServer(f *testing.F) {
	f.Add(seedFrames(true), 1000)
	f.Add(seedFrames(true), 1)
	f.Add(seedFrames(true), 7)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		lent := buffers.lent.Load()
		o := DefaultServerOptions()
		o.Codec, o.Window, o.MaxHeaderList, o.MaxRecvMsgSize = blobCodec{}, 100_000, 4096, 1<<20
		s := NewServer(o)
		s.RegisterService(&blobService, nil)
		nc := newScriptConn(append([]byte(http2.ClientPreface), in...), step)
		close(nc.wait)
		s.raw[nc] = true
		s.serve(nc)
		s.handlers.Wait()
		if n := buffers.lent.Load(); n != lent {
			t.Fatalf("buffers lent: %d, were %d", n, lent)
		}
	})
}

// FuzzClient gives a client with a call under way any input, split anywhere.
func FuzzClient(f *testing.F) {
	f.Add(seedFrames(false), 1000)
	f.Add(seedFrames(false), 1)
	f.Add(seedFrames(false), 7)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		lent := buffers.lent.Load()
		// The call begins after SETTINGS; whatever else comes, comes after it.
		nc := newScriptConn(append(appendSettings(nil), in...), step)
		o := DefaultClientOptions()
		o.MaxHeaderList, o.MaxRecvMsgSize, o.BackoffBase = 4096, 1<<20, time.Hour
		dialed := false
		o.Dial = func(context.Context) (net.Conn, error) {
			if dialed {
				return nil, io.ErrUnexpectedEOF
			}
			dialed = true
			close(nc.wait)
			return nc, nil
		}
		cc, err := NewClient(o)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := openBlob(context.Background(), cc, "Echo"); err == nil {
			_ = s.SendMsg(&blob{data: make([]byte, 10)})
			var m blob
			for err == nil {
				err = s.RecvMsg(&m)
			}
		}
		cc.Close()
		if n := buffers.lent.Load(); n != lent {
			t.Fatalf("buffers lent: %d, were %d", n, lent)
		}
	})
}

// FuzzMessages checks that messages come out as they went in, however their bytes are cut and whenever a sink appears.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("hello"), uint16(3), uint16(100), uint8(1))
	f.Add(make([]byte, 5000), uint16(1), uint16(7), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, pieces, cut uint16, sinkFrom uint8) {
		tune := defaultTuning()
		nc := newScriptConn(nil, 1)
		c := newConn(nc, newSock(nc, nil, &counts{}), &tune, &clientSide{})
		st := newStream(c, 1<<20)
		var want [][]byte
		var wire []byte
		for n := int(pieces)%200 + 1; ; {
			p := data[:min(n, len(data))]
			data = data[len(p):]
			want = append(want, p)
			wire = append(binary.BigEndian.AppendUint32(append(wire, 0), uint32(len(p))), p...)
			if len(data) == 0 {
				break
			}
		}
		m := &blob{}
		step := int(cut)%1000 + 1
		for i := 0; len(wire) > 0; i++ {
			if i == int(sinkFrom) {
				st.factory = m
			}
			st.adopt()
			n := min(step, len(wire))
			if in := &st.in; in.active && in.sink != nil && i%2 == 0 {
				if d := in.sink.Direct(); d != nil {
					n = copy(d[:min(len(d), in.size-in.got)], wire[:n])
					in.sink.Advance(n)
					st.advance(n)
					wire = wire[n:]
					continue
				}
			}
			st.data(wire[:n])
			wire = wire[n:]
		}
		st.finish(io.EOF, nil)
		for i, w := range want {
			if err := st.recv(&coding{codec: blobCodec{}}, m); err != nil || !bytes.Equal(m.data, w) {
				t.Fatalf("message %d: %q (%v), want %q", i, m.data, err, w)
			}
		}
		if err := st.recv(&coding{}, m); err != io.EOF {
			t.Fatalf("after the last: %v", err)
		}
	})
}
