package server

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
)

// CallHeader names a call, so that flightbench.cancelled can tell when the
// handler saw that the client had cancelled it.
const CallHeader = "x-flightbench-call"

const (
	maxCancelled = 4096
	maxCallID    = 256 // bytes; calls with a longer one are not remembered
)

// Cancelled is a data stream that ended because its client cancelled it.
type Cancelled struct {
	ID   string `json:"id"`   // of CallHeader
	Seen int64  `json:"seen"` // nanoseconds since 1970 when the handler saw it
}

// cancelled remembers the last ones. Safe for concurrent use.
type cancelled struct {
	mu   sync.Mutex
	list []Cancelled
}

// note remembers the call of ctx, whose handler ends with err just now, if it
// was cancelled and has an ID.
func (c *cancelled) note(ctx context.Context, err error) {
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	seen := time.Now().UnixNano()
	id := metadata.ValueFromIncomingContext(ctx, CallHeader)
	if len(id) == 0 || id[0] == "" || len(id[0]) > maxCallID {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == maxCancelled {
		c.list = slices.Delete(c.list, 0, 1)
	}
	c.list = append(c.list, Cancelled{ID: id[0], Seen: seen})
}

// take returns what is remembered as JSON, and forgets it.
func (c *cancelled) take() ([]byte, error) {
	c.mu.Lock()
	list := c.list
	c.list = nil
	c.mu.Unlock()
	if list == nil {
		list = []Cancelled{}
	}
	return json.Marshal(list)
}
