package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/types/known/anypb"

	"flightbench/workloads"
)

// Actions of servers that are told apart.
const (
	pingAction      = "ping"                  // Arrow's perf server and flightbench
	statsAction     = "flightbench.stats"     // flightbench
	cancelledAction = "flightbench.cancelled" // flightbench
)

type kindData struct {
	Flightbench string            `json:"flightbench,omitempty"` // version
	Transport   string            `json:"transport,omitempty"`   // of a flightbench server
	Perf        bool              `json:"perf"`                  // speaks perf.proto, as Arrow's benchmark does
	Headers     map[string]string `json:"headers,omitempty"`     // of answers, that tell of software
}

// telling are response headers that name software.
var telling = []string{"server", "via", "x-powered-by", "x-envoy-upstream-service-time", "x-served-by", "cf-ray", "grpc-server"}

// kind says whose server it is, as far as it can be known.
func (x *examiner) kind(ctx context.Context) {
	var d kindData
	var is []string
	if body, err := x.action(ctx, statsAction, nil); err == nil {
		var s struct{ Version, Transport string }
		if json.Unmarshal(body, &s) == nil && s.Transport != "" {
			x.own, d.Flightbench, d.Transport = true, x.clip(s.Version, 40), x.clip(s.Transport, 20)
			is = append(is, strings.TrimSpace("flightbench "+d.Flightbench)+", transport "+d.Transport)
		}
	}
	if body, err := x.action(ctx, pingAction, nil); err == nil {
		x.ping = true
		if string(body) == "ok" && x.speaksPerf(ctx) {
			d.Perf = true
			is = append(is, "understands Arrow's benchmark (ping, perf.proto)")
		}
	}
	d.Headers = x.software()
	for _, name := range telling {
		if v, ok := d.Headers[name]; ok {
			is = append(is, fmt.Sprintf("%s: %s", name, v))
		}
	}
	if len(is) == 0 {
		is = []string{"unknown: no header of its answers names software"}
	}
	x.add(Info, strings.Join(is, "; "), "", d)
}

// action makes a call that has one result.
func (x *examiner) action(ctx context.Context, name string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := x.link.DoAction(ctx, &flight.Action{Type: name, Body: body})
	if err != nil {
		return nil, err
	}
	r, err := s.Recv()
	if err != nil {
		return nil, err
	}
	return r.GetBody(), nil
}

// speaksPerf asks for one row as Arrow's own benchmark does.
func (x *examiner) speaksPerf(ctx context.Context) bool {
	cmd := workloads.PerfRequest{Streams: 1, RecordsPerStream: 1, RecordsPerBatch: 1}.Marshal()
	info, err := x.link.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd})
	if err != nil || len(info.GetEndpoint()) != 1 || info.GetTotalRecords() != 1 {
		return false
	}
	t, err := workloads.ParsePerfToken(info.Endpoint[0].GetTicket().GetTicket())
	return err == nil && t.End-t.Start == 1
}

// software collects what the answers' headers tell.
func (x *examiner) software() map[string]string {
	out := map[string]string{}
	for _, a := range x.calls {
		for _, name := range telling {
			for _, v := range append(a.header.Get(name), a.trailer.Get(name)...) {
				out[name] = x.clip(v, 60)
			}
		}
	}
	return out
}

// describeFlight names a flight as its client would ask for it.
func describeFlight(d *flight.FlightDescriptor) string {
	switch {
	case d == nil:
		return "a flight without descriptor"
	case len(d.GetPath()) > 0:
		return clip(strings.Join(d.GetPath(), "/"), 40)
	case len(d.GetCmd()) == 0:
		return "an empty command"
	}
	if t, err := workloads.ParseTicket(d.GetCmd()); err == nil {
		return t.Spec.Name
	}
	var any anypb.Any
	if err := unmarshal(d.GetCmd(), &any); err == nil && strings.Contains(any.GetTypeUrl(), "arrow.flight.protocol.sql") {
		return clip(any.GetTypeUrl()[strings.LastIndexByte(any.GetTypeUrl(), '.')+1:], 40)
	}
	return "command " + bytesText(d.GetCmd())
}

// bytesText shows opaque bytes, by letters if they are text.
func bytesText(b []byte) string {
	const most = 32
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("hex:%x", b[:min(len(b), most/2)]) + cut(len(b) > most/2)
		}
	}
	return clip(string(b), most)
}

func cut(yes bool) string {
	if yes {
		return "…"
	}
	return ""
}
