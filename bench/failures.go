package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
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

	mu       sync.Mutex
	codes    map[string]int64 // by gRPC code
	kinds    map[string]int64 // by Flight's name
	first    error
	last     error
	still    int64     // failures in a row since anything was moved
	rowBegan time.Time // when the first of still failed
	rowMoved int64     // what had been moved by then
	slots    int       // that failed
	ended    error     // what ended the trial
}

// succeed notes a good iteration.
func (f *failures) succeed() {
	f.good.Add(1)
	if f.inRow.Load() != 0 {
		f.inRow.Store(0)
	}
}

// add counts err. The caller holds mu or is alone.
func (f *failures) add(err error) {
	code := status.Code(err)
	if f.codes == nil {
		f.codes, f.kinds, f.first = map[string]int64{}, map[string]int64{}, err
	}
	f.codes[code.String()]++
	kind := cmp.Or(flightErrors[code], "server_error")
	if _, ok := status.FromError(err); !ok {
		kind = "client" // no answer of a server
	}
	f.kinds[kind]++
}

// badStart is how many failures tell, where nothing went well before them, that
// nothing will: of a server that fails now and then, the first may be one.
const badStart = 8

// patience is how long every iteration may fail before the trial ends: a server
// that comes back within it is measured on.
const patience = 2 * time.Second

// fail counts the error of an iteration, the slot's first or not, of one of so
// many slots, and returns it if the trial must end with it: wrong data is no
// statistic, slots that all failed before anything went well are likely to be
// the whole story, and a long row of failures means that the server is gone.
// Moved counts what the server gave so far: as long as that grows, streams under
// way go well.
func (f *failures) fail(err error, first bool, slots int, moved func() int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		return f.ended
	}
	f.add(err)
	if first {
		f.slots++
	}
	if m := moved(); f.inRow.Add(1) == 1 || m != f.rowMoved {
		f.still, f.rowBegan, f.rowMoved = 0, time.Now(), m
	}
	f.still++
	var data *wire.DataError
	switch {
	case status.Code(err) == codes.DataLoss, errors.As(err, &data):
		f.ended = err
	case f.good.Load() == 0 && f.slots == slots && moved() == 0 && (f.total() >= badStart || time.Since(f.rowBegan) > patience):
		f.ended = f.first
	case f.longRow(slots) && time.Since(f.rowBegan) > patience:
		f.ended = inRow(f.still, err)
	}
	f.last = err
	return f.ended
}

// longRow tells whether so many iterations failed one after another that it is
// no accident: by the share that failed before them, a row like it would come
// less than once in a million. The caller holds mu.
func (f *failures) longRow(slots int) bool {
	bad := float64(f.total() - f.still) // before the row
	before := (bad + 1) / (bad + float64(f.good.Load()) + 2)
	return f.still >= int64(max(16, 2*slots)) && float64(f.still)*math.Log(before) < math.Log(1e-6)
}

func inRow(row int64, last error) error {
	return fmt.Errorf("%d streams failed one after another, the last: %w", row, last)
}

// lost is what a trial failed by that is over: each slot failed and no stream
// went well, though batches may have come, or the last streams failed in a long
// row while nothing was moved, so that the window lasted longer than the server.
func (f *failures) lost(slots int, moved func() int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended != nil:
	case f.good.Load() == 0 && f.slots > 0 && f.slots == slots:
		f.ended = f.first
	case f.inRow.Load() > 0 && f.longRow(slots) && moved() == f.rowMoved:
		f.ended = inRow(f.still, f.last)
	}
	return f.ended
}

// all is the first error if every iteration so far failed.
func (f *failures) all() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.good.Load() == 0 && f.first != nil {
		f.ended = f.first
	}
	return f.ended
}

// pause keeps a slot whose iteration failed from hammering a server in
// trouble: 1 ms, 2 ms, up to 128 ms with each failure in a row. Once something
// went well the first eight are free, so that a share of them does not slow the
// rest.
func (f *failures) pause(ctx context.Context) {
	row := f.inRow.Load() - 1
	if f.good.Load() > 0 {
		row -= 8
	}
	if row < 0 {
		return
	}
	t := time.NewTimer(time.Millisecond << min(row, 7))
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
