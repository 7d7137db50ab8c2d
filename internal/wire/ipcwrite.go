package wire

import (
	"github.com/apache/arrow-go/v18/arrow"
	flatbuffers "github.com/google/flatbuffers/go"
)

// span is where a buffer lies in a body.
type span struct{ offset, length int64 }

// batchHeader builds the IPC header of a record batch, or of a dictionary
// batch if dict is given. The slots are those of format/Message.fbs.
func batchHeader(rows int64, nodes [][2]int64, spans []span, variadic []int64, codec int8, bodyLen int64, dict *dictionaryHeader, meta arrow.Metadata) []byte {
	b := flatbuffers.NewBuilder(256 + 16*(len(nodes)+len(spans)) + 8*len(variadic))

	b.StartVector(16, len(nodes), 8)
	for i := len(nodes) - 1; i >= 0; i-- {
		b.Prep(8, 16)
		b.PrependInt64(nodes[i][1])
		b.PrependInt64(nodes[i][0])
	}
	nodesAt := b.EndVector(len(nodes))

	b.StartVector(16, len(spans), 8)
	for i := len(spans) - 1; i >= 0; i-- {
		b.Prep(8, 16)
		b.PrependInt64(spans[i].length)
		b.PrependInt64(spans[i].offset)
	}
	spansAt := b.EndVector(len(spans))

	var variadicAt, compressionAt flatbuffers.UOffsetT
	if len(variadic) > 0 {
		b.StartVector(8, len(variadic), 8)
		for i := len(variadic) - 1; i >= 0; i-- {
			b.PrependInt64(variadic[i])
		}
		variadicAt = b.EndVector(len(variadic))
	}
	if codec != codecNone {
		b.StartObject(2)
		b.PrependInt8Slot(0, codec, codecLZ4)
		compressionAt = b.EndObject()
	}

	b.StartObject(5)
	b.PrependInt64Slot(0, rows, 0)
	b.PrependUOffsetTSlot(1, nodesAt, 0)
	b.PrependUOffsetTSlot(2, spansAt, 0)
	b.PrependUOffsetTSlot(3, compressionAt, 0)
	b.PrependUOffsetTSlot(4, variadicAt, 0)
	header, kind := b.EndObject(), byte(headerBatch)

	if dict != nil {
		kind = headerDictionary
		b.StartObject(3)
		b.PrependInt64Slot(0, dict.id, 0)
		b.PrependUOffsetTSlot(1, header, 0)
		b.PrependBoolSlot(2, dict.delta, false)
		header = b.EndObject()
	}
	return message(b, kind, header, bodyLen, meta)
}

type dictionaryHeader struct {
	id    int64
	delta bool
}

// message wraps header in a Message table.
func message(b *flatbuffers.Builder, kind byte, header flatbuffers.UOffsetT, bodyLen int64, meta arrow.Metadata) []byte {
	var metaAt flatbuffers.UOffsetT
	if n := meta.Len(); n > 0 {
		pairs := make([]flatbuffers.UOffsetT, n)
		for i := range pairs {
			k, v := b.CreateString(meta.Keys()[i]), b.CreateString(meta.Values()[i])
			b.StartObject(2)
			b.PrependUOffsetTSlot(0, k, 0)
			b.PrependUOffsetTSlot(1, v, 0)
			pairs[i] = b.EndObject()
		}
		metaAt = b.CreateVectorOfTables(pairs)
	}
	b.StartObject(5)
	b.PrependInt64Slot(3, bodyLen, 0)
	b.PrependUOffsetTSlot(2, header, 0)
	b.PrependUOffsetTSlot(4, metaAt, 0)
	b.PrependInt16Slot(0, metadataV5, 0)
	b.PrependByteSlot(1, kind, 0)
	b.Finish(b.EndObject())
	return b.FinishedBytes()
}
