package workloads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// formats write record batches as a file.
var formats = map[string]func(t testing.TB, schema *arrow.Schema, recs []arrow.RecordBatch) []byte{
	"file": func(t testing.TB, schema *arrow.Schema, recs []arrow.RecordBatch) []byte {
		var buf bytes.Buffer
		w := must(ipc.NewFileWriter(&buf, ipc.WithSchema(schema), ipc.WithLZ4()))
		writeAll(t, w.Write, recs)
		w.Close()
		return buf.Bytes()
	},
	"stream": func(t testing.TB, schema *arrow.Schema, recs []arrow.RecordBatch) []byte {
		var buf bytes.Buffer
		w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
		writeAll(t, w.Write, recs)
		w.Close()
		return buf.Bytes()
	},
	"parquet": func(t testing.TB, schema *arrow.Schema, recs []arrow.RecordBatch) []byte {
		var buf bytes.Buffer
		w := must(pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd)),
			pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())))
		writeAll(t, w.Write, recs)
		w.Close()
		return buf.Bytes()
	},
}

func writeAll(t testing.TB, write func(arrow.RecordBatch) error, recs []arrow.RecordBatch) {
	for _, r := range recs {
		if err := write(r); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func records(s *Set) (out []arrow.RecordBatch) {
	for _, b := range s.Batches {
		out = append(out, b.Record)
	}
	return out
}

func TestFile(t *testing.T) {
	for format, write := range formats {
		for _, name := range generated {
			t.Run(format+"/"+name, func(t *testing.T) {
				gen := must(Parse(name))
				gen.Rows, gen.Distinct = 1000, 3
				src := generate(t, gen, memory.NewGoAllocator())
				path := writeFile(t, write(t, src.Schema, records(src)))
				all := must(join(src.Schema, records(src), memory.NewGoAllocator()))

				for _, tt := range []struct {
					rows, bytes int64
					distinct    int
					want        []int64 // rows of the batches
				}{
					{want: []int64{1000, 1000, 1000}},
					{distinct: 2, want: []int64{1000, 1000}},
					{rows: 1000, want: []int64{1000, 1000, 1000}},
					{rows: 700, want: []int64{700, 700, 700, 700, 200}},
					{rows: 700, distinct: 3, want: []int64{700, 700, 700}},
					{rows: 1500, want: []int64{1500, 1500}},
					{rows: 65536, want: []int64{3000}},
					{bytes: src.Batches[0].LogicalBytes / 2},
				} {
					mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
					s := must(Parse("file:" + path))
					s.Rows, s.BatchBytes, s.Distinct = tt.rows, tt.bytes, tt.distinct
					if format == "parquet" && tt.rows+tt.bytes == 0 { // has no batches
						if s.Distinct > 0 {
							continue
						}
						tt.want = []int64{3000}
					}
					set := generate(t, s, mem)
					checkFileSet(t, set, all, tt.want)
					again := generate(t, set.Spec, mem)
					if again.Spec != set.Spec || len(again.Batches) != len(set.Batches) {
						t.Errorf("%+v resolves to %+v and then to %+v", s, set.Spec, again.Spec)
					}
					again.Release()
					set.Release()
					mem.AssertSize(t, 0)
				}
			})
		}
	}
}

// checkFileSet compares the batches with the rows of all.
func checkFileSet(t *testing.T, set *Set, all arrow.RecordBatch, want []int64) {
	t.Helper()
	var got []int64
	at := int64(0)
	for i, b := range set.Batches {
		got = append(got, b.Rows)
		expect := all.NewSlice(at, at+b.Rows)
		at += b.Rows
		for c, col := range b.Record.Columns() {
			if err := array.ValidateFull(col); err != nil {
				t.Errorf("batch %d column %d: %v", i, c, err)
			}
			if d := firstDifference(col, expect.Column(c)); col.Len() != expect.Column(c).Len() || d >= 0 {
				t.Errorf("batch %d column %d differs in row %d", i, c, d)
			}
		}
		if b.BodyBytes < b.LogicalBytes {
			t.Errorf("batch %d: %d logical in %d body bytes", i, b.LogicalBytes, b.BodyBytes)
		}
		if err := set.Verify(int64(i), b.Record); err != nil {
			t.Error(err)
		}
		for c, f := range set.Schema.Fields() {
			if f.Type.ID() == arrow.DICTIONARY && !sameDictionary(set.Batches[0].Record.Column(c).Data(), b.Record.Column(c).Data()) {
				t.Errorf("batch %d column %d has a dictionary of its own", i, c)
			}
		}
	}
	if want == nil && (len(got) < 5 || len(got) > 8 || at != all.NumRows()) {
		t.Errorf("batches of %v rows, want about six of 500", got)
	}
	if want != nil && fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("batches of %v rows, want %v", got, want)
	}
}

// TestFileDictionaries: a stream that replaces its dictionary becomes a set with
// one.
func TestFileDictionaries(t *testing.T) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "d", Type: dt}, {Name: "l", Type: arrow.ListOf(dt)}}, nil)
	var recs []arrow.RecordBatch
	for _, json := range []string{
		`[{"d":"a","l":["x"]},{"d":"b","l":[]}]`,
		`[{"d":"c","l":["y","x"]},{"d":"a","l":["z"]}]`,
	} {
		rec, _, err := array.RecordFromJSON(memory.NewGoAllocator(), schema, strings.NewReader(json))
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	path := writeFile(t, formats["stream"](t, schema, recs))
	for _, rows := range []int64{0, 3} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		s := must(Parse("file:" + path))
		s.Rows = rows
		set := generate(t, s, mem)
		var got []string
		for _, b := range set.Batches {
			for i := range int(b.Rows) {
				got = append(got, b.Record.Column(0).ValueStr(i)+b.Record.Column(1).ValueStr(i))
			}
			if !sameDictionary(set.Batches[0].Record.Column(0).Data(), b.Record.Column(0).Data()) {
				t.Error("the batches don't share a dictionary")
			}
		}
		if want := `[a["x"] b[] c["y","x"] a["z"]]`; fmt.Sprint(got) != want {
			t.Errorf("%v, want %v", got, want)
		}
		set.Release()
		mem.AssertSize(t, 0)
	}
}

func TestFileErrors(t *testing.T) {
	gen := Default()
	gen.Rows, gen.Distinct = 10, 2
	src := generate(t, gen, memory.NewGoAllocator())
	good := formats["file"](t, src.Schema, records(src))
	empty := formats["stream"](t, src.Schema, nil)
	for _, tt := range []struct {
		name    string
		content []byte
		change  func(*Spec)
		err     string
	}{
		{"no content", nil, nil, "it is empty"},
		{"text", []byte("a,b,c\n1,2,3\n"), nil, `neither an Arrow IPC file, nor an IPC stream, nor Parquet: it begins with "a,b,c\n1,"`},
		{"short", []byte("P"), nil, "neither an Arrow IPC file"},
		{"only magic", []byte("ARROW1\x00\x00"), nil, "read IPC file"},
		{"only magic", []byte("PAR1"), nil, "read Parquet"},
		{"only a marker", []byte("\xff\xff\xff\xff"), nil, "read IPC stream"},
		{"cut", good[:len(good)-20], nil, "read IPC file"},
		{"no rows", empty, nil, "it holds no rows"},
		{"distinct", good, func(s *Spec) { s.Distinct = 3 }, "distinct 3: the file has 2 batches"},
		{"small", good, func(s *Spec) { s.BatchBytes = 31 }, "batch bytes 31: one row takes about 32"},
	} {
		path := writeFile(t, tt.content)
		s := must(Parse("file:" + path))
		if tt.change != nil {
			tt.change(&s)
		}
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		_, err := Generate(t.Context(), s, mem)
		wantError(t, err, tt.err)
		wantError(t, err, path)
		mem.AssertSize(t, 0)
	}
	_, err := Generate(t.Context(), must(Parse("file:/does/not/exist")), memory.NewGoAllocator())
	if wantError(t, err, "/does/not/exist"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v hides that the file does not exist", err)
	}
	_, err = Generate(t.Context(), must(Parse("file:"+t.TempDir())), memory.NewGoAllocator())
	wantError(t, err, "not a regular file")
}

// TestFileDamaged: a file that was cut or changed anywhere is an error or some
// set, never a panic.
func TestFileDamaged(t *testing.T) {
	gen := must(Parse(Dict))
	gen.Rows, gen.Distinct = 20, 2
	for format, write := range formats {
		src := generate(t, gen, memory.NewGoAllocator())
		good := write(t, src.Schema, records(src))
		path := filepath.Join(t.TempDir(), "data")
		s := must(Parse("file:" + path))
		try := func(b []byte) {
			os.WriteFile(path, b, 0o600)
			set, err := Generate(context.Background(), s, memory.NewGoAllocator())
			if err != nil {
				oneLiner(t, err)
				return
			}
			set.Release()
		}
		step := max(1, len(good)/150)
		for i := 0; i < len(good); i += step {
			try(good[:i])
			bad := bytes.Clone(good)
			bad[i] ^= 0x55
			try(bad)
		}
		t.Log(format, len(good))
	}
}
