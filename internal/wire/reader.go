package wire

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Reader takes one stream of FlightData apart. It is not for concurrent use.
type Reader struct {
	s      RecvStream
	level  Level
	mem    memory.Allocator
	limits Limits
	code   codes.Code

	in    *incoming
	stock *stockReader
	ev    Event
	count int64
	err   error // sticky

	schema  *arrow.Schema
	columns []*column
	views   []arrow.ArrayData
	dicts   dictionaries
	arena   *[]byte
	current bool // columns hold the batch of ev
}

// NewReader reads the stream s, which transport t carries. mem serves Record
// and combined dictionaries; bodies come from the shared pool. The caller
// calls Close.
//
// Note: for Stock every batch is decoded by arrow-go whatever the level, since
// that is what Stock stands for.
func NewReader(s RecvStream, t Transport, l Level, mem memory.Allocator) *Reader {
	return NewReaderLimits(s, t, l, mem, Limits{})
}

// NewReaderLimits is NewReader with limits other than the defaults.
func NewReaderLimits(s RecvStream, t Transport, l Level, mem memory.Allocator, limits Limits) *Reader {
	r := &Reader{s: s, level: l, mem: mem, limits: limits.resolved(), code: codes.Internal}
	if _, server := s.(interface{ SetTrailer(metadata.MD) }); server {
		r.code = codes.InvalidArgument
	}
	if t == Stock {
		r.stock = &stockReader{}
		return r
	}
	m := modeCount
	if l == Batch {
		m = modeBatch
	}
	r.in = newIncoming(SharedPool(), m)
	r.dicts = dictionaries{pool: SharedPool(), mem: mem, limit: r.limits.Inflated, byID: map[int64]*dictionary{}}
	return r
}

// Next receives the next message. At the end of the stream the error is
// io.EOF; gRPC errors are returned unchanged; undecodable data is a
// *DataError, after which the Reader is of no further use.
func (r *Reader) Next() (*Event, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.stock != nil {
		return r.nextStock()
	}
	r.drop()
	if err := r.s.RecvMsg(r.in); err != nil {
		r.err = err
		return nil, err
	}
	r.count++
	if err := r.take(r.in.cur); err != nil {
		return nil, r.fail(err)
	}
	return &r.ev, nil
}

func (r *Reader) fail(err error) error {
	var de *DataError
	if !errors.As(err, &de) {
		err = &DataError{Message: r.count, Err: err, code: r.code}
	}
	r.err = err
	return err
}

// event describes the message in r.ev.
func (r *Reader) event(fd *flightData) error {
	if fd.err != nil {
		return fd.err
	}
	r.ev = Event{Message: int64(fd.size), Codec: None}
	if len(fd.app) > 0 {
		r.ev.AppMetadata = fd.app
	}
	if len(fd.descriptor) > 0 {
		r.ev.Descriptor = &flight.FlightDescriptor{}
		if err := proto.Unmarshal(fd.descriptor, r.ev.Descriptor); err != nil {
			return fmt.Errorf("flight data: descriptor: %w", err)
		}
	}
	if !fd.headed {
		return nil
	}
	r.ev.Body, r.ev.Logical = int64(fd.bodySize), fd.logical
	return r.kind(&fd.head)
}

// kind fills in what the IPC header tells.
func (r *Reader) kind(h *head) error {
	if h.length > r.limits.Rows {
		return fmt.Errorf("record batch: %d rows exceed the limit of %d", h.length, r.limits.Rows)
	}
	r.ev.Codec = h.codecName()
	switch h.kind {
	case headerSchema:
		r.ev.Kind = KindSchema
	case headerDictionary:
		r.ev.Kind = KindDictionary
	default:
		r.ev.Kind, r.ev.Rows = KindBatch, h.length
	}
	return nil
}

// take describes the message in r.ev and takes it as far as the level says.
func (r *Reader) take(fd *flightData) error {
	if err := r.event(fd); err != nil || r.ev.Kind == KindMetadata {
		return err
	}
	switch {
	case r.ev.Kind == KindSchema:
		return r.takeSchema(fd)
	case r.schema == nil:
		return errors.New("a batch before the schema")
	case r.level == Count:
		return nil
	case r.ev.Kind == KindDictionary:
		return r.dicts.take(&fd.head, fd.takeBody(), fd.bodySize, &r.ev.Realigned)
	}
	return r.decode(fd)
}

func (r *Reader) takeSchema(fd *flightData) error {
	if r.schema != nil {
		return errors.New("a second schema")
	}
	schema, fields, err := decodeSchema(fd.header, &fd.head, r.mem)
	if err != nil {
		return err
	}
	r.schema = schema
	if r.level == Count {
		return nil
	}
	for _, f := range fields {
		c, err := newColumn(f, &r.dicts)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, c)
		r.views = append(r.views, c.data)
	}
	return nil
}

// decode points the columns at the record batch.
func (r *Reader) decode(fd *flightData) error {
	var body []byte
	if fd.body != nil {
		body = (*fd.body)[:fd.bodySize]
	}
	var c cursor
	if err := c.init(r.in.pool, &fd.head, body, r.limits.Inflated); err != nil {
		return err
	}
	r.arena = c.arena
	for _, col := range r.columns {
		if err := c.load(col); err != nil {
			return fmt.Errorf("record batch: %w", err)
		}
		if col.length != fd.head.length {
			return fmt.Errorf("record batch: column %s has %d values instead of %d", col.f.name, col.length, fd.head.length)
		}
	}
	for _, col := range r.columns {
		if err := r.dicts.resolve(col); err != nil {
			return fmt.Errorf("record batch: %w", err)
		}
	}
	r.ev.Realigned, r.current = c.realigned, true
	return nil
}

// drop frees the memory of the message before.
func (r *Reader) drop() {
	r.current = false
	if r.in != nil {
		r.in.release()
	}
	if r.arena != nil {
		r.in.pool.Put(r.arena)
		r.arena = nil
	}
}

// Close frees pooled memory; what events, Columns and Record gave is invalid
// from then on. It may be called at any time, more than once.
func (r *Reader) Close() {
	r.drop()
	for _, c := range r.columns {
		c.forget()
	}
	r.dicts.close()
	if r.stock != nil {
		r.stock.close()
	}
	if r.err == nil {
		r.err = errors.New("read from a closed reader")
	}
}

// Schema is the stream's schema; nil before its message came.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Columns are views of the current record batch at Level Batch, without
// allocation: their structure was checked, but not single offsets and indices
// (Record does that). They are valid until the next Next, and for Stock nil.
func (r *Reader) Columns() []arrow.ArrayData {
	if !r.current {
		return nil
	}
	return r.views
}
