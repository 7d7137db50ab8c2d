package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// dictionaries are those of one stream, by id.
type dictionaries struct {
	pool  *Pool
	mem   memory.Allocator
	limit int64 // bytes of all together
	byID  map[int64]*dictionary
	bytes int64
}

// dictionary holds the values that a dictionary id stands for now.
type dictionary struct {
	id     int64
	field  *field  // of the values
	col    *column // the values, unless they were combined
	filled bool

	combined arrow.Array // values with deltas
	deltas   []delta     // not combined yet
	checked  bool        // the values in col were validated

	own   []*[]byte // pooled memory under col
	bytes int64
}

type delta struct {
	col *column
	own []*[]byte
}

// slot returns the dictionary of f's id, which all fields with that id share.
func (s *dictionaries) slot(f *field) (*dictionary, error) {
	if d := s.byID[f.dictID]; d != nil {
		if !arrow.TypeEqual(d.field.typ, f.dict.typ) {
			return nil, fmt.Errorf("schema: dictionary %d has values of %s and of %s", f.dictID, d.field.typ, f.dict.typ)
		}
		return d, nil
	}
	d := &dictionary{id: f.dictID, field: f.dict}
	s.byID[f.dictID] = d
	var err error
	d.col, err = newColumn(f.dict, s)
	return d, err
}

// take adopts the dictionary batch that h describes. The body's pooled buffer
// becomes the dictionary's.
func (s *dictionaries) take(h *head, body *[]byte, n int, realigned *int64) error {
	var raw []byte
	if body != nil {
		raw = (*body)[:n]
	}
	d := s.byID[h.id]
	if d == nil {
		s.pool.Put(body)
		return fmt.Errorf("dictionary %d is not of the schema", h.id)
	}
	var own []*[]byte
	if body != nil {
		own = append(own, body)
	}
	if h.delta {
		return s.addDelta(d, h, raw, own, realigned)
	}
	s.drop(d)
	own, err := s.load(d.col, h, raw, own, realigned)
	d.own = own
	if err != nil {
		s.drop(d)
		return err
	}
	d.filled, d.checked = true, false
	return s.grow(d, own)
}

func (s *dictionaries) addDelta(d *dictionary, h *head, raw []byte, own []*[]byte, realigned *int64) error {
	if !d.filled {
		s.free(own)
		return fmt.Errorf("dictionary %d: a delta before the dictionary itself", d.id)
	}
	if hasDictionary(d.field) {
		s.free(own)
		return fmt.Errorf("dictionary %d: a delta to values that are dictionary-encoded themselves is not supported", d.id)
	}
	col, err := newColumn(d.field, s)
	if err == nil {
		own, err = s.load(col, h, raw, own, realigned)
	}
	if err == nil {
		err = col.validate()
	}
	if err != nil {
		s.free(own)
		return fmt.Errorf("dictionary %d: %w", d.id, err)
	}
	d.deltas = append(d.deltas, delta{col, own})
	return s.grow(d, own)
}

func hasDictionary(f *field) bool {
	if f.dict != nil {
		return true
	}
	for _, k := range f.kids {
		if hasDictionary(k) {
			return true
		}
	}
	return false
}

// load decodes the dictionary batch into col and returns the pooled memory it
// is made of.
func (s *dictionaries) load(col *column, h *head, raw []byte, own []*[]byte, realigned *int64) ([]*[]byte, error) {
	var c cursor
	if err := c.init(s.pool, h, raw, s.limit); err != nil {
		return own, err
	}
	if c.arena != nil {
		own = append(own, c.arena)
	}
	if err := c.load(col); err != nil {
		return own, fmt.Errorf("dictionary %d: %w", h.id, err)
	}
	*realigned += c.realigned
	if col.length != h.length {
		return own, fmt.Errorf("dictionary %d: %d values in a batch of %d rows", h.id, col.length, h.length)
	}
	return own, nil
}

// grow accounts for memory that d took.
func (s *dictionaries) grow(d *dictionary, own []*[]byte) error {
	n := int64(1024) // of bookkeeping
	for _, b := range own {
		n += int64(cap(*b))
	}
	d.bytes += n
	if s.bytes += n; s.bytes > s.limit {
		return fmt.Errorf("dictionaries of %d bytes exceed the limit of %d", s.bytes, s.limit)
	}
	return nil
}

func (s *dictionaries) free(own []*[]byte) {
	for _, b := range own {
		s.pool.Put(b)
	}
}

// drop empties d.
func (s *dictionaries) drop(d *dictionary) {
	if d.combined != nil {
		d.combined.Release()
		d.combined = nil
	}
	s.free(d.own)
	for _, x := range d.deltas {
		s.free(x.own)
	}
	s.bytes -= d.bytes
	d.own, d.deltas, d.filled, d.bytes = nil, nil, false, 0
}

func (s *dictionaries) close() {
	for _, d := range s.byID {
		d.col.forget()
		s.drop(d)
	}
}

// forget gives up the dictionaries that col and its children refer to.
func (col *column) forget() {
	col.data.SetDictionary(nil)
	for _, k := range col.kids {
		k.forget()
	}
}

// values are d's current values; nil before the first dictionary batch.
func (d *dictionary) values() *array.Data {
	switch {
	case !d.filled:
		return nil
	case d.combined != nil:
		return d.combined.Data().(*array.Data)
	}
	return d.col.data
}

// settle combines deltas that came since the last batch.
func (s *dictionaries) settle(d *dictionary) (err error) {
	if len(d.deltas) == 0 {
		return nil
	}
	// arrow-go's concatenation is given validated arrays, but panics where a
	// type does not support it
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("dictionary %d: deltas can't be combined: %v", d.id, p)
		}
	}()
	if err := d.check(); err != nil {
		return err
	}
	var parts []arrow.Array
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	parts = append(parts, array.MakeFromData(d.values()))
	for _, x := range d.deltas {
		parts = append(parts, array.MakeFromData(x.col.data))
	}
	sum, err := array.Concatenate(parts, s.mem)
	if err != nil {
		return fmt.Errorf("dictionary %d: deltas can't be combined: %w", d.id, err)
	}
	if d.combined != nil {
		d.combined.Release()
	}
	d.combined = sum
	for _, x := range d.deltas {
		s.free(x.own)
	}
	s.free(d.own)
	d.own, d.deltas = nil, nil
	return nil
}

// check validates the values, once.
func (d *dictionary) check() error {
	if !d.filled || d.combined != nil || d.checked {
		return nil
	}
	if err := d.col.validate(); err != nil {
		return fmt.Errorf("dictionary %d: %w", d.id, err)
	}
	d.checked = true
	return nil
}

// resolve gives the dictionary columns below col their current dictionaries.
func (s *dictionaries) resolve(col *column) error {
	if d := col.dict; d != nil {
		if err := s.settle(d); err != nil {
			return err
		}
		v := d.values()
		if v == nil && col.nulls < col.length {
			return fmt.Errorf("column %s: dictionary %d has not come", col.f.name, d.id)
		}
		if v == nil {
			col.data.SetDictionary(nil)
			return nil
		}
		if d.combined == nil {
			if err := s.resolve(d.col); err != nil {
				return err
			}
		}
		col.data.SetDictionary(v)
	}
	for _, k := range col.kids {
		if err := s.resolve(k); err != nil {
			return err
		}
	}
	return nil
}

// checkBelow validates the dictionaries that col refers to.
func checkBelow(col *column) error {
	if col.dict != nil {
		if err := col.dict.check(); err != nil {
			return err
		}
		if col.dict.combined == nil {
			return checkBelow(col.dict.col)
		}
	}
	for _, k := range col.kids {
		if err := checkBelow(k); err != nil {
			return err
		}
	}
	return nil
}
