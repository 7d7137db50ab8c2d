package workloads

import (
	"fmt"
	"sort"
)

const (
	rotation    = 64 << 20  // bytes that a rotation should exceed
	rotationMax = 256 << 20 // bytes that it must not exceed by our choice
	fewest      = 4
	most        = 64
)

// AutoDistinct is how many distinct batches of body bytes are rotated where
// nobody says: as many as together exceed 64 MiB, which no codec's window (8 MiB
// for zstd, 64 KiB for LZ4) and few processors' caches remember, but at least 4
// and at most 64 of them, and no more than 256 MiB holds (at least 1).
//
//	min(max(4, ceil(64 MiB / body)), 64, max(1, floor(256 MiB / body)))
//
// Note: small batches end at 64, so 64 of 4 KiB stay in a second-level cache. In
// return the set of a wide workload, whose cost is its arrays and not its bytes,
// is small too; ask for more with Spec.Distinct.
func AutoDistinct(body int64) int {
	if body < 1 {
		return most
	}
	n := min(max(fewest, (rotation+body-1)/body), most)
	return int(min(n, max(1, rotationMax/body)))
}

// EstimateBytes is how much memory [Generate] and its Set take at most, so that a
// server can refuse a Spec before it generates. It is made to err on the high
// side, by about a quarter for large batches. It is 0 for an invalid Spec, and for
// a file, whose size is unknown until it is read; Generate keeps at most 4 GiB of
// one.
func (s Spec) EstimateBytes() int64 {
	if s.Validate() != nil || s.Name == File {
		return 0
	}
	w, _ := lookup(s.Name)
	p := w.plan(s)
	var batch, probe int64
	if s.Rows > 0 {
		batch = p.estimate(s.Rows, s.Entropy)
	} else {
		// Batches after the first may be a little larger than asked, or much where
		// they repeat few values. Sizing makes batches of up to twice the asked size.
		batch = s.BatchBytes + s.BatchBytes/8
		if !manyValues(s.BatchBytes/p.worst, s.Entropy) {
			batch = satMul(s.BatchBytes, (p.worst+p.mean-1)/p.mean*4)
		}
		batch += p.overhead + 64*p.worst
		probe = 2*s.BatchBytes + p.overhead + probeRows*p.worst
	}
	total := satMul(batch, int64(s.Distinct))
	if s.Distinct == 0 {
		// The largest of n(b)*b over all b up to batch.
		total = min(satMul(most, batch), max(satMul(fewest, batch), satAdd(rotation, batch)))
		total = min(total, max(rotationMax, batch))
		// Headers don't count as body: most of them at worst.
		total = satAdd(total, most*p.overhead)
	}
	return satAdd(max(total, probe), p.shared)
}

// estimate is a batch's memory at most: with few values in it, they may all be
// the longest.
func (p *plan) estimate(rows int64, entropy float64) int64 {
	row := p.worst
	if manyValues(rows, entropy) {
		row = min(row, p.mean+p.mean/8)
	}
	return satAdd(satMul(rows, row), p.overhead)
}

// manyValues is true where so many values are drawn that their mean length is
// near the expected one.
func manyValues(rows int64, entropy float64) bool { return float64(rows)*entropy >= 4096 }

const probeRows = 8

// rowsFor returns how many rows of a batch fit into s.BatchBytes. It makes the
// beginning of the first batch, of which the asked one is a prefix or a multiple,
// and so finds the same answer on every machine.
func (p *plan) rowsFor(s Spec, m maker) (int64, error) {
	const enough = 65_536
	m.batch = 0
	for m.rows = probeRows; ; m.rows *= 2 {
		rec := p.record(&m)
		whole := measure(rec, int64(m.rows)).body
		if whole <= s.BatchBytes && m.rows < enough {
			rec.Release()
			continue
		}
		var n int64
		if whole <= s.BatchBytes {
			// As s.BatchBytes < 2^31 and rows = 2^16, this can't overflow.
			n = s.BatchBytes * int64(m.rows) / whole
		} else {
			n = int64(sort.Search(m.rows, func(k int) bool { return measure(rec, int64(k)+1).body > s.BatchBytes }))
		}
		one := measure(rec, 1).body
		rec.Release()
		switch {
		case n == 0:
			return 0, fmt.Errorf("batch bytes %d: one row of %s takes %d, ask for no less", s.BatchBytes, s, one)
		case n > p.maxRows:
			return 0, fmt.Errorf("batch bytes %d: these are %d rows of %s, and a batch holds at most %d", s.BatchBytes, n, s, p.maxRows)
		}
		return n, nil
	}
}
