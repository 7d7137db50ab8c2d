package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// callHeader names a call to the embedded server, which then tells when its
// handler saw that the call was canceled.
const callHeader = "x-flightbench-call"

// errorDetails is the trailer in which C++ servers send the extra info of a
// FlightServerError, and others a google.rpc.Status.
const errorDetails = "grpc-status-details-bin"

var (
	errCancelAfter = errors.New("canceled by --cancel-after")
	errStalled     = errors.New("stalled")
)

// call is one gRPC call of an iteration and the reasons to end it early: its
// deadline, a stall, and a cancellation that is to be measured.
type call struct {
	s        *slot
	ctx      context.Context
	cancel   context.CancelCauseFunc
	release  context.CancelFunc // of the deadline
	stall    *time.Timer        // nil: not watched
	timer    *time.Timer        // of a cancellation by time
	batches  int64
	canceled atomic.Int64 // when --cancel-after struck, on the trial's clock; 0: it has not
	id       string
}

// begin makes the context of a call; end must be called when it is over.
func (s *slot) begin(ctx context.Context) (context.Context, *call) {
	c := &call{s: s, release: func() {}}
	t := s.t
	if t.config.Timeout > 0 {
		ctx, c.release = context.WithTimeout(ctx, duration(t.config.Timeout))
	}
	if t.cancelAfter != (cancelAfter{}) && t.local {
		c.id = strconv.FormatInt(t.calls.Add(1), 10) + "-" + t.nonce
		ctx = metadata.AppendToOutgoingContext(ctx, callHeader, c.id)
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if d := duration(t.config.Stall); d > 0 {
		c.stall = time.AfterFunc(d, func() { c.cancel(errStalled) })
	}
	if d := t.cancelAfter.after; d > 0 {
		c.timer = time.AfterFunc(d, c.strike)
	}
	return c.ctx, c
}

// strike cancels the call for measurement.
func (c *call) strike() {
	now := c.s.t.clock.now()
	if !c.canceled.CompareAndSwap(0, now) {
		return
	}
	if c.id != "" {
		c.s.t.cancels.Store(c.id, time.Now().UnixNano())
	}
	c.cancel(errCancelAfter)
}

// message says that a message has come or gone.
func (c *call) message() {
	if c.stall != nil {
		c.stall.Reset(duration(c.s.t.config.Stall))
	}
}

// batch says that a batch has come or gone. One goroutine calls it.
func (c *call) batch() {
	c.message()
	c.batches++
	if n := c.s.t.cancelAfter.batches; n > 0 && c.batches == n {
		c.strike()
	}
}

// end frees the call and says how it ended: a cancellation that was asked for
// is measured and no error, a stall is told as such. trailer, if not nil, is
// asked for what an error carried.
func (c *call) end(err error, trailer func() metadata.MD) error {
	now := c.s.t.clock.now()
	cause := context.Cause(c.ctx)
	if c.stall != nil {
		c.stall.Stop()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
	c.release()
	switch {
	case err == nil:
		return nil
	case errors.Is(cause, errCancelAfter):
		c.s.latency(latCancel, now, c.canceled.Load())
		c.s.wholeCanceled.Add(1)
		return nil
	case errors.Is(cause, errStalled):
		return status.Errorf(codes.DeadlineExceeded, "no message for %v (--stall)", duration(c.s.t.config.Stall))
	}
	if trailer != nil && status.Code(err) != codes.Canceled {
		if extra := trailer().Get(errorDetails); len(extra) > 0 && len(status.Convert(err).Details()) == 0 && extra[0] != "" {
			return fmt.Errorf("%w (extra info: %.200q)", err, extra[0])
		}
	}
	return err
}

// cancelAfter says when a stream is canceled: after so many batches, or that
// time after its call. The zero value is never.
type cancelAfter struct {
	batches int64
	after   time.Duration
}

func parseCancelAfter(s string) (c cancelAfter, err error) {
	if s == "" {
		return c, nil
	}
	if n, err := ParseCount(s); err == nil && n > 0 {
		return cancelAfter{batches: n}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return cancelAfter{after: d}, nil
	}
	return c, fmt.Errorf("--cancel-after %q is neither a number of batches (16) nor a length of time (50ms)", strings.TrimSpace(s))
}
