package bench

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
)

// Which of an endpoint's locations is read.
const (
	LocationListed   = "listed"   // one of those that it lists, the next where one is out of reach
	LocationOriginal = "original" // always the target's own connections
	rewritePrefix    = "rewrite:" // FROM=TO: listed, with FROM replaced by TO in each
)

// server is one address that streams are read from, over as many connections
// as the target itself has.
type server struct {
	uri     string
	clients []flight.FlightServiceClient
	streams atomic.Int64 // that it served
	down    atomic.Bool  // it was out of reach when last tried
}

// servers are the addresses that a trial's endpoints may be read from. Safe
// for concurrent use.
type servers struct {
	home  *server
	tried sync.Map // URI as listed → func() (*server, error)
	t     *trial
}

// candidates are the servers that ep may be read from, in the order in which
// they are to be tried; those out of reach come last.
func (v *servers) candidates(ep *flight.FlightEndpoint) ([]*server, error) {
	policy := v.t.config.Location
	if len(ep.Location) == 0 || policy == LocationOriginal {
		return []*server{v.home}, nil
	}
	from, to, _ := strings.Cut(strings.TrimPrefix(policy, rewritePrefix), "=")
	var up, down []*server
	var bad []string
	for _, l := range ep.Location {
		uri := l.GetUri()
		if policy != LocationListed && !target.IsReuse(uri) {
			uri = strings.ReplaceAll(uri, from, to)
		}
		s, err := v.at(uri)
		switch {
		case err != nil:
			bad = append(bad, err.Error())
		case s.down.Load():
			down = append(down, s)
		default:
			up = append(up, s)
		}
	}
	if len(up)+len(down) == 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "an endpoint lists no location that can be read (%s): use --location original, or rewrite:FROM=TO", strings.Join(bad, "; "))
	}
	return append(up, down...), nil
}

// at is the server at a location, connected lazily like all.
func (v *servers) at(uri string) (*server, error) {
	if target.IsReuse(uri) || v.t.target.Same(uri) {
		return v.home, nil
	}
	once, ok := v.tried.Load(uri)
	if !ok {
		once, _ = v.tried.LoadOrStore(uri, sync.OnceValues(func() (*server, error) { return v.open(uri) }))
	}
	return once.(func() (*server, error))()
}

func (v *servers) open(uri string) (*server, error) {
	session, err := v.t.session.At(uri)
	if err != nil {
		return nil, err // it names the location, but for what may be a password in it
	}
	s := &server{uri: uri}
	for range v.t.config.Connections {
		conn, err := session.Dial()
		if err != nil {
			return nil, fmt.Errorf("location %q: %w", uri, err)
		}
		v.t.addConn(conn)
		s.clients = append(s.clients, flight.NewClientFromConn(conn, nil))
	}
	return s, nil
}

// served counts the streams by address, nil where all came from the target.
func (v *servers) served() map[string]int64 {
	out := map[string]int64{}
	v.tried.Range(func(_, once any) bool {
		if s, err := once.(func() (*server, error))(); err == nil {
			if n := s.streams.Load(); n > 0 {
				out[s.uri] = n
			}
		}
		return true
	})
	if len(out) == 0 {
		return nil
	}
	if n := v.home.streams.Load(); n > 0 {
		out[v.home.uri] = n
	}
	return out
}
