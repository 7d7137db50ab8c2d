package wire

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/mem"
)

// zeros pads buffers; nothing writes to it.
var zeros [alignment]byte

// coalesceBelow is the size up to which adjacent pieces of a body are put
// together, once, when it is prepared: bookkeeping per piece costs more than
// the bytes of a small one.
const coalesceBelow = 4 << 10

// encoded is one message, encoded once and sent any number of times.
type encoded struct {
	header []byte
	pieces [][]byte     // of the body, with padding
	grpc   []mem.Buffer // the same pieces, as grpc-go takes them
	sizes  Sizes
	needs  []*encoded // the dictionaries of a batch, in the order to be sent
	id     int64      // of a dictionary
	owned  []*memory.Buffer
}

// Prepared is the messages of a stream, encoded once. Bodies stay the record
// batches' own buffers (pieces below 4 KiB are put together), which are
// retained until Release and until no transport holds a message any more. For
// Stock it is the record batches alone: encoding happens in each Write, as
// arrow-go does it. A Prepared is safe for concurrent use by many Writers.
type Prepared struct {
	transport   Transport
	schema      *arrow.Schema
	header      []byte // of the schema message
	compression Compression
	mem         memory.Allocator
	recs        []arrow.RecordBatch
	batches     []*encoded
	dicts       []*encoded
	stock       []stockSizes
	refs        atomic.Int64
}

type stockSizes struct{ body, logical atomic.Int64 }

// Prepare encodes recs, which must all have the given schema, for transport t.
// Errors name the batch. The caller calls Release when no further Write will
// be made; mem serves what has to be rebuilt or compressed.
func Prepare(t Transport, schema *arrow.Schema, recs []arrow.RecordBatch, c Compression, mem memory.Allocator) (*Prepared, error) {
	if _, err := ParseTransport(string(t)); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if t == Stock && c.Level != 0 {
		return nil, fmt.Errorf("compression %s: transport stock can't set a level", c)
	}
	if len(recs) == 0 {
		return nil, errors.New("no record batches to prepare")
	}
	header, fields, err := encodeSchema(schema, mem)
	if err != nil {
		return nil, err
	}
	p := &Prepared{transport: t, schema: schema, header: header, compression: c, mem: mem}
	p.refs.Store(1)
	comp, codec, err := newCompressor(c)
	if err != nil {
		return nil, err
	}
	if comp != nil {
		defer comp.close()
	}
	w := preparer{p: p, fields: fields, comp: comp, codec: codec, enc: encoder{mem: mem}}
	for i, rec := range recs {
		if !rec.Schema().Equal(schema) {
			p.Release()
			return nil, fmt.Errorf("batch %d: its schema is not that of the stream", i)
		}
		rec.Retain()
		p.recs = append(p.recs, rec)
		if err := w.add(rec); err != nil {
			p.Release()
			return nil, fmt.Errorf("batch %d: %w", i, err)
		}
	}
	if t == Stock {
		p.dropEncoded()
		p.stock = make([]stockSizes, len(recs))
	}
	return p, nil
}

// preparer is the state of one Prepare.
type preparer struct {
	p      *Prepared
	fields []*field
	comp   compressor
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

// Transport is what p was prepared for.
func (p *Prepared) Transport() Transport { return p.transport }

// Schema is the schema of the batches.
func (p *Prepared) Schema() *arrow.Schema { return p.schema }

// Len is the number of batches.
func (p *Prepared) Len() int { return len(p.batches) }

// Sizes are those of batch i modulo Len, without its dictionaries. For Stock,
// Body and Logical are 0 until the batch was sent once.
func (p *Prepared) Sizes(i int64) Sizes {
	k := p.index(i)
	s := p.batches[k].sizes
	if p.stock != nil {
		s.Body, s.Logical = p.stock[k].body.Load(), p.stock[k].logical.Load()
	}
	return s
}

// DictionarySizes are those of all distinct dictionary messages together; for
// Stock they are not known.
func (p *Prepared) DictionarySizes() Sizes {
	var s Sizes
	for _, d := range p.dicts {
		s.Add(d.sizes)
	}
	return s
}

func (p *Prepared) index(i int64) int {
	n := int64(len(p.batches))
	return int((i%n + n) % n)
}

// Release gives up the caller's hold. Memory is freed once no transport holds
// a message: messages that a broken connection never gave back keep theirs for
// the garbage collector.
func (p *Prepared) Release() { p.unref() }

func (p *Prepared) ref() { p.refs.Add(1) }

func (p *Prepared) unref() {
	if p.refs.Add(-1) != 0 {
		return
	}
	p.dropEncoded()
	for _, r := range p.recs {
		r.Release()
	}
	p.recs = nil
}

// dropEncoded frees what encoding allocated.
func (p *Prepared) dropEncoded() {
	for _, list := range [][]*encoded{p.batches, p.dicts} {
		for _, e := range list {
			for _, b := range e.owned {
				b.Release()
			}
			e.owned = nil
		}
	}
}
