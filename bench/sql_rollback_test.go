package bench_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/bench"
	"flightbench/internal/wire"
)

// endless is a server whose transactions cannot be ended.
type endless struct{ *stubSQL }

func (endless) EndTransaction(_ context.Context, r flightsql.ActionEndTransactionRequest) error {
	return status.Errorf(codes.Internal, "%q does not end", r.GetTransactionId())
}

// TestRollbacksFail warns once, however many transactions stay open.
func TestRollbacksFail(t *testing.T) {
	s := &stubSQL{}
	_ = s.start(t) // for its maps
	c := config(bench.OpQuery, wire.Direct)
	c.SQL, c.Concurrency, c.Connections, c.Total, c.Transaction = "FAIL table", 2, 2, 8, true
	got := run(t, t.Context(), serveFlight(t, flightsql.NewFlightServer(endless{s})), c)
	s.locked(func() {})
	n := 0
	for _, w := range got.Warnings {
		if strings.Contains(w, "could not be rolled back") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d warnings of rollbacks: %q", n, got.Warnings)
	}
}
