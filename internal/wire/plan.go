package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// layout is how an array's buffers and children lie, whatever its type means.
type layout uint8

const (
	layNull layout = iota
	layBool
	layFixed  // values of width bytes
	layBinary // offsets of width bytes, data
	layView
	layList     // offsets of width bytes, child; maps too
	layListView // offsets and sizes of width bytes, child
	layFixedList
	layStruct
	laySparse
	layDense
	layRunEnd
)

// field describes how to encode and decode one array of a schema. Dictionary
// arrays are laid out as their indices; dict then tells the values.
type field struct {
	name   string         // path, for errors
	typ    arrow.DataType // as in the schema
	lay    layout
	width  int
	list   int64 // layFixedList: values a slot
	index  arrow.Type
	union  arrow.UnionType
	kids   []*field
	dictID int64
	dict   *field // values of a dictionary array; nil for others
}

// storage strips extension types.
func storage(dt arrow.DataType) arrow.DataType {
	for {
		ext, ok := dt.(arrow.ExtensionType)
		if !ok {
			return dt
		}
		dt = ext.StorageType()
	}
}

// shape fills in what the (storage) type st says of the layout.
func (f *field) shape(st arrow.DataType) error {
	switch t := st.(type) {
	case *arrow.NullType:
		f.lay = layNull
	case *arrow.BooleanType:
		f.lay = layBool
	case *arrow.DictionaryType:
		f.lay, f.index = layFixed, t.IndexType.ID()
		w, ok := t.IndexType.(arrow.FixedWidthDataType)
		if !ok {
			return fmt.Errorf("column %s: dictionary indices of type %s", f.name, t.IndexType)
		}
		f.width = w.BitWidth() / 8
	case arrow.BinaryViewDataType:
		f.lay, f.width = layView, arrow.ViewHeaderSizeBytes
	case *arrow.BinaryType, *arrow.StringType:
		f.lay, f.width = layBinary, 4
	case *arrow.LargeBinaryType, *arrow.LargeStringType:
		f.lay, f.width = layBinary, 8
	case *arrow.ListType, *arrow.MapType:
		f.lay, f.width = layList, 4
	case *arrow.LargeListType:
		f.lay, f.width = layList, 8
	case *arrow.ListViewType:
		f.lay, f.width = layListView, 4
	case *arrow.LargeListViewType:
		f.lay, f.width = layListView, 8
	case *arrow.FixedSizeListType:
		f.lay, f.list = layFixedList, int64(t.Len())
		if t.Len() < 0 {
			return fmt.Errorf("column %s: lists of %d values", f.name, t.Len())
		}
	case *arrow.StructType:
		f.lay = layStruct
	case *arrow.SparseUnionType:
		f.lay, f.union = laySparse, t
	case *arrow.DenseUnionType:
		f.lay, f.union = layDense, t
	case *arrow.RunEndEncodedType:
		f.lay, f.index = layRunEnd, t.RunEnds().ID()
	case arrow.DecimalType:
		f.lay, f.width = layFixed, t.BitWidth()/8
		most := int32(9)
		switch f.width {
		case 8:
			most = 18
		case 16:
			most = 38
		case 32:
			most = 76
		}
		// arrow-go looks powers of ten up by the scale
		if t.GetPrecision() < 1 || t.GetPrecision() > most || t.GetScale() < -most || t.GetScale() > most {
			return fmt.Errorf("column %s: precision %d and scale %d of a decimal with %d digits", f.name, t.GetPrecision(), t.GetScale(), most)
		}
	case arrow.FixedWidthDataType:
		f.lay, f.width = layFixed, t.BitWidth()/8
		if f.width < 0 || t.BitWidth()%8 != 0 {
			return fmt.Errorf("column %s: values of %d bits", f.name, t.BitWidth())
		}
	default:
		return fmt.Errorf("column %s: type %s is not supported", f.name, st)
	}
	return nil
}

// childFields are the fields below the storage type st, in the order of its
// children's data.
func childFields(st arrow.DataType) []arrow.Field {
	switch t := st.(type) {
	case *arrow.RunEndEncodedType:
		return []arrow.Field{{Name: "run_ends", Type: t.RunEnds()}, {Name: "values", Type: t.Encoded(), Nullable: t.ValueNullable}}
	case arrow.NestedType:
		return t.Fields()
	}
	return nil
}
