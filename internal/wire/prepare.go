package wire

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/mem"
)

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

// MaxMessage is the size in bytes of the largest message, without application
// metadata and descriptor: what a message limit has to admit. For Stock it is
// not known, and 0.
func (p *Prepared) MaxMessage() int {
	var o outgoing
	most := 0
	for _, list := range [][]*encoded{p.batches, p.dicts} {
		for _, e := range list {
			if p.transport == Stock {
				continue
			}
			o.msg = e
			_, n := o.Segments(nil)
			most = max(most, n)
		}
	}
	return most
}

func (p *Prepared) index(i int64) int {
	n := int64(len(p.batches))
	return int((i%n + n) % n)
}

// Release gives up the caller's hold. Memory is freed once no transport holds
// a message; of messages that grpc-go dropped with a cancelled stream, the
// garbage collector tells, so that the last of it may be freed only after it ran.
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
