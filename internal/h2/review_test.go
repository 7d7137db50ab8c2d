package h2

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// A stream that waits for window whenever somebody looks, but gets some, is slow and not stalled.
func TestSlowStreamIsNotStalled(t *testing.T) {
	p := newRawPeer(t, func(o *ServerOptions) { o.StallTimeout = 100 * time.Millisecond })
	_ = p.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	_ = p.open(1, "/test.Blob/Get", false)
	req := getRequest(100, 1000, 1).data
	_ = p.fr.WriteData(1, true, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(req))), req...))
	for end := time.Now().Add(400 * time.Millisecond); ; {
		f, err := p.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			t.Fatalf("reset with %v", f.ErrCode)
		case *http2.DataFrame:
			if time.Now().After(end) {
				return
			}
			if f.Length > 1 {
				time.Sleep(10 * time.Millisecond)
			}
			_ = p.fr.WriteWindowUpdate(1, max(f.Length, 1500))
		}
	}
}

// What a peer had under way when its stream was reset is no flood, however small the frames.
func TestDataAfterReset(t *testing.T) {
	p := newRawPeer(t, nil)
	_ = p.open(1, "/test.None/None", false)
	p.wantReset(http2.ErrCodeNo)
	go func() {
		for range 20_000 {
			_ = p.fr.WriteData(1, false, []byte{0})
		}
		_ = p.fr.WritePing(false, [8]byte{1})
	}()
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			t.Fatalf("GOAWAY %v %s", f.ErrCode, f.DebugData())
		case *http2.PingFrame:
			return
		}
	}
}

// Messages that a cancelled call left unread do not count against the connection for ever, also when its end had come.
func TestUnreadMessagesAreGivenBack(t *testing.T) {
	cc := link{client: "direct", server: "direct"}.start(t)
	ctx, cancel := context.WithCancel(testContext(t))
	s, err := openBlob(ctx, cc, "Get")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SendMsg(getRequest(5, 1000, 1)), s.CloseSend()); err != nil {
		t.Fatal(err)
	}
	st := s.(*clientStream).cur.Load()
	for done := false; !done; time.Sleep(time.Millisecond) {
		st.mu.Lock()
		done = st.done
		st.mu.Unlock()
	}
	if n := st.c.held.Load(); n != 5*1005 {
		t.Fatalf("%d bytes held before", n)
	}
	cancel()
	for i := 0; st.c.held.Load() != 0; i++ {
		if i == 1000 {
			t.Fatalf("%d bytes held after the call was cancelled", st.c.held.Load())
		}
		time.Sleep(time.Millisecond)
	}
	if err := s.RecvMsg(&blob{}); err == nil || err.Error() == "EOF" {
		t.Fatalf("RecvMsg: %v", err)
	}
}

// A call cancelled between getting its turn to write and writing ends nobody else's write.
func TestLateInterrupt(t *testing.T) {
	cc := link{client: "direct", server: "direct"}.start(t).(*ClientConn)
	getAll(t, cc, 1, 100, 1)
	side := cc.cur
	w := &side.c.w
	st := newStream(side.c, 1)
	w.mu.Lock()
	for w.owned {
		w.room.Wait()
	}
	w.owned, w.owner = true, st
	w.interrupt(st)
	w.release()
	w.mu.Unlock()
	if err := w.control(appendPing(nil, false, [8]byte{})); err != nil { // written at once
		t.Fatal(err)
	}
	getAll(t, cc, 1, 100, 1)
	if cc.cur != side {
		t.Fatal("the connection was lost")
	}
}

// A message that is sent while the receiver moves the call to another stream goes to that one.
func TestSendWhileMoving(t *testing.T) {
	cc := link{client: "direct", server: "direct"}.start(t)
	s, err := openBlob(testContext(t), cc, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	cs := s.(*clientStream)
	cs.mu.Lock()
	sent := make(chan error, 1)
	go func() { sent <- s.SendMsg(&blob{data: []byte("hello")}) }()
	time.Sleep(20 * time.Millisecond)
	cs.refused(cs.cur.Load())
	err = cs.start()
	cs.mu.Unlock()
	if err := errors.Join(err, <-sent, s.CloseSend()); err != nil {
		t.Fatal(err)
	}
	var m blob
	if err := s.RecvMsg(&m); err != nil || string(m.data) != "hello" {
		t.Fatalf("%q, %v", m.data, err)
	}
}

// A call that was let in just before GOAWAY does not open a stream that the server ignores.
func TestGoAwayBeforeOpen(t *testing.T) {
	cc := link{client: "direct", server: "direct"}.start(t).(*ClientConn)
	s, err := openBlob(testContext(t), cc, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	side := cc.cur
	if err := side.enter(s.Context()); err != nil {
		t.Fatal(err)
	}
	defer side.exit()
	side.goAway(1, http2.ErrCodeNo, "")
	if err := side.open(newStream(side.c, 1), nil, soon); err != errRefused {
		t.Fatalf("open after GOAWAY: %v", err)
	}
}

// A server that sends every connection away at once is not dialled in a busy loop.
func TestSentAwayAtOnce(t *testing.T) {
	var dials atomic.Int32
	o := testClientOptions("")
	o.Dial = func(context.Context) (net.Conn, error) {
		dials.Add(1)
		a, b := net.Pipe()
		go func() {
			go io.Copy(io.Discard, b)
			_, _ = b.Write(appendGoAway(appendSettings(nil), 0, http2.ErrCodeNo, ""))
		}()
		return a, nil
	}
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(testContext(t), 200*time.Millisecond)
	defer cancel()
	_, err = openBlob(ctx, cc, "Get")
	if n := dials.Load(); err == nil || n > 20 {
		t.Fatalf("%d dials, %v", n, err)
	}
}
