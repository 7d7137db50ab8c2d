package bench_test

import (
	"strings"
	"testing"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
)

// TestLocationsAreNotQuoted keeps a password out of the result that a server
// put into a location.
func TestLocationsAreNotQuoted(t *testing.T) {
	t.Parallel()
	f := &foreign{batches: 1, locations: func() []string { return []string{"grpc://me:hunter2@127.0.0.1:1"} }}
	c := config(bench.OpGet, wire.Direct)
	c.Path = "a"
	got := run(t, t.Context(), f.start(t), c)
	if got.Status != results.StatusFailed || !strings.Contains(got.Error, "127.0.0.1:1") || strings.Contains(got.Error, "hunter2") {
		t.Errorf("%s: %s", got.Status, got.Error)
	}
}
