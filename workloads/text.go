package workloads

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// stringsPlan has what databases hold as text: an identifier of fixed length,
// short names, prose of very different lengths (also none), multi-byte UTF-8,
// and random bytes.
func stringsPlan(Spec) plan {
	str, blob := arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	return planColumns([]column{
		textColumn("id", str, 16, 16, hexFiller),
		textColumn("name", str, 3, 20, nameFiller),
		textColumn("prose", str, 0, 200, proseFiller),
		textColumn("unicode", str, 0, 48, unicodeFiller),
		textColumn("blob", blob, 0, 64, blobFiller),
	})
}

// textColumn has values of lo to hi bytes, each length alike.
func textColumn(name string, dt arrow.DataType, lo, hi int64, filler func(source) func([]byte)) column {
	return column{
		field: arrow.Field{Name: name, Type: dt, Nullable: true},
		mean:  4 + (lo+hi+1)/2, worst: 4 + hi, items: hi,
		make: func(m *maker, col uint64) arrow.Array {
			return text(m, col, dt, 0, lengthBetween(lo, hi), filler)
		},
	}
}

// hexFiller writes random hexadecimal digits.
func hexFiller(s source) func([]byte) {
	const digits = "0123456789abcdef"
	return func(dst []byte) {
		var r uint64
		for i := range dst {
			if i%16 == 0 {
				r = s.Uint64()
			}
			dst[i] = digits[r&15]
			r >>= 4
		}
	}
}

// nameFiller writes a capital letter, then vowels and consonants in turn.
func nameFiller(s source) func([]byte) {
	const consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
	return func(dst []byte) {
		for i := range dst {
			if i%2 == 0 {
				dst[i] = consonants[s.below(uint64(len(consonants)))]
			} else {
				dst[i] = vowels[s.below(uint64(len(vowels)))]
			}
		}
		if len(dst) > 0 {
			dst[0] -= 'a' - 'A'
		}
	}
}

// blobFiller writes random bytes.
func blobFiller(s source) func([]byte) {
	return func(dst []byte) {
		for len(dst) >= 8 {
			binary.LittleEndian.PutUint64(dst, s.Uint64())
			dst = dst[8:]
		}
		if len(dst) > 0 {
			var last [8]byte
			binary.LittleEndian.PutUint64(last[:], s.Uint64())
			copy(dst, last[:])
		}
	}
}

// unicodeFiller writes characters of one to four bytes: Latin, Cyrillic, CJK and
// symbols, never one that is cut.
func unicodeFiller(s source) func([]byte) {
	ranges := [4]struct{ first, n rune }{{'a', 26}, {0x410, 64}, {0x4e00, 0x5000}, {0x1f300, 0x100}}
	return func(dst []byte) {
		for len(dst) > 0 {
			r := ranges[s.below(uint64(min(len(dst), 4)))]
			dst = dst[utf8.EncodeRune(dst, r.first+rune(s.below(uint64(r.n)))):]
		}
	}
}
