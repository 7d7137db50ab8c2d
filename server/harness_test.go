package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// transports are those that every test of an RPC runs over. The client is
// always arrow-go's own.
var transports = []wire.Transport{wire.Direct, wire.GRPC, wire.Stock}

func overTransports(t *testing.T, run func(*testing.T, wire.Transport)) {
	for _, tr := range transports {
		t.Run(string(tr), func(t *testing.T) { run(t, tr) })
	}
}

// checkMemory fails unless the server gave everything back. With grpc-go below
// our codec that can't be asked for once a stream was cut: it forgets the
// messages that were queued, and leaves their memory to the garbage collector.
func checkMemory(t *testing.T, mem *memory.CheckedAllocator, tr wire.Transport, cut bool) {
	t.Helper()
	if !cut || tr != wire.GRPC {
		mem.AssertSize(t, 0)
	}
}

// start serves until the test ends, and then checks that the server stopped
// gently and gave back every goroutine, and all memory if no stream was cut.
func start(t *testing.T, tr wire.Transport, set func(*Options)) *Server {
	t.Helper()
	return startFor(t, tr, set, false)
}

// startFor is start for a test that cuts streams, or does not.
func startFor(t *testing.T, tr wire.Transport, set func(*Options), cuts bool) *Server {
	t.Helper()
	before := runtime.NumGoroutine()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	o := DefaultOptions()
	o.Transport, o.Allocator, o.Version = tr, mem, "test"
	if set != nil {
		set(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		expectGoroutines(t, before)
		checkMemory(t, mem, tr, cuts)
	})
	return s
}

// expectGoroutines fails unless at most want are left soon. Those that wind
// down by themselves get time to.
func expectGoroutines(t *testing.T, want int) {
	t.Helper()
	for range 500 {
		if runtime.NumGoroutine() <= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines are left, want %d:\n%s", runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
}

// dial connects arrow-go's client; conf nil is plaintext.
func dial(t *testing.T, uri string, conf *tls.Config) flight.Client {
	t.Helper()
	scheme, addr, _ := strings.Cut(uri, "://")
	if scheme == "grpc+unix" {
		addr = "unix:" + addr
	}
	creds := insecure.NewCredentials()
	if conf != nil {
		creds = credentials.NewTLS(conf)
	}
	c, err := flight.NewClientWithMiddleware(addr, nil, nil, grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serve is start and dial.
func serve(t *testing.T, tr wire.Transport, set func(*Options)) flight.Client {
	t.Helper()
	return dial(t, start(t, tr, set).URI(), nil)
}

// small is a ticket of few small batches of which some repeat.
func small(t *testing.T, workload string) workloads.Ticket {
	t.Helper()
	spec, err := workloads.Parse(workload)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Path == "" {
		spec.Rows = 100
	}
	spec.Distinct = 3
	return workloads.Ticket{Spec: spec, Batches: 7, Compression: wire.None, Endpoints: 1}
}

func generate(t *testing.T, spec workloads.Spec) *workloads.Set {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	set, err := workloads.Generate(t.Context(), spec, mem)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		set.Release()
		mem.AssertSize(t, 0)
	})
	return set
}

func cmd(b []byte) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}
}

// act runs an action and returns the body of its one result.
func act(t *testing.T, c flight.Client, name string, body []byte) ([]byte, error) {
	t.Helper()
	stream, err := c.DoAction(t.Context(), &flight.Action{Type: name, Body: body})
	if err != nil {
		return nil, err
	}
	res, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("action %s: %v after its result, want the end", name, err)
	}
	return res.GetBody(), nil
}

func statsOf(t *testing.T, c flight.Client) Stats {
	t.Helper()
	b, err := act(t, c, ActionStats, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s Stats
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("stats %s: %v", b, err)
	}
	return s
}

// read takes the stream of a ticket, verifies each batch against set and
// returns its batches and rows.
func read(t *testing.T, c flight.Client, set *workloads.Set, ticket []byte) (batches, rows int64) {
	t.Helper()
	tk, err := workloads.ParseTicket(ticket)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: ticket})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Schema().Equal(set.Schema) {
		t.Errorf("schema %s, want %s", r.Schema(), set.Schema)
	}
	for r.Next() {
		if err := set.Verify(tk.Start+batches, r.RecordBatch()); err != nil {
			t.Fatal(err)
		}
		batches++
		rows += r.RecordBatch().NumRows()
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return batches, rows
}

// expect fails unless err has the code, and a message of one line that holds
// every part of want.
func expect(t *testing.T, err error, code codes.Code, want ...string) {
	t.Helper()
	st, _ := status.FromError(err)
	if st.Code() != code {
		t.Errorf("got %v, want code %s", err, code)
		return
	}
	for _, w := range want {
		if !strings.Contains(st.Message(), w) {
			t.Errorf("message %q lacks %q", st.Message(), w)
		}
	}
	if strings.Contains(st.Message(), "\n") {
		t.Errorf("message has more than one line: %q", st.Message())
	}
}
