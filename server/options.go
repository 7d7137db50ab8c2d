package server

import (
	"crypto/tls"
	"fmt"
	"math"
	"path/filepath"
	"time"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/internal/wire"
)

// Options say where a Server listens, how its bytes travel and what it may be
// asked for. Sizes are bytes; DefaultOptions is the documented start and the
// zero value is not valid.
type Options struct {
	// Listen is grpc://HOST:PORT, grpc+tcp://HOST:PORT, grpc+tls://HOST:PORT
	// (needs TLS) or grpc+unix://PATH. Port 0 takes any free one; IPv6 hosts
	// stand in brackets; an empty host is every interface.
	Listen string
	// Transport is how FlightData travels on this end. Peers need not know it.
	Transport wire.Transport
	// TLS serves grpc+tls:// and is nil for every other scheme. See Certificates.
	TLS *tls.Config

	// MaxMessage is the largest gRPC message sent or accepted.
	MaxMessage int
	// Window and ConnWindow are the HTTP/2 receive windows of a stream and of a
	// connection, 64 KiB-1 at least. Both 0: the transport's default. One of
	// them 0: it takes the other's value, since grpc-go would fall back to 64 KiB.
	Window, ConnWindow int
	// ReadBuffer and WriteBuffer are per connection; 0 is the transport's default.
	ReadBuffer, WriteBuffer int
	// MaxStreams bounds the concurrent streams of one connection; 0 is no bound.
	MaxStreams uint32

	// Access says who may call, and what is on the path of every call.
	Access
	// Query says how GetFlightInfo answers.
	Query
	// SQL answers every descriptor, ticket and action of Flight SQL. Nil: they are
	// UNIMPLEMENTED.
	SQL flightgen.FlightServiceServer

	// Files are the paths that the workload file:PATH may name. Every other
	// path is refused, whether it exists or not.
	Files []string
	// PrepareLimit bounds the prepared batches that are kept. The least recently
	// used are dropped first; those in use never are: a request that would need
	// more is refused with ResourceExhausted.
	PrepareLimit int64
	// Allocator owns the batches; nil is memory.DefaultAllocator.
	Allocator memory.Allocator

	// Drain is how long a stopping server lets streams in flight go on.
	Drain time.Duration
	// Version is told by the flightbench.stats action.
	Version string
}

// DefaultOptions listens on a free port of the IPv4 loopback, without TLS, with
// our own HTTP/2.
func DefaultOptions() Options {
	return Options{
		Listen:       "grpc://127.0.0.1:0",
		Transport:    wire.Direct,
		MaxMessage:   1 << 30,
		PrepareLimit: 1 << 30,
		Drain:        10 * time.Second,
	}
}

// Validate reports the first field that cannot be served, its value and what to
// do. It opens and resolves nothing.
func (o Options) Validate() error {
	ep, err := parseListen(o.Listen)
	if err != nil {
		return err
	}
	switch {
	case ep.tls && o.TLS == nil:
		return fmt.Errorf("listen %q: grpc+tls needs a certificate: give --cert and --key, or use grpc://", o.Listen)
	case !ep.tls && o.TLS != nil:
		return fmt.Errorf("listen %q: TLS is set but the scheme is plaintext: use grpc+tls://HOST:PORT, or leave out --cert and --key", o.Listen)
	case o.TLS != nil && len(o.TLS.Certificates) == 0 && o.TLS.GetCertificate == nil && o.TLS.GetConfigForClient == nil:
		return fmt.Errorf("listen %q: the TLS configuration holds no server certificate: add one", o.Listen)
	}
	switch o.Transport {
	case wire.Direct, wire.GRPC, wire.Stock:
	default:
		return fmt.Errorf("transport %q is unknown: use %q, %q or %q", o.Transport, wire.Direct, wire.GRPC, wire.Stock)
	}
	if o.MaxMessage < minMessage || o.MaxMessage > math.MaxInt32 {
		return fmt.Errorf("max message is %d bytes: choose %d to %d", o.MaxMessage, minMessage, math.MaxInt32)
	}
	for _, w := range []struct {
		name  string
		value int
		min   int
	}{
		{"window", o.Window, minWindow},
		{"conn window", o.ConnWindow, minWindow},
		{"read buffer", o.ReadBuffer, 1},
		{"write buffer", o.WriteBuffer, 1},
	} {
		if w.value != 0 && (w.value < w.min || w.value > math.MaxInt32) {
			return fmt.Errorf("%s is %d bytes: choose 0 for the transport's default, or %d to %d", w.name, w.value, w.min, math.MaxInt32)
		}
	}
	for i, f := range o.Files {
		if f == "" {
			return fmt.Errorf("file %d is an empty path: name a file or leave it out", i)
		}
	}
	if o.PrepareLimit <= 0 {
		return fmt.Errorf("prepare limit is %d bytes: choose more than 0", o.PrepareLimit)
	}
	if o.Drain <= 0 {
		return fmt.Errorf("drain is %s: choose more than 0", o.Drain)
	}
	if err := o.Access.Validate(); err != nil {
		return err
	}
	return o.Query.Validate()
}

const (
	minMessage = 1 << 10   // room for a schema and an error
	minWindow  = 1<<16 - 1 // HTTP/2's initial window; grpc-go ignores smaller ones
)

// windows resolves Window and ConnWindow as documented.
func (o Options) windows() (stream, conn int32) {
	s, c := o.Window, o.ConnWindow
	if s == 0 {
		s = c
	}
	if c == 0 {
		c = s
	}
	return int32(s), int32(c)
}

// fileSet holds the offered files by their absolute, cleaned path.
type fileSet map[string]bool

func newFileSet(paths []string) (fileSet, error) {
	set := make(fileSet, len(paths))
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", p, err)
		}
		set[abs] = true
	}
	return set, nil
}

func (s fileSet) offers(path string) bool {
	abs, err := filepath.Abs(path)
	return err == nil && s[abs]
}
