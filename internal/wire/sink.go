package wire

import (
	"errors"
	"fmt"
)

// Sink takes the bytes of one received message as they come. A transport calls
// Reset, then Write (or fills Direct and calls Advance) until the size is
// reached, then Close. It is an alias of an interface literal, so that a
// transport can declare the same and import nothing of this package.
//
// What is wrong with a message's content is not reported here but by the
// [Reader] that takes it; only a wrong byte count is an error of Sink.
type Sink = interface {
	// Reset begins a message of size bytes.
	Reset(size int) error
	// Write consumes all of p, which is valid only during the call.
	Write(p []byte) (int, error)
	// Direct is where the next bytes of the message belong, or nil if they
	// have to go through Write. The transport may fill it, whole or in part,
	// and tells by Advance instead of Write.
	Direct() []byte
	// Advance says that n bytes of Direct were filled.
	Advance(n int)
	// Close ends the message.
	Close() error
}

// mode is what a sink does with bodies.
type mode uint8

const (
	modeCount mode = iota // walk over them
	modeBatch             // land them in a pooled buffer
	modeEcho              // keep the whole message as it came, and walk over it
)

// Fields of FlightData in format/Flight.proto.
const (
	fieldDescriptor  = 1
	fieldHeader      = 2
	fieldAppMetadata = 3
	fieldBody        = 1000
)

type parseState uint8

const (
	inTag parseState = iota
	inLength
	inVarint
	inBytes // of a field that is gathered
	inSkip
	inBody
)

var errOverrun = errors.New("more bytes than the message's size")

// flightData is one FlightData message, taken apart incrementally: it is the
// only parser of received messages, whatever transport they come by. It keeps
// descriptor, header and application metadata, and the body as its mode says.
// Buffers are reused from message to message.
type flightData struct {
	pool *Pool
	mode mode

	size int // of the message
	left int // bytes of it that have not come

	state  parseState
	varint uint64
	shift  uint
	field  uint64
	need   int // bytes left of the field in inBytes, inSkip, inBody

	descriptor, header, app []byte
	gather                  *[]byte
	headed                  bool // header was read into head
	head                    head

	bodySize int     // of data_body
	body     *[]byte // pooled; nil if the body is only counted
	bodyPos  int

	peek    peeker
	peeking bool
	logical int64

	raw    *[]byte // modeEcho without grpc: the message
	rawPos int

	err error // the first thing wrong with the content
}

// Reset implements Sink.
func (f *flightData) Reset(size int) error {
	f.release()
	if size < 0 {
		return fmt.Errorf("message of %d bytes", size)
	}
	f.start(size)
	if f.mode == modeEcho {
		f.raw, f.rawPos = f.pool.Get(size), 0
	}
	return nil
}

// start begins a message whose bytes come through feed alone.
func (f *flightData) start(size int) {
	f.size, f.left = size, size
	f.state, f.varint, f.shift = inTag, 0, 0
	f.descriptor, f.header, f.app = f.descriptor[:0], f.header[:0], f.app[:0]
	f.headed, f.peeking = false, false
	f.bodySize, f.bodyPos, f.logical = 0, 0, 0
	f.err = nil
}

// release gives pooled memory back; the message's bodies are gone.
func (f *flightData) release() {
	if f.body != nil {
		f.pool.Put(f.body)
		f.body = nil
	}
	if f.raw != nil {
		f.pool.Put(f.raw)
		f.raw = nil
	}
}

// Discard gives back what a message holds that nobody will take, since its call
// is over. The transport calls it instead of Take.
func (f *flightData) Discard() { f.release() }

// takeBody hands the body's pooled buffer over to the caller.
func (f *flightData) takeBody() *[]byte {
	b := f.body
	f.body = nil
	return b
}

// Write implements Sink.
func (f *flightData) Write(p []byte) (int, error) {
	if f.raw != nil {
		if len(p) > len(*f.raw)-f.rawPos {
			return 0, errOverrun
		}
		f.rawPos += copy((*f.raw)[f.rawPos:], p)
		return len(p), nil
	}
	if len(p) > f.left {
		return 0, errOverrun
	}
	f.feed(p)
	return len(p), nil
}

// Direct implements Sink.
func (f *flightData) Direct() []byte {
	switch {
	case f.raw != nil:
		if f.rawPos == len(*f.raw) {
			return nil
		}
		return (*f.raw)[f.rawPos:]
	case f.state == inBody && f.body != nil && f.err == nil:
		return (*f.body)[f.bodyPos:f.bodySize]
	}
	return nil
}

// Advance implements Sink.
func (f *flightData) Advance(n int) {
	if f.raw != nil {
		f.rawPos += n
		return
	}
	f.left -= n
	f.bodyPos += n
	f.endBody(n)
}

// Close implements Sink.
func (f *flightData) Close() error {
	if f.raw != nil {
		if f.rawPos != len(*f.raw) {
			return fmt.Errorf("message ends after %d of %d bytes", f.rawPos, len(*f.raw))
		}
		f.feed(*f.raw)
	}
	if f.left != 0 {
		return fmt.Errorf("message ends after %d of %d bytes", f.size-f.left, f.size)
	}
	f.finish()
	return nil
}

// feed takes the next bytes. After an error the rest is passed over.
func (f *flightData) feed(p []byte) {
	f.left -= len(p)
	for len(p) > 0 && f.err == nil {
		switch f.state {
		case inTag, inLength, inVarint:
			p = f.feedVarint(p)
		case inBytes:
			n := min(f.need, len(p))
			*f.gather = append(*f.gather, p[:n]...)
			p = p[n:]
			f.endField(n)
		case inSkip:
			n := min(f.need, len(p))
			p = p[n:]
			f.endField(n)
		case inBody:
			n := min(f.need, len(p))
			switch {
			case f.body != nil:
				copy((*f.body)[f.bodyPos:], p[:n])
			case f.peeking:
				f.fail(f.peek.walk(&f.head, f.bodyPos, p[:n]))
			}
			f.bodyPos += n
			p = p[n:]
			f.endBody(n)
		}
	}
}

// endField notes that n bytes of the current field came.
func (f *flightData) endField(n int) {
	if f.need -= n; f.need == 0 {
		f.state = inTag
	}
}

func (f *flightData) endBody(n int) { f.endField(n) }

func (f *flightData) fail(err error) {
	if err != nil && f.err == nil {
		f.err = err
	}
}

// feedVarint takes bytes of a tag, a length or a varint field, and acts on it
// when it is whole.
func (f *flightData) feedVarint(p []byte) []byte {
	for i, c := range p {
		if f.shift == 63 && c > 1 {
			f.fail(errors.New("flight data: a varint exceeds 64 bits"))
			return nil
		}
		f.varint |= uint64(c&0x7f) << f.shift
		if c&0x80 != 0 {
			f.shift += 7
			continue
		}
		v := f.varint
		f.varint, f.shift = 0, 0
		rest := p[i+1:]
		switch f.state {
		case inTag:
			f.tag(v)
		case inLength:
			f.length(v, f.left+len(rest))
		default:
			f.state = inTag
		}
		return rest
	}
	return nil
}

func (f *flightData) tag(v uint64) {
	f.field = v >> 3
	if f.field == 0 || f.field > 1<<29-1 {
		f.fail(fmt.Errorf("flight data: field number %d", f.field))
		return
	}
	wire := v & 7
	known := f.field == fieldDescriptor || f.field == fieldHeader || f.field == fieldAppMetadata || f.field == fieldBody
	if known && wire != 2 {
		f.fail(fmt.Errorf("flight data: field %d has wire type %d, not 2", f.field, wire))
		return
	}
	switch wire {
	case 0:
		f.state = inVarint
	case 1:
		f.state, f.need = inSkip, 8
	case 2:
		f.state = inLength
	case 5:
		f.state, f.need = inSkip, 4
	default:
		f.fail(fmt.Errorf("flight data: field %d has wire type %d", f.field, wire))
	}
}

// length begins a field of n bytes, of which at most left can still come.
func (f *flightData) length(n uint64, left int) {
	if n > uint64(left) {
		f.fail(fmt.Errorf("flight data: field %d claims %d bytes, but %d are left of the message", f.field, n, left))
		return
	}
	f.need, f.state = int(n), inSkip
	switch f.field {
	case fieldDescriptor: // parts of a repeated sub-message add up, so append
		f.gather, f.state = &f.descriptor, inBytes
	case fieldHeader:
		if f.headed {
			f.fail(errors.New("flight data: a second header after the body"))
			return
		}
		f.header = f.header[:0]
		f.gather, f.state = &f.header, inBytes
	case fieldAppMetadata:
		f.app = f.app[:0]
		f.gather, f.state = &f.app, inBytes
	case fieldBody:
		f.beginBody()
	}
	if f.need == 0 {
		f.state = inTag
	}
}

// beginBody decides what becomes of the body: counted if the header came
// before it and its buffers are in order, kept otherwise.
func (f *flightData) beginBody() {
	f.state = inBody
	f.bodySize, f.bodyPos, f.logical, f.peeking = f.need, 0, 0, false
	if f.body != nil { // a repeated field: the last one counts
		f.pool.Put(f.body)
		f.body = nil
	}
	if !f.headed && len(f.header) > 0 {
		f.readHead()
		if f.err != nil {
			return
		}
	}
	keep := f.mode == modeBatch || !f.headed
	if f.headed && f.head.codec != codecNone && !keep {
		if f.head.ascending() {
			f.peek, f.peeking = peeker{}, true
		} else {
			keep = true
		}
	}
	if keep && f.need > 0 {
		f.body = f.pool.Get(f.need)
	}
}

func (f *flightData) readHead() {
	f.fail(parseHead(f.header, &f.head))
	f.headed = f.err == nil
}

// finish checks the whole message and settles its logical size.
func (f *flightData) finish() {
	if f.err == nil && f.state != inTag || f.shift != 0 {
		f.fail(errors.New("flight data: the message ends within a field"))
	}
	if f.err != nil {
		return
	}
	if len(f.header) == 0 {
		if f.bodySize > 0 {
			f.fail(fmt.Errorf("flight data: a body of %d bytes without a header", f.bodySize))
		}
		return
	}
	if !f.headed {
		if f.readHead(); f.err != nil {
			return
		}
	}
	if f.head.bodyLen > int64(f.bodySize) {
		f.fail(fmt.Errorf("flight data: the header states a body of %d bytes, but %d came", f.head.bodyLen, f.bodySize))
		return
	}
	switch {
	case f.head.codec == codecNone:
		f.logical = f.head.bufferBytes()
	case f.peeking:
		f.logical = f.peek.logical
	case f.body != nil:
		var err error
		f.logical, err = inflatedSize(&f.head, (*f.body)[:f.bodySize])
		f.fail(err)
	}
}
