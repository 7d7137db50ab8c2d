package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// CodecWork is the buffers of record batches, plain and as a body codec stores
// them: what a codec does by itself. Safe for concurrent use; see Worker.
type CodecWork struct {
	codec   int8
	c       Compression
	plain   [][][]byte // of each batch
	stored  [][][]byte // nil for a buffer that the codec does not make smaller
	largest int
	enc     []*encoder
}

// NewCodecWork compresses the buffers of recs, which it needs until Release,
// with c, which must be a codec. Dictionaries are no part of it.
func NewCodecWork(schema *arrow.Schema, recs []arrow.RecordBatch, c Compression, mem memory.Allocator) (w *CodecWork, err error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	comp, codec, err := newCompressor(c)
	if err != nil {
		return nil, err
	}
	if comp == nil {
		return nil, fmt.Errorf("compression %s: there is no codec to work", c)
	}
	defer comp.close()
	_, fields, err := encodeSchema(schema, mem)
	if err != nil {
		return nil, err
	}
	w = &CodecWork{codec: codec, c: c}
	for i, rec := range recs {
		if err := w.add(rec, fields, comp, mem); err != nil {
			w.Release()
			return nil, fmt.Errorf("batch %d: %w", i, err)
		}
	}
	return w, nil
}

func (w *CodecWork) add(rec arrow.RecordBatch, fields []*field, comp *compressor, mem memory.Allocator) (err error) {
	e := &encoder{mem: mem}
	w.enc = append(w.enc, e)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed array: %v", p)
		}
	}()
	for i, f := range fields {
		d := rec.Column(i).Data()
		e.array(f, d, 0, d.Len())
	}
	var plain, stored [][]byte
	for _, b := range e.buffers {
		if len(b) == 0 {
			continue
		}
		out, err := comp.compress(nil, b)
		if err != nil {
			return err
		}
		if len(out) >= len(b) {
			out = nil
		}
		plain, stored = append(plain, b), append(stored, out)
		w.largest = max(w.largest, len(b))
	}
	w.plain, w.stored = append(w.plain, plain), append(w.stored, stored)
	return nil
}

// Release frees what was made for w.
func (w *CodecWork) Release() {
	for _, e := range w.enc {
		e.release()
	}
	w.enc = nil
}

// CodecWorker compresses and decompresses, with memory of its own. Not for
// concurrent use.
type CodecWorker struct {
	work *CodecWork
	comp *compressor
	out  []byte
}

// Worker makes one; the caller closes it.
func (w *CodecWork) Worker() (*CodecWorker, error) {
	comp, _, err := newCompressor(w.c)
	return &CodecWorker{work: w, comp: comp, out: make([]byte, w.largest+8)}, err
}

// Compress compresses every buffer of batch i modulo their number.
func (k *CodecWorker) Compress(i int64) error {
	for _, b := range k.work.plain[i%int64(len(k.work.plain))] {
		binary.LittleEndian.PutUint64(k.out[:8], uint64(len(b)))
		out, err := k.comp.compress(k.out[:8], b)
		if err != nil {
			return err
		}
		k.out = out[:cap(out)] // it may have grown
	}
	return nil
}

// Decompress decompresses every buffer of batch i modulo their number that the
// codec made smaller: the others are stored plain.
func (k *CodecWorker) Decompress(i int64) error {
	n := i % int64(len(k.work.plain))
	for j, b := range k.work.stored[n] {
		if b == nil {
			continue
		}
		if err := inflate(k.work.codec, k.out[:len(k.work.plain[n][j])], b); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the codec.
func (k *CodecWorker) Close() { k.comp.close() }
