package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// key names one set of prepared batches.
type key struct {
	spec  workloads.Spec
	codec wire.Compression
	quirk string // of those that change or add batches
	last  int64  // rows of a shorter batch that ends the stream; 0: there is none
}

func (k key) String() string {
	size := fmt.Sprintf("%d rows a batch", k.spec.Rows)
	switch {
	case k.spec.BatchBytes > 0:
		size = fmt.Sprintf("%d bytes a batch", k.spec.BatchBytes)
	case k.spec.Rows == 0:
		size = "its own batches"
	}
	return fmt.Sprintf("workload %s (%s, compression %s)", k.spec, size, k.codec)
}

// prepared is what a stream sends, encoded, and what it may be verified
// against. It is immutable until release, which is called once.
type prepared struct {
	schema  *arrow.Schema
	stream  *wire.Prepared
	set     *workloads.Set
	sizes   []wire.Sizes // of each distinct batch; Body is -1 where only sending tells
	empty   int64        // index in stream of a batch without rows; -1: there is none
	last    int64        // index in stream of the batch that ends it; -1: there is none
	size    int64        // memory held
	release func()
}

// rotation is the index in stream of batch i.
func (p *prepared) rotation(i int64) int64 { return i % int64(len(p.sizes)) }

// prepare generates and encodes k's batches.
func (s *service) prepare(ctx context.Context, k key) (*prepared, error) {
	set, err := workloads.Generate(ctx, k.spec, s.mem)
	if err != nil {
		return nil, generateStatus(k.spec, err)
	}
	if len(set.Batches) == 0 {
		set.Release()
		return nil, status.Errorf(codes.FailedPrecondition, "%s holds no batch: choose another workload", k)
	}
	if k.quirk == workloads.QuirkDictionaries {
		if err := set.ReplaceDictionaries(s.mem); err != nil {
			set.Release()
			return nil, status.Errorf(codes.FailedPrecondition, "%s: %v", k, err)
		}
	}
	p := &prepared{schema: set.Schema, set: set, sizes: make([]wire.Sizes, len(set.Batches)), empty: -1, last: -1}
	var extra []arrow.RecordBatch
	recs := make([]arrow.RecordBatch, len(set.Batches))
	for i, b := range set.Batches {
		recs[i] = b.Record
	}
	shorter := func(rows int64) (index int64) {
		rec := recs[0].NewSlice(0, rows)
		recs, extra = append(recs, rec), append(extra, rec)
		return int64(len(recs) - 1)
	}
	if k.quirk == workloads.QuirkEmpty {
		p.empty = shorter(0)
	}
	if k.last > 0 {
		p.last = shorter(k.last)
	}
	defer func() {
		for _, rec := range extra {
			rec.Release() // the stream holds it
		}
	}()
	if p.stream, err = wire.Prepare(s.opts.Transport, set.Schema, recs, k.codec, s.mem); err != nil {
		set.Release()
		return nil, internalf("encode %s: %v", k, err)
	}
	p.release = func() { p.stream.Release(); set.Release() }
	for i, b := range set.Batches {
		n := p.stream.Sizes(int64(i))
		if s.opts.Transport == wire.Stock { // arrow-go encodes when it sends, and pads otherwise
			n = wire.Sizes{Rows: b.Rows, Logical: b.LogicalBytes, Body: -1}
		}
		least := n.Body // of the message
		if least < 0 && k.codec.Name == wire.None {
			least = n.Logical
		}
		if limit := int64(s.opts.MaxMessage); least > limit {
			p.release()
			return nil, status.Errorf(codes.ResourceExhausted, "%s: batch %d has %d bytes and a message may have %d: ask for fewer rows or raise the server's --max-message", k, i, least, limit)
		}
		p.sizes[i] = n
		p.size += b.BodyBytes // shared with the stream but for what the codec made
		if k.codec.Name != wire.None {
			p.size += max(n.Body, 0)
		}
	}
	return p, nil
}

// estimate is the memory that preparing k takes at its peak.
func estimate(k key) int64 {
	n := k.spec.EstimateBytes()
	if k.codec.Name != wire.None {
		n = min(n, math.MaxInt64/2) * 2 // raw and encoded exist together for a while
	}
	return n
}

// generateStatus gives a generator's error its code.
func generateStatus(spec workloads.Spec, err error) error {
	code := codes.InvalidArgument // sizes that can't be had
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case errors.Is(err, fs.ErrNotExist):
		code = codes.NotFound
	case errors.Is(err, fs.ErrPermission):
		code = codes.PermissionDenied
	case spec.Path != "":
		code = codes.FailedPrecondition // unreadable, corrupt, not Arrow
	}
	return status.Error(code, err.Error())
}

// total is the rows and body bytes of n batches from start on, in rotation.
// bytes is -1 if a batch's size is not known before it is sent; ok is false if
// a sum does not fit.
func (p *prepared) total(start, n int64) (rows, bytes int64, ok bool) {
	length := int64(len(p.sizes))
	rounds, rest := n/length, n%length
	ok = true
	sum := func(of func(wire.Sizes) int64) int64 {
		var round, part uint64
		for i := range length {
			round += uint64(of(p.sizes[i]))
			if i < rest {
				part += uint64(of(p.sizes[(start%length+i)%length]))
			}
		}
		hi, lo := bits.Mul64(round, uint64(rounds))
		lo, carry := bits.Add64(lo, part, 0)
		ok = ok && hi == 0 && carry == 0 && lo < 1<<63
		return int64(lo)
	}
	rows = sum(func(n wire.Sizes) int64 { return n.Rows })
	for _, n := range p.sizes {
		if n.Body < 0 {
			return rows, -1, ok
		}
	}
	empty := int64(0) // bytes of a batch without rows, which goes before each
	if p.empty >= 0 {
		empty = p.stream.Sizes(p.empty).Body
	}
	bytes = sum(func(s wire.Sizes) int64 { return s.Body + empty })
	return rows, bytes, ok
}
