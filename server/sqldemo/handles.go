package sqldemo

import (
	"crypto/rand"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// handles are the things of one kind that clients hold by an opaque handle. Their
// number is bounded, and one that nobody uses for a while is dropped. Safe for
// concurrent use.
type handles[T any] struct {
	what string // a prepared statement, a transaction
	max  int
	idle time.Duration
	drop func(T) // what becomes of one that expires, or is left when all are closed

	mu     sync.Mutex
	open   map[string]*handle[T]
	closed bool
}

type handle[T any] struct {
	v     T
	users int
	timer *time.Timer // runs while there are no users
}

// add keeps v under a new handle.
func (h *handles[T]) add(v T) ([]byte, error) {
	id := make([]byte, 16)
	rand.Read(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errShut
	}
	if len(h.open) >= h.max {
		return nil, status.Errorf(codes.ResourceExhausted, "%d %ss are open, the most there may be: close some", h.max, h.what)
	}
	if h.open == nil {
		h.open = make(map[string]*handle[T])
	}
	key := string(id)
	h.open[key] = &handle[T]{v: v, timer: time.AfterFunc(h.idle, func() { h.expire(key) })}
	return id, nil
}

// use returns what id stands for, which does not expire before done is called.
func (h *handles[T]) use(id []byte) (v T, done func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.open[string(id)]
	if !ok {
		return v, nil, h.unknown()
	}
	e.users++
	e.timer.Stop()
	return e.v, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.users--; e.users == 0 && h.open[string(id)] == e {
			e.timer.Reset(h.idle)
		}
	}, nil
}

// remove returns what id stood for. Its users are not waited for.
func (h *handles[T]) remove(id []byte) (v T, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.open[string(id)]
	if !ok {
		return v, h.unknown()
	}
	e.timer.Stop()
	delete(h.open, string(id))
	return e.v, nil
}

func (h *handles[T]) unknown() error {
	if h.closed {
		return errShut
	}
	return status.Errorf(codes.NotFound, "no %s has this handle: it was closed, or not used for %v", h.what, h.idle)
}

func (h *handles[T]) expire(id string) {
	h.mu.Lock()
	e, ok := h.open[id]
	if !ok || e.users > 0 {
		h.mu.Unlock()
		return
	}
	delete(h.open, id)
	h.mu.Unlock()
	h.drop(e.v)
}

// close drops all of them, and takes no more.
func (h *handles[T]) close() {
	h.mu.Lock()
	open := h.open
	h.open, h.closed = nil, true
	h.mu.Unlock()
	for _, e := range open {
		e.timer.Stop()
		h.drop(e.v)
	}
}
