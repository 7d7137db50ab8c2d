package workloads

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
)

// What a client and a flightbench server call the ceilings that they measure
// together: opaque bytes by gRPC or through a socket without it.
const (
	CeilingAction  = "flightbench.ceiling"   // takes a CeilingRequest, answers a Ceiling, both as JSON
	CeilingService = "flightbench.Ceiling"   // of gRPC; its methods are named by CeilingWays
	CeilingHeader  = "x-flightbench-ceiling" // of its calls: Ceiling.ID, and after a space the number of messages
)

// Ways of the bytes of a ceiling, seen from the client, as the operations are
// named that move batches so. Each is a method of CeilingService.
const (
	CeilingGet      = "get"
	CeilingPut      = "put"
	CeilingExchange = "exchange" // the server returns what comes
)

// CeilingWays lists them.
func CeilingWays() []string { return []string{CeilingGet, CeilingPut, CeilingExchange} }

// How the bytes of a ceiling travel.
const (
	CeilingGRPC   = "grpc"   // as messages of CeilingService
	CeilingSocket = "socket" // through a listener beside the server's own, without TLS
	CeilingTLS    = "tls"    // the same with the server's TLS
)

// Bounds of a CeilingRequest.
const (
	MaxCeilingSizes   = 1 << 16
	MaxCeilingSockets = 1024
)

// CeilingRequest has a server make ready for a ceiling, or end one.
type CeilingRequest struct {
	Close string  `json:"close,omitempty"` // ID of the one to end; nothing else is said then
	By    string  `json:"by,omitempty"`    // CeilingGRPC, CeilingSocket or CeilingTLS
	Way   string  `json:"way,omitempty"`   // one of CeilingWays
	Sizes []int64 `json:"sizes,omitempty"` // bytes of the messages in rotation, in which each stream begins at the first
	Keep  bool    `json:"keep,omitempty"`  // what the server receives is landed in memory, not only counted
}

// Validate names the member that cannot be served.
func (r CeilingRequest) Validate() error {
	if r.Close != "" {
		return nil
	}
	if r.By != CeilingGRPC && r.By != CeilingSocket && r.By != CeilingTLS {
		return fmt.Errorf("by %q is unknown: use %s, %s or %s", clip(r.By), CeilingGRPC, CeilingSocket, CeilingTLS)
	}
	if !slices.Contains(CeilingWays(), r.Way) {
		return fmt.Errorf("way %q is unknown: use %s, %s or %s", clip(r.Way), CeilingGet, CeilingPut, CeilingExchange)
	}
	if n := len(r.Sizes); n < 1 || n > MaxCeilingSizes {
		return fmt.Errorf("%d sizes: give 1 to %d", n, MaxCeilingSizes)
	}
	for i, n := range r.Sizes {
		if n < 1 || n > 1<<31-1 {
			return fmt.Errorf("size %d is %d bytes: give 1 to %d", i, n, 1<<31-1)
		}
	}
	return nil
}

// Ceiling is a server's answer to a CeilingRequest. It ends by CeilingAction
// with Close, or where nothing happens for a while.
//
// A client of a socket sends the ID, which the server answers by one byte, then
// for each stream the number of its messages (8 bytes, big-endian). The server
// sends them, or takes them and answers one byte, or returns every byte.
// Messages have no framing: both ends know their sizes.
type Ceiling struct {
	ID   string `json:"id"`
	Port int    `json:"port,omitempty"` // of the listener, on the server's own host
	Path string `json:"path,omitempty"` // of a Unix socket instead
}

// CeilingIDBytes is the length of an ID.
const CeilingIDBytes = 26

// CeilingBytes are buffers of the given sizes, filled so that no codec and no
// page of zeros makes them cheaper to move than data.
func CeilingBytes(sizes []int64) [][]byte {
	whole := int64(0)
	for _, n := range sizes {
		whole += n
	}
	all := make([]byte, whole+8)
	g := rand.NewPCG(1, 2)
	for i := 0; i+8 <= len(all); i += 8 {
		binary.LittleEndian.PutUint64(all[i:], g.Uint64())
	}
	out := make([][]byte, len(sizes))
	for i, n := range sizes {
		out[i], all = all[:n:n], all[n:]
	}
	return out
}
