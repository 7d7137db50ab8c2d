package wire

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestManyStreamsShareOnePrepared reads and writes the same batches in many
// streams at once, some of them cancelled half-way, and expects all memory back.
func TestManyStreamsShareOnePrepared(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	rec := intRecord(mem, 4, 20000)
	whole := layoutRecord(t, mem, layoutCases())
	slice := whole.NewSlice(3, 9) // has buffers that the encoder allocates
	p := prepare(t, GRPC, mem, Compression{}, rec)
	q := prepare(t, GRPC, mem, Compression{Name: LZ4}, slice)
	rec.Release()
	slice.Release()
	whole.Release()
	t.Run("streams", func(t *testing.T) {
		for _, prepared := range []*Prepared{p, q} {
			srv := &testServer{transport: GRPC, prepared: prepared, level: Batch}
			srv.batches.Store(50)
			conn := serve(t, srv)
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					desc := getDesc
					if i%2 == 1 {
						desc = putDesc
					}
					s, err := conn.NewStream(ctx, desc, "/wire.Test/"+desc.StreamName)
					if err != nil {
						t.Error(err)
						return
					}
					if desc == putDesc {
						w := NewWriter(s, prepared)
						err := w.Begin(nil)
						for k := int64(0); k < 50 && err == nil; k++ {
							if _, err = w.Write(k, nil); k == 20 && i%4 == 3 {
								cancel()
								return
							}
						}
						if err == nil {
							err = s.CloseSend()
						}
						if err != nil {
							t.Error(err)
						}
						if err := s.RecvMsg(&wrapperspb.BytesValue{}); !errors.Is(err, io.EOF) {
							t.Error(err)
						}
						return
					}
					_ = s.SendMsg(wrapperspb.String("go"))
					_ = s.CloseSend()
					r := NewReader(s, GRPC, Level(i/2%2), memory.DefaultAllocator)
					defer r.Close()
					for n := 0; ; n++ {
						_, err := r.Next()
						if errors.Is(err, io.EOF) {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						if n == 20 && i%4 == 2 {
							cancel()
							return
						}
					}
				})
			}
			wg.Wait()
		}
	})
	p.Release()
	q.Release()
	for _, prepared := range []*Prepared{p, q} {
		// grpc-go lets go of some messages of cancelled streams without a word
		for i := 0; prepared.refs.Load() != 0 && i < 1000; i++ {
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
		if n := prepared.refs.Load(); n != 0 {
			t.Errorf("%d references are left", n)
		}
	}
}
