package server

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/metrics"
	"sync/atomic"

	"flightbench/internal/wire"
)

// counter counts the batches of one kind of RPC. Each batch is added once it
// was sent (DoGet) or taken (DoPut, DoExchange), so that what a client has seen
// acknowledged or ended is counted. Safe for concurrent use.
type counter struct {
	streams, batches, rows, body, logical atomic.Int64
	_                                     [24]byte // a cache line of its own
}

func (c *counter) batch(n wire.Sizes) {
	c.batches.Add(1)
	c.rows.Add(n.Rows)
	c.bytes(n)
}

func (c *counter) bytes(n wire.Sizes) {
	c.body.Add(n.Body)
	c.logical.Add(n.Logical)
}

// stats are a Server's counters since it began. They only grow, but for open.
type stats struct {
	get, put, exchange counter
	ceiling            counter      // opaque messages of all ceilings
	open               atomic.Int64 // data streams in flight
}

// begin counts a data stream in, and out again when the returned func is called.
func (s *stats) begin(c *counter) (end func()) {
	c.streams.Add(1)
	s.open.Add(1)
	return func() { s.open.Add(-1) }
}

// Stats is what the flightbench.stats action tells as JSON. Streams are those
// begun (DoGet, DoPut, DoExchange with a valid request); batches and rows of a
// DoExchange count once, its bytes in both directions. Body is IPC bodies as
// sent, logical is Arrow's buffers before the codec. CPU seconds are the whole
// process's since it began, user and system; alloc bytes what its Go heap was
// asked for. All but StreamsOpen never fall. A stream that ended is in it
// wholly; one in flight may have its last batch in some members only. Opaque
// messages of ceilings count as batches without rows.
type Stats struct {
	Version    string  `json:"version"`
	Transport  string  `json:"transport"`
	PID        int     `json:"pid"`
	Streams    int64   `json:"streams"`
	Batches    int64   `json:"batches"`
	Rows       int64   `json:"rows"`
	Body       int64   `json:"body"`
	Logical    int64   `json:"logical"`
	CPUSeconds float64 `json:"cpu_seconds"`
	AllocBytes uint64  `json:"alloc_bytes"`

	StreamsOpen int64            `json:"streams_open"`
	Ops         map[string]Count `json:"ops"` // get, put, exchange, ceiling
}

// Count is one operation's part of Stats.
type Count struct {
	Streams int64 `json:"streams"`
	Batches int64 `json:"batches"`
	Rows    int64 `json:"rows"`
	Body    int64 `json:"body"`
	Logical int64 `json:"logical"`
}

// snapshot reads every counter at one time.
func (s *stats) snapshot(version string, t wire.Transport) (Stats, error) {
	out := Stats{Version: version, Transport: string(t), PID: os.Getpid(), Ops: make(map[string]Count, 3)}
	for _, op := range []struct {
		name string
		c    *counter
	}{{"get", &s.get}, {"put", &s.put}, {"exchange", &s.exchange}, {"ceiling", &s.ceiling}} {
		n := Count{
			Streams: op.c.streams.Load(), Batches: op.c.batches.Load(), Rows: op.c.rows.Load(),
			Body: op.c.body.Load(), Logical: op.c.logical.Load(),
		}
		out.Ops[op.name] = n
		out.Streams += n.Streams
		out.Batches += n.Batches
		out.Rows += n.Rows
		out.Body += n.Body
		out.Logical += n.Logical
	}
	out.StreamsOpen = s.open.Load()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	out.AllocBytes = sample[0].Value.Uint64()
	var err error
	if out.CPUSeconds, err = cpuSeconds(); err != nil {
		return Stats{}, fmt.Errorf("read CPU time: %w", err)
	}
	return out, nil
}

func (s *stats) json(version string, t wire.Transport) ([]byte, error) {
	snap, err := s.snapshot(version, t)
	if err != nil {
		return nil, err
	}
	return json.Marshal(snap)
}
