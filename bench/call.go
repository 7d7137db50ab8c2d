package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
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
	began    int64        // on target.Nanos
	number   int64        // of the call by which the server knows it; 0: none
	struck   atomic.Int64 // when --cancel-after struck, on the trial's clock; 0: it has not
	canceled bool         // it ended by that; read after end
	md       metadata.MD  // the trailers, of a call that was made with keep
}

// begin makes the context of a call; end must be called when it is over.
func (s *slot) begin(ctx context.Context) (context.Context, *call) {
	c := &call{s: s, release: func() {}}
	ctx, c.began = s.callBegins(ctx)
	t := s.t
	if t.config.Timeout > 0 {
		ctx, c.release = context.WithTimeout(ctx, duration(t.config.Timeout))
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if d := duration(t.config.Stall); d > 0 {
		c.stall = time.AfterFunc(d, func() { c.cancel(errStalled) })
	}
	return c.ctx, c
}

// beginStream is begin for a stream of batches, which --cancel-after may end.
func (s *slot) beginStream(ctx context.Context) (context.Context, *call) {
	t := s.t
	if t.cancelAfter == (cancelAfter{}) {
		return s.begin(ctx)
	}
	var number int64
	if t.local {
		var name string
		number, name = t.cancels.name()
		ctx = metadata.AppendToOutgoingContext(ctx, callHeader, name)
	}
	_, c := s.begin(ctx)
	c.number = number
	if d := t.cancelAfter.after; d > 0 {
		c.timer = time.AfterFunc(d, c.strike)
	}
	return c.ctx, c
}

// strike cancels the call for measurement.
func (c *call) strike() {
	now := c.s.t.clock.now()
	if !c.struck.CompareAndSwap(0, now) {
		return
	}
	if c.number != 0 {
		c.s.t.cancels.strike(c.number, now)
	}
	c.cancel(errCancelAfter)
}

// keep has the trailers of the call kept for end.
func (c *call) keep() grpc.CallOption { return grpc.Trailer(&c.md) }

// message says that a message has come or gone. Any goroutine may call it.
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
// is measured and no error, a stall and a deadline are told as such. Trailer,
// if not nil, is asked for what an error carried; the stream must have ended.
func (c *call) end(err error, trailer func() metadata.MD) error {
	now := c.s.t.clock.now()
	c.s.times.calls.End(c.began)
	cause := context.Cause(c.ctx)
	if c.stall != nil {
		c.stall.Stop()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
	c.release()
	if err == nil {
		return nil
	}
	// What else a call ended by is its own, even if one of ours struck meanwhile.
	if code := status.Code(err); code == codes.Canceled || code == codes.DeadlineExceeded {
		switch t := c.s.t; {
		case errors.Is(cause, errCancelAfter):
			c.canceled = true
			c.s.canceled(now, c.struck.Load())
			return nil
		case errors.Is(cause, errStalled):
			return status.Errorf(codes.DeadlineExceeded, "no message for %v (--stall)", duration(t.config.Stall))
		case c.late():
			return status.Errorf(codes.DeadlineExceeded, "not over after %v (--timeout)", duration(t.config.Timeout))
		}
	}
	md := c.md
	if trailer != nil {
		md = trailer()
	}
	if extra := extraInfo(err, md); extra != "" {
		return fmt.Errorf("%w (extra info: %s)", err, extra)
	}
	return err
}

// late tells whether the call has had its time. A server's timer may be a little
// faster than ours.
func (c *call) late() bool {
	d, ok := c.ctx.Deadline()
	return ok && time.Until(d) < duration(c.s.t.config.Timeout)/10
}

// canceled counts a stream that --cancel-after struck at since and that ended at now.
func (s *slot) canceled(now, since int64) {
	s.wholeCanceled.Add(1)
	s.latency(latCancel, now, since)
	if s.t.window.holds(since) {
		s.t.cancels.measured.Add(1)
	}
}

// extraInfo is what err carries beside code and message: the details of a
// google.rpc.Status, or the bytes that C++ servers send in their place.
func extraInfo(err error, trailer metadata.MD) string {
	details := status.Convert(err).Details()
	var p spb.Status
	if raw := trailer.Get(errorDetails); len(details) == 0 && len(raw) == 1 &&
		(proto.Unmarshal([]byte(raw[0]), &p) != nil || codes.Code(p.Code) != status.Code(err)) {
		return fmt.Sprintf("%.200q", raw[0])
	}
	var parts []string
	for _, d := range details {
		parts = append(parts, fmt.Sprintf("%.200s", strings.Join(strings.Fields(fmt.Sprint(d)), " ")))
	}
	return strings.Join(parts, ", ")
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
