package workloads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestGenerate(t *testing.T) {
	for _, name := range append(generated, "wide:1") {
		for _, rows := range []int64{1, 7, 64, 3000} {
			for _, entropy := range []float64{0, 0.5, 1} {
				t.Run(fmt.Sprintf("%s/%d/%v", name, rows, entropy), func(t *testing.T) {
					mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
					defer mem.AssertSize(t, 0)
					s := must(Parse(name))
					s.Rows, s.Entropy, s.Distinct = rows, entropy, 3
					set := generate(t, s, mem)
					defer set.Release()
					if set.Spec != s || len(set.Batches) != 3 {
						t.Errorf("resolved to %+v and %d batches", set.Spec, len(set.Batches))
					}
					for i, b := range set.Batches {
						checkBatch(t, set, b, rows)
						if err := set.Verify(int64(i+3), b.Record); err != nil {
							t.Error(err)
						}
					}
					if b := set.Batches; rows == 3000 && entropy > 0 && array.RecordEqual(b[0].Record, b[1].Record) {
						t.Error("the batches are not distinct")
					}
				})
			}
		}
	}
}

func checkBatch(t *testing.T, set *Set, b Batch, rows int64) {
	t.Helper()
	if b.Rows != rows || b.Record.NumRows() != rows || !b.Record.Schema().Equal(set.Schema) {
		t.Fatalf("%d rows, record of %d, want %d", b.Rows, b.Record.NumRows(), rows)
	}
	for i, c := range b.Record.Columns() {
		if err := array.ValidateFull(c); err != nil {
			t.Errorf("column %d: %v", i, err)
		}
		if s, ok := c.(*array.String); ok && s.Len() > 0 && b.Record.ColumnName(i) == "unicode" {
			for r := range s.Len() {
				if !utf8.ValidString(s.Value(r)) {
					t.Fatalf("column %d row %d: %q is no UTF-8", i, r, s.Value(r))
				}
			}
		}
	}
	var logical, body int64
	for _, c := range b.Record.Columns() {
		l, p := bufferBytes(c.Data())
		logical, body = logical+l, body+p
	}
	if b.LogicalBytes != logical || b.BodyBytes != body {
		t.Errorf("%d logical and %d body bytes, the buffers have %d and %d", b.LogicalBytes, b.BodyBytes, logical, body)
	}
}

// bufferBytes adds up d's buffers, which generators make of exact length, and
// the same padded to 64 each.
func bufferBytes(d arrow.ArrayData) (exact, padded int64) {
	for _, b := range d.Buffers() {
		if b != nil {
			exact += int64(b.Len())
			padded += int64(b.Len()+63) / 64 * 64
		}
	}
	for _, c := range d.Children() {
		e, p := bufferBytes(c)
		exact, padded = exact+e, padded+p
	}
	return exact, padded
}

// ipcBody is the length of the body that arrow-go writes.
func ipcBody(t *testing.T, rec arrow.RecordBatch) int64 {
	t.Helper()
	p, err := ipc.GetRecordBatchPayload(rec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	var buf bytes.Buffer
	if err := p.SerializeBody(&buf); err != nil {
		t.Fatal(err)
	}
	return int64(buf.Len())
}

func TestMeasure(t *testing.T) {
	rec := func(name string, rows int64) *Set {
		s := must(Parse(name))
		s.Rows, s.Distinct = rows, 1
		return generate(t, s, memory.NewGoAllocator())
	}
	for _, tt := range []struct {
		name          string
		rows          int64
		logical, body int64
	}{
		{Perf, 1, 4 * 8, 4 * 64},
		{Perf, 9, 4 * 72, 4 * 128},
		{Perf, 65536, 32 * 65536, 32 * 65536},
		{"wide:8", 65, 65*(8+8+4+4+8+2+1) + 9, 2*576 + 320 + 320 + 576 + 192 + 64 + 128},
		{Dict, 100, 100 * (1 + 2 + 4 + 8), 128 + 256 + 448 + 832},
	} {
		set := rec(tt.name, tt.rows)
		if b := set.Batches[0]; b.LogicalBytes != tt.logical || b.BodyBytes != tt.body {
			t.Errorf("%s: %d rows: %d logical, %d body bytes, want %d, %d", tt.name, tt.rows, b.LogicalBytes, b.BodyBytes, tt.logical, tt.body)
		}
		set.Release()
	}
	// Slices, as arrow-go cuts them. It pads to 8 bytes, except bitmaps: no workload
	// that has any.
	for _, name := range []string{Perf, Lineitem, "wide:6", Strings, Dict, Nested} {
		set := rec(name, 300)
		for _, r := range [][2]int64{{0, 300}, {0, 1}, {1, 2}, {8, 200}, {13, 290}, {299, 300}} {
			cut := set.Batches[0].Record.NewSlice(r[0], r[1])
			m := meter{pad: 8}
			m.record(cut, cut.NumRows())
			if want := ipcBody(t, cut); m.body != want {
				t.Errorf("%s: rows %v: body of %d bytes, arrow-go writes %d", name, r, m.body, want)
			}
			cut.Release()
		}
		set.Release()
	}
}

func TestBatchBytes(t *testing.T) {
	for _, name := range generated {
		for _, size := range []int64{32_000, 100_000, 1 << 20, 20_000_000} {
			s := must(Parse(name))
			s.Rows, s.BatchBytes, s.Distinct = 0, size, 2
			set := generate(t, s, memory.NewGoAllocator())
			slack := 0.08 // small batches vary
			if size >= 1<<20 {
				slack = 0.02
			}
			for i, b := range set.Batches {
				if off := float64(b.BodyBytes)/float64(size) - 1; math.Abs(off) > slack {
					t.Errorf("%s: batch %d has %d body bytes where %d were asked (%.1f %%)", name, i, b.BodyBytes, size, 100*off)
				}
			}
			if set.Spec.Rows <= 65_536 && set.Batches[0].BodyBytes > size {
				t.Errorf("%s: first batch has %d body bytes, over %d", name, set.Batches[0].BodyBytes, size)
			}
			again := set.Spec
			if again.BatchBytes != 0 || again.Rows != set.Batches[0].Rows || again.Validate() != nil {
				t.Errorf("resolved to %+v", again)
			}
			if size == 100_000 {
				other := generate(t, again, memory.NewGoAllocator())
				if !bytes.Equal(digest(set), digest(other)) {
					t.Errorf("%s: the resolved spec makes other batches", name)
				}
				other.Release()
			}
			set.Release()
		}
	}
	s := Default()
	s.Rows, s.BatchBytes = 0, 255
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	_, err := Generate(t.Context(), s, mem)
	wantError(t, err, "batch bytes 255: one row of perf takes 256, ask for no less")
	s.BatchBytes = 256
	set := generate(t, s, mem)
	if set.Batches[0].Rows != 8 || set.Spec.Distinct != 64 {
		t.Errorf("256 bytes resolve to %+v", set.Spec)
	}
	set.Release()
}

func TestAutoDistinct(t *testing.T) {
	for _, tt := range []struct {
		body int64
		want int
	}{
		{0, 64}, {1, 64}, {1 << 20, 64}, {1<<20 + 1, 64}, {2 << 20, 32}, {16 << 20, 4}, {64 << 20, 4}, {65 << 20, 3}, {256 << 20, 1}, {1 << 40, 1},
	} {
		if got := AutoDistinct(tt.body); got != tt.want {
			t.Errorf("AutoDistinct(%d) = %d, want %d", tt.body, got, tt.want)
		}
	}
}

// peak counts the most bytes that were allocated at one time.
type peak struct {
	memory.Allocator
	now, top atomic.Int64
}

func (p *peak) count(n int) {
	now := p.now.Add(int64(n))
	for top := p.top.Load(); now > top && !p.top.CompareAndSwap(top, now); top = p.top.Load() {
	}
}
func (p *peak) Allocate(n int) []byte { p.count(n); return p.Allocator.Allocate(n) }
func (p *peak) Free(b []byte)         { p.count(-len(b)); p.Allocator.Free(b) }
func (p *peak) Reallocate(n int, b []byte) []byte {
	p.count(n - len(b))
	return p.Allocator.Reallocate(n, b)
}

func TestEstimateBytes(t *testing.T) {
	for _, name := range append(generated, "wide:3000") {
		for _, entropy := range []float64{0, 0.01, 1} {
			for _, size := range []struct{ rows, bytes int64 }{{rows: 1}, {rows: 100}, {rows: 20_000}, {bytes: 600_000}, {bytes: 5_000_000}} {
				s := must(Parse(name))
				s.Rows, s.BatchBytes, s.Entropy, s.Distinct = size.rows, size.bytes, entropy, 3
				if size.rows*int64(s.Columns) > 1e6 {
					continue
				}
				mem := &peak{Allocator: memory.NewGoAllocator()}
				set, err := Generate(t.Context(), s, mem)
				if err != nil {
					t.Fatal(err)
				}
				set.Release()
				got, want := s.EstimateBytes(), mem.top.Load()
				if got < want {
					t.Errorf("%s %+v entropy %v: estimated at %d, took %d", name, size, entropy, got, want)
				}
				if entropy == 1 && size.rows == 20_000 && got > want*3/2 {
					t.Errorf("%s %+v: estimated at %d, took %d only", name, size, got, want)
				}
			}
		}
	}
	auto := Default() // 2 MiB × 32
	if n := auto.EstimateBytes(); n < 64<<20 || n > 100<<20 {
		t.Errorf("default estimated at %d bytes", n)
	}
	huge := Spec{Name: Wide, Columns: MaxColumns, Rows: MaxRows, Distinct: MaxDistinct, Entropy: 1}
	if n := huge.EstimateBytes(); n < 1<<55 {
		t.Errorf("the largest spec is estimated at %d bytes", n)
	}
}

func TestGenerateCancelled(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	s := Default()
	s.Rows, s.Distinct = 1000, 4096
	after := &peakCancel{Allocator: mem, cancel: cancel}
	if _, err := Generate(ctx, s, after); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want a cancelled context", err)
	}
	if _, err := Generate(ctx, s, mem); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want a cancelled context", err)
	}
}

type peakCancel struct {
	memory.Allocator
	n      atomic.Int64
	cancel func()
}

func (p *peakCancel) Allocate(n int) []byte {
	if p.n.Add(1) == 40 {
		p.cancel()
	}
	return p.Allocator.Allocate(n)
}

// TestSameOnOneProcessor: the order in which workers make batches doesn't matter.
func TestSameOnOneProcessor(t *testing.T) {
	s := must(Parse(Lineitem))
	s.Rows, s.Distinct = 500, 9
	many := generate(t, s, memory.NewGoAllocator())
	defer many.Release()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := generate(t, s, memory.NewGoAllocator())
	defer one.Release()
	if !bytes.Equal(digest(many), digest(one)) {
		t.Error("the batches depend on the number of processors")
	}
}

func TestSharedDictionary(t *testing.T) {
	s := must(Parse(Dict))
	s.Rows, s.Distinct = 100, 5
	set := generate(t, s, memory.NewGoAllocator())
	defer set.Release()
	for c := range dictColumns {
		first := set.Batches[0].Record.Column(c).(*array.Dictionary)
		seen := map[string]bool{}
		for i := range first.Dictionary().Len() {
			v := first.Dictionary().ValueStr(i)
			if seen[v] || len(v) > longestDictValue {
				t.Errorf("column %d: value %q is doubled or too long", c, v)
			}
			seen[v] = true
		}
		for _, b := range set.Batches {
			if b.Record.Column(c).Data().Dictionary() != first.Data().Dictionary() {
				t.Errorf("column %d: batches have dictionaries of their own", c)
			}
		}
	}
}

// TestEntropy counts how many values differ from the one before.
func TestEntropy(t *testing.T) {
	for _, entropy := range []float64{0, 0.1, 0.5, 1} {
		s := Default()
		s.Rows, s.Entropy, s.Distinct = 50_000, entropy, 1
		set := generate(t, s, memory.NewGoAllocator())
		vals := set.Batches[0].Record.Column(2).(*array.Int64).Int64Values()
		changes := 0
		for i := 1; i < len(vals); i++ {
			if vals[i] != vals[i-1] {
				changes++
			}
		}
		if got := float64(changes) / float64(len(vals)-1); math.Abs(got-entropy) > 0.01 {
			t.Errorf("entropy %v: %v of the values are fresh", entropy, got)
		}
		set.Release()
	}
}

func TestNullFractions(t *testing.T) {
	s := must(Parse(Nulls))
	s.Rows, s.Distinct = 50_000, 1
	set := generate(t, s, memory.NewGoAllocator())
	defer set.Release()
	for i, want := range []float64{0.01, 0.1, 0.5, 0.5, 0.9, 1} {
		c := set.Batches[0].Record.Column(i)
		if got := float64(c.NullN()) / float64(c.Len()); math.Abs(got-want) > 0.01 {
			t.Errorf("column %d: %v null, want %v", i, got, want)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for _, name := range generated {
		b.Run(name, func(b *testing.B) {
			s := must(Parse(name))
			s.Distinct = 1
			for b.Loop() {
				set, err := Generate(b.Context(), s, memory.DefaultAllocator)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(set.Batches[0].BodyBytes)
				set.Release()
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, name := range generated {
		b.Run(name, func(b *testing.B) {
			s := must(Parse(name))
			s.Distinct = 1
			set := must(Generate(b.Context(), s, memory.DefaultAllocator))
			other := must(Generate(b.Context(), s, memory.DefaultAllocator))
			b.SetBytes(set.Batches[0].BodyBytes)
			for b.Loop() {
				if err := set.Verify(0, other.Batches[0].Record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Neighbours in rotation have other dictionaries, and every row is as it was.
func TestReplaceDictionaries(t *testing.T) {
	spec, err := Parse(Dict)
	if err != nil {
		t.Fatal(err)
	}
	for _, distinct := range []int{2, 3, 4, 7} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		spec.Rows, spec.Distinct = 50, distinct
		want, err := Generate(t.Context(), spec, mem)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Generate(t.Context(), spec, mem)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.ReplaceDictionaries(mem); err != nil {
			t.Fatal(err)
		}
		for i, b := range got.Batches {
			if err := want.Verify(int64(i), b.Record); err != nil {
				t.Error(err)
			}
			if w := want.Batches[i]; b.LogicalBytes != w.LogicalBytes || b.BodyBytes != w.BodyBytes {
				t.Errorf("batch %d has %d and %d bytes, want %d and %d", i, b.LogicalBytes, b.BodyBytes, w.LogicalBytes, w.BodyBytes)
			}
			next := got.Batches[(i+1)%distinct].Record
			for c := range dictColumns {
				mine, theirs := b.Record.Column(c).(*array.Dictionary).Dictionary(), next.Column(c).(*array.Dictionary).Dictionary()
				if array.Equal(mine, theirs) {
					t.Errorf("%d batches: column %d of batch %d has the dictionary of the next", distinct, c, i)
				}
			}
		}
		want.Release()
		got.Release()
		mem.AssertSize(t, 0)
	}
	for _, tt := range []Spec{{Name: Perf, Rows: 1, Entropy: 1, Distinct: 2}, {Name: Dict, Rows: 1, Entropy: 1, Distinct: 1}} {
		set, err := Generate(t.Context(), tt, memory.NewGoAllocator())
		if err != nil {
			t.Fatal(err)
		}
		if err := set.ReplaceDictionaries(memory.NewGoAllocator()); err == nil {
			t.Errorf("%s with %d batches: dictionaries were replaced", tt, tt.Distinct)
		}
		set.Release()
	}
}
