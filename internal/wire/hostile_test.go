package wire

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hostileBatch is a batch message for the schema of one int64 column.
type hostileBatch struct {
	rows    int64
	nodes   [][2]int64
	spans   []span
	codec   int8
	bodyLen int64
	body    []byte
}

func TestHostileBatches(t *testing.T) {
	mem := memory.DefaultAllocator
	var preamble pipe
	_ = NewWriter(&preamble, prepare(t, GRPC, mem, Compression{}, intRecord(mem, 1, 8))).Begin(nil)
	body := make([]byte, 64)
	claim := func(n int64) []byte {
		b := append([]byte(nil), body...)
		binary.LittleEndian.PutUint64(b, uint64(n))
		return b
	}
	nodes := [][2]int64{{8, 0}}
	spans := []span{{0, 0}, {0, 64}}
	for name, c := range map[string]struct {
		hostileBatch
		want string
	}{
		"ok":                  {hostileBatch{8, nodes, spans, codecNone, 64, body}, ""},
		"body cut":            {hostileBatch{8, nodes, spans, codecNone, 64, body[:63]}, "the header states a body of 64 bytes, but 63 came"},
		"buffer outside":      {hostileBatch{8, nodes, []span{{0, 0}, {8, 64}}, codecNone, 64, body}, "buffer 1 at 8 of 64 bytes lies outside the body of 64 bytes"},
		"buffer wraps":        {hostileBatch{8, nodes, []span{{0, 0}, {1 << 62, 1 << 62}}, codecNone, 64, body}, "lies outside"},
		"negative offset":     {hostileBatch{8, nodes, []span{{0, 0}, {-8, 64}}, codecNone, 64, body}, "lies outside"},
		"negative body":       {hostileBatch{8, nodes, spans, codecNone, -64, body}, "negative body length -64"},
		"too few nodes":       {hostileBatch{8, nil, spans, codecNone, 64, body}, "the batch has only 0 field nodes"},
		"too few buffers":     {hostileBatch{8, nodes, spans[:1], codecNone, 64, body}, "the batch has only 1 buffers"},
		"short buffer":        {hostileBatch{9, [][2]int64{{9, 0}}, spans, codecNone, 64, body}, "9 values of 8 bytes exceed the body of 64"},
		"rows and values":     {hostileBatch{7, nodes, spans, codecNone, 64, body}, "column c0 has 8 values instead of 7"},
		"huge length":         {hostileBatch{1 << 62, [][2]int64{{1 << 62, 0}}, spans, codecNone, 64, body}, "4611686018427387904 rows exceed the limit"},
		"huge node":           {hostileBatch{8, [][2]int64{{1 << 62, 0}}, spans, codecNone, 64, body}, "4611686018427387904 values"},
		"negative length":     {hostileBatch{-1, nodes, spans, codecNone, 64, body}, "negative length -1"},
		"nulls over length":   {hostileBatch{8, [][2]int64{{8, 9}}, spans, codecNone, 64, body}, "9 nulls among 8 values"},
		"no bitmap":           {hostileBatch{8, [][2]int64{{8, 1}}, spans, codecNone, 64, body}, "a validity bitmap of 0 bytes for 8 values with 1 nulls"},
		"unknown codec":       {hostileBatch{8, nodes, spans, 2, 64, body}, "unknown compression (codec 2, method 0)"},
		"no room for length":  {hostileBatch{8, nodes, []span{{0, 0}, {0, 7}}, codecLZ4, 64, body}, "has no room for its length"},
		"bomb":                {hostileBatch{8, nodes, spans, codecZSTD, 64, claim(1 << 40)}, "claims to be 1099511627776"},
		"bomb in the ratio":   {hostileBatch{8, nodes, spans, codecZSTD, 64, claim(1 << 20)}, "exceed the limit of 65536"},
		"negative claim":      {hostileBatch{8, nodes, spans, codecZSTD, 64, claim(-2)}, "a compressed buffer claims -2 bytes"},
		"no frame":            {hostileBatch{8, nodes, spans, codecLZ4, 64, claim(64)}, "lz4: no frame at the start"},
		"zero claim":          {hostileBatch{8, nodes, spans, codecLZ4, 64, claim(0)}, "column c0: 0 bytes for 8 values, which take 64"},
		"no zstd frame":       {hostileBatch{8, nodes, spans, codecZSTD, 64, claim(64)}, "zstd: "},
		"many small overlaps": {hostileBatch{8, nodes, overlaps(2000), codecLZ4, 64, claim(64)}, "exceed the limit of 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			h := c.hostileBatch
			e := encoded{header: batchHeader(h.rows, h.nodes, h.spans, nil, h.codec, h.bodyLen, nil, arrow.Metadata{}), pieces: [][]byte{h.body}, sizes: Sizes{Body: int64(len(h.body))}}
			msg := preamble
			_ = msg.SendMsg(&outgoing{msg: &e})
			r := NewReaderLimits(&msg, GRPC, Batch, mem, Limits{Inflated: 1 << 16})
			defer r.Close()
			if c.want != "" {
				wantError(t, r, c.want)
				if _, err := r.Next(); status.Code(err) != codes.Internal || !strings.HasPrefix(err.Error(), "message 2: ") {
					t.Errorf("the error afterwards is %v", err)
				}
				return
			}
			drain(t, r, nil)
		})
	}
}

func overlaps(n int) []span {
	s := make([]span, n)
	for i := range s {
		s[i] = span{0, 64}
	}
	return s
}

// TestHostileSchemas sends schemas whose tables are referred to over and over,
// which would grow without bound when decoded.
func TestHostileSchemas(t *testing.T) {
	field := func(b *flatbuffers.Builder, name, typ flatbuffers.UOffsetT, kind byte, kids flatbuffers.UOffsetT) flatbuffers.UOffsetT {
		b.StartObject(7)
		b.PrependUOffsetTSlot(0, name, 0)
		b.PrependByteSlot(2, kind, 0)
		b.PrependUOffsetTSlot(3, typ, 0)
		b.PrependUOffsetTSlot(5, kids, 0)
		return b.EndObject()
	}
	vector := func(b *flatbuffers.Builder, of flatbuffers.UOffsetT, n int) flatbuffers.UOffsetT {
		all := make([]flatbuffers.UOffsetT, n)
		for i := range all {
			all[i] = of
		}
		return b.CreateVectorOfTables(all)
	}
	schema := func(build func(b *flatbuffers.Builder, name, typ flatbuffers.UOffsetT) flatbuffers.UOffsetT) []byte {
		b := flatbuffers.NewBuilder(0)
		name := b.CreateString(strings.Repeat("n", 1000))
		b.StartObject(0)
		typ := b.EndObject()
		fields := build(b, name, typ)
		b.StartObject(4)
		b.PrependUOffsetTSlot(1, fields, 0)
		return message(b, headerSchema, b.EndObject(), 0, arrow.Metadata{})
	}
	const typeNull, typeStruct = 1, 13
	for name, c := range map[string]struct {
		header []byte
		want   string
	}{
		"doubling children": {schema(func(b *flatbuffers.Builder, name, typ flatbuffers.UOffsetT) flatbuffers.UOffsetT {
			f := field(b, name, typ, typeNull, 0)
			for range 40 {
				f = field(b, name, typ, typeStruct, vector(b, f, 2))
			}
			return vector(b, f, 1)
		}), "more fields and metadata than its size can hold"},
		"one name for all": {schema(func(b *flatbuffers.Builder, name, typ flatbuffers.UOffsetT) flatbuffers.UOffsetT {
			return vector(b, field(b, name, typ, typeNull, 0), 300)
		}), "more fields and metadata than its size can hold"},
		"too deep": {schema(func(b *flatbuffers.Builder, _, typ flatbuffers.UOffsetT) flatbuffers.UOffsetT {
			name := b.CreateString("n")
			f := field(b, name, typ, typeNull, 0)
			for range 70 {
				f = field(b, name, typ, typeStruct, vector(b, f, 1))
			}
			return vector(b, f, 1)
		}), "types nested deeper than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range []Level{Count, Batch} {
				var msg pipe
				_ = msg.SendMsg(&outgoing{msg: &encoded{header: c.header}})
				r := NewReader(&msg, GRPC, level, memory.DefaultAllocator)
				wantError(t, r, "message 1: schema: ")
				r.Close()
				msg = pipe{}
				_ = msg.SendMsg(&outgoing{msg: &encoded{header: c.header}})
				r = NewReader(&msg, Stock, level, memory.DefaultAllocator)
				wantError(t, r, c.want)
				r.Close()
			}
		})
	}
}

func TestOutOfOrder(t *testing.T) {
	mem := memory.DefaultAllocator
	var out pipe
	w := NewWriter(&out, prepare(t, GRPC, mem, Compression{}, intRecord(mem, 1, 8)))
	_ = w.Begin(nil)
	if _, err := w.Write(0, nil); err != nil {
		t.Fatal(err)
	}
	for _, tr := range []Transport{GRPC, Stock} {
		for _, level := range []Level{Count, Batch} {
			r := NewReader(&pipe{msgs: out.msgs[1:]}, tr, level, mem)
			wantError(t, r, "message 1: a batch before the schema")
			r.Close()
			r = NewReader(&pipe{msgs: [][]byte{out.msgs[0], out.msgs[0]}}, tr, level, mem)
			wantError(t, r, "message 2: a second schema")
			r.Close()
		}
	}
}

func TestPrepareErrors(t *testing.T) {
	mem := memory.DefaultAllocator
	a, b := intRecord(mem, 1, 8), intRecord(mem, 2, 8)
	for want, f := range map[string]func() (*Prepared, error){
		"batch 1: its schema is not that of the stream": func() (*Prepared, error) {
			return Prepare(GRPC, a.Schema(), []arrow.RecordBatch{a, b}, Compression{}, mem)
		},
		"precision 10 and scale 127 of a decimal": func() (*Prepared, error) {
			odd := arrow.NewSchema([]arrow.Field{{Name: "d", Type: &arrow.Decimal128Type{Precision: 10, Scale: 127}}}, nil)
			return Prepare(GRPC, odd, []arrow.RecordBatch{a}, Compression{}, mem)
		},
		"no record batches":                 func() (*Prepared, error) { return Prepare(GRPC, a.Schema(), nil, Compression{}, mem) },
		"unknown transport \"x\"":           func() (*Prepared, error) { return Prepare("x", a.Schema(), nil, Compression{}, mem) },
		"unknown compression \"x\"":         func() (*Prepared, error) { return Prepare(GRPC, a.Schema(), nil, Compression{Name: "x"}, mem) },
		"transport stock can't set a level": func() (*Prepared, error) { return Prepare(Stock, a.Schema(), nil, Compression{LZ4, 3}, mem) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
