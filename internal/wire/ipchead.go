package wire

import (
	"encoding/binary"
	"fmt"
)

// Values of format/Message.fbs and format/Schema.fbs.
const (
	headerSchema     = 1
	headerDictionary = 2
	headerBatch      = 3

	metadataV4 = 3
	metadataV5 = 4

	codecNone = -1
	codecLZ4  = 0
	codecZSTD = 1
)

// head is an IPC message header (the flatbuffer in FlightData.data_header)
// read in place: its vectors are views of the header's bytes.
type head struct {
	kind    uint8 // headerSchema, headerDictionary or headerBatch
	version int16
	bodyLen int64

	// of record and dictionary batches
	length   int64
	nodes    []byte // 16 bytes each: length, null count
	buffers  []byte // 16 bytes each: offset, length
	variadic []byte // 8 bytes each
	codec    int8

	// of dictionary batches
	id    int64
	delta bool

	schema table // of schemas
	msg    table
}

// parseHead reads the header b into h. Nothing is copied or allocated; b must
// stay as it is while h is in use.
func parseHead(b []byte, h *head) error {
	msg, err := rootTable(b)
	if err != nil {
		return fmt.Errorf("ipc message: %w", err)
	}
	*h = head{msg: msg, codec: codecNone}
	if h.version, err = msg.int16(0, 0, "version"); err != nil {
		return fmt.Errorf("ipc message: %w", err)
	}
	if h.kind, err = msg.uint8(1, 0, "header type"); err != nil {
		return fmt.Errorf("ipc message: %w", err)
	}
	if h.bodyLen, err = msg.int64(3, 0, "body length"); err != nil {
		return fmt.Errorf("ipc message: %w", err)
	}
	if h.bodyLen < 0 {
		return fmt.Errorf("ipc message: negative body length %d", h.bodyLen)
	}
	if h.version != metadataV4 && h.version != metadataV5 {
		return fmt.Errorf("ipc message: metadata version V%d, but only V4 and V5 can be read", h.version+1)
	}
	body, ok, err := msg.table(2, "header")
	if err != nil {
		return fmt.Errorf("ipc message: %w", err)
	}
	if !ok {
		return fmt.Errorf("ipc message: no header in it")
	}
	switch h.kind {
	case headerSchema:
		h.schema = body
		return nil
	case headerDictionary:
		return h.dictionary(body)
	case headerBatch:
		return h.batch(body)
	}
	return fmt.Errorf("ipc message: header type %d is no schema, dictionary or record batch", h.kind)
}

func (h *head) dictionary(t table) (err error) {
	if h.id, err = t.int64(0, 0, "dictionary id"); err != nil {
		return fmt.Errorf("dictionary batch: %w", err)
	}
	delta, err := t.uint8(2, 0, "delta flag")
	if err != nil {
		return fmt.Errorf("dictionary batch: %w", err)
	}
	h.delta = delta != 0
	data, ok, err := t.table(1, "data")
	if err != nil {
		return fmt.Errorf("dictionary batch: %w", err)
	}
	if !ok {
		return fmt.Errorf("dictionary batch: no data in it")
	}
	return h.batch(data)
}

func (h *head) batch(t table) (err error) {
	if h.length, err = t.int64(0, 0, "length"); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	if h.length < 0 {
		return fmt.Errorf("record batch: negative length %d", h.length)
	}
	if h.nodes, _, err = t.vector(1, 16, "nodes"); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	if h.buffers, _, err = t.vector(2, 16, "buffers"); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	if h.variadic, _, err = t.vector(4, 8, "variadic counts"); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	comp, ok, err := t.table(3, "compression")
	if err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	if ok {
		codec, err := comp.uint8(0, codecLZ4, "codec")
		if err != nil {
			return fmt.Errorf("record batch: %w", err)
		}
		method, err := comp.uint8(1, 0, "compression method")
		if err != nil {
			return fmt.Errorf("record batch: %w", err)
		}
		if codec > codecZSTD || method != 0 {
			return fmt.Errorf("record batch: unknown compression (codec %d, method %d)", codec, method)
		}
		h.codec = int8(codec)
	}
	return h.checkBuffers()
}

// checkBuffers checks every buffer against the body length that the header
// states; that this many bytes arrived is checked when they have.
func (h *head) checkBuffers() error {
	for i := range h.numBuffers() {
		off, n := h.buffer(i)
		if off < 0 || n < 0 || off > h.bodyLen || n > h.bodyLen-off {
			return fmt.Errorf("record batch: buffer %d at %d of %d bytes lies outside the body of %d bytes", i, off, n, h.bodyLen)
		}
		if h.codec != codecNone && n > 0 && n < 8 {
			return fmt.Errorf("record batch: compressed buffer %d of %d bytes has no room for its length", i, n)
		}
	}
	for i := range h.numVariadic() {
		if v := h.variadicCount(i); v < 0 || v > int64(h.numBuffers()) {
			return fmt.Errorf("record batch: variadic count %d is %d, but there are %d buffers", i, v, h.numBuffers())
		}
	}
	return nil
}

func (h *head) numNodes() int    { return len(h.nodes) / 16 }
func (h *head) numBuffers() int  { return len(h.buffers) / 16 }
func (h *head) numVariadic() int { return len(h.variadic) / 8 }

func (h *head) node(i int) (length, nulls int64) {
	return int64(binary.LittleEndian.Uint64(h.nodes[16*i:])), int64(binary.LittleEndian.Uint64(h.nodes[16*i+8:]))
}

func (h *head) buffer(i int) (offset, length int64) {
	return int64(binary.LittleEndian.Uint64(h.buffers[16*i:])), int64(binary.LittleEndian.Uint64(h.buffers[16*i+8:]))
}

func (h *head) variadicCount(i int) int64 {
	return int64(binary.LittleEndian.Uint64(h.variadic[8*i:]))
}

// bufferBytes is the sum of the buffers' lengths as stored. Buffers may overlap,
// so it can exceed the body; it can't overflow, since each is within the body
// and the header that lists them is far below 2^31 bytes.
func (h *head) bufferBytes() int64 {
	var sum int64
	for i := range h.numBuffers() {
		_, n := h.buffer(i)
		sum += n
	}
	return sum
}

// ascending tells whether a walk over the body meets each buffer's length
// prefix in order, so that prefixes can be read while the body streams by.
func (h *head) ascending() bool {
	var end int64
	for i := range h.numBuffers() {
		off, n := h.buffer(i)
		if n == 0 {
			continue
		}
		if off < end {
			return false
		}
		end = off + 8
	}
	return true
}

// logicalOf reads a compressed buffer's length prefix: how many bytes the
// buffer of n stored bytes has before the codec.
func logicalOf(prefix, n int64) (int64, error) {
	switch {
	case prefix == -1: // stored raw
		return n - 8, nil
	case prefix < 0 || prefix > 1<<48:
		return 0, fmt.Errorf("record batch: a compressed buffer claims %d bytes", prefix)
	}
	return prefix, nil
}

// codecName is the name of the codec as flags spell it.
func (h *head) codecName() string {
	switch h.codec {
	case codecLZ4:
		return LZ4
	case codecZSTD:
		return ZSTD
	}
	return None
}
