package workloads

import (
	"bytes"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestVerifyReceived: what went through IPC, or was cut out of a larger batch, is
// the same.
func TestVerifyReceived(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	for _, name := range generated {
		s := must(Parse(name))
		s.Rows, s.Distinct = 777, 2
		set := generate(t, s, mem)
		var buf bytes.Buffer
		w := ipc.NewWriter(&buf, ipc.WithSchema(set.Schema), ipc.WithZstd(), ipc.WithAllocator(mem))
		for i := range 4 {
			if err := w.Write(set.Batches[i%2].Record); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		r := must(ipc.NewReader(&buf, ipc.WithAllocator(mem)))
		for i := int64(0); r.Next(); i++ {
			if err := set.Verify(i, r.RecordBatch()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := set.Verify(i+1, r.RecordBatch()); err == nil {
				t.Errorf("%s: another batch passes", name)
			}
		}
		r.Release()

		// The first 700 rows, at an odd offset behind 3 others.
		rec := set.Batches[0].Record
		parts := []arrow.RecordBatch{rec.NewSlice(0, 3), rec.NewSlice(0, 700)}
		joined := must(join(set.Schema, parts, mem))
		cut := joined.NewSlice(3, 703)
		small := &Set{Schema: set.Schema, Batches: []Batch{{Record: parts[1]}}}
		if err := small.Verify(9, cut); err != nil {
			t.Errorf("%s: cut: %v", name, err)
		}
		cut.Release()
		joined.Release()
		releaseAll(parts)
		set.Release()
	}
}

// TestVerifyFindsEveryByte changes each of a batch's bytes in turn, and each bit
// of a bitmap: those that matter must be found, in their row.
func TestVerifyFindsEveryByte(t *testing.T) {
	for _, name := range []string{Perf, Lineitem, "wide:8", Strings, Dict, Nested} {
		s := must(Parse(name))
		s.Rows, s.Distinct = 24, 1
		a, b := generate(t, s, memory.NewGoAllocator()), generate(t, s, memory.NewGoAllocator())
		var change func(d arrow.ArrayData, offsets bool)
		change = func(d arrow.ArrayData, offsets bool) {
			for i, buf := range d.Buffers() {
				if buf == nil || offsets && i == 1 { // broken offsets are not a valid array
					continue
				}
				for j := range buf.Bytes() {
					buf.Bytes()[j] ^= 1
					if d.DataType().ID() == arrow.DICTIONARY && i == 1 {
						// Stay within the dictionary.
						if v := int(buf.Bytes()[0]); v < 0 || v >= 8 {
							buf.Bytes()[j] ^= 1
							continue
						}
					}
					if err := a.Verify(0, b.Batches[0].Record); err == nil {
						t.Errorf("%s: %s buffer %d: a change of byte %d goes unnoticed", name, d.DataType(), i, j)
					}
					buf.Bytes()[j] ^= 1
				}
			}
			for _, c := range d.Children() {
				_, has := c.DataType().(arrow.OffsetsDataType)
				change(c, has)
			}
		}
		for _, c := range b.Batches[0].Record.Columns() {
			_, has := c.DataType().(arrow.OffsetsDataType)
			change(c.Data(), has)
		}
		if err := a.Verify(0, b.Batches[0].Record); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVerifyErrors(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64), Nullable: true},
	}, nil)
	parse := func(schema *arrow.Schema, json string) arrow.RecordBatch {
		rec, _, err := array.RecordFromJSON(memory.NewGoAllocator(), schema, bytes.NewReader([]byte(json)))
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	const first, second = `{"n":1,"s":"a","l":[1,2]}`, `{"n":2,"s":null,"l":[]}`
	set := &Set{Schema: schema, Batches: []Batch{{Record: parse(schema, "["+first+","+second+"]")}}}
	other := arrow.NewSchema([]arrow.Field{schema.Field(0), {Name: "s", Type: arrow.BinaryTypes.Binary}, schema.Field(2)}, nil)
	renamed := arrow.NewSchema([]arrow.Field{schema.Field(0), {Name: "z", Type: arrow.BinaryTypes.String}, schema.Field(2)}, nil)
	for _, tt := range []struct {
		schema *arrow.Schema
		json   string
		err    string
	}{
		{schema, "[" + first + "," + second + "]", ""},
		{schema, "[" + first + "]", "batch 7: received 1 rows, want 2"},
		{schema, "[" + first + `,{"n":3,"s":null,"l":[]}]`, `batch 7: column 0 "n": row 1: received 3, want 2`},
		{schema, "[" + first + `,{"n":null,"s":null,"l":[]}]`, `column 0 "n": row 1: received null, want 2`},
		{schema, "[" + first + `,{"n":2,"s":"","l":[]}]`, `column 1 "s": row 1: received "", want null`},
		{schema, `[{"n":1,"s":"b","l":[1,2]},` + second + "]", `column 1 "s": row 0: received "b", want "a"`},
		{schema, `[{"n":1,"s":"a","l":[1,3]},` + second + "]", `column 2 "l": row 0: received [1,3], want [1,2]`},
		{schema, "[" + first + `,{"n":2,"s":null,"l":null}]`, `column 2 "l": row 1: received null, want []`},
		{other, `[{"n":1,"s":"YQ==","l":[]},{"n":2,"s":null,"l":[]}]`, `batch 7: column 1 "s": received type binary, want utf8`},
		{renamed, "[" + first + "," + second + "]", `batch 7: column 1: received "z", want "s"`},
		{arrow.NewSchema(schema.Fields()[:2], nil), `[{"n":1}]`, "batch 7: received 2 columns, want 3"},
	} {
		err := set.Verify(7, parse(tt.schema, tt.json))
		if tt.err != "" {
			wantError(t, err, tt.err)
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestVerifyMeaning(t *testing.T) {
	mem := memory.NewGoAllocator()
	f64 := arrow.PrimitiveTypes.Float64
	floats := func(valid byte, vals ...float64) arrow.Array {
		return newArray(f64, len(vals), len(vals)-bitutil.CountSetBits([]byte{valid}, 0, len(vals)),
			[]*memory.Buffer{memory.NewBufferBytes([]byte{valid}), memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(vals))})
	}
	encoded := func(indices []int8, values ...string) arrow.Array {
		b := array.NewStringBuilder(mem)
		b.AppendValues(values, nil)
		dict := b.NewArray()
		idx := newArray(arrow.PrimitiveTypes.Int8, len(indices), 0, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int8Traits.CastToBytes(indices))})
		return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, idx, dict)
	}
	nan := math.NaN()
	for _, tt := range []struct {
		name      string
		got, want arrow.Array
		err       string
	}{
		{"under a null", floats(0b101, 1, 99, 3), floats(0b101, 1, 0, 3), ""},
		{"NaN", floats(0b111, 1, nan, 3), floats(0b111, 1, nan, 3), ""},
		{"NaN and under a null", floats(0b101, nan, 99, nan), floats(0b101, nan, 0, nan), ""},
		{"not NaN", floats(0b111, nan, 2, 4), floats(0b111, nan, 2, 3), "row 2: received 4, want 3"},
		{"beyond the last row", floats(0b11111101, 1, 2), floats(0b01, 1, 2), ""},
		{"another dictionary", encoded([]int8{0, 1}, "x", "y"), encoded([]int8{1, 0}, "y", "x"), ""},
		{"another value", encoded([]int8{0, 1}, "x", "z"), encoded([]int8{1, 0}, "y", "x"), `row 1: received "z", want "y"`},
		{"index out of range", encoded([]int8{0, 5}, "x", "z"), encoded([]int8{1, 0}, "y", "x"), `row 1: received index 5 beyond the dictionary, want "y"`},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: tt.want.DataType()}}, nil)
		rec := func(a arrow.Array) arrow.RecordBatch {
			return array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))
		}
		set := &Set{Schema: schema, Batches: []Batch{{Record: rec(tt.want)}}}
		err := set.Verify(0, rec(tt.got))
		if tt.err != "" {
			wantError(t, err, tt.err)
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestVerifyAllocates(t *testing.T) {
	for _, name := range generated {
		s := must(Parse(name))
		s.Rows, s.Distinct = 1000, 1
		a, b := generate(t, s, memory.NewGoAllocator()), generate(t, s, memory.NewGoAllocator())
		rec := array.NewRecordBatch(a.Schema, b.Batches[0].Record.Columns(), 1000) // comparing schemas may allocate
		if n := testing.AllocsPerRun(10, func() {
			if err := a.Verify(0, rec); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: Verify allocates %v times", name, n)
		}
	}
}
