package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errFlatbuffer is the base of every complaint about a flatbuffer's form.
var errFlatbuffer = errors.New("malformed flatbuffer")

func fbError(what string, at int) error {
	return fmt.Errorf("%w: %s at byte %d is out of bounds", errFlatbuffer, what, at)
}

// table is a view of a flatbuffer table whose extent and vtable were checked
// against the buffer. The zero table has no fields.
type table struct {
	b   []byte
	pos int // of the table
	vt  int // of the vtable
	n   int // number of the vtable's fields
}

// rootTable returns the root of the flatbuffer b.
func rootTable(b []byte) (table, error) {
	return tableAt(b, 0, "root")
}

// tableAt follows the offset stored at byte at of b to a table.
func tableAt(b []byte, at int, what string) (table, error) {
	pos, ok := follow(b, at)
	if !ok || pos+4 > len(b) {
		return table{}, fbError(what, at)
	}
	vt := pos - int(int32(binary.LittleEndian.Uint32(b[pos:])))
	if vt < 0 || vt+4 > len(b) {
		return table{}, fbError("vtable of "+what, pos)
	}
	vsize := int(binary.LittleEndian.Uint16(b[vt:]))
	if vsize < 4 || vsize&1 != 0 || vt+vsize > len(b) {
		return table{}, fbError("vtable of "+what, vt)
	}
	return table{b: b, pos: pos, vt: vt, n: (vsize - 4) / 2}, nil
}

// follow resolves the unsigned offset stored at byte at.
func follow(b []byte, at int) (pos int, ok bool) {
	if at < 0 || at+4 > len(b) {
		return 0, false
	}
	off := int64(binary.LittleEndian.Uint32(b[at:]))
	if off == 0 || int64(at)+off >= int64(len(b)) {
		return 0, false
	}
	return at + int(off), true
}

// at returns the position of field i, of width bytes; 0 if it is absent.
func (t table) at(i, width int, what string) (int, error) {
	if i >= t.n {
		return 0, nil
	}
	off := int(binary.LittleEndian.Uint16(t.b[t.vt+4+2*i:]))
	if off == 0 {
		return 0, nil
	}
	// the table's size in the vtable does not count: Go's builder shares vtables
	// between tables of different sizes
	if off < 4 || t.pos+off+width > len(t.b) {
		return 0, fbError(what, t.pos)
	}
	return t.pos + off, nil
}

func (t table) uint8(i int, def uint8, what string) (uint8, error) {
	p, err := t.at(i, 1, what)
	if p == 0 {
		return def, err
	}
	return t.b[p], nil
}

func (t table) int16(i int, def int16, what string) (int16, error) {
	p, err := t.at(i, 2, what)
	if p == 0 {
		return def, err
	}
	return int16(binary.LittleEndian.Uint16(t.b[p:])), nil
}

func (t table) int64(i int, def int64, what string) (int64, error) {
	p, err := t.at(i, 8, what)
	if p == 0 {
		return def, err
	}
	return int64(binary.LittleEndian.Uint64(t.b[p:])), nil
}

// table returns the table in field i; ok tells whether there is one.
func (t table) table(i int, what string) (sub table, ok bool, err error) {
	p, err := t.at(i, 4, what)
	if p == 0 {
		return table{}, false, err
	}
	sub, err = tableAt(t.b, p, what)
	return sub, err == nil, err
}

// vector returns the bytes of the vector in field i, whose elements take width
// bytes each, and the position of its first element; nil if absent.
func (t table) vector(i, width int, what string) (elems []byte, pos int, err error) {
	p, err := t.at(i, 4, what)
	if p == 0 {
		return nil, 0, err
	}
	v, ok := follow(t.b, p)
	if !ok || v+4 > len(t.b) {
		return nil, 0, fbError(what, p)
	}
	n := int64(binary.LittleEndian.Uint32(t.b[v:]))
	if n*int64(width) > int64(len(t.b)-v-4) {
		return nil, 0, fbError(what, v)
	}
	return t.b[v+4 : v+4+int(n)*width], v + 4, nil
}

// str returns the string in field i; nil if absent.
func (t table) str(i int, what string) ([]byte, error) {
	s, pos, err := t.vector(i, 1, what)
	if err != nil {
		return nil, err
	}
	// flatbuffer strings end with a zero that the length does not count
	if s != nil && (pos+len(s) >= len(t.b) || t.b[pos+len(s)] != 0) {
		return nil, fbError(what, pos)
	}
	return s, nil
}
