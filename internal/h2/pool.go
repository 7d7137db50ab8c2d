package h2

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// pool lends byte slices in classes of powers of two, not zeroed. It implements grpc's mem.BufferPool.
type pool struct {
	classes [maxClass + 1]sync.Pool
	lent    atomic.Int64 // slices that were got and not put back, for the leak tests
}

const (
	minClass = 11 // smaller slices are left to the garbage collector, as mem.NewBuffer does
	maxClass = 26 // larger ones too
)

var buffers pool

// Get returns a slice of length n. Put gives it back; whoever holds it last must.
func (p *pool) Get(n int) *[]byte {
	c := bits.Len(uint(max(n-1, 0)))
	if c < minClass || c > maxClass {
		b := make([]byte, n)
		return &b
	}
	p.lent.Add(1)
	if v, _ := p.classes[c].Get().(*[]byte); v != nil {
		*v = (*v)[:n]
		return v
	}
	b := make([]byte, n, 1<<c)
	return &b
}

// Put takes back what Get lent, possibly resliced to another length (not to another start).
func (p *pool) Put(b *[]byte) {
	if b == nil {
		return
	}
	c := bits.Len(uint(max(cap(*b)-1, 0)))
	if c < minClass || c > maxClass || cap(*b) != 1<<c {
		return
	}
	p.lent.Add(-1)
	p.classes[c].Put(b)
}

// grow returns b with room for at least n bytes in all, its contents kept. The old slice goes back.
func (p *pool) grow(b *[]byte, n int) *[]byte {
	if cap(*b) >= n {
		return b
	}
	g := p.Get(n)
	*g = append((*g)[:0], *b...)
	p.Put(b)
	return g
}
