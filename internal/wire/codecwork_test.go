package wire

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The work of a codec alone is on the bytes that encoding has, too.
func TestCodecWork(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	for i := range 5000 {
		b.Field(0).(*array.Int64Builder).Append(int64(i % 7))
		b.Field(1).(*array.StringBuilder).Append("word")
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	for _, name := range []string{"lz4", "zstd"} {
		w, err := NewCodecWork(schema, []arrow.RecordBatch{rec, rec}, Compression{Name: name}, mem)
		if err != nil {
			t.Fatal(err)
		}
		k, err := w.Worker()
		if err != nil {
			t.Fatal(err)
		}
		var plain int64
		for _, p := range w.plain[1] {
			plain += int64(len(p))
		}
		p, err := Prepare(Direct, schema, []arrow.RecordBatch{rec}, Compression{Name: name}, mem)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.Sizes(0).Logical; plain != want {
			t.Errorf("%s works on %d bytes, the encoder on %d", name, plain, want)
		}
		p.Release()
		for i := range int64(4) {
			if err := k.Compress(i); err != nil {
				t.Fatal(err)
			}
			if err := k.Decompress(i); err != nil {
				t.Fatal(err)
			}
		}
		if w.stored[0][0] == nil {
			t.Fatalf("%s did not compress what repeats", name)
		}
		one := *w
		one.plain, one.stored = [][][]byte{w.plain[0][:1]}, [][][]byte{w.stored[0][:1]}
		k.work = &one
		if err := k.Decompress(0); err != nil {
			t.Fatal(err)
		}
		if at := w.plain[0][0]; !bytes.Equal(k.out[:len(at)], at) {
			t.Errorf("%s: what was decompressed is not what was compressed", name)
		}
		k.Close()
		w.Release()
	}
	if _, err := NewCodecWork(schema, []arrow.RecordBatch{rec}, Compression{}, mem); err == nil {
		t.Error("no codec has work")
	}
}
