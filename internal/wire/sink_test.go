package wire

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// layoutStream is the messages of a stream with every layout, some
// application metadata and a descriptor.
func layoutStream(tb testing.TB, c Compression) [][]byte {
	var out pipe
	w := NewWriter(&out, prepare(tb, GRPC, memory.DefaultAllocator, c, layoutRecord(tb, memory.DefaultAllocator, layoutCases())))
	if err := w.Begin(&flight.FlightDescriptor{Path: []string{"a", "b"}}); err != nil {
		tb.Fatal(err)
	}
	for i := range int64(2) {
		if _, err := w.Write(i, []byte("app")); err != nil {
			tb.Fatal(err)
		}
	}
	_ = out.SendMsg(&flight.FlightData{AppMetadata: []byte("alone")})
	return out.msgs
}

// feedFrames gives b to m as grpc-go's frames of the given size.
func feedFrames(m *incoming, b []byte, piece int) {
	var data mem.BufferSlice
	for len(b) > 0 {
		n := min(piece, len(b))
		data = append(data, mem.SliceBuffer(b[:n]))
		b = b[n:]
	}
	_ = Codec{}.Unmarshal(data, m)
}

// digest is all a reader tells about a stream.
func digest(tb testing.TB, r *Reader) (out []string) {
	drain(tb, r, func(ev *Event) {
		s := fmt.Sprintf("%s %+v %s %q %q", ev.Kind, ev.Sizes, ev.Codec, ev.AppMetadata, ev.Descriptor.GetPath())
		if ev.Kind == KindBatch && r.level == Batch {
			rec, err := r.Record()
			if err != nil {
				tb.Fatal(err)
			}
			s += fmt.Sprint(rec)
			rec.Release()
		}
		out = append(out, s)
	})
	return out
}

func TestSplits(t *testing.T) {
	for _, c := range codecs[:3] {
		msgs := layoutStream(t, c)
		for _, level := range []Level{Count, Batch} {
			whole := NewReader(&pipe{msgs: msgs}, GRPC, level, memory.DefaultAllocator)
			want := digest(t, whole)
			whole.Close()
			for _, piece := range []int{1, 2, 3, 5, 7, 64, 1000} {
				for name, feed := range map[string]func(*incoming, []byte, int){"sink": feedSink, "frames": feedFrames} {
					r := NewReader(&pipe{msgs: msgs, feed: func(m *incoming, b []byte) { feed(m, b, piece) }}, GRPC, level, memory.DefaultAllocator)
					if got := digest(t, r); !reflect.DeepEqual(got, want) {
						t.Errorf("%s at %s in pieces of %d by %s:\n%s\nwant\n%s", c, level, piece, name, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
					r.Close()
				}
			}
		}
	}
}

func TestEchoKeepsBytes(t *testing.T) {
	msgs := layoutStream(t, Compression{Name: LZ4})
	want := NewReader(&pipe{msgs: msgs}, GRPC, Count, memory.DefaultAllocator)
	events := digest(t, want)
	for name, feed := range map[string]func(*incoming, []byte, int){"sink": feedSink, "frames": feedFrames} {
		in := &pipe{msgs: msgs, feed: func(m *incoming, b []byte) { feed(m, b, 1000) }}
		s := &twoPipes{in: in}
		n := 0
		err := Echo(s, GRPC, func(ev *Event) {
			got := fmt.Sprintf("%s %+v %s %q %q", ev.Kind, ev.Sizes, ev.Codec, ev.AppMetadata, ev.Descriptor.GetPath())
			if got != events[n] {
				t.Errorf("%s: event %s, not %s", name, got, events[n])
			}
			n++
		})
		if err != nil || !reflect.DeepEqual(s.out.msgs, msgs) {
			t.Errorf("%s: the echo differs (%v)", name, err)
		}
	}
}

type twoPipes struct {
	in  *pipe
	out pipe
}

func (p *twoPipes) RecvMsg(m any) error { return p.in.RecvMsg(m) }
func (p *twoPipes) SendMsg(m any) error { return p.out.SendMsg(m) }

// TestFieldOrder sends legal protobuf that no known peer writes: the body
// before the header, unknown fields, and fields that come twice.
func TestFieldOrder(t *testing.T) {
	for _, c := range codecs[:3] {
		rec := intRecord(memory.DefaultAllocator, 2, 3)
		p := prepare(t, GRPC, memory.DefaultAllocator, c, rec)
		var out pipe
		if err := NewWriter(&out, p).Begin(nil); err != nil {
			t.Fatal(err)
		}
		e := p.batches[0]
		var body []byte
		for _, b := range e.pieces {
			body = append(body, b...)
		}
		bytesField := func(b []byte, num protowire.Number, v []byte) []byte {
			return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
		var m []byte
		m = bytesField(m, fieldBody, []byte("not this one"))
		m = bytesField(m, 77, []byte("unknown"))
		m = protowire.AppendVarint(protowire.AppendTag(m, 78, protowire.VarintType), 1<<63)
		m = protowire.AppendFixed64(protowire.AppendTag(m, 79, protowire.Fixed64Type), 1)
		m = protowire.AppendFixed32(protowire.AppendTag(m, 80, protowire.Fixed32Type), 1)
		m = bytesField(m, fieldBody, body)
		m = bytesField(m, fieldAppMetadata, []byte("first"))
		m = bytesField(m, fieldAppMetadata, []byte("second"))
		m = bytesField(m, fieldHeader, []byte("first"))
		m = bytesField(m, fieldHeader, e.header)
		for _, level := range []Level{Count, Batch} {
			for _, piece := range []int{1, 1 << 20} {
				r := NewReader(&pipe{msgs: [][]byte{out.msgs[0], m}, feed: func(m *incoming, b []byte) { feedSink(m, b, piece) }}, GRPC, level, memory.DefaultAllocator)
				n := 0
				drain(t, r, func(ev *Event) {
					if ev.Kind != KindBatch {
						return
					}
					n++
					if ev.Sizes != e.sizes || string(ev.AppMetadata) != "second" {
						t.Errorf("%s: got %+v %q, want %+v", c, ev.Sizes, ev.AppMetadata, e.sizes)
					}
					if level == Batch {
						got, err := r.Record()
						if err != nil {
							t.Fatal(err)
						}
						mustEqual(t, got, rec)
						got.Release()
					}
				})
				r.Close()
				if n != 1 {
					t.Errorf("%d batches", n)
				}
			}
		}
	}
}

// TestMisaligned moves the buffers of a body to odd places.
func TestMisaligned(t *testing.T) {
	rec := layoutRecord(t, memory.DefaultAllocator, layoutCases())
	p := prepare(t, GRPC, memory.DefaultAllocator, Compression{}, rec)
	var out pipe
	w := NewWriter(&out, p)
	_ = w.Begin(nil)
	if _, err := w.Write(0, nil); err != nil {
		t.Fatal(err)
	}
	e := *p.batches[0]
	var h head
	if err := parseHead(e.header, &h); err != nil {
		t.Fatal(err)
	}
	var flat, body []byte
	for _, b := range e.pieces {
		flat = append(flat, b...)
	}
	spans := make([]span, h.numBuffers())
	nodes := make([][2]int64, h.numNodes())
	variadic := make([]int64, h.numVariadic())
	for i := range spans {
		off, n := h.buffer(i)
		body = append(body, make([]byte, 1+i%3)...)
		spans[i] = span{int64(len(body)), n}
		body = append(body, flat[off:off+n]...)
	}
	for i := range nodes {
		nodes[i][0], nodes[i][1] = h.node(i)
	}
	for i := range variadic {
		variadic[i] = h.variadicCount(i)
	}
	e.header = batchHeader(h.length, nodes, spans, variadic, codecNone, int64(len(body)), nil, arrow.Metadata{})
	e.pieces, e.sizes.Body = [][]byte{body}, int64(len(body))
	last := len(out.msgs) - 1
	out.msgs = out.msgs[:last]
	_ = out.SendMsg(&outgoing{p: p, msg: &e})
	r := NewReader(&out, GRPC, Batch, memory.DefaultAllocator)
	defer r.Close()
	drain(t, r, func(ev *Event) {
		if ev.Kind != KindBatch {
			return
		}
		if ev.Realigned == 0 {
			t.Error("nothing was realigned")
		}
		got, err := r.Record()
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, got, rec)
		got.Release()
	})
}
