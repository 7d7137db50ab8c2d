package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"
)

// Writer sends one stream of FlightData from prepared messages. It is not for
// concurrent use.
type Writer struct {
	s     SendStream
	p     *Prepared
	out   outgoing
	sent  map[int64]*encoded // the dictionary the peer has for an id
	dicts Sizes
	stock *stockWriter
}

// NewWriter sends the batches of p over s, the way p was prepared for.
func NewWriter(s SendStream, p *Prepared) *Writer {
	w := &Writer{s: s, p: p, out: outgoing{p: p}}
	if p.transport == Stock {
		w.stock = newStockWriter(s, p)
	}
	return w
}

// Begin sends the schema, with the descriptor d if it is not nil. It comes
// before the first Write.
func (w *Writer) Begin(d *flight.FlightDescriptor) error {
	if w.stock != nil {
		return w.stock.begin(d)
	}
	w.out.msg, w.out.app = &encoded{header: w.p.header}, nil
	if d != nil {
		b, err := proto.Marshal(d)
		if err != nil {
			return fmt.Errorf("descriptor: %w", err)
		}
		w.out.descriptor = b
	}
	err := w.s.SendMsg(&w.out)
	w.out.descriptor = nil
	return err
}

// Write sends batch i modulo p.Len() with appMetadata, if any, and before it
// the dictionaries that the peer does not have. The sizes are the batch's own;
// Dictionaries tells the others. Errors of the stream are returned unchanged;
// on a client io.EOF means that the call ended and RecvMsg tells why.
func (w *Writer) Write(i int64, appMetadata []byte) (Sizes, error) {
	k := w.p.index(i)
	if w.stock != nil {
		return w.stock.write(k, appMetadata, &w.dicts)
	}
	e := w.p.batches[k]
	for _, d := range e.needs {
		if w.sent[d.id] == d {
			continue
		}
		w.out.msg, w.out.app = d, nil
		if err := w.s.SendMsg(&w.out); err != nil {
			return Sizes{}, err
		}
		if w.sent == nil {
			w.sent = make(map[int64]*encoded)
		}
		w.sent[d.id] = d
		w.dicts.Add(d.sizes)
	}
	w.out.msg, w.out.app = e, appMetadata
	err := w.s.SendMsg(&w.out)
	w.out.app = nil
	if err != nil {
		return Sizes{}, err
	}
	return e.sizes, nil
}

// Dictionaries are the sizes of all dictionary messages sent so far.
func (w *Writer) Dictionaries() Sizes { return w.dicts }

// Close frees what the Writer holds; it sends nothing. Only Stock with
// dictionaries holds anything.
func (w *Writer) Close() {
	if w.stock != nil {
		w.stock.close()
	}
}
