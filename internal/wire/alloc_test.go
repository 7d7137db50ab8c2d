package wire

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// allocCases are batches whose receipt must not allocate, with the codecs.
func allocCases(tb testing.TB) map[string]*Prepared {
	mem := memory.DefaultAllocator
	ints := intRecord(mem, 4, 65536)
	all := layoutRecord(tb, mem, layoutCases())
	return map[string]*Prepared{
		"ints":      prepare(tb, GRPC, mem, Compression{}, ints),
		"ints lz4":  prepare(tb, GRPC, mem, Compression{Name: LZ4}, ints),
		"ints zstd": prepare(tb, GRPC, mem, Compression{Name: ZSTD}, ints),
		"layouts":   prepare(tb, GRPC, mem, Compression{}, all),
	}
}

// repeated is a stream that receives its last message for ever.
type repeated struct {
	msgs  [][]byte
	sink  Sink
	piece int
}

func (s *repeated) RecvMsg(m any) error {
	in := m.(*incoming)
	b := s.msgs[0]
	if len(s.msgs) > 1 {
		s.msgs = s.msgs[1:]
	}
	if s.sink == nil {
		s.sink = in.NewSink()
	}
	k := s.sink
	if err := k.Reset(len(b)); err != nil {
		return err
	}
	for len(b) > 0 {
		n := min(s.piece, len(b))
		if d := k.Direct(); d != nil {
			n = copy(d, b[:n])
			k.Advance(n)
		} else if _, err := k.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	if err := k.Close(); err != nil {
		return err
	}
	s.sink = in.Take(k)
	return nil
}

func TestReceiveAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	for name, p := range allocCases(t) {
		for _, level := range []Level{Count, Batch} {
			var out pipe
			w := NewWriter(&out, p)
			if err := w.Begin(nil); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(0, []byte("app")); err != nil {
				t.Fatal(err)
			}
			preamble := len(out.msgs)
			r := NewReader(&repeated{msgs: out.msgs, piece: 16384}, GRPC, level, memory.DefaultAllocator)
			next := func() {
				if _, err := r.Next(); err != nil {
					t.Fatal(err)
				}
			}
			for range preamble + 5 {
				next()
			}
			if got := testing.AllocsPerRun(50, next); got != 0 {
				t.Errorf("%s at %s: %v allocations a batch", name, level, got)
			}
			r.Close()
		}
	}
}

// discard is a stream that asks a message for its segments, as a transport does.
type discard struct {
	segs [][]byte
	size int
}

func (d *discard) SendMsg(m any) error {
	d.segs, d.size = m.(Segmented).Segments(d.segs[:0])
	return nil
}

func TestSendAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	for name, p := range allocCases(t) {
		var out discard
		w := NewWriter(&out, p)
		app := []byte("app")
		write := func() {
			if _, err := w.Write(0, app); err != nil {
				t.Fatal(err)
			}
		}
		write()
		if got := testing.AllocsPerRun(50, write); got != 0 {
			t.Errorf("%s: Segments makes %v allocations a batch", name, got)
		}
		marshal := func() {
			w.out.msg, w.out.app = p.batches[0], app
			b, err := Codec{}.Marshal(&w.out)
			if err != nil {
				t.Fatal(err)
			}
			b.Free()
		}
		marshal()
		if got := testing.AllocsPerRun(50, marshal); got != 0 {
			t.Errorf("%s: Marshal makes %v allocations a batch", name, got)
		}
		if got := p.refs.Load(); got != 1 {
			t.Errorf("%s: %d references are left", name, got)
		}
	}
}

// TestSendIsNotCopied checks that what goes out is the batch's own memory.
func TestSendIsNotCopied(t *testing.T) {
	rec := intRecord(memory.DefaultAllocator, 2, 4096)
	p := prepare(t, GRPC, memory.DefaultAllocator, Compression{}, rec)
	var out discard
	w := NewWriter(&out, p)
	if _, err := w.Write(0, nil); err != nil {
		t.Fatal(err)
	}
	for i, col := range rec.Columns() {
		want := col.Data().Buffers()[1].Bytes()
		if &out.segs[1+i][0] != &want[0] {
			t.Errorf("column %d was copied", i)
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	for name, p := range allocCases(b) {
		for _, level := range []Level{Count, Batch} {
			b.Run(name+"/"+level.String(), func(b *testing.B) {
				var out pipe
				w := NewWriter(&out, p)
				_ = w.Begin(nil)
				sz, _ := w.Write(0, nil)
				preamble := len(out.msgs)
				r := NewReader(&repeated{msgs: out.msgs, piece: 1 << 20}, GRPC, level, memory.DefaultAllocator)
				defer r.Close()
				for range preamble {
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(sz.Body)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSend(b *testing.B) {
	for name, p := range allocCases(b) {
		b.Run(name, func(b *testing.B) {
			var out discard
			w := NewWriter(&out, p)
			b.SetBytes(p.Sizes(0).Body)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(0, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
