package main

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// capable is a Flight server whose capacity is arithmetic. It uses next to no
// CPU: what it takes time for it sleeps, and what a sleep is too long by is
// taken off the next one.
//
// action:work takes service of one of workers, or, where usl is set, ends in
// the order of arrival at the rate usl(streams in flight). DoGet sends batches
// of rows of one int64 at bytes a second, whoever reads them.
type capable struct {
	flight.BaseFlightServer
	workers int
	service time.Duration
	usl     func(n float64) float64
	bytes   float64
	batches int
	rows    int
	diesAt  int // streams in flight at which it refuses all for a second; 0: never

	mu       sync.Mutex
	free     []time.Time // when each worker is
	last     time.Time   // when the bucket is empty, or the last of a usl server ends
	inFlight int
	down     time.Time
}

// take is when what takes so long is done by the worker that is free first.
func (k *capable) take(service time.Duration) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.free == nil {
		k.free = make([]time.Time, k.workers)
	}
	first := 0
	for i := range k.free {
		if k.free[i].Before(k.free[first]) {
			first = i
		}
	}
	k.free[first] = later(k.free[first], time.Now()).Add(service)
	return k.free[first]
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (k *capable) enter(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inFlight += n
	if k.diesAt > 0 && k.inFlight >= k.diesAt {
		k.down = time.Now().Add(time.Second)
	}
	if time.Now().Before(k.down) {
		return -1
	}
	return k.inFlight
}

func (k *capable) DoAction(a *flight.Action, s flight.FlightService_DoActionServer) error {
	if a.Type != "work" {
		return status.Error(codes.Unimplemented, "there is only work")
	}
	n := k.enter(1)
	defer k.enter(-1)
	if n < 0 {
		return status.Error(codes.Unavailable, "overloaded")
	}
	until := time.Time{}
	if k.usl == nil {
		until = k.take(k.service)
	} else {
		k.mu.Lock()
		k.last = later(k.last, time.Now()).Add(time.Duration(1e9 / k.usl(float64(n))))
		until = k.last
		k.mu.Unlock()
	}
	sleep(s.Context(), until)
	return s.Send(&flight.Result{Body: []byte("done")})
}

func (k *capable) DoGet(_ *flight.Ticket, s flight.FlightService_DoGetServer) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(make([]int64, k.rows), nil)
	batch := b.NewRecordBatch()
	defer batch.Release()
	w := flight.NewRecordWriter(s, ipc.WithSchema(batch.Schema()))
	defer w.Close()
	for range k.batches {
		k.mu.Lock()
		k.last = later(k.last, time.Now()).Add(time.Duration(float64(8*k.rows) / k.bytes * 1e9))
		until := k.last
		k.mu.Unlock()
		sleep(s.Context(), until)
		if err := w.Write(batch); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, until time.Time) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(until)):
	}
}

// start serves k until the test ends.
func (k *capable) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	flight.RegisterFlightServiceServer(g, k)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-served })
	return "grpc://" + l.Addr().String()
}
