package workloads

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// layouts returns arrays of the layouts that only a file can bring, 40 rows each.
func layouts(t *testing.T) map[string]arrow.Array {
	i32, str := arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String
	nullable := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	children := []arrow.Field{nullable("i", i32), nullable("s", str)}
	out := map[string]arrow.Array{}
	for name, dt := range map[string]arrow.DataType{
		"null":              arrow.Null,
		"large string":      arrow.BinaryTypes.LargeString,
		"large list":        arrow.LargeListOf(i32),
		"fixed size list":   arrow.FixedSizeListOf(3, i32),
		"fixed size binary": &arrow.FixedSizeBinaryType{ByteWidth: 5},
		"string view":       arrow.BinaryTypes.StringView,
		"list view":         arrow.ListViewOf(i32),
		"large list view":   arrow.LargeListViewOf(str),
		"sparse union":      arrow.SparseUnionOf(children, []arrow.UnionTypeCode{3, 5}),
		"dense union":       arrow.DenseUnionOf(children, []arrow.UnionTypeCode{3, 5}),
		"run-end encoded":   arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int16, str),
		"decimal256":        &arrow.Decimal256Type{Precision: 60, Scale: 2},
		"interval":          arrow.FixedWidthTypes.MonthDayNanoInterval,
		"extension":         extensions.NewUUIDType(),
		"list of struct":    arrow.ListOf(arrow.StructOf(children...)),
	} {
		b := array.NewBuilder(memory.NewGoAllocator(), dt)
		for i := range 40 {
			if i%5 == 1 && dt.ID() != arrow.RUN_END_ENCODED {
				b.AppendNull()
				continue
			}
			fillRow(b, i)
		}
		out[name] = b.NewArray()
		if dt.ID() == arrow.RUN_END_ENCODED {
			continue // arrow-go wants a buffer of it, wrongly
		}
		if err := array.ValidateFull(out[name]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return out
}

// fillRow appends a value that follows from i.
func fillRow(b array.Builder, i int) {
	switch b := b.(type) {
	case *array.Int32Builder:
		b.Append(int32(i))
	case array.StringLikeBuilder:
		b.Append("a string of some length"[:i%23])
	case *array.FixedSizeListBuilder:
		b.Append(true)
		for k := range 3 {
			fillRow(b.ValueBuilder(), i+k)
		}
	case array.VarLenListLikeBuilder:
		b.AppendWithSize(true, i%4)
		for k := range i % 4 {
			fillRow(b.ValueBuilder(), i+k)
		}
	case *array.StructBuilder:
		b.Append(true)
		for k := range b.NumField() {
			fillRow(b.FieldBuilder(k), i+k)
		}
	case *array.SparseUnionBuilder:
		b.Append(arrow.UnionTypeCode(3 + i%2*2))
		fillRow(b.Child(i%2), i)
		b.Child(1 - i%2).AppendEmptyValue()
	case *array.DenseUnionBuilder:
		b.Append(arrow.UnionTypeCode(3 + i%2*2))
		fillRow(b.Child(i%2), i)
	case *array.RunEndEncodedBuilder:
		if i%4 == 0 {
			b.Append(1)
			fillRow(b.ValueBuilder(), i)
		} else {
			b.ContinueRun(1)
		}
	default:
		b.AppendEmptyValue()
	}
}

// TestLayouts: sizes as arrow-go has them (its bitmaps apart), and verification
// of what went through IPC, whole and cut.
func TestLayouts(t *testing.T) {
	for name, a := range layouts(t) {
		schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: a.DataType(), Nullable: true}}, nil)
		whole := array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))
		for _, r := range [][2]int64{{0, 40}, {0, 17}, {8, 40}, {13, 14}, {3, 30}} {
			if strings.Contains(" list view, large list view, dense union, ", " "+name+",") && r != [2]int64{0, 40} {
				continue // arrow-go can't write these cut
			}
			rec := whole.NewSlice(r[0], r[1])
			m := meter{pad: 64} // of 40 rows, each buffer and bitmap that arrow-go pads comes to one multiple
			m.record(rec, rec.NumRows())
			if want := ipcBody64(t, rec); m.body != want {
				t.Errorf("%s: rows %v: body of %d bytes, want %d", name, r, m.body, want)
			}
			var buf bytes.Buffer
			w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			w.Close()
			rd := must(ipc.NewReader(&buf))
			got := must(rd.Read())
			set := &Set{Schema: schema, Batches: []Batch{{Record: rec}}}
			if err := set.Verify(0, got); err != nil {
				t.Errorf("%s: rows %v: %v", name, r, err)
			}
			if name != "null" && name != "interval" && name != "decimal256" && name != "extension" && name != "fixed size binary" && rec.NumRows() > 9 {
				other := &Set{Schema: schema, Batches: []Batch{{Record: whole.NewSlice(1, 1+rec.NumRows()-2)}}}
				if err := other.Verify(0, got.NewSlice(0, rec.NumRows()-2)); r[0] != 1 && err == nil {
					t.Errorf("%s: rows %v pass for others", name, r)
				}
			}
		}
	}
}

// ipcBody64 is the body of arrow-go's message with each buffer padded to 64.
func ipcBody64(t *testing.T, rec arrow.RecordBatch) int64 {
	t.Helper()
	p, err := ipc.GetRecordBatchPayload(rec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	var c counter
	if err := p.SerializeBody(&c); err != nil {
		t.Fatal(err)
	}
	return c.body
}

// A counter pads each buffer to 64. Arrow-go writes a buffer at a multiple of 8
// bytes, and its padding up to the next in a write of its own.
type counter struct{ at, body int64 }

func (c *counter) Write(p []byte) (int, error) {
	if c.at%8 == 0 {
		c.body += int64(len(p)+63) / 64 * 64
	}
	c.at += int64(len(p))
	return len(p), nil
}

// TestFileLayouts: every layout can be cut and joined to other batches.
func TestFileLayouts(t *testing.T) {
	for name, a := range layouts(t) {
		schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: a.DataType(), Nullable: true}}, nil)
		whole := array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))
		path := writeFile(t, formats["stream"](t, schema, []arrow.RecordBatch{whole, whole}))
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		s := must(Parse("file:" + path))
		s.Rows = 30
		if strings.HasSuffix(name, "union") { // arrow-go can't join them
			_, err := Generate(t.Context(), s, mem)
			wantError(t, err, "send the file's own batches")
			mem.AssertSize(t, 0)
			s.Rows = 0
		}
		set := generate(t, s, mem)
		at := 0
		for _, b := range set.Batches {
			for i := range int(b.Rows) {
				if got, want := b.Record.Column(0).ValueStr(i), a.ValueStr(at%40); got != want {
					t.Errorf("%s: row %d: %s, want %s", name, at, got, want)
				}
				at++
			}
		}
		set.Release()
		mem.AssertSize(t, 0)
	}
}
