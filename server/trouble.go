package server

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/workloads"
)

// failCodes are the gRPC codes of Flight's kinds of error, as Arrow's C++ and
// Java map them.
var failCodes = map[string]codes.Code{
	workloads.FailUnavailable:     codes.Unavailable,
	workloads.FailUnauthenticated: codes.Unauthenticated,
	workloads.FailUnauthorized:    codes.PermissionDenied,
	workloads.FailTimedOut:        codes.DeadlineExceeded,
	workloads.FailCancelled:       codes.Canceled,
	workloads.FailInternal:        codes.Internal,
	workloads.FailServerError:     codes.Unknown,
}

// failure is the error of a kind. A server error has its extra information in
// grpc-status-details-bin: a google.rpc.Status with one ErrorInfo, since that is
// what gRPC has the trailer for; and it has the trailers with which Arrow's C++
// client, which takes that trailer's bytes as they are, makes a FlightServerError
// of it (A cpp/src/arrow/flight/transport/grpc/util_internal.cc).
func failure(ctx context.Context, kind, why string) error {
	st := status.New(failCodes[kind], why)
	if kind != workloads.FailServerError {
		return st.Err()
	}
	detailed, err := st.WithDetails(&errdetails.ErrorInfo{Reason: "ASKED_FOR", Domain: "flightbench", Metadata: map[string]string{"fail": kind}})
	if err != nil {
		return internalf("attach the extra information: %v", err)
	}
	const ioError = "5" // arrow::StatusCode::IOError, which MakeFlightError chooses
	err = grpc.SetTrailer(ctx, metadata.Pairs("x-arrow-status", ioError, "x-arrow-status-message-bin", why, "x-arrow-status-detail-bin", "Failed"))
	if err != nil {
		return internalf("set the trailers of Arrow's status: %v", err)
	}
	return detailed.Err()
}

// troubles counts the streams that ask for an error. Safe for concurrent use.
type troubles struct{ asked atomic.Int64 }

// trouble is what one stream goes through. The zero value is none.
type trouble struct {
	kind  string // of the error; "" is none
	after int64
	delay time.Duration
}

// of decides what the stream of t goes through.
func (n *troubles) of(t workloads.Ticket) trouble {
	tr := trouble{delay: t.Delay}
	if t.Fail != "" && n.asked.Add(1)%max(t.FailEvery, 1) == 0 {
		tr.kind, tr.after = t.Fail, t.FailAfter
	}
	return tr
}

func (t trouble) none() bool { return t.kind == "" && t.delay == 0 }

// fail is the error that is due after so many batches, or nil.
func (t trouble) fail(ctx context.Context, batches int64) error {
	if t.kind == "" || batches < t.after {
		return nil
	}
	return failure(ctx, t.kind, "the ticket asked for this error: fail "+t.kind+" after "+strconv.FormatInt(t.after, 10)+" batches")
}

// wait is the delay before a batch.
func (t trouble) wait(ctx context.Context) error {
	if t.delay == 0 {
		return nil
	}
	timer := time.NewTimer(t.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
