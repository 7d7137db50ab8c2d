package wire

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec for all other messages
	"google.golang.org/grpc/mem"
)

// Codec is the grpc-go codec of transport GRPC. It handles the messages that
// this package's Writer, Reader and Echo give to SendMsg and RecvMsg, and
// leaves all others to grpc-go's protobuf codec. On the wire it is "proto".
// The zero value is ready to use.
type Codec struct{}

var _ encoding.CodecV2 = Codec{}

// Name implements encoding.CodecV2.
func (Codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *outgoing:
		return m.marshal(), nil
	case *incoming:
		return m.marshal(), nil
	case *Opaque:
		return m.marshal(), nil
	}
	return encoding.GetCodecV2("proto").Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *incoming:
		m.unmarshal(data)
		return nil
	case *Opaque:
		m.unmarshal(data)
		return nil
	}
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
