package bench

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// cache keeps the last workload and its last encoding: trials that share them
// follow each other often, and more would cost memory that the trials need.
// Not for concurrent use.
type cache struct {
	asked    workloads.Spec
	last     *workloads.Set
	encoding struct {
		transport   wire.Transport
		compression string
		messages    *wire.Prepared
	}
}

// set returns the workload of spec. It belongs to the cache until another one
// is asked for.
func (c *cache) set(ctx context.Context, spec workloads.Spec) (*workloads.Set, error) {
	if c.last != nil && (c.asked == spec || c.last.Spec == spec) {
		return c.last, nil
	}
	c.release()
	set, err := workloads.Generate(ctx, spec, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("generate the workload: %w", err)
	}
	c.asked, c.last = spec, set
	return set, nil
}

// prepared returns the messages of spec. They belong to the cache like a set.
func (c *cache) prepared(ctx context.Context, spec workloads.Spec, t wire.Transport, compression string) (*wire.Prepared, error) {
	set, err := c.set(ctx, spec)
	if err != nil {
		return nil, err
	}
	if e := &c.encoding; e.messages != nil {
		if e.transport == t && e.compression == compression {
			return e.messages, nil
		}
		e.messages.Release()
		e.messages = nil
	}
	codec, err := wire.ParseCompression(compression)
	if err != nil {
		return nil, err
	}
	recs := make([]arrow.RecordBatch, len(set.Batches))
	for i, b := range set.Batches {
		recs[i] = b.Record
	}
	p, err := wire.Prepare(t, set.Schema, recs, codec, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("encode the workload: %w", err)
	}
	c.encoding.transport, c.encoding.compression, c.encoding.messages = t, compression, p
	return p, nil
}

// release frees what is kept.
func (c *cache) release() {
	if c.encoding.messages != nil {
		c.encoding.messages.Release()
		c.encoding.messages = nil
	}
	if c.last != nil {
		c.last.Release()
		c.last = nil
	}
}
