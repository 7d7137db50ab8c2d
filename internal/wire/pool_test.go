package wire

import (
	"sync"
	"testing"
)

func TestPoolClasses(t *testing.T) {
	var p Pool
	prev := -1
	for n := range 70_000 {
		class, size := classOf(n)
		if size < n || class < prev || size > max(256, n+n/4+1) {
			t.Fatalf("%d bytes are of class %d, %d bytes", n, class, size)
		}
		if c, s := classOf(size); c != class || s != size {
			t.Fatalf("a buffer of class %d goes back to class %d", class, c)
		}
		prev = class
	}
	if class, _ := classOf(1 << maxClassBits); class != numClasses-1 {
		t.Errorf("the largest class is %d of %d", class, numClasses)
	}
	for _, n := range []int{0, 1, 255, 256, 257, 1000, 16384, 65536, 100_000, 1 << 20, 3<<20 + 1} {
		b := p.Get(n)
		if len(*b) != n || !isAligned((*b)[:cap(*b)], alignment) {
			t.Errorf("a buffer of %d bytes has %d at %p", n, len(*b), *b)
		}
		p.Put(b)
	}
}

func TestPoolKeepsAndDrops(t *testing.T) {
	var p Pool
	first := p.Get(1 << 20)
	p.Put(first)
	if p.Kept() != 1<<20 || p.Get(1<<20-5) != first || p.Kept() != 0 {
		t.Error("a large buffer was not reused")
	}
	var bufs []*[]byte
	for range 300 {
		bufs = append(bufs, p.Get(1<<20))
	}
	for _, b := range bufs {
		p.Put(b)
	}
	if p.Kept() != keepBytes {
		t.Errorf("%d bytes are kept, not %d", p.Kept(), int64(keepBytes))
	}
	foreign := make([]byte, 1000)
	p.Put(&foreign)
	p.Put(nil)
	if got := p.Get(1000); &(*got)[0] == &foreign[0] {
		t.Error("a foreign buffer was handed out")
	}
}

func TestPoolConcurrently(t *testing.T) {
	var p Pool
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				b := p.Get(1 + (i*7919)%300_000)
				(*b)[0] = byte(g)
				if (*b)[0] != byte(g) {
					t.Error("a buffer is shared")
				}
				p.Put(b)
			}
		})
	}
	wg.Wait()
}
