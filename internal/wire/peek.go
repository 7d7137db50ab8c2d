package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

// maxLogical keeps sums of claimed lengths from overflowing.
const maxLogical = 1 << 50

var errLogical = fmt.Errorf("record batch: compressed buffers claim more than %d bytes", int64(maxLogical))

// Check tells how many bytes the body of fd has without its codec, by what its
// buffers claim; 0 without an IPC message. It is for streams that arrow-go's own
// reader is to read, which panics on a malformed schema and sets aside whatever
// is claimed: terabytes end the process.
func Check(fd *flight.FlightData) (inflated int64, err error) {
	if len(fd.GetDataHeader()) == 0 {
		return 0, nil
	}
	h, sizes, err := measure(fd)
	if err == nil && h.kind == headerSchema {
		_, err = parseSchemaIDs(&h)
	}
	return sizes.Logical, err
}

// inflatedSize sums the length prefixes of the compressed body.
func inflatedSize(h *head, body []byte) (int64, error) {
	var sum int64
	for i := range h.numBuffers() {
		off, n := h.buffer(i)
		if n == 0 {
			continue
		}
		l, err := logicalOf(int64(binary.LittleEndian.Uint64(body[off:])), n)
		if err != nil {
			return 0, err
		}
		if sum += l; sum > maxLogical {
			return 0, errLogical
		}
	}
	return sum, nil
}

// peeker reads the length prefixes of compressed buffers while a body streams by.
type peeker struct {
	next    int // buffer
	got     int // bytes of its prefix
	prefix  [8]byte
	logical int64
}

// walk takes p, the body's bytes from pos on.
func (k *peeker) walk(h *head, pos int, p []byte) error {
	end := int64(pos + len(p))
	for k.next < h.numBuffers() {
		off, n := h.buffer(k.next)
		if n == 0 {
			k.next++
			continue
		}
		at := off + int64(k.got)
		if at >= end {
			return nil
		}
		k.got += copy(k.prefix[k.got:], p[at-int64(pos):])
		if k.got < len(k.prefix) {
			return nil
		}
		l, err := logicalOf(int64(binary.LittleEndian.Uint64(k.prefix[:])), n)
		if err != nil {
			return err
		}
		if k.logical += l; k.logical > maxLogical {
			return errLogical
		}
		k.next++
		k.got = 0
	}
	return nil
}
