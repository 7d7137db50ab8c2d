package wire

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// What goes out is a BytesValue, and what comes in is counted as one.
func TestOpaqueIsABytesValue(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152} {
		want, err := proto.Marshal(wrapperspb.Bytes(bytes.Repeat([]byte{9}, n)))
		if err != nil {
			t.Fatal(err)
		}
		m := &Opaque{Bytes: bytes.Repeat([]byte{9}, n)}
		pieces, size := m.Segments(nil)
		if got := bytes.Join(pieces, nil); !bytes.Equal(got, want) || size != len(want) {
			t.Errorf("%d bytes: Segments make another message than protobuf", n)
		}
		sent, err := Codec{}.Marshal(m)
		if err != nil || !bytes.Equal(sent.Materialize(), want) {
			t.Errorf("%d bytes: the codec makes another message than protobuf (%v)", n, err)
		}
		if got := opaqueBytes(len(want)); got != int64(n) {
			t.Errorf("%d bytes are counted as %d", n, got)
		}
	}
}

// A kept message goes back as it came, by sinks and by the codec.
func TestOpaqueReturns(t *testing.T) {
	came := bytes.Repeat([]byte{1, 2, 3}, 1000)
	for _, keep := range []bool{false, true} {
		m := &Opaque{Keep: keep}
		s := m.NewSink()
		if err := s.Reset(len(came)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(came[:10]); err != nil {
			t.Fatal(err)
		}
		n := copy(s.Direct(), came[10:])
		if s.Advance(n); !keep {
			if n != 0 {
				t.Fatal("a counting sink offers memory")
			}
			if _, err := s.Write(came[10:]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Write([]byte{0}); err == nil {
			t.Error("a byte more than the message has is no error")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		m.Take(s)
		m.echo = true
		if pieces, _ := m.Segments(nil); keep && !bytes.Equal(bytes.Join(pieces, nil), came) {
			t.Error("another message goes back by sinks")
		}
		m.Release()

		if err := (Codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(came)}, m); err != nil {
			t.Fatal(err)
		}
		if back, _ := (Codec{}).Marshal(m); keep && !bytes.Equal(back.Materialize(), came) {
			t.Error("another message goes back by the codec")
		}
		if m.cur.size != len(came) {
			t.Errorf("%d bytes are counted as %d", len(came), m.cur.size)
		}
		m.Release()
	}
	short := (&Opaque{}).NewSink()
	if err := short.Reset(2); err != nil || short.Close() == nil {
		t.Error("a message that ends too early is no error")
	}
}
