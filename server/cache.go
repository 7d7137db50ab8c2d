package server

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A cache keeps prepared entries by key. Each key is built once however many
// streams ask for it at the same time; an entry in use is never freed; idle ones
// are dropped, the least recently used first, to stay within limit bytes. A
// build that nobody waits for any more is cancelled. Safe for concurrent use.
type cache struct {
	limit    int64
	estimate func(key) int64 // bytes that building key is expected to need
	build    func(context.Context, key) (*prepared, error)

	mu      sync.Mutex
	entries map[key]*entry
	idle    *list.List // of *entry with refs == 0; the front was used last
	used    int64      // bytes of every entry, with the estimates of those being built
	closed  bool
	builds  sync.WaitGroup
}

// entry is owned by its cache; prepared and err are valid once ready is closed.
type entry struct {
	key      key
	ready    chan struct{}
	prepared *prepared
	err      error

	size    int64
	refs    int // streams that use it or wait for it
	elem    *list.Element
	dropped bool // no longer in entries; freed with its last reference
	cancel  context.CancelFunc
}

func newCache(limit int64, estimate func(key) int64, build func(context.Context, key) (*prepared, error)) *cache {
	return &cache{limit: limit, estimate: estimate, build: build, entries: make(map[key]*entry), idle: list.New()}
}

// acquire returns the entry of k, building it first if need be. The caller must
// release it. Errors are gRPC statuses.
func (c *cache) acquire(ctx context.Context, k key) (*entry, error) {
	e, err := c.enter(k)
	if err != nil {
		return nil, err
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		c.release(e)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if e.err != nil {
		c.release(e)
		return nil, e.err
	}
	return e, nil
}

// enter takes a reference to k's entry and starts its build if it is new.
func (c *cache) enter(k key) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, status.Error(codes.Unavailable, "the server is stopping: try another one")
	}
	if e := c.entries[k]; e != nil {
		c.hold(e)
		return e, nil
	}
	size := c.estimate(k)
	if err := c.reserve(k, size); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &entry{key: k, ready: make(chan struct{}), size: size, refs: 1, cancel: cancel}
	c.entries[k] = e
	c.builds.Go(func() {
		defer cancel()
		p, err := c.build(ctx, k)
		c.finish(e, p, err)
	})
	return e, nil
}

// reserve makes room for size bytes and counts them as used.
func (c *cache) reserve(k key, size int64) error {
	if size > c.limit {
		return status.Errorf(codes.ResourceExhausted, "%s needs about %d bytes of prepared batches and the server keeps at most %d: ask for fewer rows or distinct batches, or raise --prepare-limit", k, size, c.limit)
	}
	c.evict(c.limit - size)
	if c.used+size > c.limit {
		return status.Errorf(codes.ResourceExhausted, "%s needs about %d bytes of prepared batches, %d of the server's %d are in use by other streams: wait for them, or raise --prepare-limit", k, size, c.used, c.limit)
	}
	c.used += size
	return nil
}

// evict drops idle entries until at most limit bytes are used or none is left.
func (c *cache) evict(limit int64) {
	for c.used > limit && c.idle.Len() > 0 {
		c.drop(c.idle.Back().Value.(*entry))
	}
}

// finish hands the outcome of a build to those who wait for it.
func (c *cache) finish(e *entry, p *prepared, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.used += p.size - e.size
		e.size, e.prepared = p.size, p
		c.evict(c.limit)
		if c.used > c.limit {
			err = status.Errorf(codes.ResourceExhausted, "%s needs %d bytes of prepared batches, %d of the server's %d are in use by other streams: ask for fewer rows or distinct batches, or raise --prepare-limit", e.key, e.size, c.used-e.size, c.limit)
		}
	}
	if err != nil {
		e.err = buildStatus(e.key, err)
		c.drop(e)
	} else if e.refs == 0 {
		c.free(e) // forsaken while it was built, or the cache closed
	}
	close(e.ready)
}

// buildStatus keeps a status as it is and gives every other error a code.
func buildStatus(k key, err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, fmt.Sprintf("prepare %s: %v", k, err))
}

// hold takes a reference. mu is held.
func (c *cache) hold(e *entry) {
	if e.elem != nil {
		c.idle.Remove(e.elem)
		e.elem = nil
	}
	e.refs++
}

// release gives a reference back.
func (c *cache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return
	}
	select {
	case <-e.ready:
	default: // nobody waits for the build any more; finish frees what it made
		e.cancel()
		c.forgetEntry(e)
		return
	}
	if e.dropped {
		c.free(e)
		return
	}
	e.elem = c.idle.PushFront(e)
}

// drop takes e out of the map, and frees it if nobody uses it. mu is held.
func (c *cache) drop(e *entry) {
	c.forgetEntry(e)
	if e.elem != nil {
		c.idle.Remove(e.elem)
		e.elem = nil
	}
	if e.refs == 0 || e.prepared == nil || e.err != nil {
		c.free(e)
	}
}

func (c *cache) forgetEntry(e *entry) {
	if !e.dropped {
		delete(c.entries, e.key)
		e.dropped = true
	}
}

// free gives e's memory back, once. mu is held.
func (c *cache) free(e *entry) {
	c.used -= e.size
	e.size = 0
	if e.prepared != nil {
		e.prepared.release()
		e.prepared = nil
	}
}

// forget drops k's entry, if there is one, once its last stream is through.
func (c *cache) forget(k key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil {
		return false
	}
	select {
	case <-e.ready:
		c.drop(e)
	default: // being built: those who wait for it get it, nobody after them
		c.forgetEntry(e)
	}
	return true
}

// close cancels every build, waits for them and frees what is idle. Entries
// still in use are freed by their last release.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	for _, e := range c.entries {
		e.cancel()
	}
	c.mu.Unlock()
	c.builds.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		c.drop(e)
	}
}
