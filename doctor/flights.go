package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/target"
)

type flightsData struct {
	Count int      `json:"count"`
	More  bool     `json:"more"` // the list was not read to its end
	Names []string `json:"names"`
}

// shownFlights is how many flights are named.
const shownFlights = 8

// listFlights tells what ListFlights told.
func (x *examiner) listFlights(context.Context) {
	if x.calls["ListFlights"].Verdict != has {
		return // the calls have been told
	}
	var names []string
	for _, f := range x.found.flights {
		names = append(names, describeFlight(f.GetFlightDescriptor()))
	}
	d := flightsData{len(x.found.flights), x.found.more, names}
	switch {
	case d.Count == 0:
		x.add(Info, "none listed: data is asked for by descriptors that the client must know", "", d)
	case d.More:
		x.add(Info, fmt.Sprintf("more than %s: %s, …", count(d.Count, "flight"), strings.Join(names[:min(len(names), shownFlights)], ", ")), "", d)
	default:
		x.add(Info, count(d.Count, "flight")+": "+some(names, shownFlights), "", d)
	}
}

// handedOut is one location of an endpoint.
type handedOut struct {
	URI     string `json:"uri"`
	Level   Level  `json:"level"`
	Finding string `json:"finding"`
}

// maxLocations are looked at; flights of a cluster list the same few again and again.
const maxLocations = 16

// locations looks at where tickets are to be read.
func (x *examiner) locations(ctx context.Context) {
	infos := slices.Clone(x.found.flights)
	if x.o.Descriptor != nil {
		if info, err := x.link.GetFlightInfo(ctx, x.o.Descriptor); err == nil {
			infos = append(infos, info)
		}
	}
	uris, endpoints, more := gather(infos)
	if endpoints == 0 {
		return // nothing is handed out
	}
	if len(uris) == 0 {
		x.add(OK, fmt.Sprintf("%s, to be read over this same connection", count(endpoints, "endpoint")), "", nil)
		return
	}
	all := make([]handedOut, len(uris))
	var wg sync.WaitGroup
	for i, uri := range uris {
		wg.Go(func() { all[i] = x.location(ctx, uri) })
	}
	wg.Wait()
	worst, texts := OK, []string{}
	for _, l := range all {
		worst = max(worst, l.Level)
	}
	for _, l := range all {
		if l.Level == worst {
			texts = append(texts, l.URI+" "+l.Finding)
		}
	}
	text := fmt.Sprintf("%s in %s; %s", count(len(uris), "location")+cut(more), count(endpoints, "endpoint"), some(texts, 3))
	advice := ""
	if worst > OK {
		advice = "have the server hand out an address that its clients can reach; until then --location original reads over this connection, --location rewrite:FROM=TO elsewhere"
	}
	x.add(worst, text, advice, all)
}

// gather lists the locations of all endpoints, each once. Those that mean the same connection are left out.
func gather(infos []*flight.FlightInfo) (uris []string, endpoints int, more bool) {
	seen := map[string]bool{}
	for _, f := range infos {
		for _, e := range f.GetEndpoint() {
			endpoints++
			for _, l := range e.GetLocation() {
				uri := l.GetUri()
				if target.IsReuse(uri) || seen[uri] {
					continue
				}
				if more = len(uris) == maxLocations; more {
					return uris, endpoints, true
				}
				seen[uri] = true
				uris = append(uris, uri)
			}
		}
	}
	return uris, endpoints, false
}

// location says what a client meets that follows uri.
func (x *examiner) location(ctx context.Context, uri string) handedOut {
	out := handedOut{URI: x.clip(uri, 80), Level: Warning}
	say := func(l Level, format string, args ...any) handedOut {
		out.Level, out.Finding = l, x.safe(fmt.Sprintf(format, args...))
		return out
	}
	p, err := placeOf(uri)
	if err != nil {
		return say(Problem, "leads nowhere: %v", err)
	}
	switch p.scheme {
	case "grpc", "grpc+tcp", "grpc+tls", "grpc+unix", "http", "https":
	default:
		return say(Problem, "has the scheme %s, which no Flight client knows", p.scheme)
	}
	here, _ := placeOf(x.t.URI)
	remote := here.network == "tcp" && !loopback(here.host)
	switch {
	case p.network == "tcp" && unspecified(p.host):
		return say(Warning, "is an address to listen on, not one to connect to: clients on other machines reach themselves")
	case p.network == "tcp" && loopback(p.host) && remote:
		return say(Warning, "means the client's own machine, not the server's")
	case p.network == "unix" && remote:
		return say(Warning, "is a socket on the server's machine: clients elsewhere cannot open it")
	}
	all, err := reachAll(ctx, p)
	if err != nil {
		return say(Warning, "cannot be resolved from here: %s", why(err))
	}
	for _, r := range all {
		if r.err == nil {
			if x.t.TLS != nil && (p.scheme == "grpc" || p.scheme == "grpc+tcp" || p.scheme == "http") {
				return say(Warning, "is plaintext, while this connection is not")
			}
			return say(OK, "can be reached from here")
		}
	}
	return say(Warning, "cannot be reached from here: %s", all[0].Error)
}
