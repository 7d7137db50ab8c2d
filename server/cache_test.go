package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/workloads"
)

// fakes builds prepared entries of as many bytes as the key has rows, and counts.
type fakes struct {
	built, freed atomic.Int64
	gate         chan struct{} // if set, a build waits for it or its context
	fail         error
}

func (f *fakes) build(ctx context.Context, k key) (*prepared, error) {
	f.built.Add(1)
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.fail != nil {
		return nil, f.fail
	}
	return &prepared{size: k.spec.Rows, release: func() { f.freed.Add(1) }}, nil
}

func rows(n int64) key {
	s := workloads.Default()
	s.Rows = n
	return key{spec: s}
}

func newFakes(limit int64) (*fakes, *cache) {
	f := &fakes{}
	return f, newCache(limit, func(k key) int64 { return k.spec.Rows }, f.build)
}

func mustAcquire(t *testing.T, c *cache, k key) *entry {
	t.Helper()
	e, err := c.acquire(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCacheEvictsLeastRecentlyUsed(t *testing.T) {
	f, c := newFakes(100)
	for _, n := range []int64{40, 41, 40} { // 41 is now the older one
		c.release(mustAcquire(t, c, rows(n)))
	}
	if got := f.built.Load(); got != 2 {
		t.Fatalf("built %d, want 2: the second 40 was cached", got)
	}
	c.release(mustAcquire(t, c, rows(42)))
	if f.freed.Load() != 1 || c.used != 82 {
		t.Errorf("freed %d with %d bytes used, want 1 and 82", f.freed.Load(), c.used)
	}
	c.release(mustAcquire(t, c, rows(40)))
	if got := f.built.Load(); got != 3 {
		t.Errorf("built %d, want 3: 40 was used last and must still be there", got)
	}
	c.close()
	if f.freed.Load() != f.built.Load() || c.used != 0 {
		t.Errorf("freed %d of %d, %d bytes left", f.freed.Load(), f.built.Load(), c.used)
	}
}

func TestCacheNeverFreesWhatIsUsed(t *testing.T) {
	f, c := newFakes(100)
	e := mustAcquire(t, c, rows(60))
	_, err := c.acquire(t.Context(), rows(61))
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "60 of the server's 100 are in use") || !strings.Contains(err.Error(), "about 61 bytes") {
		t.Errorf("no room: %v", err)
	}
	_, err = c.acquire(t.Context(), rows(101))
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "about 101 bytes") || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("over the limit: %v", err)
	}
	if f.freed.Load() != 0 {
		t.Error("an entry in use was freed")
	}
	c.close()
	if f.freed.Load() != 0 {
		t.Error("close freed an entry in use")
	}
	c.release(e)
	if f.freed.Load() != 1 || c.used != 0 {
		t.Errorf("freed %d, %d bytes left, want 1 and 0", f.freed.Load(), c.used)
	}
	if _, err := c.acquire(t.Context(), rows(1)); status.Code(err) != codes.Unavailable {
		t.Errorf("closed cache: %v", err)
	}
}

func TestCacheBuildsOnce(t *testing.T) {
	f, c := newFakes(100)
	f.gate = make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			e, err := c.acquire(context.Background(), rows(10))
			if err != nil {
				t.Error(err)
				return
			}
			c.release(e)
		})
	}
	close(f.gate)
	wg.Wait()
	if got := f.built.Load(); got != 1 {
		t.Errorf("built %d times", got)
	}
	c.close()
}

func TestCacheCancelsForsakenBuild(t *testing.T) {
	f, c := newFakes(100)
	f.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.acquire(ctx, rows(100)); status.Code(err) != codes.Canceled {
		t.Fatalf("cancelled: %v", err)
	}
	c.builds.Wait() // ends by itself, for its context is done
	if c.used != 0 || len(c.entries) != 0 {
		t.Errorf("%d bytes and %d entries left", c.used, len(c.entries))
	}
	close(f.gate)
	c.release(mustAcquire(t, c, rows(100)))
	c.close()
}

func TestCacheErrors(t *testing.T) {
	f, c := newFakes(100)
	for _, tc := range []struct {
		err  error
		code codes.Code
	}{
		{errors.New("broken"), codes.Internal},
		{fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "gone")), codes.NotFound},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
	} {
		f.fail = tc.err
		if _, err := c.acquire(t.Context(), rows(7)); status.Code(err) != tc.code {
			t.Errorf("build failed with %v: %v, want %s", tc.err, err, tc.code)
		}
	}
	f.fail = nil
	c.release(mustAcquire(t, c, rows(7))) // an error is not kept
	if c.used != 7 {
		t.Errorf("%d bytes used, want 7", c.used)
	}
	c.close()
}

func TestCacheRefusesWhatGrewOverTheLimit(t *testing.T) {
	f := &fakes{}
	c := newCache(100, func(key) int64 { return 1 }, f.build)
	if _, err := c.acquire(t.Context(), rows(101)); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "needs 101 bytes") {
		t.Errorf("grown: %v", err)
	}
	if f.freed.Load() != 1 || c.used != 0 {
		t.Errorf("freed %d, %d bytes left", f.freed.Load(), c.used)
	}
	c.close()
}

func TestCacheForget(t *testing.T) {
	f, c := newFakes(100)
	if c.forget(rows(5)) {
		t.Error("forgot what was not there")
	}
	e := mustAcquire(t, c, rows(5))
	if !c.forget(rows(5)) || f.freed.Load() != 0 {
		t.Error("an entry in use must be forgotten and stay whole")
	}
	again := mustAcquire(t, c, rows(5))
	if f.built.Load() != 2 {
		t.Error("what was forgotten was not built anew")
	}
	c.release(e)
	if f.freed.Load() != 1 {
		t.Error("the last release did not free")
	}
	c.release(again)
	if !c.forget(rows(5)) || f.freed.Load() != 2 || c.used != 0 {
		t.Errorf("freed %d, %d bytes left, want 2 and 0", f.freed.Load(), c.used)
	}
	c.close()
}

// Many streams over few keys and little room: what was freed is never used, and
// in the end everything is freed.
func TestCacheUnderLoad(t *testing.T) {
	_, c := newFakes(100)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				k := rows(int64(20 + (g*7+i)%6))
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 0 {
					cancel()
				}
				e, err := c.acquire(ctx, k)
				cancel()
				switch status.Code(err) {
				case codes.OK:
					if e.prepared == nil || e.prepared.size != k.spec.Rows {
						t.Error("a freed or foreign entry was handed out")
					}
					c.release(e)
				case codes.ResourceExhausted, codes.Canceled:
				default:
					t.Error(err)
				}
				if i%50 == 0 {
					c.forget(k)
				}
			}
		})
	}
	wg.Wait()
	c.close()
	if c.used != 0 || len(c.entries) != 0 {
		t.Errorf("%d bytes and %d entries left", c.used, len(c.entries))
	}
}
