package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flightbench/internal/h2"
)

// pings on one connection without a call between: servers send away who pings more often.
const pings = 3

type transportData struct {
	InitialWindow int64   `json:"initial_window_size"` // -1 and below: not announced
	ConnWindow    int64   `json:"connection_window"`
	MaxFrame      int64   `json:"max_frame_size"`
	MaxStreams    int64   `json:"max_concurrent_streams"`
	HeaderTable   int64   `json:"header_table_size"`
	MaxHeaderList int64   `json:"max_header_list_size"`
	RTT           []int64 `json:"ping_ns"`
}

// transport opens an HTTP/2 connection, reads what the server announces, and pings it.
func (x *examiner) transport(ctx context.Context) {
	l, err := dialBare(x.t)
	if err == nil {
		defer l.close()
		first, cancel := context.WithTimeout(ctx, x.o.Timeout*3/5) // the rest is for finding out why not
		x.peer, err = l.inspect(first)
		cancel()
	}
	if err != nil {
		x.halt = "there is no HTTP/2 connection"
		x.fail(ctx, "", err, "", nil)
		return
	}
	rtts := []int64{int64(x.peer.RTT)}
	for len(rtts) < pings {
		p, err := l.inspect(ctx)
		if err != nil {
			break // the first one has answered; what follows will tell
		}
		rtts = append(rtts, int64(p.RTT))
	}
	slices.Sort(rtts)
	x.peer.RTT = time.Duration(rtts[0])
	p := x.peer
	data := transportData{p.InitialWindowSize, p.ConnWindow, p.MaxFrameSize, p.MaxConcurrentStreams, p.HeaderTableSize, p.MaxHeaderListSize, rtts}
	x.add(OK, fmt.Sprintf("window of a stream %s, of the connection %s; frames up to %s; %s at a time; %s",
		said(p.InitialWindowSize, 1<<16-1), size(p.ConnWindow), said(p.MaxFrameSize, 16<<10), streams(p.MaxConcurrentStreams), headerLimit(p.MaxHeaderListSize)), "", data)
	x.topic = "round trip"
	x.add(OK, fmt.Sprintf("PING answered in %s (median of %d, best %s)", span(time.Duration(rtts[len(rtts)/2])), len(rtts), span(x.peer.RTT)), "", nil)
	x.streamLimit(p)
}

func said(v, standard int64) string {
	if v < 0 {
		return size(standard) + " (the standard's)"
	}
	return size(v)
}

func streams(n int64) string {
	if n < 0 || n >= 1<<31-1 {
		return "any number of calls"
	}
	return count(int(n), "call")
}

func headerLimit(n int64) string {
	if n < 0 || n >= 1<<31-1 {
		return "headers of any size"
	}
	return "headers up to " + size(n)
}

func (x *examiner) streamLimit(p h2.Peer) {
	if n := p.MaxConcurrentStreams; n >= 0 && n < 16 {
		x.topic = "HTTP/2"
		x.add(Warning, fmt.Sprintf("only %s at a time on a connection: the others wait in the client", count(int(n), "call")),
			"raise MAX_CONCURRENT_STREAMS to 100 or more, or use --connections", nil)
	}
}
