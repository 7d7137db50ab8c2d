package doctor

import (
	"context"
	"fmt"
	"time"

	"flightbench/internal/h2"
)

const (
	fast    = 10e9 / 8               // bytes/s of the network that windows should be large enough for
	typical = 500 * time.Microsecond // round trip in a data centre, taken where the server is on this machine
)

type windowData struct {
	First int64 `json:"first"`     // bytes one upload may have under way when it begins
	Later int64 `json:"later"`     // and once much was sent
	RTT   int64 `json:"rtt_ns"`    // that they were held against
	Need  int64 `json:"need"`      // bytes for 10 Gbit/s
	Taken bool  `json:"estimated"` // RTT is not the measured one
}

// windows holds the server's windows against what a fast network has under way. It comes after the large messages: some servers
// enlarge their windows while data flows.
func (x *examiner) windows(ctx context.Context) {
	now, err := x.link.inspect(ctx)
	if err != nil {
		return // what follows tells
	}
	d := windowData{First: uploadWindow(x.peer), Later: max(uploadWindow(x.peer), uploadWindow(now)), RTT: int64(x.peer.RTT)}
	at := fmt.Sprintf("at this round trip, %s", span(x.peer.RTT))
	if p, err := placeOf(x.t.URI); err == nil && (p.network == "unix" || loopback(p.host)) {
		d.RTT, d.Taken = int64(typical), true
		at = fmt.Sprintf("at a round trip of %s, as in a data centre", span(typical))
	}
	seconds := time.Duration(d.RTT).Seconds()
	d.Need = int64(fast * seconds)
	grown := ""
	if d.Later > d.First+d.First/2 {
		grown = fmt.Sprintf(" (%s at first; the server enlarges it while data flows)", size(d.First))
	}
	text := fmt.Sprintf("one upload may have %s under way%s", size(d.Later), grown)
	if d.Later >= d.Need || d.Later >= 4*d.First {
		x.add(OK, text, "", d)
		return
	}
	x.add(Warning, fmt.Sprintf("%s: %s that is %s at most", text, at, rate(float64(d.Later)/seconds)),
		fmt.Sprintf("raise the windows of stream and connection to %s for 10 Gbit/s: grpc-go InitialWindowSize and InitialConnWindowSize, C++ grpc.http2.lookahead_bytes, Java flowControlWindow, tonic initial_stream_window_size and initial_connection_window_size", size(roundUp(d.Need))), d)
}

// uploadWindow is what one stream may send before it has to wait.
func uploadWindow(p h2.Peer) int64 {
	stream := p.InitialWindowSize
	if stream < 0 {
		stream = 1<<16 - 1
	}
	return min(stream, p.ConnWindow)
}

func roundUp(n int64) int64 {
	p := int64(1 << 16)
	for p < n {
		p *= 2
	}
	return p
}
