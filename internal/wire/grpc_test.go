package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// testServer streams prepared batches, takes streams apart, and echoes.
type testServer struct {
	transport Transport
	prepared  *Prepared
	batches   atomic.Int64 // of a get
	level     Level
	got       atomic.Int64 // body bytes of puts
	echoed    atomic.Int64
}

var getDesc = &grpc.StreamDesc{StreamName: "Get", ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
	t := srv.(*testServer)
	if err := s.RecvMsg(&wrapperspb.StringValue{}); err != nil {
		return err
	}
	w := NewWriter(s, t.prepared)
	defer w.Close()
	if err := w.Begin(nil); err != nil {
		return err
	}
	for i := range t.batches.Load() {
		if _, err := w.Write(i, nil); err != nil {
			return err
		}
	}
	return nil
}}

var putDesc = &grpc.StreamDesc{StreamName: "Put", ClientStreams: true, ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
	t := srv.(*testServer)
	r := NewReader(s, t.transport, t.level, memory.DefaultAllocator)
	defer r.Close()
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		t.got.Add(ev.Body)
		if ev.AppMetadata != nil {
			if err := s.SendMsg(wrapperspb.Bytes(ev.AppMetadata)); err != nil {
				return err
			}
		}
	}
}}

var exchangeDesc = &grpc.StreamDesc{StreamName: "Exchange", ClientStreams: true, ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
	t := srv.(*testServer)
	return Echo(s, t.transport, func(ev *Event) { t.echoed.Add(ev.Body) })
}}

// serve starts a grpc-go server on loopback and returns a connection to it.
func serve(tb testing.TB, t *testServer) *grpc.ClientConn {
	tb.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	srv := grpc.NewServer(ServerOptions(t.transport, 64<<20)...)
	srv.RegisterService(&grpc.ServiceDesc{
		ServiceName: "wire.Test", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{*getDesc, *putDesc, *exchangeDesc},
	}, t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(lis)
	}()
	conn, err := grpc.NewClient(lis.Addr().String(), append(DialOptions(t.transport, 64<<20),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		srv.Stop()
		<-done
	})
	return conn
}

func open(tb testing.TB, conn *grpc.ClientConn, d *grpc.StreamDesc) grpc.ClientStream {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	s, err := conn.NewStream(ctx, d, "/wire.Test/"+d.StreamName)
	if err != nil {
		tb.Fatal(err)
	}
	if d == getDesc {
		if err := s.SendMsg(wrapperspb.String("go")); err != nil {
			tb.Fatal(err)
		}
		if err := s.CloseSend(); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func TestOverGRPC(t *testing.T) {
	for _, tr := range []Transport{GRPC, Stock} {
		for _, c := range codecs[:3] {
			t.Run(string(tr)+"/"+c.String(), func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				rec := layoutRecord(t, mem, layoutCases())
				defer rec.Release()
				p := prepare(t, tr, mem, c, rec)
				srv := &testServer{transport: tr, prepared: p, level: Batch}
				srv.batches.Store(5)
				t.Run("streams", func(t *testing.T) {
					conn := serve(t, srv)
					testGet(t, conn, tr, mem, rec)
					testPut(t, conn, srv, p)
					testExchange(t, conn, srv, p, rec, mem)
				})
				p.Release()
			})
		}
	}
}

func testGet(t *testing.T, conn *grpc.ClientConn, tr Transport, mem memory.Allocator, rec arrow.RecordBatch) {
	for _, level := range []Level{Count, Batch} {
		r := NewReader(open(t, conn, getDesc), tr, level, mem)
		n := 0
		drain(t, r, func(ev *Event) {
			if ev.Kind != KindBatch {
				return
			}
			n++
			if level == Batch {
				got, err := r.Record()
				if err != nil {
					t.Fatal(err)
				}
				mustEqual(t, got, rec)
				got.Release()
			}
		})
		r.Close()
		if n != 5 {
			t.Errorf("%d batches instead of 5", n)
		}
	}
}

func testPut(t *testing.T, conn *grpc.ClientConn, srv *testServer, p *Prepared) {
	s := open(t, conn, putDesc)
	w := NewWriter(s, p)
	defer w.Close()
	if err := w.Begin(&flight.FlightDescriptor{Path: []string{"p"}}); err != nil {
		t.Fatal(err)
	}
	var sent int64
	for i := range int64(3) {
		sz, err := w.Write(i, []byte{'a' + byte(i)})
		if err != nil {
			t.Fatal(err)
		}
		sent += sz.Body
		var ack wrapperspb.BytesValue
		if err := s.RecvMsg(&ack); err != nil || string(ack.Value) != string(rune('a'+i)) {
			t.Fatalf("ack %d: %q, %v", i, ack.Value, err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&wrapperspb.BytesValue{}); !errors.Is(err, io.EOF) {
		t.Fatalf("the put ended with %v", err)
	}
	if got, want := srv.got.Load(), sent+w.Dictionaries().Body; got != want {
		t.Errorf("the server took %d bytes of bodies, not %d", got, want)
	}
}

func testExchange(t *testing.T, conn *grpc.ClientConn, srv *testServer, p *Prepared, rec arrow.RecordBatch, mem memory.Allocator) {
	s := open(t, conn, exchangeDesc)
	w := NewWriter(s, p)
	defer w.Close()
	r := NewReader(s, srv.transport, Batch, mem)
	defer r.Close()
	if err := w.Begin(&flight.FlightDescriptor{Cmd: []byte("echo")}); err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		if _, err := w.Write(i, []byte("m")); err != nil {
			t.Fatal(err)
		}
		for {
			ev, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == KindSchema && string(ev.Descriptor.GetCmd()) != "echo" {
				t.Error("the echo lost the descriptor")
			}
			if ev.Kind != KindBatch {
				continue
			}
			if string(ev.AppMetadata) != "m" {
				t.Errorf("echoed metadata %q", ev.AppMetadata)
			}
			got, err := r.Record()
			if err != nil {
				t.Fatal(err)
			}
			mustEqual(t, got, rec)
			got.Release()
			break
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("the exchange ended with %v", err)
	}
}

func TestBadDataOverGRPC(t *testing.T) {
	srv := &testServer{transport: GRPC, level: Batch}
	conn := serve(t, srv)
	s := open(t, conn, putDesc)
	if err := s.SendMsg(&flight.FlightData{DataHeader: []byte("no flatbuffer")}); err != nil {
		t.Fatal(err)
	}
	err := s.RecvMsg(&wrapperspb.BytesValue{})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "message 1: ipc message: malformed flatbuffer") {
		t.Errorf("got %v", err)
	}
}

// allocated is the number of bytes this process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// TestAllocatedPerGB bounds what both ends together allocate per body byte.
func TestAllocatedPerGB(t *testing.T) {
	rec := intRecord(memory.DefaultAllocator, 4, 65536)
	defer rec.Release()
	const bound = 0.03
	for _, tr := range []Transport{GRPC, Stock} {
		for _, level := range []Level{Count, Batch} {
			p := prepare(t, tr, memory.DefaultAllocator, Compression{}, rec)
			srv := &testServer{transport: tr, prepared: p, level: level}
			conn := serve(t, srv)
			warm, n := 60, int64(200)
			if raceEnabled || tr == Stock {
				warm, n = 10, 20
			}
			t.Run("get/"+string(tr)+"/"+level.String(), func(t *testing.T) {
				srv.batches.Store(int64(warm) + n)
				r := NewReader(open(t, conn, getDesc), tr, level, memory.DefaultAllocator)
				defer r.Close()
				var before uint64
				var body int64
				i := 0
				drain(t, r, func(ev *Event) {
					if i++; i <= warm {
						before = allocated()
						return
					}
					body += ev.Body
				})
				checkAllocated(t, tr, bound, allocated()-before, body)
			})
			t.Run("put/"+string(tr)+"/"+level.String(), func(t *testing.T) {
				s := open(t, conn, putDesc)
				w := NewWriter(s, p)
				defer w.Close()
				if err := w.Begin(&flight.FlightDescriptor{}); err != nil {
					t.Fatal(err)
				}
				write := func(n int64) (body int64) {
					for i := range n {
						sz, err := w.Write(i, nil)
						if err != nil {
							t.Fatal(err)
						}
						body += sz.Body
					}
					return body
				}
				write(int64(warm))
				before := allocated()
				body := write(n)
				checkAllocated(t, tr, bound, allocated()-before, body)
				if err := s.CloseSend(); err != nil {
					t.Fatal(err)
				}
				for s.RecvMsg(&wrapperspb.BytesValue{}) == nil {
				}
			})
			p.Release()
		}
	}
}

func checkAllocated(t *testing.T, tr Transport, bound float64, alloc uint64, body int64) {
	ratio := float64(alloc) / float64(body)
	t.Logf("%.4f bytes allocated per body byte, both ends", ratio)
	if tr == GRPC && ratio > bound && !raceEnabled {
		t.Errorf("%.4f bytes allocated per body byte, more than %g", ratio, bound)
	}
}

// BenchmarkGet moves batches from a server to a client in this process.
func BenchmarkGet(b *testing.B) {
	for _, rows := range []int{65536, 4096, 128} {
		rec := intRecord(memory.DefaultAllocator, 4, rows)
		for _, tr := range []Transport{GRPC, Stock} {
			for _, level := range []Level{Count, Batch} {
				b.Run(fmt.Sprintf("%d/%s/%s", rows, tr, level), func(b *testing.B) {
					p := prepare(b, tr, memory.DefaultAllocator, Compression{}, rec)
					srv := &testServer{transport: tr, prepared: p}
					srv.batches.Store(int64(b.N))
					r := NewReader(open(b, serve(b, srv), getDesc), tr, level, memory.DefaultAllocator)
					defer r.Close()
					b.SetBytes(int64(32 * rows))
					b.ReportAllocs()
					b.ResetTimer()
					drain(b, r, nil)
				})
			}
		}
	}
}
