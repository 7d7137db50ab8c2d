package h2

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// Ten thousand streams over sixteen connections, each with small messages, and what an idle one costs.
func TestTenThousandStreams(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("large")
	}
	const conns, each = 16, 625
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := serveBlobs("direct", lis, nil)
	defer stop()
	ctx := testContext(t)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	var mu sync.Mutex
	var all []grpc.ClientStream
	before := heap()
	var wg sync.WaitGroup
	for range conns {
		cc, err := NewClient(testClientOptions(lis.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		defer cc.Close()
		wg.Go(func() {
			for range each {
				s, err := openBlob(ctx, cc, "Echo")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for round := range 3 {
		for _, s := range all {
			wg.Go(func() {
				m := &blob{data: make([]byte, 1000)}
				if err := s.SendMsg(m); err != nil {
					t.Error(err)
				} else if err := s.RecvMsg(m); err != nil || m.n != 1000 {
					t.Error(err, m.n)
				}
			})
		}
		wg.Wait()
		if round == 0 {
			t.Logf("%d bytes for each idle stream, both ends together", (heap()-before)/int64(len(all)))
		}
	}
	for _, s := range all {
		if err := s.CloseSend(); err != nil {
			t.Error(err)
		}
		if err := s.RecvMsg(&blob{}); err != io.EOF {
			t.Errorf("end: %v", err)
		}
	}
}

// A peer that does not answer a PING is given up.
func TestKeepalive(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	go func() {
		nc, err := lis.Accept()
		if err != nil {
			return
		}
		_, _ = nc.Write(appendSettings(nil))
		_, _ = io.Copy(io.Discard, nc)
	}()
	o := testClientOptions(lis.Addr().String())
	o.KeepaliveTime, o.KeepaliveTimeout = 20*time.Millisecond, 20*time.Millisecond
	cc, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	s, err := openBlob(context.Background(), cc, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&blob{}); err == nil || err == io.EOF {
		t.Fatalf("RecvMsg: %v, want an error", err)
	}
	// One that answers is kept.
	o = testClientOptions("")
	o.KeepaliveTime, o.KeepaliveTimeout = 10*time.Millisecond, 5*time.Second
	live, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serveBlobs("direct", live, nil)()
	o.Dial = func(context.Context) (net.Conn, error) { return net.Dial("tcp", live.Addr().String()) }
	kept, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if s, err = openBlob(testContext(t), kept, "Echo"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := s.SendMsg(&blob{data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&blob{}); err != nil {
		t.Fatal(err)
	}
}
