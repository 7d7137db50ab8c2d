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
	size    int64        // memory held
	release func()
}

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
	p := &prepared{schema: set.Schema, set: set, sizes: make([]wire.Sizes, len(set.Batches))}
	recs := make([]arrow.RecordBatch, len(set.Batches))
	for i, b := range set.Batches {
		recs[i] = b.Record
	}
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
	bytes = sum(func(n wire.Sizes) int64 { return n.Body })
	return rows, bytes, ok
}
