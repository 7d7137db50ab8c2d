package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/h2"
	"flightbench/internal/target"
)

// Windows of the connections over which calls are ended.
const (
	wideWindow   = 64 << 20 // so that a server which goes on sending can be seen to
	narrowWindow = 64 << 10 // so that a stream nobody reads stands still
)

// leastStream is how long a stream must be to be cancelled amid it.
const leastStream = 8 << 20

// callHeader names a call to a flightbench server, which then tells when its handler saw the end.
const callHeader = "x-flightbench-call"

type cancelData struct {
	Stopped  int64 `json:"stopped_ns,omitempty"` // from the cancel to the PING's answer after which nothing came
	Late     int64 `json:"late_bytes"`           // that came after the cancel
	SeenByIt int64 `json:"handler_saw_ns,omitempty"`
}

// cancellation ends a long stream after its first message and watches whether more of it comes. What a server's handler does without
// sending can only be seen where the server tells.
func (x *examiner) cancellation(ctx context.Context) {
	l, err := dialLink(ctx, x.t, target.Tuning{Window: wideWindow, ConnWindow: 2 * wideWindow})
	if err != nil {
		x.fail(ctx, "", err, "", nil)
		return
	}
	defer l.close()
	ticket, total, why := x.long(ctx, l, leastStream)
	if why != "" {
		x.add(Info, "cannot be told: "+why, adviceSource+" of "+size(leastStream)+" and more", nil)
		return
	}
	read := func() int64 { n, _ := l.conn.Wire(); return n }
	before := read()
	const id = nobody + ".cancel"
	call, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx, callHeader, id))
	defer cancel()
	s, err := l.DoGet(call, &flight.Ticket{Ticket: ticket})
	if err == nil {
		_, err = s.Recv()
	}
	if err != nil {
		x.add(Info, fmt.Sprintf("cannot be told: the stream failed by itself, %s%s", target.CodeName(status.Code(err)), x.quote(status.Convert(err).Message())), "", nil)
		return
	}
	start := time.Now()
	cancel()
	first, err := l.inspect(ctx) // answered once the server has read the reset
	stopped := time.Since(start)
	if err == nil {
		saw := x.handlerSaw(ctx, id, start)
		pause(ctx, max(100*time.Millisecond, 4*x.peer.RTT))
		var second h2.Peer
		if second, err = l.inspect(ctx); err == nil {
			limit := int64(wideWindow)
			if total >= 0 {
				limit = min(limit, total)
			}
			d := cancelData{Stopped: int64(stopped), Late: second.Late, SeenByIt: int64(saw)}
			x.tellCancel(d, second.Late > first.Late, read()-before >= limit-limit/10)
			return
		}
	}
	what, _ := explain(ctx, x.t, err)
	x.add(Warning, "the connection did not survive it: "+what, "a cancelled call should end itself alone: look at the server's log", nil)
}

// tellCancel says what was seen: whether data came also after the server knew, and whether everything came.
func (x *examiner) tellCancel(d cancelData, more, all bool) {
	text := fmt.Sprintf("honoured: nothing more came %s after the cancel", span(time.Duration(d.Stopped)))
	if d.Late > 0 {
		text += fmt.Sprintf(" (%s were under way)", size(d.Late))
	}
	switch {
	case more && all:
		x.add(Warning, fmt.Sprintf("not honoured: the server went on and sent another %s", size(d.Late)), "end handlers when their call is cancelled: abandoned queries cost as much as others", d)
	case more:
		x.add(Warning, fmt.Sprintf("honoured late: data still came after the server had read the cancel, %s in all", size(d.Late)), "have the server drop what is queued for a cancelled call", d)
	case all:
		x.add(Info, "cannot be told: the stream had come as a whole before the cancel could count", adviceSource+" that is longer", d)
	case d.SeenByIt > 0:
		x.add(OK, fmt.Sprintf("%s; the handler saw it within %s", text, span(time.Duration(d.SeenByIt))), "", d)
	default:
		x.add(OK, text+"; whether the handler stopped, too, cannot be seen from outside", "", d)
	}
}

// handlerSaw asks a flightbench server until it says that the handler of call id was cancelled; 0 if it does not.
func (x *examiner) handlerSaw(ctx context.Context, id string, start time.Time) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, x.o.Timeout/5)
	defer cancel()
	for x.own && ctx.Err() == nil {
		body, err := x.action(ctx, cancelledAction, nil)
		if err != nil {
			return 0
		}
		var seen []struct{ ID string }
		if json.Unmarshal(body, &seen) != nil {
			return 0
		}
		for _, s := range seen {
			if s.ID == id {
				return time.Since(start)
			}
		}
		pause(ctx, time.Millisecond)
	}
	return 0
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Times that the server is told a call may take.
const (
	requestDeadline = 100 * time.Millisecond
	streamDeadline  = 200 * time.Millisecond
)

type deadlineData struct {
	Told   int64  `json:"told_ns"`
	Ended  int64  `json:"ended_ns,omitempty"` // by the server
	Code   string `json:"code,omitempty"`
	Stream string `json:"stream"` // what became of a stream past its deadline
}

// deadline tells the server a short time and waits longer itself. First for a call whose request never comes, which every server has
// to wait for; then for a stream that nobody reads.
func (x *examiner) deadline(ctx context.Context) {
	if len(x.calls) == 0 || len(x.calls.with(foreign)) > 0 {
		return
	}
	d := deadlineData{Told: int64(requestDeadline)}
	took, code, ok := x.heldRequest(ctx)
	switch {
	case !ok:
		x.add(Info, "cannot be told: the server answers before it has read the request", "", nil)
		return
	case took == 0:
		x.add(Warning, fmt.Sprintf("not honoured: a call with a deadline of %s went on for %s, until we ended it", span(requestDeadline), span(x.patience())),
			"have the server end calls whose deadline (grpc-timeout) has passed: those of clients that are gone pile up", d)
		return
	}
	d.Ended, d.Code = int64(took), target.CodeName(code)
	text := fmt.Sprintf("honoured: told %s, the server ended a call after %s", span(requestDeadline), span(took))
	if d.Stream = x.unreadStream(ctx, 2*streamDeadline); d.Stream == "went on" {
		d.Stream = x.unreadStream(ctx, 10*streamDeadline) // where the server was slow to begin
	}
	switch d.Stream {
	case "ended":
		x.add(OK, text+", and a stream that was not read", "", d)
	case "went on":
		x.add(Warning, text+"; but a stream went on past its deadline", "apply the deadline to streams, too, not only to the time until they begin", d)
	default:
		x.add(OK, text, "", d)
	}
}

func (x *examiner) patience() time.Duration { return min(2*time.Second, x.o.Timeout/2) }

// heldRequest begins a call and sends no request. took is 0 if the server did not end it; ok is false where it can't be told.
func (x *examiner) heldRequest(ctx context.Context) (took time.Duration, code codes.Code, ok bool) {
	l, err := dialLink(ctx, x.t, target.Tuning{})
	if err != nil {
		return 0, 0, false
	}
	defer l.close()
	for _, m := range []string{"ListActions", "GetFlightInfo", "ListFlights", "DoGet", "Handshake"} {
		call, cancel := context.WithTimeout(ctx, x.patience())
		start := time.Now()
		s, err := l.conn.NewStream(h2.WithServerTimeout(call, requestDeadline), &grpc.StreamDesc{StreamName: m, ClientStreams: true, ServerStreams: true},
			flightService+m)
		if err == nil {
			err = s.RecvMsg(&flight.Result{})
		}
		took, code = time.Since(start), status.Code(err)
		gaveUp := call.Err() != nil
		cancel()
		switch {
		case gaveUp:
			return 0, code, ctx.Err() == nil
		case code == codes.DeadlineExceeded, code == codes.Canceled && took >= requestDeadline/2:
			return took, code, true
		}
	}
	return 0, 0, false
}

const flightService = "/arrow.flight.protocol.FlightService/"

// unreadStream lets a stream stand still for so long, past its deadline, and then reads what is left: ended, went on, or why it can't
// be told.
func (x *examiner) unreadStream(ctx context.Context, still time.Duration) string {
	l, err := dialLink(ctx, x.t, target.Tuning{Window: narrowWindow, ConnWindow: 2 * narrowWindow})
	if err != nil {
		return "no connection"
	}
	defer l.close()
	const least = 4 << 20
	ticket, _, why := x.long(ctx, l, least)
	if why != "" {
		return why
	}
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := l.DoGet(h2.WithServerTimeout(call, streamDeadline), &flight.Ticket{Ticket: ticket})
	if err != nil {
		return "it failed"
	}
	pause(ctx, still)
	for read := 0; read < least/2; {
		m, err := s.Recv()
		switch c := status.Code(err); {
		case ctx.Err() != nil:
			return "no time left"
		case errors.Is(err, io.EOF):
			return "too short"
		case c == codes.DeadlineExceeded, c == codes.Canceled:
			return "ended"
		case err != nil:
			return "failed with " + target.CodeName(c)
		}
		read += len(m.GetDataBody())
	}
	return "went on"
}
