package server

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"flightbench/internal/wire"
)

func TestListensWhereAsked(t *testing.T) {
	certs, err := NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for name, tc := range map[string]struct {
			listen string
			mutual bool
		}{
			"tcp":  {"grpc+tcp://localhost:0", false},
			"unix": {"grpc+unix://" + socketPath(t), false},
			"tls":  {"grpc+tls://localhost:0", false},
			"mtls": {"grpc+tls://127.0.0.1:0", true},
		} {
			t.Run(name, func(t *testing.T) {
				tls := strings.HasPrefix(tc.listen, "grpc+tls")
				s := start(t, tr, func(o *Options) {
					o.Listen = tc.listen
					if tls {
						o.TLS = certs.ServerTLS(tc.mutual)
					}
					o.Window, o.ReadBuffer, o.WriteBuffer, o.MaxStreams = 1<<20, 1<<17, 1<<17, 100
				})
				var c flight.Client
				if tls {
					c = dial(t, s.URI(), clientTLS(t, certs, "", tc.mutual))
				} else {
					c = dial(t, s.URI(), nil)
				}
				tk := small(t, "perf")
				if n, _ := read(t, c, generate(t, tk.Spec), tk.Marshal()); n != 7 {
					t.Errorf("%d batches, want 7", n)
				}
				if tc.mutual {
					_, err := act(t, dial(t, s.URI(), clientTLS(t, certs, "", false)), ActionPing, nil)
					expect(t, err, codes.Unavailable)
				}
			})
		}
	})
}

// An endless DoGet and a DoPut are open while the server is told to stop.
func openStreams(t *testing.T, c flight.Client) (get flight.FlightService_DoGetClient, put flight.FlightService_DoPutClient) {
	t.Helper()
	tk := small(t, "perf")
	tk.Batches = 1 << 40
	get, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: tk.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get.Recv(); err != nil {
		t.Fatal(err)
	}
	put, err = c.DoPut(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := put.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := put.Recv(); err != nil {
		t.Fatal(err)
	}
	return get, put
}

func TestStopDrainsStreams(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		before := runtime.NumGoroutine()
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		o := DefaultOptions()
		o.Transport, o.Allocator, o.Drain = tr, mem, time.Minute
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx) }()
		c := dial(t, s.URI(), nil)
		set := generate(t, small(t, "perf").Spec)
		put, err := c.DoPut(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		send := func(meta string) {
			if err := put.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte(meta)}); err != nil {
				t.Fatal(err)
			}
			if res, err := put.Recv(); err != nil || string(res.AppMetadata) != meta {
				t.Fatalf("acknowledged %v, %v; want %s", res, err, meta)
			}
		}
		send("before")
		read(t, c, set, small(t, "perf").Marshal())
		stop()
		for { // until the listener is gone
			probe := dial(t, s.URI(), nil)
			_, err := act(t, probe, ActionPing, nil)
			probe.Close()
			if err != nil {
				expect(t, err, codes.Unavailable)
				break
			}
			runtime.Gosched()
		}
		send("while draining")
		put.CloseSend()
		if _, err := put.Recv(); err == nil || strings.Contains(err.Error(), "Unavailable") {
			t.Errorf("the drained stream ended with %v, want io.EOF", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		c.Close()
		expectGoroutines(t, before)
		mem.AssertSize(t, 0)
	})
}

func TestStopCutsWhatDoesNotEnd(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		before := runtime.NumGoroutine()
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		o := DefaultOptions()
		o.Transport, o.Allocator, o.Drain = tr, mem, 50*time.Millisecond
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx) }()
		c := dial(t, s.URI(), nil)
		get, put := openStreams(t, c)
		stop()
		err = <-done
		if !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "2 data streams had not ended after 50ms") {
			t.Errorf("serve: %v, want ErrCut of 2 streams", err)
		}
		for err = nil; err == nil; {
			_, err = get.Recv()
		}
		expect(t, err, codes.Unavailable)
		_, err = put.Recv()
		expect(t, err, codes.Unavailable)
		c.Close()
		expectGoroutines(t, before)
		checkMemory(t, mem, tr, true)
	})
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := New(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "closed before") {
		t.Errorf("serve after close: %v", err)
	}

	if s, err = New(DefaultOptions()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	c := dial(t, s.URI(), nil)
	openStreams(t, c)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := s.Serve(context.Background()); err == nil {
		t.Error("served twice")
	}
	c.Close()
	expectGoroutines(t, before)
}

func TestServeUnderADoneContext(t *testing.T) {
	s, err := New(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
}

func TestNewRefusesAPortInUse(t *testing.T) {
	s := start(t, wire.GRPC, nil)
	o := DefaultOptions()
	o.Listen = s.URI()
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("port in use: %v", err)
	}
}

// Everything at once: gets, puts, exchanges, infos and cancellations of prepared
// data, in a cache with room for few.
func TestEverythingAtOnce(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.PrepareLimit = 4 << 20 })
		tk := small(t, "dict")
		set := generate(t, tk.Spec)
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				mine := tk
				mine.Decode = []string{"count", "batch", "verify"}[i%3]
				switch i % 4 {
				case 0:
					read(t, c, set, mine.Marshal())
				case 1:
					if _, err := put(t, c, cmd(mine.Marshal()), set, 0, 7, "none", func(int64) []byte { return []byte("a") }); err != nil {
						t.Error(err)
					}
				case 2:
					info, err := c.GetFlightInfo(t.Context(), cmd(mine.Marshal()))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := c.CancelFlightInfo(t.Context(), &flight.CancelFlightInfoRequest{Info: info}); err != nil {
						t.Error(err)
					}
				case 3:
					if _, err := act(t, c, ActionStats, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if s := statsOf(t, c); s.Batches != 12*7 || s.StreamsOpen != 0 {
			t.Errorf("%d batches, %d streams open; want %d and 0", s.Batches, s.StreamsOpen, 12*7)
		}
	})
}
