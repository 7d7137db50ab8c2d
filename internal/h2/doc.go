// Package h2 is gRPC over HTTP/2 made for bulk: the `direct` transport. A ClientConn is a grpc.ClientConnInterface and a
// Server is a grpc.ServiceRegistrar, so generated stubs and handlers run on it unchanged and any gRPC peer can be at the
// other end.
//
// What differs from grpc-go is how bytes move. One goroutine per connection reads large pieces and walks them in place;
// a message whose receiver offers memory of its own (Sink) is read from the socket straight into it. A sender writes
// frame headers and the message's own pieces (Segmented) in one writev from the calling goroutine. Nothing allocates
// per message in steady state.
//
// Locks are taken in the order writer.mu, conn.mu, stream.mu; none is held during a system call or a call out of the
// package.
//
// Sources: RFC 9113 (HTTP/2), RFC 7541 (HPACK, from golang.org/x/net), gRPC's PROTOCOL-HTTP2.md and http-grpc-status-mapping.md.
package h2

// A Sink takes one message at a time as its bytes arrive. The transport calls it from the connection's reader
// goroutine; it must not block. A sink that the transport drops before anybody took it is told so by Discard(), if it has that
// method; until then its memory must stay as it is. The order is Reset, any mix of Write and Advance for exactly size bytes, then Close.
//
// It is an alias of an interface literal, so that a package which declares the same need not import this one.
type Sink = interface {
	// Reset begins a message of size bytes. An error ends the stream with status Internal.
	Reset(size int) error
	// Write consumes all of p, the next bytes of the message. p is valid only during the call.
	Write(p []byte) (int, error)
	// Direct returns the memory that the next bytes of the message belong in, or nil when there is none (now).
	// The transport may fill any prefix of it, also beyond a frame's end, and then calls Advance instead of Write.
	Direct() []byte
	// Advance says that n bytes were put into Direct's memory.
	Advance(n int)
	// Close ends the message.
	Close() error
}

// A SinkMessage given to RecvMsg takes messages through sinks. The stream keeps the first one it meets as the factory
// of its sinks and calls NewSink from the reader goroutine, so NewSink must be safe beside the receiver's own use.
type SinkMessage interface {
	NewSink() Sink
	// Take makes the message hold what the completed sink received, and returns the sink that the transport shall
	// reuse for a later message: the same or another, or nil for none.
	Take(Sink) Sink
}

// A Segmented message given to SendMsg is sent from its own memory. Segments appends the message's pieces to dst and
// returns them with their total size; they stay valid and unchanged until SendMsg returns.
type Segmented interface {
	Segments(dst [][]byte) (segs [][]byte, size int)
}
