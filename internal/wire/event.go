package wire

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Kind is what a received message is.
type Kind uint8

const (
	// KindMetadata is a message without an IPC header: application metadata or
	// a descriptor alone.
	KindMetadata Kind = iota
	// KindSchema is the schema message.
	KindSchema
	// KindDictionary is a dictionary batch.
	KindDictionary
	// KindBatch is a record batch.
	KindBatch
)

// String is the kind in words.
func (k Kind) String() string {
	switch k {
	case KindSchema:
		return "schema"
	case KindDictionary:
		return "dictionary batch"
	case KindBatch:
		return "record batch"
	}
	return "metadata"
}

// Event is one received message. It and what it refers to are valid until the
// next call of Next.
type Event struct {
	Kind Kind
	// Sizes of the message. Rows is 0 unless it is a record batch; Body and
	// Logical are those of dictionaries too.
	Sizes
	// Message is the size of the whole FlightData in bytes; for Stock the size
	// protobuf would give it.
	Message int64
	// Codec of the body: none, lz4 or zstd.
	Codec string
	// Descriptor is nil in all but (usually) the first message of a DoPut or
	// DoExchange.
	Descriptor *flight.FlightDescriptor
	// AppMetadata is nil if there is none.
	AppMetadata []byte
	// Realigned is how many bytes had to be copied because their buffers lay
	// misaligned in the body (Level Batch).
	Realigned int64
}

// DataError is undecodable data: a message that is not what Flight or Arrow
// IPC allow. It is a gRPC status, Internal at a client and InvalidArgument at
// a server.
type DataError struct {
	// Message is the message's number in its stream, from 1.
	Message int64
	// Err tells what was wrong.
	Err  error
	code codes.Code
}

// Error implements error.
func (e *DataError) Error() string { return fmt.Sprintf("message %d: %v", e.Message, e.Err) }

// Unwrap returns what was wrong.
func (e *DataError) Unwrap() error { return e.Err }

// GRPCStatus makes the error a gRPC status.
func (e *DataError) GRPCStatus() *status.Status { return status.New(e.code, e.Error()) }
