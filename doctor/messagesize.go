package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"flightbench/internal/target"
)

// Sizes of messages that are tried, and how exactly the limit is looked for.
var messageSizes = []int64{64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}

const sizeGap = 64 << 10

type sizeData struct {
	Accepts int64  `json:"accepts"`           // bytes of a message; 0: none was accepted
	Refuses int64  `json:"refuses,omitempty"` // 0: none was refused
	Code    string `json:"code,omitempty"`    // of the refusal
}

// messageSize sends ever larger messages that do nothing: DoAction of a type that no server has.
func (x *examiner) messageSize(ctx context.Context) {
	if v := x.calls["DoAction"].Verdict; v != has && v != lacks {
		return // the calls have been told
	}
	base := status.Code(x.sendSize(ctx, 1<<10, nil))
	if base == codes.Unauthenticated || base == codes.PermissionDenied || ctx.Err() != nil {
		x.add(Info, "cannot be told: DoAction is refused", "", nil)
		return
	}
	var d sizeData
	unknown := ""
	try := func(n int64) (ok bool) {
		var written int64
		err := x.sendSize(ctx, n, &written)
		switch c := status.Code(err); {
		case ctx.Err() != nil:
			unknown = fmt.Sprintf("%s took too long to send", size(n))
			return false
		case c == base && written >= n:
			d.Accepts = max(d.Accepts, n)
			return true
		case c == base:
			unknown = "the server answers before it has read the message"
			return false
		default:
			d.Refuses, d.Code = n, target.CodeName(c)
			return true
		}
	}
	for _, n := range messageSizes {
		if !try(n) || d.Refuses > 0 {
			break
		}
	}
	for next := nextSize(d); next > 0 && try(next); next = nextSize(d) {
	}
	x.tellSize(d, unknown)
}

// nextSize is what to try between what was accepted and what was refused: round sizes first; 0 when it is known closely enough.
func nextSize(d sizeData) int64 {
	low, high := d.Accepts, d.Refuses
	switch {
	case high == 0 || high-low <= 1:
		return 0
	case low > 0 && low&(low-1) == 0 && high > low+1 && high <= 2*low:
		return low + 1
	case 2*low < high && low > 0:
		return 2 * low
	case high-low <= sizeGap:
		return 0
	}
	return low + (high-low)/2
}

func (x *examiner) tellSize(d sizeData, unknown string) {
	const enough = 16 << 20
	switch {
	case d.Accepts == 0 && d.Refuses == 0:
		x.add(Info, "cannot be told: "+unknown, "", nil)
	case d.Refuses == 0 && d.Accepts < enough:
		x.add(Info, fmt.Sprintf("accepts messages of %s at least; %s", size(d.Accepts), unknown), "", d)
	case d.Refuses == 0 && unknown != "":
		x.add(OK, fmt.Sprintf("accepts messages of %s at least; %s", size(d.Accepts), unknown), "", d)
	case d.Refuses == 0:
		x.add(OK, fmt.Sprintf("accepts messages of %s and more", size(d.Accepts)), "", d)
	default:
		limit := "about " + size(d.Accepts)
		if d.Refuses == d.Accepts+1 {
			limit = size(d.Accepts)
		}
		text := fmt.Sprintf("accepts messages of up to %s; larger ones fail with %s", limit, d.Code)
		if d.Accepts >= enough {
			x.add(OK, text, "", d)
			return
		}
		x.add(Warning, text, "uploads must keep their batches below it, or raise it: grpc-go MaxRecvMsgSize, tonic max_decoding_message_size, Java maxInboundMessageSize, C++ grpc.max_receive_message_length", d)
	}
}

// sendSize makes a call whose request is a message of n bytes, and returns how it ended. written tells what the connection carried.
func (x *examiner) sendSize(ctx context.Context, n int64, written *int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, before := x.link.conn.Wire()
	a := &flight.Action{Type: nobody + ".size"}
	body := n - int64(protowire.SizeTag(1)+protowire.SizeBytes(len(a.Type))) - int64(protowire.SizeTag(2))
	a.Body = make([]byte, body-int64(protowire.SizeVarint(uint64(body))))
	s, err := x.link.DoAction(ctx, a)
	if err == nil {
		_, err = s.Recv()
	}
	if written != nil {
		_, after := x.link.conn.Wire()
		*written = after - before
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
