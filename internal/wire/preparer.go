package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/grpc/mem"
)

// zeros pads buffers; nothing writes to it.
var zeros [alignment]byte

// coalesceBelow is the size up to which adjacent pieces of a body are put
// together, once, when it is prepared: bookkeeping per piece costs more than
// the bytes of a small one.
const coalesceBelow = 4 << 10

// preparer is the state of one Prepare.
type preparer struct {
	p      *Prepared
	fields []*field
	comp   *compressor
	codec  int8
	enc    encoder
	uses   []dictionaryUse
	last   map[int64]*encoded // the dictionary last encoded for an id
	lastOf map[int64]arrow.ArrayData
}

func (w *preparer) add(rec arrow.RecordBatch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.enc.release()
			err = fmt.Errorf("malformed array: %v", p)
		}
	}()
	if w.p.transport == Stock {
		// arrow-go computes unknown null counts when they are asked for, which
		// is a race once streams share the batch
		for _, c := range rec.Columns() {
			settleNulls(c)
		}
		sizes := Sizes{Rows: rec.NumRows()}
		w.p.batches = append(w.p.batches, &encoded{sizes: sizes})
		return nil
	}
	var needs []*encoded
	w.uses = w.uses[:0]
	for i, f := range w.fields {
		if w.uses, err = collect(f, rec.Column(i).Data(), w.uses); err != nil {
			return err
		}
	}
	for _, u := range w.uses {
		d, err := w.dictionary(u)
		if err != nil {
			return err
		}
		needs = append(needs, d)
	}
	w.enc.reset()
	for i, f := range w.fields {
		d := rec.Column(i).Data()
		w.enc.array(f, d, 0, d.Len())
	}
	var meta arrow.Metadata
	if m, ok := rec.(arrow.RecordBatchWithMetadata); ok {
		meta = m.Metadata()
	}
	e, err := w.finish(rec.NumRows(), nil, meta)
	if err != nil {
		return err
	}
	e.sizes.Rows = rec.NumRows()
	e.needs = needs
	w.p.batches = append(w.p.batches, e)
	return nil
}

// dictionary returns the message for u: the one made before if the values are
// the same.
func (w *preparer) dictionary(u dictionaryUse) (*encoded, error) {
	id := u.field.dictID
	if w.last == nil {
		w.last, w.lastOf = map[int64]*encoded{}, map[int64]arrow.ArrayData{}
	}
	if old := w.lastOf[id]; old != nil && (old == u.data || sameValues(old, u.data)) {
		return w.last[id], nil
	}
	w.enc.reset()
	w.enc.array(u.field.dict, u.data, 0, u.data.Len())
	e, err := w.finish(int64(u.data.Len()), &dictionaryHeader{id: id}, arrow.Metadata{})
	if err != nil {
		return nil, fmt.Errorf("dictionary of column %s: %w", u.field.name, err)
	}
	e.id = id
	w.last[id], w.lastOf[id] = e, u.data
	w.p.dicts = append(w.p.dicts, e)
	return e, nil
}

func sameValues(a, b arrow.ArrayData) bool {
	if a.Len() != b.Len() {
		return false
	}
	x, y := array.MakeFromData(a), array.MakeFromData(b)
	defer x.Release()
	defer y.Release()
	return array.Equal(x, y)
}

// finish makes a message of what the encoder holds.
func (w *preparer) finish(rows int64, dict *dictionaryHeader, meta arrow.Metadata) (*encoded, error) {
	e := &encoded{}
	var body bodyBuilder
	spans := make([]span, len(w.enc.buffers))
	for i, b := range w.enc.buffers {
		e.sizes.Logical += int64(len(b))
		spans[i].offset = body.size
		if len(b) == 0 {
			continue
		}
		var err error
		if spans[i].length, err = w.put(&body, b); err != nil {
			w.enc.release()
			return nil, err
		}
		body.pad()
	}
	e.header = batchHeader(rows, w.enc.nodes, spans, w.enc.variadic, w.codec, body.size, dict, meta)
	e.pieces = body.coalesced()
	e.sizes.Body = body.size
	e.owned, w.enc.owned = w.enc.owned, nil
	e.grpc = make([]mem.Buffer, len(e.pieces))
	for i, b := range e.pieces {
		e.grpc[i] = mem.SliceBuffer(b)
	}
	return e, nil
}

// stored is the length prefix of a compressed body's buffer that is not compressed.
var stored = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// put adds buffer b, compressed if that makes it smaller.
func (w *preparer) put(body *bodyBuilder, b []byte) (int64, error) {
	if w.comp == nil {
		body.add(b)
		return int64(len(b)), nil
	}
	scratch, err := w.comp.compress(make([]byte, 8, 8+len(b)), b)
	if err != nil {
		return 0, err
	}
	if len(scratch)-8 >= len(b) {
		body.add(stored[:])
		body.add(b)
		return int64(8 + len(b)), nil
	}
	out := w.enc.alloc(len(scratch))
	copy(out, scratch)
	storeInt(out, 8, 0, int64(len(b)))
	body.add(out)
	return int64(len(out)), nil
}

// bodyBuilder gathers the pieces of a body.
type bodyBuilder struct {
	pieces [][]byte
	size   int64
}

func (b *bodyBuilder) add(p []byte) {
	b.pieces = append(b.pieces, p)
	b.size += int64(len(p))
}

func (b *bodyBuilder) pad() {
	if n := -b.size & (alignment - 1); n > 0 {
		b.add(zeros[:n])
	}
}

// coalesced puts runs of small pieces together.
func (b *bodyBuilder) coalesced() [][]byte {
	var out [][]byte
	for i := 0; i < len(b.pieces); {
		j, n := i, 0
		for j < len(b.pieces) && len(b.pieces[j]) < coalesceBelow && n < 16*coalesceBelow {
			n += len(b.pieces[j])
			j++
		}
		switch {
		case j > i+1:
			joined := make([]byte, 0, n)
			for _, p := range b.pieces[i:j] {
				joined = append(joined, p...)
			}
			out = append(out, joined)
			i = j
		default:
			out = append(out, b.pieces[i])
			i++
		}
	}
	return out
}

// settleNulls makes the array and its children compute their null counts.
func settleNulls(a arrow.Array) {
	a.NullN()
	for _, c := range a.Data().Children() {
		k := array.MakeFromData(c)
		settleNulls(k)
		k.Release()
	}
}
