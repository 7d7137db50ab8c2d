package wire

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var dictType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}

// dictRecord has a dictionary column d, with the given values and indices
// ("null" for none), and a list column of the same.
func dictRecord(tb testing.TB, mem memory.Allocator, values []string, indices string) arrow.RecordBatch {
	tb.Helper()
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.AppendValues(values, nil)
	vals := b.NewArray()
	defer vals.Release()
	idx, _, err := array.FromJSON(mem, dictType.IndexType, strings.NewReader(indices))
	if err != nil {
		tb.Fatal(err)
	}
	defer idx.Release()
	d := array.NewDictionaryArray(dictType, idx, vals)
	defer d.Release()
	offs := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 1, int32(d.Len())}))
	ld := array.NewData(arrow.ListOf(dictType), 2, []*memory.Buffer{nil, offs}, []arrow.ArrayData{d.Data()}, 0, 0)
	defer ld.Release()
	l := array.MakeFromData(ld)
	defer l.Release()
	short := array.NewSlice(d, 0, 2)
	defer short.Release()
	return recordOf([]string{"d", "l"}, []arrow.Array{short, l})
}

func TestDictionaries(t *testing.T) {
	sets := [][]string{{"a", "b"}, {"a", "b", "c"}, {"a", "b", "c", "d"}, {"x", "y"}, {"x", "y"}, {"p"}, {"p", "q", "r"}}
	idx := []string{"[0,1,1]", "[2,null,0]", "[3,3,1]", "[1,0,1]", "[0,0,0]", "[0,0,null]", "[2,1,0]"}
	records := func(tb testing.TB, mem memory.Allocator) (recs []arrow.RecordBatch) {
		for i := range sets {
			recs = append(recs, dictRecord(tb, mem, sets[i], idx[i]))
		}
		return recs
	}
	t.Run("ours", func(t *testing.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer mem.AssertSize(t, 0)
		recs := records(t, mem)
		p := prepare(t, GRPC, mem, Compression{}, recs...)
		if got := len(p.dicts); got != 2*6 {
			t.Errorf("%d dictionaries were encoded, not 12", got)
		}
		var out pipe
		w := NewWriter(&out, p)
		if err := w.Begin(nil); err != nil {
			t.Fatal(err)
		}
		var want []arrow.RecordBatch
		for i := range int64(12) {
			if _, err := w.Write(i+3, nil); err != nil {
				t.Fatal(err)
			}
			want = append(want, recs[(i+3)%7])
		}
		// 3..6, 0..6, 0: all steps but those from 3 to 4 replace both dictionaries
		if got, all := len(out.msgs), 1+12+2*10; got != all {
			t.Errorf("%d messages, not %d", got, all)
		}
		readAll(t, out.msgs, mem, want...)
		r, err := flight.NewRecordReader(&out, ipc.WithAllocator(mem))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !r.Next() {
				t.Fatal(r.Err())
			}
			mustEqual(t, r.RecordBatch(), want[i])
		}
		r.Release()
		p.Release()
		for _, rec := range recs {
			rec.Release()
		}
	})
	for _, deltas := range []bool{false, true} {
		for _, c := range []string{None, LZ4} {
			t.Run(fmt.Sprintf("arrow deltas %t %s", deltas, c), func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				recs := records(t, mem)
				var out pipe
				opts := []ipc.Option{ipc.WithSchema(recs[0].Schema()), ipc.WithAllocator(mem), ipc.WithDictionaryDeltas(deltas)}
				if c == LZ4 {
					opts = append(opts, ipc.WithLZ4())
				}
				w := flight.NewRecordWriter(&out, opts...)
				for _, rec := range recs {
					if err := w.Write(rec); err != nil {
						t.Fatal(err)
					}
				}
				w.Close()
				readAll(t, out.msgs, mem, recs...)
				for _, rec := range recs {
					rec.Release()
				}
			})
		}
	}
}

// TestNestedDictionaries has a dictionary of structs that hold a dictionary.
func TestNestedDictionaries(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	inner := dictRecord(t, mem, []string{"a", "b", "c"}, "[2,1,0]")
	defer inner.Release()
	st := arrow.StructOf(arrow.Field{Name: "inner", Type: dictType, Nullable: true})
	sd := array.NewData(st, 2, []*memory.Buffer{nil}, []arrow.ArrayData{inner.Column(0).Data()}, 0, 0)
	defer sd.Release()
	values := array.MakeFromData(sd)
	defer values.Release()
	idx, _, err := array.FromJSON(mem, arrow.PrimitiveTypes.Int8, strings.NewReader("[1,0,null,1]"))
	if err != nil {
		t.Fatal(err)
	}
	defer idx.Release()
	outer := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: st}, idx, values)
	defer outer.Release()
	rec := recordOf([]string{"o"}, []arrow.Array{outer})
	defer rec.Release()
	p := prepare(t, GRPC, mem, Compression{}, rec)
	defer p.Release()
	var out pipe
	w := NewWriter(&out, p)
	if err := w.Begin(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(0, nil); err != nil {
		t.Fatal(err)
	}
	readAll(t, out.msgs, mem, rec)
	r, err := flight.NewRecordReader(&out, ipc.WithAllocator(mem))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatal(r.Err())
	}
	mustEqual(t, r.RecordBatch(), rec)
}

func TestMissingDictionaries(t *testing.T) {
	mem := memory.DefaultAllocator
	stream := func(indices string) [][]byte {
		var out pipe
		w := NewWriter(&out, prepare(t, GRPC, mem, Compression{}, dictRecord(t, mem, []string{"a", "b"}, indices)))
		_ = w.Begin(nil)
		_, _ = w.Write(0, nil)
		return [][]byte{out.msgs[0], out.msgs[3]} // without the dictionaries
	}
	t.Run("all null", func(t *testing.T) {
		r := NewReader(&pipe{msgs: stream("[null,null,null]")}, GRPC, Batch, mem)
		defer r.Close()
		drain(t, r, func(ev *Event) {
			if ev.Kind != KindBatch {
				return
			}
			rec, err := r.Record()
			if err != nil {
				t.Fatal(err)
			}
			if rec.Column(0).NullN() != 2 {
				t.Error("not all null:", rec)
			}
			rec.Release()
		})
	})
	t.Run("some not null", func(t *testing.T) {
		r := NewReader(&pipe{msgs: stream("[null,0,null]")}, GRPC, Batch, mem)
		defer r.Close()
		wantError(t, r, "message 2: record batch: column d: dictionary 0 has not come")
	})
}

// wantError reads until an error, which must contain text.
func wantError(tb testing.TB, r *Reader, text string) {
	tb.Helper()
	for {
		ev, err := r.Next()
		if err == nil && ev.Kind == KindBatch && r.level == Batch {
			var rec arrow.RecordBatch
			if rec, err = r.Record(); err == nil {
				rec.Release()
			}
		}
		if err == io.EOF {
			tb.Errorf("no error, wanted %q", text)
			return
		}
		if err != nil {
			if !strings.Contains(err.Error(), text) {
				tb.Errorf("got %q, wanted %q", err, text)
			}
			return
		}
	}
}

func TestDeltaBeforeDictionary(t *testing.T) {
	mem := memory.DefaultAllocator
	p := prepare(t, GRPC, mem, Compression{}, dictRecord(t, mem, []string{"a", "b"}, "[0,1,0]"))
	delta := func(id int64) []byte {
		var h head
		d := p.dicts[0]
		if err := parseHead(d.header, &h); err != nil {
			t.Fatal(err)
		}
		e := *d
		spans := make([]span, h.numBuffers())
		for i := range spans {
			spans[i].offset, spans[i].length = h.buffer(i)
		}
		e.header = batchHeader(h.length, [][2]int64{{2, 0}}, spans, nil, codecNone, h.bodyLen, &dictionaryHeader{id, true}, arrow.Metadata{})
		var out pipe
		_ = out.SendMsg(&outgoing{p: p, msg: &e})
		return out.msgs[0]
	}
	var out pipe
	_ = NewWriter(&out, p).Begin(nil)
	for id, want := range map[int64]string{
		0: "message 2: dictionary 0: a delta before the dictionary itself",
		7: "message 2: dictionary 7 is not of the schema",
	} {
		r := NewReader(&pipe{msgs: [][]byte{out.msgs[0], delta(id)}}, GRPC, Batch, mem)
		wantError(t, r, want)
		r.Close()
	}
}
