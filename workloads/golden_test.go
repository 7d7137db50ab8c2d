package workloads

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"hash"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var update = flag.Bool("update", false, "write golden files")

// TestGolden pins the content of every generated workload: a change of a digest
// means that results before and after it are of different data.
func TestGolden(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the digests are of little-endian buffers")
	}
	var out strings.Builder
	for _, name := range generated {
		for _, entropy := range []float64{1, 0.3, 0} {
			s := must(Parse(name))
			s.Rows, s.Entropy, s.Distinct, s.Seed = 1000, entropy, 3, 42
			set, err := Generate(t.Context(), s, memory.NewGoAllocator())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s entropy=%v %x\n", s, entropy, digest(set))
			set.Release()
		}
	}
	const path = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("generated content has changed (-update accepts it):\n%swant:\n%s", out.String(), want)
	}
}

// generated lists the workloads but file, as Parse reads them.
var generated = []string{Perf, Lineitem, "wide:20", Strings, Dict, Nested, Nulls}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func generate(t *testing.T, s Spec, mem memory.Allocator) *Set {
	t.Helper()
	set, err := Generate(context.Background(), s, mem)
	if err != nil {
		t.Fatalf("Generate(%+v): %v", s, err)
	}
	return set
}

// digest covers schema, sizes, and all buffers with those of dictionaries.
func digest(s *Set) []byte {
	h := sha256.New()
	fmt.Fprintln(h, s.Schema)
	for _, b := range s.Batches {
		fmt.Fprintln(h, b.Rows, b.LogicalBytes, b.BodyBytes)
		for _, c := range b.Record.Columns() {
			digestData(h, c.Data())
		}
	}
	return h.Sum(nil)
}

func digestData(h hash.Hash, d arrow.ArrayData) {
	fmt.Fprintln(h, d.DataType(), d.Len(), d.NullN())
	for _, b := range d.Buffers() {
		if b == nil {
			fmt.Fprintln(h, "none")
			continue
		}
		fmt.Fprintln(h, b.Len())
		h.Write(b.Bytes())
	}
	for _, c := range d.Children() {
		digestData(h, c)
	}
	if d.DataType().ID() == arrow.DICTIONARY {
		digestData(h, d.Dictionary())
	}
}
