package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// validate checks what access to single values relies on: offsets, views,
// indices, type ids and run ends. What load checked is not checked again.
func (col *column) validate() error {
	f, n := col.f, int(col.length)
	var err error
	switch f.lay {
	case layFixed:
		if col.dict != nil && n > 0 {
			err = col.validateIndices()
		}
	case layBinary:
		err = validateOffsets(col, int64(len(col.raw[2])))
	case layList:
		err = validateOffsets(col, col.kids[0].length)
	case layListView:
		if f.width == 4 {
			err = validateListViews(arrow.GetData[int32](col.raw[1]), arrow.GetData[int32](col.raw[2]), n, col.kids[0].length)
		} else {
			err = validateListViews(arrow.GetData[int64](col.raw[1]), arrow.GetData[int64](col.raw[2]), n, col.kids[0].length)
		}
	case layView:
		err = col.validateViews()
	case laySparse, layDense:
		err = col.validateUnion()
	case layRunEnd:
		err = col.kids[0].validateRunEnds(col.length)
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", f.name, err)
	}
	for _, k := range col.kids {
		if err := k.validate(); err != nil {
			return err
		}
	}
	return nil
}

// valid tells whether slot i is not null.
func (col *column) valid(i int) bool {
	return col.nulls == 0 || bitutil.BitIsSet(col.raw[0], i)
}

func validateOffsets(col *column, limit int64) error {
	if col.f.width == 4 {
		return ascendingOffsets(arrow.GetData[int32](col.raw[1])[:col.length+1], limit)
	}
	return ascendingOffsets(arrow.GetData[int64](col.raw[1])[:col.length+1], limit)
}

func ascendingOffsets[T int32 | int64](offs []T, limit int64) error {
	prev := T(0)
	for i, o := range offs {
		if o < prev {
			return fmt.Errorf("offset %d is %d, below %d before it", i, o, prev)
		}
		prev = o
	}
	if int64(prev) > limit {
		return fmt.Errorf("offsets end at %d, but there are %d values", prev, limit)
	}
	return nil
}

func validateListViews[T int32 | int64](offs, sizes []T, n int, limit int64) error {
	for i := range n {
		o, s := int64(offs[i]), int64(sizes[i])
		if o < 0 || s < 0 || o > limit || s > limit-o {
			return fmt.Errorf("list %d takes %d values from %d, but there are %d", i, s, o, limit)
		}
	}
	return nil
}

func (col *column) validateViews() error {
	views := arrow.ViewHeaderTraits.CastFromBytes(col.raw[1])
	count := len(col.data.Buffers()) - 2
	for i := range int(col.length) {
		if !col.valid(i) {
			continue
		}
		v := &views[i]
		switch {
		case v.Len() < 0:
			return fmt.Errorf("view %d has length %d", i, v.Len())
		case v.IsInline():
		case v.BufferIndex() < 0 || int(v.BufferIndex()) >= count:
			return fmt.Errorf("view %d is of buffer %d, but there are %d", i, v.BufferIndex(), count)
		case v.BufferOffset() < 0 || int64(v.BufferOffset())+int64(v.Len()) > int64(len(col.raw[2+v.BufferIndex()])):
			return fmt.Errorf("view %d takes %d bytes from %d of %d", i, v.Len(), v.BufferOffset(), len(col.raw[2+v.BufferIndex()]))
		}
	}
	return nil
}

func (col *column) validateUnion() error {
	ids := col.f.union.ChildIDs()
	dense := col.f.lay == layDense
	for i, t := range col.raw[1][:col.length] {
		if int(t) >= len(ids) || ids[t] < 0 || ids[t] >= len(col.kids) {
			return fmt.Errorf("value %d has the unknown type id %d", i, int8(t))
		}
		if !dense {
			continue
		}
		if o, n := loadInt(col.raw[2], 4, i), col.kids[ids[t]].length; o < 0 || o >= n {
			return fmt.Errorf("value %d is number %d of a child with %d values", i, o, n)
		}
	}
	return nil
}

// validateRunEnds checks run ends that stand for n values.
func (col *column) validateRunEnds(n int64) error {
	prev := int64(0)
	for i := range int(col.length) {
		end := loadInt(col.raw[1], col.f.width, i)
		if end <= prev {
			return fmt.Errorf("run %d ends at %d, not after %d", i, end, prev)
		}
		prev = end
	}
	if prev < n {
		return fmt.Errorf("runs end at %d, but there are %d values", prev, n)
	}
	return nil
}

func (col *column) validateIndices() error {
	size := int64(0)
	if d := col.dict.values(); d != nil {
		size = int64(d.Len())
	}
	unsigned := arrow.IsUnsignedInteger(col.f.index)
	for i := range int(col.length) {
		if !col.valid(i) {
			continue
		}
		v := loadInt(col.raw[1], col.f.width, i)
		if unsigned && col.f.width < 8 {
			v &= 1<<(8*col.f.width) - 1
		}
		if v < 0 || v >= size {
			return fmt.Errorf("index %d is %d, but the dictionary has %d values", i, v, size)
		}
	}
	return nil
}
