package target

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo listens, and sends each connection what it sent, until that ends its side or, if limit is not 0, so many bytes have come.
func echo(t *testing.T, limit int64) func(context.Context) (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if limit > 0 {
					_, _ = io.CopyN(c, c, limit)
				} else {
					_, _ = io.Copy(c, c)
				}
			}()
		}
	}()
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	}
}

func over(t *testing.T, link Link, dial func(context.Context) (net.Conn, error)) func() net.Conn {
	t.Helper()
	line, err := link.open()
	if err != nil {
		t.Fatal(err)
	}
	return func() net.Conn {
		c, err := line.dialer(dial)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// TestLinkCarriesEveryByte: also those that were under way when the server hung up.
func TestLinkCarriesEveryByte(t *testing.T) {
	sent := make([]byte, 1<<20+17)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	for name, link := range map[string]Link{
		"none": {}, "rtt": {RTT: 20 * time.Millisecond}, "bandwidth": {Bandwidth: 50e6}, "both": {RTT: 10 * time.Millisecond, Bandwidth: 20e6},
	} {
		t.Run(name, func(t *testing.T) {
			c := over(t, link, echo(t, int64(len(sent))))()
			go func() { _, _ = c.Write(sent) }()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("got %d bytes, %v, want the %d that were sent", len(got), err, len(sent))
			}
		})
	}
}

// TestLinkIsNoFasterThanAsked holds whatever else the machine does: what was
// asked for is the least that it takes.
func TestLinkIsNoFasterThanAsked(t *testing.T) {
	const rtt = 40 * time.Millisecond
	c := over(t, Link{RTT: rtt}, echo(t, 0))()
	begin := time.Now()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < rtt*3/4 { // the ends subtract what they believe to be late by
		t.Errorf("a round trip took %v, want %v", took, rtt)
	}

	const bandwidth, each = 10e6, 1 << 20
	dial := over(t, Link{Bandwidth: bandwidth}, echo(t, 0))
	conns := []net.Conn{dial(), dial()}
	begin = time.Now()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			go func() { _, _ = c.Write(make([]byte, each)) }()
			_, _ = io.ReadFull(c, make([]byte, each))
		})
	}
	wg.Wait()
	least := time.Duration((2*each - 2*maxPacket - bandwidth*slack.Seconds()) / bandwidth * float64(time.Second))
	if took := time.Since(begin); took < least {
		t.Errorf("two connections moved %d bytes each in %v: they do not share %g B/s, which takes %v", each, took, bandwidth, least)
	}
}

func TestLinkRefuses(t *testing.T) {
	for want, l := range map[string]Link{
		"shorter than timers":     {RTT: 100 * time.Microsecond},
		"no time":                 {RTT: -time.Second},
		"less than a packet":      {Bandwidth: 100},
		"less than a packet a se": {Bandwidth: -1},
		"in flight":               {RTT: 10 * time.Second, Bandwidth: 1e9},
	} {
		if _, err := l.open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", l, err, want)
		}
	}
	if l, err := (Link{}).open(); l != nil || err != nil {
		t.Errorf("the network that there is: %v, %v", l, err)
	}
}

// TestLinkEndsWithItsServer: a server that goes away is noticed, and a server
// that is not there.
func TestLinkEndsWithItsServer(t *testing.T) {
	link := Link{RTT: 2 * time.Millisecond}
	c := over(t, link, echo(t, 1))()
	if _, err := c.Write([]byte("xy")); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(c); len(got) > 1 { // a reset may overtake the byte
		t.Errorf("read %q", got)
	}
	line, _ := link.open()
	_, err := line.dialer(func(context.Context) (net.Conn, error) { return nil, net.ErrClosed })(t.Context())
	if err == nil {
		t.Error("a server that is not there was reached")
	}
}

// relays counts the goroutines that carry bytes over a line.
func relays() int {
	b := make([]byte, 1<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "target.relay.func1(")
}

// TestLinkLeavesNothing ends connections, also one with bytes under way that
// nobody reads.
func TestLinkLeavesNothing(t *testing.T) {
	dial := over(t, Link{RTT: 4 * time.Millisecond, Bandwidth: 20e6}, echo(t, 0))
	idle, unread := dial(), dial()
	if n := relays(); n < 4 {
		t.Fatalf("%d relays of two connections, want 4", n)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := unread.Write(make([]byte, 8<<20))
		ended <- err
	}()
	if _, err := unread.Read(make([]byte, 1)); err != nil { // the rest comes, too
		t.Fatal(err)
	}
	_, _ = idle.Close(), unread.Close()
	if err := <-ended; err == nil {
		t.Error("a write to a closed connection went through")
	}
	for wait := time.Millisecond; relays() > 0; wait *= 2 {
		if wait > 8*time.Second {
			t.Fatalf("%d relays go on after their connections were closed", relays())
		}
		time.Sleep(wait)
	}
}
