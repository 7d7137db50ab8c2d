package server

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// One operation is a batch of 65,536 rows (2 MiB) over loopback, counted at the
// receiving end; allocations are those of both ends.
func BenchmarkDoGet(b *testing.B) {
	for _, tr := range transports {
		b.Run(string(tr), func(b *testing.B) {
			o := DefaultOptions()
			o.Transport = tr
			s, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx) }()
			defer func() { cancel(); <-done }()
			_, addr, _ := strings.Cut(s.URI(), "://")
			conn, err := grpc.NewClient(addr, append(wire.DialOptions(tr, 1<<30), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			c := flight.NewFlightServiceClient(conn)
			tk := workloads.Ticket{Spec: workloads.Default(), Batches: 1}
			tk.Spec.Distinct = 8
			if _, err := c.GetFlightInfo(ctx, cmd(tk.Marshal())); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(65536 * 32)
			b.ReportAllocs()
			b.ResetTimer()
			tk.Batches = int64(b.N)
			stream, err := c.DoGet(ctx, &flight.Ticket{Ticket: tk.Marshal()})
			if err != nil {
				b.Fatal(err)
			}
			r := wire.NewReader(stream, tr, wire.Count, memory.DefaultAllocator)
			defer r.Close()
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
		})
	}
}
