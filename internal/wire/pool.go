package wire

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"google.golang.org/grpc/mem"
)

const (
	alignment = 64 // of every pooled buffer, as Arrow recommends

	minClassBits = 8         // the smallest class holds 256 bytes
	maxClassBits = 31        // larger requests are allocated and not kept
	keptClass    = 64 << 10  // from here on a free list keeps buffers over a GC
	keepBytes    = 256 << 20 // what the free lists keep at most, together
	numClasses   = (maxClassBits-minClassBits)*4 + 1
)

var _ mem.BufferPool = (*Pool)(nil)

// Pool hands out buffers that begin at 64-byte boundaries, in size classes of
// a power of two and quarter steps between. It does not zero them. It is a
// mem.BufferPool of grpc-go and safe for concurrent use.
//
// Small buffers live in sync.Pools; buffers of 64 KiB and more in free lists
// that the garbage collector does not empty, which keep at most 256 MiB
// together and leave the rest to it.
type Pool struct {
	small [numClasses]sync.Pool
	large [numClasses]freeList
	kept  atomic.Int64
}

type freeList struct {
	mu   sync.Mutex
	free []*[]byte
}

var shared Pool

// SharedPool is the process's pool, the one that readers, DialOptions and
// ServerOptions use.
func SharedPool() *Pool { return &shared }

// classOf returns the class of the smallest capacity that holds n bytes, and
// that capacity; class -1 is larger than any.
func classOf(n int) (class, size int) {
	if n <= 1<<minClassBits {
		return 0, 1 << minClassBits
	}
	if n > 1<<maxClassBits {
		return -1, n
	}
	b := bits.Len(uint(n-1)) - 1 // 2^b < n <= 2^(b+1)
	step := 1 << (b - 2)
	quarter := (n - 1<<b + step - 1) / step // 1..4
	return (b-minClassBits)*4 + quarter, 1<<b + quarter*step
}

// Get returns a buffer of n bytes with arbitrary content. Its address is a
// multiple of 64.
func (p *Pool) Get(n int) *[]byte {
	class, size := classOf(n)
	if class < 0 {
		b := aligned(size)[:n]
		return &b
	}
	if size >= keptClass {
		if b := p.large[class].take(); b != nil {
			p.kept.Add(-int64(size))
			*b = (*b)[:n]
			return b
		}
	} else if b, ok := p.small[class].Get().(*[]byte); ok {
		*b = (*b)[:n]
		return b
	}
	b := aligned(size)[:n]
	return &b
}

// Put takes back a buffer that Get returned. Others are left to the garbage
// collector.
func (p *Pool) Put(b *[]byte) {
	if b == nil {
		return
	}
	class, size := classOf(cap(*b))
	if class < 0 || size != cap(*b) {
		return
	}
	if size < keptClass {
		p.small[class].Put(b)
		return
	}
	if p.kept.Add(int64(size)) > keepBytes {
		p.kept.Add(-int64(size))
		return
	}
	p.large[class].give(b)
}

// Kept is the number of bytes the free lists hold now.
func (p *Pool) Kept() int64 { return p.kept.Load() }

func (l *freeList) take() *[]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return nil
	}
	b := l.free[n-1]
	l.free[n-1] = nil
	l.free = l.free[:n-1]
	return b
}

func (l *freeList) give(b *[]byte) {
	l.mu.Lock()
	l.free = append(l.free, b)
	l.mu.Unlock()
}

// aligned allocates n bytes, capacity n, at a multiple of 64.
func aligned(n int) []byte {
	b := make([]byte, n)
	if n == 0 || isAligned(b, alignment) {
		return b[:n:n]
	}
	b = make([]byte, n+alignment)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (alignment - 1))
	return b[off : off+n : off+n]
}

func isAligned(b []byte, to uintptr) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))&(to-1) == 0
}
