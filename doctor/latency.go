package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
)

const (
	manyCalls = 200
	callsTime = time.Second
)

// slowCall is what a call that does nothing may take beyond a PING.
const slowCall = 20 * time.Millisecond

type latencyData struct {
	Call  string `json:"call"`
	Count int    `json:"count"`
	P50   int64  `json:"p50_ns"`
	P99   int64  `json:"p99_ns"`
	Max   int64  `json:"max_ns"`
}

// latency makes the cheapest call there is, one after another.
func (x *examiner) latency(ctx context.Context) {
	d := latencyData{Call: "DoAction of an unknown type"}
	call := func() error { return ignoreStatus(x.action(ctx, nobody, nil)) }
	switch {
	case x.ping:
		d.Call = "DoAction ping"
		call = func() error { return ignoreStatus(x.action(ctx, pingAction, nil)) }
	case x.calls["ListActions"].Verdict == has:
		d.Call = "ListActions"
		call = func() error {
			s, err := x.link.ListActions(ctx, &flight.Empty{})
			if err == nil {
				_, _, err = collect(s.Recv, maxActions)
			}
			return err
		}
	case x.calls["DoAction"].Verdict != has && x.calls["DoAction"].Verdict != lacks:
		return
	}
	var all []time.Duration
	for begin := time.Now(); len(all) < manyCalls && (len(all) == 0 || time.Since(begin) < min(callsTime, x.o.Timeout/2)); {
		start := time.Now()
		err := call()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			x.add(Problem, fmt.Sprintf("%s failed after %s: %s%s", d.Call, count(len(all), "call"), target.CodeName(status.Code(err)), x.quote(status.Convert(err).Message())), "look at the server's log", nil)
			return
		}
		all = append(all, time.Since(start))
	}
	if len(all) == 0 {
		x.add(Problem, d.Call+" was not answered in time", "look at what the server waits for", nil)
		return
	}
	slices.Sort(all)
	p50, p99 := all[len(all)/2], all[len(all)*99/100]
	d.Count, d.P50, d.P99, d.Max = len(all), int64(p50), int64(p99), int64(all[len(all)-1])
	text := fmt.Sprintf("%s takes %s (median of %d, p99 %s)", d.Call, span(p50), len(all), span(p99))
	if own := p50 - x.peer.RTT; own > slowCall {
		x.add(Warning, fmt.Sprintf("%s, %s more than a PING", text, span(own)), "see what each call goes through: authentication, middleware, logging, a proxy", d)
		return
	}
	x.add(OK, text, "", d)
}

// ignoreStatus takes a refusal for an answer, but not a lost connection or time that is up.
func ignoreStatus(_ []byte, err error) error {
	a := answer{}
	a.judge(context.Background(), err)
	if errors.Is(err, io.EOF) || a.Verdict == has || a.Verdict == lacks {
		return nil
	}
	return err
}
