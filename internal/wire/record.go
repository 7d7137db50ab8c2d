package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Record builds the current record batch, with every offset, view, index and
// type id checked, so that access to its values can't fail. The caller
// releases it; its memory is valid only until the next Next.
func (r *Reader) Record() (arrow.RecordBatch, error) {
	if r.stock != nil {
		return r.stock.record()
	}
	if !r.current {
		return nil, fmt.Errorf("no record batch: the current message is a %s at level %s", r.ev.Kind, r.level)
	}
	for _, c := range r.columns {
		err := checkBelow(c)
		if err == nil {
			err = c.validate()
		}
		if err != nil {
			return nil, r.fail(fmt.Errorf("record batch: %w", err))
		}
	}
	rec, err := r.build()
	if err != nil {
		return nil, r.fail(fmt.Errorf("record batch: %w", err))
	}
	return rec, nil
}

func (r *Reader) build() (rec arrow.RecordBatch, err error) {
	var cols []arrow.Array
	defer func() {
		// arrow-go's constructors, also those of extension types, panic on what
		// they don't like
		if p := recover(); p != nil {
			rec, err = nil, fmt.Errorf("%v", p)
		}
		for _, c := range cols {
			c.Release()
		}
	}()
	meta, err := r.in.cur.head.customMetadata()
	if err != nil {
		return nil, err
	}
	for _, c := range r.columns {
		d, err := c.snapshot(r.mem)
		if err != nil {
			return nil, err
		}
		a := array.MakeFromData(d)
		d.Release()
		cols = append(cols, a)
	}
	return array.NewRecordBatchWithMetadata(r.schema, cols, r.ev.Rows, meta), nil
}

// snapshot copies the view, not its memory, so that reuse of the view leaves
// arrays made of the copy whole.
func (col *column) snapshot(mem memory.Allocator) (*array.Data, error) {
	live := col.data.Buffers()
	bufs := make([]*memory.Buffer, len(live))
	for i, b := range live {
		if b != nil {
			bufs[i] = memory.NewBufferBytes(b.Bytes())
		}
	}
	if col.f.lay == layNull {
		bufs = []*memory.Buffer{nil}
	}
	kids := make([]arrow.ArrayData, len(col.kids))
	for i, k := range col.kids {
		d, err := k.snapshot(mem)
		if err != nil {
			return nil, err
		}
		defer d.Release()
		kids[i] = d
	}
	if len(kids) == 0 {
		kids = nil
	}
	d := array.NewData(col.f.typ, int(col.length), bufs, kids, int(col.nulls), 0)
	if col.dict == nil {
		return d, nil
	}
	values, err := col.dict.snapshot(mem)
	if err != nil {
		d.Release()
		return nil, err
	}
	d.SetDictionary(values)
	values.Release()
	return d, nil
}

// snapshot is the dictionary's values for a record; an empty array if none came.
func (d *dictionary) snapshot(mem memory.Allocator) (arrow.ArrayData, error) {
	switch {
	case !d.filled:
		a := array.MakeArrayOfNull(mem, d.field.typ, 0)
		defer a.Release()
		a.Data().Retain()
		return a.Data(), nil
	case d.combined != nil:
		d.combined.Data().Retain()
		return d.combined.Data(), nil
	}
	return d.col.snapshot(mem)
}
