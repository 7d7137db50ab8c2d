package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Transport is how FlightData travels.
type Transport string

const (
	// Direct is the project's own HTTP/2 transport: messages go out as pieces
	// ([Segmented]) and come in through sinks ([SinkMessage]).
	Direct Transport = "direct"
	// GRPC is grpc-go with this package's codec (see [DialOptions]).
	GRPC Transport = "grpc"
	// Stock is plain arrow-go over grpc-go, the reference for comparisons.
	Stock Transport = "stock"
)

// ParseTransport returns the transport called s.
func ParseTransport(s string) (Transport, error) {
	switch t := Transport(s); t {
	case Direct, GRPC, Stock:
		return t, nil
	}
	return "", fmt.Errorf("unknown transport %q: use direct, grpc or stock", s)
}

// Names of the body codecs of Arrow IPC.
const (
	None = "none"
	LZ4  = "lz4"
	ZSTD = "zstd"
)

// Compression is a body codec and its level. The zero value means none.
type Compression struct {
	// Name is none, lz4 or zstd; empty means none.
	Name string
	// Level is 0 for the codec's default, 1..9 for lz4, 1..22 for zstd. The
	// zstd encoder has four speeds; levels 1-2, 3-5, 6-9 and 10-22 share one.
	Level int
}

// ParseCompression reads "none", "lz4", "zstd", "lz4:LEVEL" or "zstd:LEVEL".
func ParseCompression(s string) (Compression, error) {
	name, level, leveled := strings.Cut(s, ":")
	c := Compression{Name: name}
	if name == "" {
		return c, fmt.Errorf("unknown compression %q: use none, lz4 or zstd", s)
	}
	if leveled {
		n, err := strconv.Atoi(level)
		if err != nil || n == 0 {
			return Compression{}, fmt.Errorf("compression %q: level %q is not a number from 1", s, level)
		}
		c.Level = n
	}
	if err := c.validate(); err != nil {
		return Compression{}, err
	}
	return c, nil
}

// String is the inverse of ParseCompression.
func (c Compression) String() string {
	switch {
	case c.Name == "":
		return None
	case c.Level == 0:
		return c.Name
	}
	return c.Name + ":" + strconv.Itoa(c.Level)
}

func (c Compression) validate() error {
	top := 0
	switch c.Name {
	case "", None:
	case LZ4:
		top = 9
	case ZSTD:
		top = 22
	default:
		return fmt.Errorf("unknown compression %q: use none, lz4 or zstd", c.Name)
	}
	if c.Level < 0 || c.Level > top {
		if top == 0 {
			return fmt.Errorf("compression %s: level %d given, but it has none", c.String(), c.Level)
		}
		return fmt.Errorf("compression %s: level %d is outside 1..%d", c.Name, c.Level, top)
	}
	return nil
}

// Level is how far a Reader takes a message.
type Level uint8

const (
	// Count walks over bodies and keeps none of their bytes. Buffers are
	// checked against the body, and rows and sizes are exact.
	Count Level = iota
	// Batch lands each body once in a pooled, aligned buffer, decompresses it
	// and decodes it to columns.
	Batch
)

// String is the level's name as flags spell it.
func (l Level) String() string {
	if l == Batch {
		return "batch"
	}
	return "count"
}

// Sizes counts what one message carries.
type Sizes struct {
	// Rows of a record batch; 0 for any other message.
	Rows int64
	// Body is the size of the IPC body as sent, after the codec, with padding.
	Body int64
	// Logical is the sum of the Arrow buffers' lengths before the codec,
	// without padding, as the sender's IPC header states them.
	Logical int64
}

// Add adds o to s.
func (s *Sizes) Add(o Sizes) {
	s.Rows += o.Rows
	s.Body += o.Body
	s.Logical += o.Logical
}

// SendStream is the half of a grpc.ClientStream or grpc.ServerStream that sends.
type SendStream interface {
	SendMsg(m any) error
}

// RecvStream is the half of a grpc.ClientStream or grpc.ServerStream that receives.
type RecvStream interface {
	RecvMsg(m any) error
}

// Limits bounds what a peer can make a Reader allocate.
type Limits struct {
	// Inflated is the most bytes that the bodies of one message, or all the
	// dictionaries of a stream, may take after decompression. 0 means 1 GiB.
	Inflated int64
	// Rows is the most rows (values of one array) a message may claim; arrays
	// of nulls have no buffers that could tell. 0 means 2^31.
	Rows int64
}

func (l Limits) resolved() Limits {
	if l.Inflated == 0 {
		l.Inflated = 1 << 30
	}
	if l.Rows == 0 {
		l.Rows = 1 << 31
	}
	return l
}
