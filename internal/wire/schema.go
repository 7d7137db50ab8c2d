package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const maxDepth = 64 // of nested types, as in Arrow's own implementations

// fieldIDs is what arrow-go does not tell of a schema message: the dictionary
// ids, by the tree of fields. The children of a dictionary field are those of
// its value type.
type fieldIDs struct {
	id   int64
	dict bool
	kids []fieldIDs
}

// schemaWalk visits a schema header before arrow-go decodes it, since that
// allocates what vectors claim: it bounds how often tables and strings are
// visited by what a header of this size can hold, so that tables which are
// referred to many times can't multiply.
type schemaWalk struct {
	tables, bytes int
}

func (w *schemaWalk) spend(tables, bytes int) error {
	w.tables -= tables
	w.bytes -= bytes
	if w.tables < 0 || w.bytes < 0 {
		return fmt.Errorf("schema: %w: more fields and metadata than its size can hold", errFlatbuffer)
	}
	return nil
}

// parseSchemaIDs checks the schema in h and returns the ids of its fields.
func parseSchemaIDs(h *head) ([]fieldIDs, error) {
	size := len(h.schema.b)
	// a field or a key-value pair takes 12 bytes at the least; strings are not shared
	w := schemaWalk{tables: size/12 + 1, bytes: 4*size + 64}
	if err := w.metadata(h.msg, 4); err != nil {
		return nil, err
	}
	if err := w.metadata(h.schema, 2); err != nil {
		return nil, err
	}
	return w.fields(h.schema, 1, 0)
}

func (w *schemaWalk) fields(t table, slot, depth int) ([]fieldIDs, error) {
	elems, pos, err := t.vector(slot, 4, "fields")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	n := len(elems) / 4
	if n == 0 {
		return nil, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("schema: types nested deeper than %d", maxDepth)
	}
	if err := w.spend(n, 0); err != nil {
		return nil, err
	}
	out := make([]fieldIDs, n)
	for i := range out {
		ft, err := tableAt(t.b, pos+4*i, "field")
		if err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		if err := w.field(ft, depth, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *schemaWalk) field(t table, depth int, out *fieldIDs) error {
	name, err := t.str(0, "name")
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if err := w.spend(0, len(name)); err != nil {
		return err
	}
	typ, ok, err := t.table(3, "type")
	if err != nil {
		return fmt.Errorf("schema: field %q: %w", name, err)
	}
	if !ok {
		return fmt.Errorf("schema: field %q has no type", name)
	}
	// of all type tables, only Union's ids and Timestamp's zone are vectors,
	// and both are in slot 1
	kind, err := t.uint8(2, 0, "type type")
	if err != nil {
		return fmt.Errorf("schema: field %q: %w", name, err)
	}
	switch kind {
	case 10: // Timestamp
		zone, err := typ.str(1, "time zone")
		if err == nil {
			err = w.spend(0, len(zone))
		}
		if err != nil {
			return fmt.Errorf("schema: field %q: %w", name, err)
		}
	case 14: // Union
		ids, _, err := typ.vector(1, 4, "type ids")
		if err == nil {
			err = w.spend(0, len(ids))
		}
		if err != nil {
			return fmt.Errorf("schema: field %q: %w", name, err)
		}
	}
	enc, ok, err := t.table(4, "dictionary")
	if err != nil {
		return fmt.Errorf("schema: field %q: %w", name, err)
	}
	if ok {
		out.dict = true
		if out.id, err = enc.int64(0, 0, "dictionary id"); err != nil {
			return fmt.Errorf("schema: field %q: %w", name, err)
		}
	}
	if err := w.metadata(t, 6); err != nil {
		return err
	}
	out.kids, err = w.fields(t, 5, depth+1)
	return err
}

// metadata walks the key-value pairs in slot of t.
func (w *schemaWalk) metadata(t table, slot int) error {
	elems, pos, err := t.vector(slot, 4, "metadata")
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	n := len(elems) / 4
	if err := w.spend(n, 0); err != nil {
		return err
	}
	for i := range n {
		kv, err := tableAt(t.b, pos+4*i, "key-value pair")
		if err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		for s := range 2 {
			v, err := kv.str(s, "metadata")
			if err == nil {
				err = w.spend(0, len(v))
			}
			if err != nil {
				return fmt.Errorf("schema: %w", err)
			}
		}
	}
	return nil
}

// schemaMessage makes one IPC message a stream for arrow-go.
type schemaMessage struct{ header []byte }

func (s schemaMessage) Message() (*ipc.Message, error) {
	return ipc.NewMessage(memory.NewBufferBytes(s.header), memory.NewBufferBytes(nil)), nil
}
func (schemaMessage) Retain()  {}
func (schemaMessage) Release() {}

// decodeSchema reads the schema message in header, which h was parsed from.
func decodeSchema(header []byte, h *head, mem memory.Allocator) (schema *arrow.Schema, fields []*field, err error) {
	ids, err := parseSchemaIDs(h)
	if err != nil {
		return nil, nil, err
	}
	// arrow-go panics on some malformed types
	defer func() {
		if p := recover(); p != nil {
			schema, fields, err = nil, nil, fmt.Errorf("schema: %v", p)
		}
	}()
	r, err := ipc.NewReaderFromMessageReader(schemaMessage{header}, ipc.WithAllocator(mem), ipc.WithEnsureNativeEndian(false))
	if err != nil {
		return nil, nil, fmt.Errorf("schema: %w", err)
	}
	defer r.Release()
	schema = r.Schema()
	if !schema.IsNativeEndian() {
		return nil, nil, fmt.Errorf("schema: %v-endian data can't be decoded on this machine", schema.Endianness())
	}
	fields, err = planSchema(schema, ids)
	return schema, fields, err
}

// encodeSchema returns the schema's IPC message and the plan to encode its batches.
func encodeSchema(schema *arrow.Schema, mem memory.Allocator) (header []byte, fields []*field, err error) {
	defer func() {
		if p := recover(); p != nil {
			header, fields, err = nil, nil, fmt.Errorf("schema can't be encoded: %v", p)
		}
	}()
	payload := ipc.GetSchemaPayload(schema, mem)
	defer payload.Release()
	meta := payload.Meta()
	defer meta.Release()
	header = append([]byte(nil), meta.Bytes()...)
	var h head
	if err := parseHead(header, &h); err != nil {
		return nil, nil, fmt.Errorf("schema can't be encoded: %w", err)
	}
	ids, err := parseSchemaIDs(&h)
	if err != nil {
		return nil, nil, fmt.Errorf("schema can't be encoded: %w", err)
	}
	fields, err = planSchema(schema, ids)
	return header, fields, err
}

func planSchema(schema *arrow.Schema, ids []fieldIDs) ([]*field, error) {
	return planFields("", schema.Fields(), ids, 0)
}

func planFields(parent string, fields []arrow.Field, ids []fieldIDs, depth int) ([]*field, error) {
	if len(fields) != len(ids) {
		return nil, fmt.Errorf("schema: %q has %d children, but its message has %d", parent, len(fields), len(ids))
	}
	out := make([]*field, len(fields))
	for i, f := range fields {
		var err error
		if out[i], err = planField(parent+f.Name, f.Type, &ids[i], depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func planField(name string, dt arrow.DataType, ids *fieldIDs, depth int) (*field, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("schema: types nested deeper than %d", maxDepth)
	}
	f := &field{name: name, typ: dt}
	st := storage(dt)
	if err := f.shape(st); err != nil {
		return nil, err
	}
	var err error
	if dict, ok := st.(*arrow.DictionaryType); ok {
		if !ids.dict {
			return nil, fmt.Errorf("schema: column %s has no dictionary id", name)
		}
		if storage(dict.ValueType).ID() == arrow.DICTIONARY {
			return nil, fmt.Errorf("schema: column %s is a dictionary of dictionaries", name)
		}
		f.dictID = ids.id
		f.dict, err = planField(name, dict.ValueType, &fieldIDs{kids: ids.kids}, depth+1)
		return f, err
	}
	f.kids, err = planFields(name+".", childFields(st), ids.kids, depth+1)
	return f, err
}

// customMetadata reads the key-value pairs of a message; zero if there are none.
func (h *head) customMetadata() (arrow.Metadata, error) {
	elems, pos, err := h.msg.vector(4, 4, "custom metadata")
	if err != nil || len(elems) == 0 {
		return arrow.Metadata{}, err
	}
	w := schemaWalk{tables: len(h.msg.b)/12 + 1, bytes: 4*len(h.msg.b) + 64}
	if err := w.metadata(h.msg, 4); err != nil {
		return arrow.Metadata{}, err
	}
	n := len(elems) / 4
	keys, vals := make([]string, n), make([]string, n)
	for i := range n {
		kv, err := tableAt(h.msg.b, pos+4*i, "key-value pair")
		if err != nil {
			return arrow.Metadata{}, err
		}
		k, _ := kv.str(0, "key")
		v, _ := kv.str(1, "value")
		keys[i], vals[i] = string(k), string(v)
	}
	return arrow.NewMetadata(keys, vals), nil
}
