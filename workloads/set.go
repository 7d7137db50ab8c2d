package workloads

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Batch is one record batch with its sizes in bytes.
type Batch struct {
	Record arrow.RecordBatch // owned by the Set
	Rows   int64

	// LogicalBytes is the exact length of the batch's buffers as IPC sends them: cut
	// to the batch, validity only where something is null, no dictionaries.
	LogicalBytes int64
	// BodyBytes is the same with each buffer padded to 64 bytes: the body of an
	// uncompressed IPC message.
	BodyBytes int64
}

// Set is a workload in memory: its distinct batches, in the order of rotation.
// Batch i of a stream is Batches[i % len(Batches)]. All batches share one
// dictionary per dictionary-encoded column. A Set does not change; its methods
// but Release may be called concurrently.
type Set struct {
	// Spec is resolved: Rows instead of BatchBytes, and the number of Distinct
	// batches. Generating from it gives the same Set. Rows is 0 for a file that is
	// sent in its own batches.
	Spec    Spec
	Schema  *arrow.Schema
	Batches []Batch
}

// Generate makes the batches of s: the same ones on every machine, whatever its
// word size and number of processors. They are allocated from mem, which must be
// safe for concurrent use, and freed by [Set.Release]. [Spec.EstimateBytes] tells
// what they will take. An error of a file names its path. Ctx is looked at
// between batches.
func Generate(ctx context.Context, s Spec, mem memory.Allocator) (*Set, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.Name == File {
		return readFile(ctx, s, mem)
	}
	w, err := lookup(s.Name)
	if err != nil {
		return nil, err
	}
	p := w.plan(s)
	m := maker{seed: s.Seed, entropy: s.Entropy, mem: mem}
	if p.dicts != nil {
		m.batch = dictBatch
		m.dicts = p.dicts(&m)
		defer func() {
			for _, d := range m.dicts {
				d.Release()
			}
		}()
	}
	if s.BatchBytes > 0 {
		if s.Rows, err = p.rowsFor(s, m); err != nil {
			return nil, err
		}
		s.BatchBytes = 0
	}
	m.rows = int(s.Rows)
	m.batch = 0
	first := newBatch(p.record(&m))
	if s.Distinct == 0 {
		s.Distinct = AutoDistinct(first.BodyBytes)
	}
	set := &Set{Spec: s, Schema: p.schema, Batches: make([]Batch, s.Distinct)}
	set.Batches[0] = first
	if err := set.fill(ctx, &p, m); err != nil {
		set.Release()
		return nil, err
	}
	return set, nil
}

// fill makes all batches but the first, on all processors.
func (s *Set) fill(ctx context.Context, p *plan, m maker) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(s.Batches)-1) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1)
				if i >= int64(len(s.Batches)) {
					return
				}
				m := m
				m.batch = uint64(i)
				s.Batches[i] = newBatch(p.record(&m))
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("generate %s: %w", s.Spec, err)
	}
	return nil
}

// record makes batch m.batch. The caller releases it.
func (p *plan) record(m *maker) arrow.RecordBatch {
	cols := p.batch(m)
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	return array.NewRecordBatch(p.schema, cols, int64(m.rows))
}

// newBatch takes over the reference to rec.
func newBatch(rec arrow.RecordBatch) Batch {
	settleDictionaries(rec)
	m := measure(rec, rec.NumRows())
	return Batch{Record: rec, Rows: rec.NumRows(), LogicalBytes: m.logical, BodyBytes: m.body}
}

// Release frees the batches. The Set must not be used after it.
func (s *Set) Release() {
	for i := range s.Batches {
		if r := s.Batches[i].Record; r != nil {
			r.Release()
		}
	}
	s.Batches = nil
}

// settleDictionaries has each dictionary column make its dictionary's array now.
// arrow-go makes it at the first use without a lock, and its writer does use it:
// streams that share a Set would race.
func settleDictionaries(rec arrow.RecordBatch) {
	for _, col := range rec.Columns() {
		if ext, ok := col.(array.ExtensionArray); ok {
			col = ext.Storage()
		}
		if d, ok := col.(*array.Dictionary); ok {
			d.Dictionary()
		}
	}
}
