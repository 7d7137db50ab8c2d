package wire

import (
	"fmt"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// tight limits keep what a fuzzed message may ask for small.
var tight = Limits{Inflated: 4 << 20, Rows: 1 << 12}

// touch reads every value of the array.
func touch(a arrow.Array) {
	for i := range min(a.Len(), 1<<12) {
		if !a.IsNull(i) {
			_ = a.ValueStr(i)
		}
	}
}

// FuzzFlightData feeds arbitrary bytes to the parser, whole and split: both
// must come to the same end at each level.
func FuzzFlightData(f *testing.F) {
	for _, c := range codecs[:3] {
		for _, m := range layoutStream(f, c) {
			f.Add(m, uint16(1))
			f.Add(m, uint16(1000))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint16) {
		var logical [3]int64
		var failed [3]bool
		for i, feed := range []func(*incoming){
			func(m *incoming) { feedSink(m, b, len(b)) },
			func(m *incoming) { feedSink(m, b, 1+int(piece)) },
			func(m *incoming) { feedFrames(m, b, 1+int(piece)) },
		} {
			m := newIncoming(SharedPool(), mode(i%2))
			feed(m)
			logical[i], failed[i] = m.cur.logical, m.cur.err != nil
			m.release()
		}
		if failed[0] != failed[1] || failed[0] != failed[2] || !failed[0] && (logical[0] != logical[1] || logical[0] != logical[2]) {
			t.Errorf("whole and split differ: %v %v", failed, logical)
		}
	})
}

// FuzzHead reads arbitrary bytes as an IPC header, and as a schema where it says so.
func FuzzHead(f *testing.F) {
	for _, c := range codecs[:2] {
		p := prepare(f, GRPC, memory.DefaultAllocator, c, layoutRecord(f, memory.DefaultAllocator, layoutCases()))
		f.Add(p.header)
		f.Add(p.batches[0].header)
		f.Add(p.dicts[0].header)
	}
	for _, c := range layoutCases() {
		header, _, err := encodeSchema(arrow.NewSchema([]arrow.Field{{Name: "a", Type: c.typ, Nullable: true, Metadata: arrow.NewMetadata([]string{"k"}, []string{"v"})}}, nil), memory.DefaultAllocator)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h head
		if parseHead(b, &h) != nil {
			return
		}
		for i := range h.numNodes() {
			h.node(i)
		}
		_, _ = h.customMetadata()
		if h.kind != headerSchema {
			return
		}
		schema, fields, err := decodeSchema(b, &h, memory.DefaultAllocator)
		if err != nil {
			return
		}
		_ = schema.String()
		slots := &dictionaries{byID: map[int64]*dictionary{}}
		for _, fl := range fields {
			_, _ = newColumn(fl, slots)
		}
	})
}

// FuzzBatch gives a fuzzed dictionary or record batch to a stream that began
// well, and reads all values of what is accepted.
func FuzzBatch(f *testing.F) {
	cases := layoutCases()
	var preambles [][][]byte // of each case, with the batch as the last message
	for i, c := range cases {
		var out pipe
		p := prepare(f, GRPC, memory.DefaultAllocator, Compression{}, layoutRecord(f, memory.DefaultAllocator, cases[i:i+1]))
		w := NewWriter(&out, p)
		_ = w.Begin(nil)
		if _, err := w.Write(0, nil); err != nil {
			f.Fatal(c.name, err)
		}
		preambles = append(preambles, out.msgs[:len(out.msgs)-1])
		for _, comp := range codecs[:3] {
			p := prepare(f, GRPC, memory.DefaultAllocator, comp, layoutRecord(f, memory.DefaultAllocator, cases[i:i+1]))
			for _, e := range append(p.batches, p.dicts...) {
				var body []byte
				for _, b := range e.pieces {
					body = append(body, b...)
				}
				f.Add(uint8(i), e.header, body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, header, body []byte) {
		msgs := append([][]byte(nil), preambles[int(which)%len(cases)]...)
		msg := &encoded{header: header, pieces: [][]byte{body}, sizes: Sizes{Body: int64(len(body))}}
		plain := pipe{}
		_ = plain.SendMsg(&outgoing{msg: msg})
		msgs = append(msgs, plain.msgs[0], plain.msgs[0])
		r := NewReaderLimits(&pipe{msgs: msgs}, GRPC, Batch, memory.DefaultAllocator, tight)
		defer r.Close()
		for {
			ev, err := r.Next()
			if err != nil {
				return
			}
			if ev.Kind != KindBatch {
				continue
			}
			rec, err := r.Record()
			if err != nil {
				return
			}
			for _, c := range rec.Columns() {
				touch(c)
				if d, ok := c.(*array.Dictionary); ok {
					touch(d.Dictionary())
				}
			}
			rec.Release()
		}
	})
}

// FuzzInflate decompresses arbitrary bytes.
func FuzzInflate(f *testing.F) {
	text := []byte(fmt.Sprint(layoutCases()))
	for _, name := range []string{LZ4, ZSTD} {
		c, codec, err := newCompressor(Compression{Name: name})
		if err != nil {
			f.Fatal(err)
		}
		b, err := c.compress(nil, text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(codec == codecZSTD, b, uint16(len(text)))
		c.close()
	}
	f.Fuzz(func(t *testing.T, zstd bool, src []byte, size uint16) {
		codec := int8(codecLZ4)
		if zstd {
			codec = codecZSTD
		}
		dst := make([]byte, size)
		first := inflate(codec, dst, src)
		if codec == codecLZ4 && first == nil {
			// the library's reader must agree
			again := make([]byte, size)
			if err := inflateLZ4Slow(again, src); err != nil && err != io.EOF {
				return // it checks the header checksum, too
			}
			if string(again) != string(dst) {
				t.Error("two lz4 decoders differ")
			}
		}
	})
}
