package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
)

// flightErrors names the gRPC codes as Flight's own errors are called
// (Flight.rst, Error Handling); codes that Flight has no name for follow gRPC's.
var flightErrors = map[codes.Code]string{
	codes.Unavailable: "unavailable", codes.Unauthenticated: "unauthenticated", codes.PermissionDenied: "unauthorized",
	codes.DeadlineExceeded: "timed_out", codes.Canceled: "cancelled", codes.Internal: "internal", codes.Unknown: "server_error",
	codes.InvalidArgument: "invalid_argument", codes.NotFound: "not_found", codes.AlreadyExists: "already_exists",
	codes.Unimplemented: "not_implemented", codes.ResourceExhausted: "resource_exhausted", codes.FailedPrecondition: "failed_precondition",
	codes.Aborted: "aborted", codes.OutOfRange: "out_of_range", codes.DataLoss: "data_loss",
}

// failures counts the iterations of a trial that failed. Safe for concurrent use.
type failures struct {
	good  atomic.Int64 // iterations that did not
	inRow atomic.Int64 // since the last good one

	mu    sync.Mutex
	codes map[string]int64 // by gRPC code
	kinds map[string]int64 // by Flight's name
	first error
	ended error // what ended the trial
}

// succeed notes a good iteration.
func (f *failures) succeed() {
	f.good.Add(1)
	if f.inRow.Load() != 0 {
		f.inRow.Store(0)
	}
}

// add counts err.
func (f *failures) add(err error) {
	code := status.Code(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.codes == nil {
		f.codes, f.kinds, f.first = map[string]int64{}, map[string]int64{}, err
	}
	f.codes[code.String()]++
	kind := flightErrors[code]
	if _, ok := status.FromError(err); !ok {
		kind = "client" // no answer of a server
	}
	f.kinds[kind]++
}

// fail counts the error of an iteration and returns it if the trial must end
// with it: wrong data is no statistic, an error before anything went well is
// likely to be the whole story, and limit failures in a row mean that the
// server is gone.
func (f *failures) fail(err error, limit int64) error {
	f.mu.Lock()
	ended := f.ended
	f.mu.Unlock()
	if ended != nil {
		return ended
	}
	f.add(err)
	row := f.inRow.Add(1)
	var data *wire.DataError
	switch {
	case status.Code(err) == codes.DataLoss, errors.As(err, &data), f.good.Load() == 0:
	case row >= limit:
		err = fmt.Errorf("%d streams failed one after another, the last: %w", row, err)
	default:
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = err
	}
	return f.ended
}

// pause keeps a slot whose iteration failed from hammering a server in
// trouble: 1 ms after the first failure in a row, 128 ms from the eighth on.
func (f *failures) pause(ctx context.Context) {
	t := time.NewTimer(time.Millisecond << min(f.inRow.Load(), 7))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// told sums up the counts: "unavailable 3, timed_out 1".
func (f *failures) told() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(f.kinds)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, f.kinds[k]))
	}
	return strings.Join(parts, ", ")
}

// total is the number of failed iterations.
func (f *failures) total() (n int64) {
	for _, c := range f.codes {
		n += c
	}
	return n
}
