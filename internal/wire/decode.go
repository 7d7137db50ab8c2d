package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// maxValues bounds what one array may claim to hold, so that sizes computed
// from it stay far from overflowing.
const maxValues = 1 << 40

// column is a reusable view of one array: decoding a batch points its buffers
// into the batch's body and allocates nothing.
type column struct {
	f       *field
	data    *array.Data
	length  int64
	nulls   int64
	raw     [][]byte         // the buffers' bytes; nil for an absent one
	views   []*memory.Buffer // one for each of raw, reused
	bufs    []*memory.Buffer // views, or nil where a validity bitmap is absent
	kids    []*column
	kidData []arrow.ArrayData
	dict    *dictionary // of a dictionary array
}

func newColumn(f *field, slots *dictionaries) (*column, error) {
	c := &column{f: f, data: array.NewData(f.typ, 0, nil, nil, 0, 0)}
	if f.dict != nil {
		var err error
		c.dict, err = slots.slot(f)
		return c, err
	}
	for _, k := range f.kids {
		kid, err := newColumn(k, slots)
		if err != nil {
			return nil, err
		}
		c.kids = append(c.kids, kid)
		c.kidData = append(c.kidData, kid.data)
	}
	return c, nil
}

// cursor walks the nodes and buffers of one batch along its columns.
type cursor struct {
	pool *Pool
	h    *head
	body []byte

	node, buffer, variadic int

	arena     *[]byte // pooled: inflated and realigned buffers
	used      int
	realigned int64
}

func (c *cursor) init(pool *Pool, h *head, body []byte, limit int64) error {
	*c = cursor{pool: pool, h: h, body: body}
	need, err := c.arenaSize()
	if err != nil {
		return err
	}
	if need > limit {
		return fmt.Errorf("record batch: %d bytes after decompression and realignment exceed the limit of %d", need, limit)
	}
	if need > 0 {
		c.arena = pool.Get(int(need))
	}
	return nil
}

// arenaSize is how many bytes the batch's buffers can take outside its body.
func (c *cursor) arenaSize() (int64, error) {
	var need int64
	for i := range c.h.numBuffers() {
		off, n := c.h.buffer(i)
		if n == 0 {
			continue
		}
		raw := c.body[off : off+n]
		if c.h.codec != codecNone {
			if !storedRaw(raw) {
				claimed, err := logicalOf(int64(binary.LittleEndian.Uint64(raw)), n)
				if err == nil {
					err = checkInflated(c.h.codec, n-8, claimed)
				}
				if err != nil {
					return 0, err
				}
				need += pad(claimed)
				continue
			}
			raw, n = raw[8:], n-8
		}
		if n > 0 && !isAligned(raw, 8) {
			need += pad(n)
		}
	}
	return need, nil
}

func storedRaw(b []byte) bool { return binary.LittleEndian.Uint64(b) == 1<<64-1 }

func pad(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// room returns the next n bytes of the arena.
func (c *cursor) room(n int64) []byte {
	if n == 0 {
		return nil
	}
	b := (*c.arena)[c.used : c.used+int(n) : c.used+int(n)]
	c.used += int(pad(n))
	return b
}

// next returns the bytes of the next buffer, decompressed, at a multiple of align.
func (c *cursor) next(f *field, align int) ([]byte, error) {
	i := c.buffer
	if i >= c.h.numBuffers() {
		return nil, fmt.Errorf("column %s: the batch has only %d buffers", f.name, i)
	}
	c.buffer++
	off, n := c.h.buffer(i)
	if n == 0 {
		return nil, nil
	}
	raw := c.body[off : off+n]
	if c.h.codec != codecNone {
		prefix := raw
		raw = raw[8:]
		if !storedRaw(prefix) {
			dst := c.room(int64(binary.LittleEndian.Uint64(prefix)))
			if len(dst) == 0 {
				return nil, nil
			}
			if err := inflate(c.h.codec, dst, raw); err != nil {
				return nil, fmt.Errorf("column %s: buffer %d: %w", f.name, i, err)
			}
			return dst, nil
		}
	}
	if align > 1 && len(raw) > 0 && !isAligned(raw, uintptr(align)) {
		dst := c.room(int64(len(raw)))
		copy(dst, raw)
		c.realigned += int64(len(raw))
		return dst, nil
	}
	return raw, nil
}

// hold sets buffer i of col to b.
func (col *column) hold(i int, b []byte) {
	for len(col.raw) <= i {
		v := memory.NewBufferBytes(nil)
		col.raw, col.views, col.bufs = append(col.raw, nil), append(col.views, v), append(col.bufs, v)
	}
	col.raw[i] = b
	col.views[i].Reset(b)
	col.bufs[i] = col.views[i]
}

// load reads the next array into col: every check whose cost does not grow
// with the number of values is made here, the others in column.validate.
func (c *cursor) load(col *column) error {
	f := col.f
	if c.node >= c.h.numNodes() {
		return fmt.Errorf("column %s: the batch has only %d field nodes", f.name, c.node)
	}
	col.length, col.nulls = c.h.node(c.node)
	c.node++
	if col.length < 0 || col.length > maxValues {
		return fmt.Errorf("column %s: %d values", f.name, col.length)
	}
	if col.nulls < -1 || col.nulls > col.length {
		return fmt.Errorf("column %s: %d nulls among %d values", f.name, col.nulls, col.length)
	}
	if f.lay == layNull {
		col.hold(0, nil)
		col.bufs[0] = nil
		col.nulls = col.length
		col.set(1)
		return nil
	}
	if err := c.validity(col); err != nil {
		return err
	}
	used, err := c.buffers(col)
	if err != nil {
		return err
	}
	for _, k := range col.kids {
		if err := c.load(k); err != nil {
			return err
		}
	}
	if err := col.checkKids(); err != nil {
		return err
	}
	col.set(used)
	return nil
}

// set points the array data at the first n buffers.
func (col *column) set(n int) {
	col.data.Reset(col.f.typ, int(col.length), col.bufs[:n], col.kidData, int(col.nulls), 0)
}

func (c *cursor) validity(col *column) error {
	f := col.f
	col.hold(0, nil)
	switch f.lay {
	case laySparse, layDense:
		if c.h.version == metadataV4 { // which had a bitmap here
			bits, err := c.next(f, 1)
			if err != nil {
				return err
			}
			if col.nulls > 0 && len(bits) > 0 {
				return fmt.Errorf("column %s: a union with nulls of its own, as before Arrow 1.0", f.name)
			}
		}
		fallthrough
	case layRunEnd:
		col.nulls = 0
		col.bufs[0] = nil
		return nil
	}
	if col.nulls == 0 {
		c.buffer++
		col.bufs[0] = nil
		return nil
	}
	bits, err := c.next(f, 1)
	if err != nil {
		return err
	}
	switch {
	case int64(len(bits)) >= (col.length+7)/8:
	case len(bits) == 0 && col.nulls == -1:
		col.nulls = 0
	default:
		return fmt.Errorf("column %s: a validity bitmap of %d bytes for %d values with %d nulls", f.name, len(bits), col.length, col.nulls)
	}
	if col.nulls == -1 {
		col.nulls = col.length - int64(bitutil.CountSetBits(bits, 0, int(col.length)))
	}
	if col.nulls == 0 {
		col.bufs[0] = nil
		return nil
	}
	col.hold(0, bits)
	return nil
}

// buffers reads the buffers after validity and returns how many there are in all.
func (c *cursor) buffers(col *column) (int, error) {
	f := col.f
	switch f.lay {
	case layBool:
		return 2, c.sized(col, 1, 1, (col.length+7)/8)
	case layFixed:
		return 2, c.values(col, 1, f.width)
	case layBinary:
		if err := c.offsets(col); err != nil {
			return 0, err
		}
		b, err := c.next(f, 1)
		col.hold(2, b)
		return 3, err
	case layView:
		return c.viewBuffers(col)
	case layList:
		return 2, c.offsets(col)
	case layListView:
		if err := c.values(col, 1, f.width); err != nil {
			return 0, err
		}
		return 3, c.values(col, 2, f.width)
	case laySparse:
		return 2, c.values(col, 1, 1)
	case layDense:
		if err := c.values(col, 1, 1); err != nil {
			return 0, err
		}
		return 3, c.values(col, 2, 4)
	}
	return 1, nil // fixed-size list, struct, run-end encoded
}

// values reads buffer i: a value of width bytes for each slot.
func (c *cursor) values(col *column, i, width int) error {
	if width > 0 && col.length > int64(len(c.body)+c.arenaLen())/int64(width) {
		return fmt.Errorf("column %s: %d values of %d bytes exceed the body of %d", col.f.name, col.length, width, len(c.body))
	}
	return c.sized(col, i, alignOf(width), col.length*int64(width))
}

func (c *cursor) arenaLen() int {
	if c.arena == nil {
		return 0
	}
	return len(*c.arena)
}

func alignOf(width int) int {
	if width >= 8 {
		return 8
	}
	return max(1, width&-width)
}

// sized reads buffer i, which must have at least need bytes.
func (c *cursor) sized(col *column, i, align int, need int64) error {
	b, err := c.next(col.f, align)
	if err != nil {
		return err
	}
	if int64(len(b)) < need {
		return fmt.Errorf("column %s: %d bytes for %d values, which take %d", col.f.name, len(b), col.length, need)
	}
	col.hold(i, b)
	return nil
}

// offsets reads buffer 1 as one more offset than there are values; an empty
// array may have none.
func (c *cursor) offsets(col *column) error {
	b, err := c.next(col.f, col.f.width)
	if err != nil {
		return err
	}
	have := int64(len(b)) / int64(col.f.width)
	if have < col.length+1 {
		if col.length > 0 {
			return fmt.Errorf("column %s: %d offsets for %d values", col.f.name, have, col.length)
		}
		b = zeros[:col.f.width]
	}
	col.hold(1, b)
	return nil
}

func (c *cursor) viewBuffers(col *column) (int, error) {
	f := col.f
	if c.variadic >= c.h.numVariadic() {
		return 0, fmt.Errorf("column %s: the batch has only %d variadic counts", f.name, c.variadic)
	}
	n := int(c.h.variadicCount(c.variadic)) // checked with the header: at most the number of buffers
	c.variadic++
	if err := c.values(col, 1, f.width); err != nil {
		return 0, err
	}
	for i := range n {
		b, err := c.next(f, 1)
		if err != nil {
			return 0, err
		}
		col.hold(2+i, b)
	}
	return 2 + n, nil
}

// checkKids compares the children's lengths with the parent's.
func (col *column) checkKids() error {
	f := col.f
	need := int64(0)
	switch f.lay {
	case layFixedList:
		if f.list > 0 && col.length > col.kids[0].length/f.list {
			return fmt.Errorf("column %s: %d lists of %d values each, but %d values", f.name, col.length, f.list, col.kids[0].length)
		}
	case layStruct, laySparse:
		need = col.length
	case layRunEnd:
		ends, vals := col.kids[0], col.kids[1]
		if ends.nulls != 0 {
			return fmt.Errorf("column %s: run ends with nulls", f.name)
		}
		if vals.length < ends.length || col.length > 0 && ends.length == 0 {
			return fmt.Errorf("column %s: %d values in %d runs, with %d run values", f.name, col.length, ends.length, vals.length)
		}
	}
	for _, k := range col.kids {
		if k.length < need {
			return fmt.Errorf("column %s: child %s has %d values instead of %d", f.name, k.f.name, k.length, need)
		}
	}
	return nil
}
