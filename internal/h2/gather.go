package h2

// gather collects the pieces of one vectored write. Small pieces are copied into an arena so that neighbours become one;
// large ones are referred to and must stay unchanged until the write is done.
type gather struct {
	vecs  [][]byte
	arena []byte
	size  int
	tail  bool // the last piece ends where the arena does
}

const (
	gatherArena = 64 << 10
	gatherVecs  = 512
	gatherCopy  = 1024 // pieces up to this size are copied
)

func (g *gather) reset() {
	if g.arena == nil {
		g.arena = make([]byte, 0, gatherArena)
	}
	clear(g.vecs)
	g.vecs, g.arena, g.size, g.tail = g.vecs[:0], g.arena[:0], 0, false
}

// full says that another frame might not fit.
func (g *gather) full() bool {
	return len(g.vecs)+4 > gatherVecs || cap(g.arena)-len(g.arena) < gatherCopy+frameHeader
}

// room returns n bytes of the arena as the next piece.
func (g *gather) room(n int) []byte {
	a := len(g.arena)
	g.arena = g.arena[:a+n]
	if g.tail {
		last := g.vecs[len(g.vecs)-1]
		g.vecs[len(g.vecs)-1] = last[:len(last)+n]
	} else {
		g.vecs = append(g.vecs, g.arena[a:])
		g.tail = true
	}
	g.size += n
	return g.arena[a:]
}

func (g *gather) add(p []byte) {
	if len(p) <= gatherCopy && cap(g.arena)-len(g.arena) >= len(p) {
		copy(g.room(len(p)), p)
		return
	}
	g.ref(p)
}

func (g *gather) ref(p []byte) {
	if len(p) > 0 {
		g.vecs = append(g.vecs, p)
		g.size += len(p)
		g.tail = false
	}
}

// pieces walks a message from prefix to last segment.
type pieces struct {
	prefix []byte
	segs   [][]byte
}

// next returns up to n bytes that are contiguous in memory.
func (p *pieces) next(n int) []byte {
	if len(p.prefix) > 0 {
		n = min(n, len(p.prefix))
		b := p.prefix[:n]
		p.prefix = p.prefix[n:]
		return b
	}
	for len(p.segs) > 0 && len(p.segs[0]) == 0 {
		p.segs = p.segs[1:]
	}
	if len(p.segs) == 0 {
		return nil
	}
	n = min(n, len(p.segs[0]))
	b := p.segs[0][:n]
	p.segs[0] = p.segs[0][n:]
	return b
}
