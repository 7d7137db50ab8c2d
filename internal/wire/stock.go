package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/protobuf/proto"
)

// stockWriter sends with arrow-go's record writer, and counts what it sends.
type stockWriter struct {
	s     SendStream
	p     *Prepared
	w     *flight.Writer
	begun bool
	last  Sizes
	dicts *Sizes
}

func newStockWriter(s SendStream, p *Prepared) *stockWriter {
	w := &stockWriter{s: s, p: p}
	opts := []ipc.Option{ipc.WithSchema(p.schema), ipc.WithAllocator(p.mem)}
	switch p.compression.Name {
	case LZ4:
		opts = append(opts, ipc.WithLZ4())
	case ZSTD:
		opts = append(opts, ipc.WithZstd())
	}
	w.w = flight.NewRecordWriter(w, opts...)
	return w
}

// begin sends the schema, which arrow-go's writer would send with the first batch.
func (w *stockWriter) begin(d *flight.FlightDescriptor) error {
	w.begun = true
	return w.s.SendMsg(&flight.FlightData{FlightDescriptor: d, DataHeader: w.p.header})
}

func (w *stockWriter) write(k int, app []byte, dicts *Sizes) (Sizes, error) {
	w.last, w.dicts = Sizes{}, dicts
	if err := w.w.WriteWithAppMetadata(w.p.recs[k], app); err != nil {
		return Sizes{}, err
	}
	w.p.stock[k].body.Store(w.last.Body)
	w.p.stock[k].logical.Store(w.last.Logical)
	return w.last, nil
}

// Send implements flight.DataStreamWriter.
func (w *stockWriter) Send(fd *flight.FlightData) error {
	h, sizes, err := measure(fd)
	if err != nil {
		return err
	}
	if h.kind == headerSchema && w.begun {
		return nil
	}
	if h.kind == headerDictionary {
		// arrow-go would attach the batch's metadata to each of its messages,
		// and whoever acknowledges them would do so twice
		app := fd.AppMetadata
		fd.AppMetadata = nil
		w.dicts.Add(sizes)
		err := w.s.SendMsg(fd)
		fd.AppMetadata = app
		return err
	}
	w.last = sizes
	return w.s.SendMsg(fd)
}

func (w *stockWriter) close() {
	if w.begun {
		w.w.Close() // sends nothing once begun; frees dictionaries
	}
}

// measure reads the IPC header of fd and sums the sizes of its body.
func measure(fd *flight.FlightData) (h head, s Sizes, err error) {
	if err := parseHead(fd.DataHeader, &h); err != nil {
		return h, s, err
	}
	if h.bodyLen > int64(len(fd.DataBody)) {
		return h, s, fmt.Errorf("flight data: the header states a body of %d bytes, but %d came", h.bodyLen, len(fd.DataBody))
	}
	s.Body = int64(len(fd.DataBody))
	if h.kind == headerBatch {
		s.Rows = h.length
	}
	if h.codec == codecNone {
		s.Logical = h.bufferBytes()
		return h, s, nil
	}
	s.Logical, err = inflatedSize(&h, fd.DataBody)
	return h, s, err
}

// stockReader feeds arrow-go's record reader with the messages that belong to it.
type stockReader struct {
	r       *flight.Reader
	queue   []*flight.FlightData
	current bool
}

// Recv implements flight.DataStreamReader.
func (s *stockReader) Recv() (*flight.FlightData, error) {
	if len(s.queue) == 0 {
		return nil, io.EOF
	}
	fd := s.queue[0]
	s.queue = s.queue[1:]
	return fd, nil
}

func (s *stockReader) record() (arrow.RecordBatch, error) {
	if !s.current {
		return nil, errors.New("no record batch: the current message is none")
	}
	rec := s.r.RecordBatch()
	rec.Retain()
	return rec, nil
}

func (s *stockReader) close() {
	s.queue, s.current = nil, false
	if s.r != nil {
		s.r.Release()
		s.r = nil
	}
}

// nextStock is Next for Stock.
func (r *Reader) nextStock() (*Event, error) {
	r.stock.current = false
	fd := &flight.FlightData{}
	if err := r.s.RecvMsg(fd); err != nil {
		r.err = err
		return nil, err
	}
	r.count++
	if err := r.takeStock(fd); err != nil {
		return nil, r.fail(err)
	}
	return &r.ev, nil
}

// eventStock describes the message in r.ev.
func (r *Reader) eventStock(fd *flight.FlightData) (h head, err error) {
	r.ev = Event{Message: int64(proto.Size(fd)), Codec: None, Descriptor: fd.FlightDescriptor, AppMetadata: fd.AppMetadata}
	if len(fd.DataHeader) == 0 {
		return h, nil
	}
	h, r.ev.Sizes, err = measure(fd)
	if err != nil {
		return h, err
	}
	return h, r.kind(&h)
}

func (r *Reader) takeStock(fd *flight.FlightData) error {
	h, err := r.eventStock(fd)
	if err != nil || r.ev.Kind == KindMetadata {
		return err
	}
	// arrow-go allocates what messages claim
	if r.ev.Logical > r.limits.Inflated && h.codec != codecNone {
		return fmt.Errorf("record batch: %d bytes after decompression exceed the limit of %d", r.ev.Logical, r.limits.Inflated)
	}
	s := r.stock
	if s.r == nil && r.ev.Kind != KindSchema {
		return errors.New("a batch before the schema")
	}
	s.queue = append(s.queue, fd)
	switch r.ev.Kind {
	case KindSchema:
		if s.r != nil {
			return errors.New("a second schema")
		}
		if _, err := parseSchemaIDs(&h); err != nil {
			return err
		}
		if s.r, err = flight.NewRecordReader(s, ipc.WithAllocator(r.mem)); err != nil {
			return err
		}
		r.schema = s.r.Schema()
		return nil
	case KindDictionary:
		return nil // arrow-go reads it with the batch that follows
	}
	if !s.r.Next() {
		if err := s.r.Err(); err != nil {
			return err
		}
		return errors.New("arrow-go found no record batch")
	}
	s.current = true
	return nil
}
