package workloads

import (
	"math/bits"
	"math/rand/v2"
)

// A source is a stream of random numbers that is the same on every machine: the
// PCG-DXSM generator of math/rand/v2 and integer arithmetic on it. The methods of
// rand.Rand are avoided, for some of them depend on the word size.
type source struct{ pcg rand.PCG }

// Uint64 is 64 random bits.
func (s *source) Uint64() uint64 { return s.pcg.Uint64() }

// below is uniform in [0, n), by multiplication: one draw whatever n is, and a
// bias of less than n in 2^64.
func (s *source) below(n uint64) uint64 {
	hi, _ := bits.Mul64(s.pcg.Uint64(), n)
	return hi
}

// between is uniform in [lo, hi].
func (s *source) between(lo, hi int64) int64 {
	return lo + int64(s.below(uint64(hi-lo+1)))
}

// unit is uniform in [0, 1): 53 random bits and an exact scaling, so that no
// platform rounds it differently.
func (s *source) unit() float64 { return float64(s.pcg.Uint64()>>11) * 0x1p-53 }

// Purposes of the streams of one column. Drawing lengths, contents and
// repetitions from streams of their own lets a column be made in passes.
const (
	laneRepeat = iota
	laneLength
	laneValue
	laneNull
)

// newSource derives the stream for a purpose of a column of a batch. Every
// argument changes the whole state.
func newSource(seed, batch, column, purpose uint64) source {
	h := mix(seed + 0x9e3779b97f4a7c15)
	h = mix(h ^ (batch + 0xbf58476d1ce4e5b9))
	h = mix(h ^ (column + 0x94d049bb133111eb))
	h = mix(h ^ (purpose + 0xd6e8feb86659fd93))
	return source{*rand.NewPCG(h, mix(h+0x9e3779b97f4a7c15))}
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A repeater decides for each row whether its value is drawn afresh.
type repeater struct {
	src       source
	threshold uint64 // of 2^53
	started   bool
}

const always = 1 << 53

// fresh is true if the next row's value is drawn. It is so for the first row.
func (r *repeater) fresh() bool {
	if r.threshold == always {
		return true
	}
	f := r.src.Uint64()>>11 < r.threshold || !r.started
	r.started = true
	return f
}
