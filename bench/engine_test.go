package bench_test

import (
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
)

// transports are what every test of the engine runs over.
var transports = []wire.Transport{wire.Direct, wire.GRPC, wire.Stock}

// TestMain lets tests that mostly wait do so together.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// each runs f over every transport.
func each(t *testing.T, f func(t *testing.T, tr wire.Transport)) {
	t.Helper()
	for _, tr := range transports {
		t.Run(string(tr), func(t *testing.T) { f(t, tr) })
	}
}

// fixed is a Targets with one server, which is shown these credentials.
type fixed struct {
	uri  string
	auth target.Auth
}

func (f fixed) Resolve(context.Context, results.Config) (target.Target, error) {
	tgt, err := target.Parse(f.uri)
	tgt.Auth = f.auth
	return tgt, err
}

// serve starts an embedded server and returns its URI; kill ends it at once.
func serve(t *testing.T, tr wire.Transport) (uri string, kill func()) {
	t.Helper()
	return serveWith(t, tr, func(*server.Options) {})
}

// serveWith is serve of a server with other options.
func serveWith(t *testing.T, tr wire.Transport, change func(*server.Options)) (uri string, kill func()) {
	t.Helper()
	o := server.DefaultOptions()
	o.Transport, o.Drain = tr, 50*time.Millisecond
	change(&o)
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ctx) // how streams were cut is of no interest here
	}()
	kill = func() { cancel(); <-done }
	t.Cleanup(kill)
	return s.URI(), kill
}

// config is a small trial.
func config(op string, tr wire.Transport) results.Config {
	c := bench.DefaultConfig()
	c.Op, c.Transport, c.Rows, c.Batches, c.Total, c.Duration, c.Warmup = op, string(tr), 1000, 9, 6, 0, 0
	c.Concurrency, c.Connections = 3, 2
	return c
}

// run executes one trial of c.
func run(t *testing.T, ctx context.Context, uri string, c results.Config) *results.Trial {
	t.Helper()
	return runAt(t, ctx, fixed{uri: uri}, c)
}

func runAt(t *testing.T, ctx context.Context, at bench.Targets, c results.Config) *results.Trial {
	t.Helper()
	return runSeen(t, ctx, bench.Runner{Targets: at}, c)
}

// runMeasuring is run that calls measured once, when the window has begun.
func runMeasuring(t *testing.T, uri string, c results.Config, measured func()) *results.Trial {
	t.Helper()
	var once sync.Once
	var ended sync.WaitGroup
	defer ended.Wait()
	return runSeen(t, t.Context(), bench.Runner{Targets: fixed{uri: uri}, Observe: func(p bench.Progress) {
		if p.Phase == "measure" {
			once.Do(func() { ended.Go(measured) })
		}
	}}, c)
}

func runSeen(t *testing.T, ctx context.Context, r bench.Runner, c results.Config) *results.Trial {
	t.Helper()
	if err := bench.Validate(c); err != nil {
		t.Fatal(err)
	}
	var out *results.Trial
	err := r.Run(ctx, bench.Plan{Configs: []results.Config{c}, Repeat: 1}.Schedule(), func(tr *results.Trial) error { out = tr; return nil })
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return out
}

// counter is a TCP proxy that counts what it forwards, as an independent
// witness of the wire bytes.
type counter struct {
	uri              string
	toClient, toServ atomic.Int64
	flows            sync.WaitGroup
}

func proxy(t *testing.T, uri string) *counter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &counter{uri: "grpc://" + l.Addr().String()}
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", strings.TrimPrefix(uri, "grpc://"))
			if err != nil {
				down.Close()
				return
			}
			forward := func(to, from net.Conn, n *atomic.Int64) {
				buf := make([]byte, 64<<10)
				for {
					k, err := from.Read(buf)
					n.Add(int64(k))
					if _, werr := to.Write(buf[:k]); err != nil || werr != nil {
						break
					}
				}
				_ = to.(*net.TCPConn).CloseWrite()
			}
			p.flows.Go(func() { forward(up, down, &p.toServ) })
			p.flows.Go(func() { forward(down, up, &p.toClient) })
		}
	}()
	return p
}

func TestCountsAreExact(t *testing.T) {
	for _, tr := range transports {
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			for _, warmup := range []float64{0, 0.05} {
				p := proxy(t, uri)
				c := config(op, tr)
				c.Warmup, c.Endpoints = warmup, 1
				got := run(t, t.Context(), p.uri, c)
				p.flows.Wait()
				if got.Status != results.StatusOK || got.Streams != c.Total || got.Batches != c.Total*c.Batches || got.Rows != got.Batches*c.Rows {
					t.Errorf("%s %s: %s %s, %d streams, %d batches, %d rows", tr, op, got.Status, got.Error, got.Streams, got.Batches, got.Rows)
				}
				if s := got.Server; s == nil || s.Rows != got.Whole.Rows || s.Batches != got.Whole.Batches || s.Body != got.Whole.Body {
					t.Errorf("%s %s: server %+v and client %+v disagree", tr, op, s, got.Whole)
				}
				if warmup == 0 && got.Whole.Rows != got.Rows {
					t.Errorf("%s %s: %d rows in all, %d in the window, though there was no warm-up", tr, op, got.Whole.Rows, got.Rows)
				}
				read, written := got.Whole.WireRead+got.Whole.ControlRead, got.Whole.WireWritten+got.Whole.ControlWritten
				// What the server says to a client that has closed already (17 bytes of PING or GOAWAY) is forwarded and never read.
				unread := p.toClient.Load() - read
				if unread < 0 || unread > 17*int64(c.Connections+1) || written != p.toServ.Load() {
					t.Errorf("%s %s: %d bytes read and %d written, the proxy forwarded %d and %d", tr, op, read, written, p.toClient.Load(), p.toServ.Load())
				}
				if got.Bytes.Wire <= got.Bytes.Body || got.Bytes.Wire > got.Whole.WireRead+got.Whole.WireWritten {
					t.Errorf("%s %s: %d wire bytes in the window, %d body bytes, %d+%d over all", tr, op, got.Bytes.Wire, got.Bytes.Body, got.Whole.WireRead, got.Whole.WireWritten)
				}
			}
		}
	}
}

func TestWindowOfADuration(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			c := config(op, tr)
			c.Total, c.Duration, c.Warmup, c.Batches = 0, 0.4, 0.1, 1<<30
			got := run(t, t.Context(), uri, c)
			if got.Status != results.StatusOK || got.Verdict != results.VerdictValid || got.Seconds != c.Duration {
				t.Errorf("%s %s: %s %s %s, %v s, want ok, valid, %v s: %v", tr, op, got.Status, got.Error, got.Verdict, got.Seconds, c.Duration, got.Warnings)
			}
			if got.Whole.Cut != int64(c.Concurrency) || len(got.Errors) != 0 {
				t.Errorf("%s %s: %d streams cut, errors %v, want the %d in flight and none", tr, op, got.Whole.Cut, got.Errors, c.Concurrency)
			}
			var sum results.Interval
			for _, iv := range got.Timeline {
				sum.Batches += iv.Batches
				sum.Bytes.Body += iv.Bytes.Body
			}
			if sum.Batches != got.Batches || sum.Bytes.Body != got.Bytes.Body || got.Batches == 0 {
				t.Errorf("%s %s: the timeline holds %d batches, the trial %d", tr, op, sum.Batches, got.Batches)
			}
			if got.Whole.Batches <= got.Batches {
				t.Errorf("%s %s: %d batches in the window, %d in all: warm-up counted", tr, op, got.Batches, got.Whole.Batches)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	uri, _ := serve(t, wire.GRPC)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := config(bench.OpPut, wire.GRPC)
	c.Total, c.Duration, c.Warmup = 0, 30, 0
	time.AfterFunc(1200*time.Millisecond, cancel)
	got := run(t, ctx, uri, c)
	if got == nil || got.Status != results.StatusPartial || got.Batches == 0 || len(got.Errors) != 0 || got.Seconds > 10 {
		t.Errorf("interrupted trial: %+v", got)
	}
}

func TestRunGoesOnAfterAFailure(t *testing.T) {
	uri, _ := serve(t, wire.GRPC)
	good, bad := config(bench.OpGet, wire.GRPC), config(bench.OpGet, wire.GRPC)
	bad.Workload, bad.Rows = "file:/not/offered.arrow", 0
	var status []string
	r := bench.Runner{Targets: fixed{uri: uri}}
	err := r.Run(t.Context(), bench.Plan{Configs: []results.Config{bad, good}, Repeat: 2}.Schedule(), func(tr *results.Trial) error {
		status = append(status, tr.Status)
		if tr.Status == results.StatusFailed && tr.Errors["PermissionDenied"] != 1 {
			t.Errorf("errors %v: %s", tr.Errors, tr.Error)
		}
		return nil
	})
	if err != nil || len(status) != 4 {
		t.Errorf("%v, trials %v, want 4", err, status)
	}
	stop := errors.New("disk full")
	if err := r.Run(t.Context(), bench.Plan{Configs: []results.Config{good}, Repeat: 5}.Schedule(), func(*results.Trial) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of done was not returned: %v", err)
	}
}

// TestStreamsFindWhatWasPrepared reads from a cold server without a warm-up: a
// stream that asked for anything but the prepared batches would have them
// generated inside the window, and count twice against the server's limit.
func TestStreamsFindWhatWasPrepared(t *testing.T) {
	for _, size := range []struct{ rows, bytes int64 }{{8192, 0}, {0, 1 << 20}} {
		uri, _ := serve(t, wire.GRPC)
		c := config(bench.OpGet, wire.GRPC)
		c.Workload, c.Rows, c.BatchBytes, c.Compression = "lineitem", size.rows, size.bytes, "zstd"
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusOK {
			t.Fatalf("%+v: %s %s", size, got.Status, got.Error)
		}
		inWindow := got.Metrics["server_alloc_bytes_per_gigabyte"].Value * float64(got.Bytes.Body) / 1e9
		if inWindow == 0 || inWindow > 64<<20 {
			t.Errorf("%+v: %.0f bytes were allocated while prepared batches were sent: the server made them again", size, inWindow)
		}
	}
}

// TestStreamsShareDictionaries puts and verifies the same dictionary-encoded
// batches from several streams at once, for the race detector to see.
func TestStreamsShareDictionaries(t *testing.T) {
	for _, tr := range transports {
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			c := config(op, tr)
			c.Workload, c.Decode, c.Concurrency, c.Total = "dict", "verify", 6, 12
			if got := run(t, t.Context(), uri, c); got.Status != results.StatusOK {
				t.Errorf("%s %s: %s %s", tr, op, got.Status, got.Error)
			}
		}
	}
}
