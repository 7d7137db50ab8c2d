package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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
	case d.Count == 0 && x.calls["ListFlights"].Code != target.CodeName(codes.OK):
		a := x.calls["ListFlights"]
		x.add(Info, "cannot be listed: "+a.Code+x.quote(a.message), "", d)
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
	Advice  string `json:"advice,omitempty"`
}

// maxLocations are looked at; flights of a cluster list the same few again and again.
const maxLocations = 16

// locations looks at where tickets are to be read.
func (x *examiner) locations(ctx context.Context) {
	infos := slices.Clone(x.found.flights)
	if x.o.Descriptor != nil {
		if info, err := x.link.GetFlightInfo(ctx, x.o.Descriptor); err == nil {
			infos = append(slices.DeleteFunc(infos, x.isNamed), info)
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
	x.located = map[string]handedOut{}
	for i, uri := range uris {
		x.located[uri] = all[i]
	}
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
	advice := all[slices.IndexFunc(all, func(l handedOut) bool { return l.Level == worst })].Advice
	if worst > OK && advice == "" {
		advice = "have the server hand out an address that its clients can reach; until then --location original reads over this connection, --location rewrite:FROM=TO elsewhere"
	}
	x.add(worst, text, advice, all)
}

// isNamed tells whether info is of the flight that Options name.
func (x *examiner) isNamed(info *flight.FlightInfo) bool {
	return proto.Equal(info.GetFlightDescriptor(), x.o.Descriptor)
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
	if !slices.ContainsFunc(all, func(r reach) bool { return r.err == nil }) {
		return say(Warning, "cannot be reached from here: %s", all[0].Error)
	}
	if x.t.TLS != nil && (p.scheme == "grpc" || p.scheme == "grpc+tcp" || p.scheme == "http") {
		return say(Warning, "is plaintext, while this connection is not")
	}
	if p.scheme == "http" || p.scheme == "https" {
		return say(OK, "accepts connections from here; what it has was not asked for")
	}
	what, advice, ok := x.callAt(ctx, uri)
	if !ok {
		say(Warning, "%s", what)
		out.Advice = x.safe(advice)
		return out
	}
	return say(OK, "%s", what)
}

// callAt makes a call at a location as a client does that reads there: DoGet, of a ticket that nobody has.
func (x *examiner) callAt(ctx context.Context, uri string) (what, advice string, ok bool) {
	session, err := x.link.session.At(uri)
	if err != nil {
		return "cannot be used: " + err.Error(), "", false
	}
	conn, err := session.Dial()
	if err != nil {
		return "cannot be used: " + err.Error(), "", false
	}
	defer conn.Close()
	call, cancel := context.WithTimeout(ctx, x.o.Timeout*3/5) // the rest is for finding out why not
	defer cancel()
	err = session.Do(call, func(ctx context.Context) error {
		s, err := flight.NewFlightServiceClient(conn).DoGet(ctx, &flight.Ticket{Ticket: []byte(nobody)})
		if err == nil {
			_, err = s.Recv()
		}
		return err
	})
	var a answer
	switch a.judge(call, err); a.Verdict {
	case has:
		return "answers DoGet from here", "", true
	case lacks:
		return "is a gRPC server, but has no DoGet", "have the server hand out addresses where its tickets can be read", false
	case foreign:
		return "answers, but not by gRPC" + x.quote(a.message), "check the port, and a proxy's route for gRPC", false
	}
	what, advice = explain(ctx, session.Target(), err)
	return "does not answer from here: " + what, advice, false
}

// noFlight tells why there is no FlightInfo of the flight that Options name.
func (x *examiner) noFlight(ctx context.Context, err error) {
	var names []string
	for _, f := range x.found.flights {
		names = append(names, describeFlight(f.GetFlightDescriptor()))
	}
	listed := ""
	switch {
	case len(names) > 0:
		listed = "; listed are: " + some(names, shownFlights)
	case x.calls["ListFlights"].Code == target.CodeName(codes.OK):
		listed = "; the server lists no flights"
	}
	kind, flag := "path", "--path"
	if len(x.o.Descriptor.GetPath()) == 0 {
		kind, flag = "command", "--cmd"
	}
	code := status.Code(err)
	said := target.CodeName(code) + x.quote(status.Convert(err).Message())
	switch {
	case slices.ContainsFunc(x.found.flights, x.isNamed):
		x.add(Problem, "it is listed, but GetFlightInfo fails: "+said, "look at the server's log", nil)
	case code == codes.NotFound || code == codes.InvalidArgument:
		x.add(Problem, fmt.Sprintf("no flight of that %s%s; GetFlightInfo ended with %s", kind, listed, said), "name another with "+flag, nil)
	case code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Unauthenticated || code == codes.PermissionDenied:
		x.fail(ctx, "GetFlightInfo: ", err, "look at the server's log", nil)
	default:
		x.add(Problem, fmt.Sprintf("GetFlightInfo of that %s ended with %s%s", kind, said, listed), "check "+flag+", and look at the server's log", nil)
	}
}
