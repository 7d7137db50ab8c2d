package bench

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// copyOp copies bodies in rotation, each slot to a buffer of its own, as bodies
// land that are received.
type copyOp struct {
	ceiling
	from [][]byte
}

func newCopy(_ context.Context, t *trial) (operation, error) {
	o := &copyOp{ceiling: t.ceiling, from: workloads.CeilingBytes(t.ceiling.bodies())}
	for _, s := range t.slots {
		s.state = make([]byte, o.largest)
	}
	return o, nil
}

func (o *copyOp) run(ctx context.Context, s *slot) error {
	to := s.state.([]byte)
	return o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
		copy(to, o.from[i%int64(len(o.from))])
		return o.size(i), nil
	})
}

// records are those of the trial's workload.
func (t *trial) records() []arrow.RecordBatch {
	recs := make([]arrow.RecordBatch, len(t.payload.set.Batches))
	for i, b := range t.payload.set.Batches {
		recs[i] = b.Record
	}
	return recs
}

// encodeBytes is about how much is encoded by one encoder: its making is a
// share of the work, as that of a stream is.
const encodeBytes = 4 << 20

// encodeOp encodes batches to messages that nobody sends.
type encodeOp struct {
	ceiling
	transport wire.Transport
	schema    *arrow.Schema
	recs      []arrow.RecordBatch
	codec     wire.Compression
	group     int            // batches that one encoder takes
	stock     *wire.Prepared // what arrow-go's writer encodes; nil for ours
}

func newEncode(ctx context.Context, t *trial) (operation, error) {
	codec, err := wire.ParseCompression(t.config.Compression)
	if err != nil {
		return nil, err
	}
	o := &encodeOp{ceiling: t.ceiling, transport: t.transport, schema: t.payload.set.Schema, recs: t.records(), codec: codec}
	o.group = int(max(1, encodeBytes/max(1, o.sizes[0].Logical)))
	if t.transport == wire.Stock {
		o.stock, err = t.cache.prepared(ctx, t.payload.spec, wire.Stock, t.config.Compression)
	}
	return o, err
}

func (o *encodeOp) run(ctx context.Context, s *slot) error {
	sink := &discarded{}
	if o.stock != nil {
		w := wire.NewWriter(sink, o.stock)
		defer w.Close()
		if err := w.Begin(nil); err != nil {
			return err
		}
		return o.stream(ctx, s, func(i int64) (wire.Sizes, error) { return withoutRows(w.Write(i, nil)) })
	}
	var p *wire.Prepared
	var w *wire.Writer
	release := func() {
		if p != nil {
			p.Release()
		}
	}
	defer func() { release() }()
	first := int64(0) // batch of the stream that w begins with
	return o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
		if p == nil || i-first == int64(p.Len()) {
			release()
			var err error
			if p, err = wire.Prepare(wire.Direct, o.schema, o.next(i), o.codec, memory.DefaultAllocator); err != nil {
				return wire.Sizes{}, err
			}
			w, first = wire.NewWriter(sink, p), i
		}
		return withoutRows(w.Write(i-first, nil))
	})
}

// next are the batches that an encoder takes which begins with batch i.
func (o *encodeOp) next(i int64) []arrow.RecordBatch {
	out := make([]arrow.RecordBatch, min(int64(o.group), o.batches-i))
	for k := range out {
		out[k] = o.recs[(i+int64(k))%int64(len(o.recs))]
	}
	return out
}

// withoutRows are the sizes of a rung's batch: rows are Arrow's.
func withoutRows(z wire.Sizes, err error) (wire.Sizes, error) {
	z.Rows = 0
	return z, err
}

// discarded takes messages apart as a transport would, and drops them.
type discarded struct{ pieces [][]byte }

func (d *discarded) SendMsg(m any) error {
	if m, ok := m.(wire.Segmented); ok {
		d.pieces, _ = m.Segments(d.pieces[:0])
	}
	return nil
}

// decodeOp decodes messages that lie in memory.
type decodeOp struct {
	ceiling
	t        *trial
	schema   message
	messages [][]message // of each batch in rotation, with its dictionaries; those of the first pass, then of all later ones
}

// message is a FlightData in memory: in pieces, or whole as arrow-go takes it.
type message struct {
	pieces [][]byte
	size   int
	stock  *flight.FlightData
}

func newDecode(ctx context.Context, t *trial) (operation, error) {
	p, err := t.cache.prepared(ctx, t.payload.spec, t.encoding(), t.config.Compression)
	if err != nil {
		return nil, err
	}
	o := &decodeOp{ceiling: t.ceiling, t: t}
	rec := &recording{}
	w := wire.NewWriter(rec, p)
	defer w.Close()
	if err := w.Begin(nil); err != nil {
		return nil, err
	}
	o.schema = rec.taken()[0]
	for i := range 2 * int64(p.Len()) {
		if _, err := w.Write(i, nil); err != nil {
			return nil, fmt.Errorf("encode batch %d: %w", i, err)
		}
		o.messages = append(o.messages, rec.taken())
	}
	return o, nil
}

// encoding is whose encoding a rung without a network works on.
func (t *trial) encoding() wire.Transport {
	if t.transport == wire.Stock {
		return wire.Stock
	}
	return wire.Direct
}

// recording keeps the messages that are sent.
type recording struct{ messages []message }

func (r *recording) taken() []message {
	m := r.messages
	r.messages = nil
	return m
}

func (r *recording) SendMsg(m any) error {
	switch m := m.(type) {
	case wire.Segmented:
		pieces, size := m.Segments(nil)
		pieces[0] = append([]byte(nil), pieces[0]...) // the writer's scratch
		r.messages = append(r.messages, message{pieces: pieces, size: size})
	case *flight.FlightData:
		r.messages = append(r.messages, message{stock: proto.CloneOf(m)})
	}
	return nil
}

func (o *decodeOp) run(ctx context.Context, s *slot) error {
	level := wire.Batch
	if o.t.config.Decode == "count" {
		level = wire.Count
	}
	from := &playing{next: []message{o.schema}}
	r := wire.NewReader(from, o.t.encoding(), level, memory.DefaultAllocator)
	defer r.Close()
	if _, err := r.Next(); err != nil {
		return err
	}
	in := receiving{set: o.t.payload.set}
	n := int64(len(o.messages))
	return o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
		if i >= n {
			i = n/2 + i%(n/2)
		}
		from.next = o.messages[i]
		for {
			e, err := r.Next()
			if err != nil {
				return wire.Sizes{}, err
			}
			if e.Kind != wire.KindBatch {
				continue
			}
			if o.t.config.Decode == "verify" {
				err = in.verify(r, e.Rows)
			}
			return withoutRows(e.Sizes, err)
		}
	})
}

// playing receives messages from memory.
type playing struct {
	next  []message
	spare wire.Sink
}

func (p *playing) RecvMsg(m any) error {
	if len(p.next) == 0 {
		return io.EOF
	}
	msg := p.next[0]
	p.next = p.next[1:]
	if to, ok := m.(*flight.FlightData); ok {
		to.FlightDescriptor, to.DataHeader, to.AppMetadata, to.DataBody = nil, msg.stock.DataHeader, nil, msg.stock.DataBody
		return nil
	}
	taker := m.(wire.SinkMessage)
	sink := p.spare
	if sink == nil {
		sink = taker.NewSink()
	}
	if err := sink.Reset(msg.size); err != nil {
		return err
	}
	for _, b := range msg.pieces {
		for len(b) > 0 {
			n := copy(sink.Direct(), b)
			if n > 0 {
				sink.Advance(n)
			} else if _, err := sink.Write(b); err != nil {
				return err
			} else {
				n = len(b)
			}
			b = b[n:]
		}
	}
	if err := sink.Close(); err != nil {
		return err
	}
	p.spare = taker.Take(sink)
	return nil
}

// codecOp compresses or decompresses the batches' buffers.
type codecOp struct {
	ceiling
	work     *wire.CodecWork
	slots    []*slot
	compress bool
}

func newCodec(_ context.Context, t *trial) (_ operation, err error) {
	codec, err := wire.ParseCompression(t.config.Compression)
	if err != nil {
		return nil, err
	}
	_, way, _ := t.config.Rung()
	o := &codecOp{ceiling: t.ceiling, compress: way == workloads.CeilingPut}
	if o.work, err = wire.NewCodecWork(t.payload.set.Schema, t.records(), codec, memory.DefaultAllocator); err != nil {
		return nil, err
	}
	for _, s := range t.slots {
		if s.state, err = o.work.Worker(); err != nil {
			_ = o.Close()
			return nil, err
		}
		o.slots = append(o.slots, s)
	}
	return o, nil
}

// Close frees the codecs.
func (o *codecOp) Close() error {
	for _, s := range o.slots {
		s.state.(*wire.CodecWorker).Close()
	}
	o.work.Release()
	return nil
}

func (o *codecOp) run(ctx context.Context, s *slot) error {
	k := s.state.(*wire.CodecWorker)
	return o.stream(ctx, s, func(i int64) (wire.Sizes, error) {
		if o.compress {
			return o.size(i), k.Compress(i)
		}
		return o.size(i), k.Decompress(i)
	})
}
