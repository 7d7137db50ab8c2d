package workloads

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// same is true if n values of a from ao and of b from bo, of one type, are equal
// because their buffers are. False means unknown: they may still be equal in
// value. The positions are indices into the buffers. It allocates nothing.
func same(a arrow.ArrayData, ao int, b arrow.ArrayData, bo, n int) bool {
	if n == 0 {
		return true
	}
	dt := a.DataType()
	if ext, ok := dt.(arrow.ExtensionType); ok {
		dt = ext.StorageType()
	}
	switch dt := dt.(type) {
	case *arrow.NullType:
		return true
	case *arrow.DictionaryType:
		w := dt.IndexType.(arrow.FixedWidthDataType).Bytes()
		return sameValid(a, ao, b, bo, n) && sameFixed(a, ao, b, bo, n, w) && sameDictionary(a, b)
	case *arrow.BooleanType:
		return sameValid(a, ao, b, bo, n) && sameBits(a.Buffers()[1], ao, b.Buffers()[1], bo, n)
	case *arrow.StructType:
		return sameValid(a, ao, b, bo, n) && sameChildren(a, ao, b, bo, n)
	case *arrow.FixedSizeListType:
		w := int(dt.Len())
		x, y := a.Children()[0], b.Children()[0]
		return sameValid(a, ao, b, bo, n) && same(x, x.Offset()+ao*w, y, y.Offset()+bo*w, n*w)
	case *arrow.BinaryType, *arrow.StringType, *arrow.LargeBinaryType, *arrow.LargeStringType:
		al, bl, size, ok := sameOffsets(a, ao, b, bo, n)
		return ok && sameValid(a, ao, b, bo, n) && sameBytes(a.Buffers()[2], al, b.Buffers()[2], bl, size)
	case *arrow.ListType, *arrow.LargeListType, *arrow.MapType:
		al, bl, size, ok := sameOffsets(a, ao, b, bo, n)
		x, y := a.Children()[0], b.Children()[0]
		return ok && sameValid(a, ao, b, bo, n) && same(x, x.Offset()+al, y, y.Offset()+bl, size)
	case arrow.BinaryViewDataType, *arrow.ListViewType, *arrow.LargeListViewType, arrow.UnionType, *arrow.RunEndEncodedType:
		return false
	case arrow.FixedWidthDataType:
		return sameValid(a, ao, b, bo, n) && sameFixed(a, ao, b, bo, n, dt.Bytes())
	}
	return false
}

func sameChildren(a arrow.ArrayData, ao int, b arrow.ArrayData, bo, n int) bool {
	bs := b.Children()
	for i, x := range a.Children() {
		if y := bs[i]; !same(x, x.Offset()+ao, y, y.Offset()+bo, n) {
			return false
		}
	}
	return true
}

func sameDictionary(a, b arrow.ArrayData) bool {
	x, y := a.Dictionary(), b.Dictionary()
	return x == y || x.Len() == y.Len() && same(x, x.Offset(), y, y.Offset(), x.Len())
}

// sameValid compares which values are null.
func sameValid(a arrow.ArrayData, ao int, b arrow.ArrayData, bo, n int) bool {
	an, bn := nullsIn(a, ao, n), nullsIn(b, bo, n)
	if an != bn {
		return false
	}
	return an == 0 || an == n || sameBits(a.Buffers()[0], ao, b.Buffers()[0], bo, n)
}

func sameBits(a *memory.Buffer, ao int, b *memory.Buffer, bo, n int) bool {
	x, y := bytesOf(a), bytesOf(b)
	if ao%8 == 0 && bo%8 == 0 {
		whole := n / 8
		if !bytes.Equal(x[ao/8:ao/8+whole], y[bo/8:bo/8+whole]) {
			return false
		}
		ao, bo, n = ao+whole*8, bo+whole*8, n%8
	}
	for i := range n {
		if bitutil.BitIsSet(x, ao+i) != bitutil.BitIsSet(y, bo+i) {
			return false
		}
	}
	return true
}

func sameFixed(a arrow.ArrayData, ao int, b arrow.ArrayData, bo, n, width int) bool {
	return sameBytes(a.Buffers()[1], ao*width, b.Buffers()[1], bo*width, n*width)
}

func sameBytes(a *memory.Buffer, ao int, b *memory.Buffer, bo, n int) bool {
	return n == 0 || bytes.Equal(bytesOf(a)[ao:ao+n], bytesOf(b)[bo:bo+n])
}

// sameOffsets compares lengths, and returns where the values start and how many
// there are. Offsets that begin at the same value are compared as bytes.
func sameOffsets(a arrow.ArrayData, ao int, b arrow.ArrayData, bo, n int) (al, bl, size int, ok bool) {
	w := a.DataType().(arrow.OffsetsDataType).OffsetTypeTraits().BytesRequired(1)
	x, y := a.Buffers()[1], b.Buffers()[1]
	if x == nil || y == nil {
		return 0, 0, 0, false
	}
	al, bl = int(offsetAt(x, w, ao)), int(offsetAt(y, w, bo))
	size = int(offsetAt(x, w, ao+n)) - al
	if al == bl {
		return al, bl, size, sameBytes(x, ao*w, y, bo*w, (n+1)*w)
	}
	for i := range n + 1 {
		if int(offsetAt(x, w, ao+i))-al != int(offsetAt(y, w, bo+i))-bl {
			return 0, 0, 0, false
		}
	}
	return al, bl, size, true
}

func bytesOf(b *memory.Buffer) []byte {
	if b == nil {
		return nil
	}
	return b.Bytes()
}
