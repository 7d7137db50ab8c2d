package wire

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var mutations = flag.Int("mutations", 100, "mutated messages per layout and codec in TestMutations")

// TestMutations changes words of well-formed headers and bodies to values that
// break checks: a deterministic companion of FuzzBatch that knows where to hit.
func TestMutations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cases := layoutCases()
	accepted, refused := 0, 0
	for i := range cases {
		for _, comp := range codecs[:3] {
			p := prepare(t, GRPC, memory.DefaultAllocator, comp, layoutRecord(t, memory.DefaultAllocator, cases[i:i+1]))
			var out pipe
			w := NewWriter(&out, p)
			_ = w.Begin(nil)
			if _, err := w.Write(0, nil); err != nil {
				t.Fatal(err)
			}
			targets := append([]*encoded{{header: p.header}}, append(p.dicts, p.batches...)...)
			for range *mutations {
				k := rng.IntN(len(targets))
				e := encoded{header: append([]byte(nil), targets[k].header...)}
				var body []byte
				for _, b := range targets[k].pieces {
					body = append(body, b...)
				}
				for range 1 + rng.IntN(2) {
					if len(body) > 0 && rng.IntN(3) > 0 {
						mutate(rng, body)
					} else {
						mutate(rng, e.header)
					}
				}
				e.pieces, e.sizes.Body = [][]byte{body}, int64(len(body))
				var one pipe
				_ = one.SendMsg(&outgoing{msg: &e})
				msgs := append([][]byte(nil), out.msgs...)
				msgs[k] = one.msgs[0]
				if readTight(msgs) {
					accepted++
				} else {
					refused++
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
}

// mutate overwrites a few bytes of b.
func mutate(rng *rand.Rand, b []byte) {
	values := []uint64{0, 1, 2, 3, 7, 8, 10, 11, 63, 64, 127, 128, 255, 1 << 15, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1<<62 + 1, 1<<63 - 1, 1 << 63, 1<<64 - 1, 1<<64 - 2, rng.Uint64()}
	v := values[rng.IntN(len(values))]
	switch width := []int{1, 2, 4, 8}[rng.IntN(4)]; {
	case len(b) < 8 || width == 1:
		b[rng.IntN(len(b))] = byte(v)
	case width == 2:
		binary.LittleEndian.PutUint16(b[rng.IntN(len(b)/2)*2:], uint16(v))
	case width == 4:
		binary.LittleEndian.PutUint32(b[rng.IntN(len(b)/4)*4:], uint32(v))
	default:
		at := rng.IntN(len(b)/8) * 8
		if rng.IntN(2) == 0 { // small steps from what is there
			v = binary.LittleEndian.Uint64(b[at:]) + uint64(rng.IntN(17)-8)
		}
		binary.LittleEndian.PutUint64(b[at:], v)
	}
}

// readTight reads the stream under tight limits, with every value of its
// batches, and tells whether all of it was accepted.
func readTight(msgs [][]byte) bool {
	count := NewReaderLimits(&pipe{msgs: msgs}, GRPC, Count, memory.DefaultAllocator, tight)
	defer count.Close()
	for {
		if _, err := count.Next(); err != nil {
			break
		}
	}
	r := NewReaderLimits(&pipe{msgs: msgs}, GRPC, Batch, memory.DefaultAllocator, tight)
	defer r.Close()
	for {
		ev, err := r.Next()
		if err != nil {
			return false
		}
		if ev.Kind != KindBatch {
			continue
		}
		rec, err := r.Record()
		if err != nil {
			return false
		}
		defer rec.Release()
		for _, c := range rec.Columns() {
			touch(c)
			if d, ok := c.(*array.Dictionary); ok {
				touch(d.Dictionary())
			}
		}
		return true
	}
}
