package bench

import (
	"math/bits"
	"sync/atomic"

	"flightbench/results"
)

// The layout of an HDR histogram of results.LatencyMin..LatencyMax at
// results.LatencyDigits digits; see HdrHistogram's own description. Indices
// are the same as hdrhistogram-go's, which a test checks.
const (
	unitMagnitude    = 9  // floor(log2(1,000 ns))
	halfMagnitude    = 10 // 2,048 sub-buckets keep 3 digits
	subBucketMask    = (int64(2)<<halfMagnitude - 1) << unitMagnitude
	histogramBuckets = 23 // until 3.6e12 ns is trackable
	histogramLen     = (histogramBuckets + 1) << halfMagnitude
)

// histogram counts latencies in nanoseconds. Recording is one atomic add: any
// number of streams may share one, and the sampler may drain it meanwhile.
//
// Note: a plain histogram per stream would need no atomics, but 10,000 streams
// with four metrics of 100 kB each are 4 GB; see recorders.
type histogram struct {
	below, above atomic.Int64 // samples out of range; those below are also counted
	lo, hi       atomic.Int32 // every used index lies in [lo, hi)
	counts       [histogramLen]atomic.Uint32
}

func newHistogram() *histogram {
	h := &histogram{}
	h.lo.Store(histogramLen)
	return h
}

// record counts one sample. It neither locks nor allocates.
func (h *histogram) record(ns int64) {
	if ns < results.LatencyMin {
		h.below.Add(1)
		ns = max(ns, 0)
	} else if ns > results.LatencyMax {
		h.above.Add(1)
		return
	}
	i := histogramIndex(ns)
	h.counts[i].Add(1)
	for lo := h.lo.Load(); i < lo && !h.lo.CompareAndSwap(lo, i); lo = h.lo.Load() {
	}
	for hi := h.hi.Load(); i >= hi && !h.hi.CompareAndSwap(hi, i+1); hi = h.hi.Load() {
	}
}

func histogramIndex(ns int64) int32 {
	bucket := 64 - bits.LeadingZeros64(uint64(ns|subBucketMask)) - unitMagnitude - (halfMagnitude + 1)
	sub := ns >> (bucket + unitMagnitude)
	return int32((bucket+1)<<halfMagnitude + int(sub) - 1<<halfMagnitude)
}

// histogramValue is the lowest value of index i.
func histogramValue(i int32) int64 {
	bucket := int(i>>halfMagnitude) - 1
	sub := int64(i&(1<<halfMagnitude-1)) + 1<<halfMagnitude
	if bucket < 0 {
		bucket, sub = 0, sub-1<<halfMagnitude
	}
	return sub << (bucket + unitMagnitude)
}

// cell is one used index of a histogram and its count.
type cell struct {
	index int32
	count uint32
}

// drain moves what was counted since the last drain to the end of cells.
func (h *histogram) drain(cells []cell) []cell {
	lo, hi := h.lo.Load(), h.hi.Load()
	for i := lo; i < hi; i++ {
		if h.counts[i].Load() != 0 {
			cells = append(cells, cell{i, h.counts[i].Swap(0)})
		}
	}
	return cells
}
