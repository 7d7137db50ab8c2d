package target

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
)

const (
	user     = "me"
	password = "hunter2"
	basicOf  = "Basic bWU6aHVudGVyMg==" // padded
)

// door is a server that lets in whom it knows, and remembers what it was shown.
type door struct {
	flight.BaseFlightServer

	// enter says whether a call other than Handshake may go on; it may set headers and trailers of ss.
	enter func(d *door, md metadata.MD, ss grpc.ServerStream) error
	// shake is the Handshake RPC; nil: there is none.
	shake func(d *door, stream flight.FlightService_HandshakeServer) error

	mu     sync.Mutex
	valid  string // the token that is good now
	shakes int
	seen   []metadata.MD // of the calls other than Handshake
}

func (d *door) Handshake(stream flight.FlightService_HandshakeServer) error {
	if d.shake == nil {
		return status.Error(codes.Unimplemented, "no handshakes here")
	}
	d.mu.Lock()
	d.shakes++
	d.valid = fmt.Sprintf("token-%d", d.shakes)
	d.mu.Unlock()
	return d.shake(d, stream)
}

func (d *door) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	d.mu.Lock()
	d.seen = append(d.seen, md)
	d.mu.Unlock()
	if d.enter != nil {
		if err := d.enter(d, md, stream); err != nil {
			return err
		}
	}
	return stream.Send(&flight.ActionType{Type: "nothing"})
}

func (d *door) GetSchema(context.Context, *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return &flight.SchemaResult{}, nil
}

// token is the one that is good now.
func (d *door) token() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.valid
}

// expire makes every token bad until the next one is given.
func (d *door) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.valid = "none"
}

func (d *door) handshakes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shakes
}

// last are the values of one header in the last call that was not a Handshake.
func (d *door) last(header string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) == 0 {
		return nil
	}
	return d.seen[len(d.seen)-1].Get(header)
}

func (d *door) serve(t *testing.T) string {
	return "grpc://" + serveGRPC(t, listen(t), func(s grpc.ServiceRegistrar) { flightgen.RegisterFlightServiceServer(s, d) })
}

// wants is an enter that demands a value of a header with the good token in it.
func wants(header, format string) func(*door, metadata.MD, grpc.ServerStream) error {
	return func(d *door, md metadata.MD, _ grpc.ServerStream) error {
		if got := md.Get(header); len(got) != 1 || got[0] != fmt.Sprintf(format, d.token()) {
			return status.Errorf(codes.Unauthenticated, "%s has %d values, and not the good one", header, len(got))
		}
		return nil
	}
}

// basicBy is a shake that takes Basic and answers with a bearer token by set.
func basicBy(set func(grpc.ServerStream, metadata.MD)) func(*door, flight.FlightService_HandshakeServer) error {
	return func(d *door, stream flight.FlightService_HandshakeServer) error {
		md, _ := metadata.FromIncomingContext(stream.Context())
		if got := md.Get("authorization"); len(got) != 1 || got[0] != basicOf {
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		set(stream, metadata.Pairs("authorization", "Bearer "+d.token()))
		return nil
	}
}

func inHeader(ss grpc.ServerStream, md metadata.MD) { _ = ss.SetHeader(md) }

func inTrailer(ss grpc.ServerStream, md metadata.MD) { ss.SetTrailer(md) }

// fallback is an enter of a server without Handshake: Basic is good, and is answered by a bearer token by set, if that is not nil.
func fallback(set func(grpc.ServerStream, metadata.MD)) func(*door, metadata.MD, grpc.ServerStream) error {
	return func(d *door, md metadata.MD, ss grpc.ServerStream) error {
		switch got := strings.Join(md.Get("authorization"), ","); {
		case got == basicOf && set != nil:
			d.mu.Lock()
			d.valid = "given"
			d.mu.Unlock()
			set(ss, metadata.Pairs("authorization", "Bearer given"))
		case got != basicOf && got != "Bearer "+d.token():
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		return nil
	}
}

// open returns a session at uri, closed with the test.
func open(t *testing.T, uri string, transport wire.Transport, change func(*Target)) *Session {
	t.Helper()
	at, err := Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&at)
	}
	s, err := at.Open(tuned(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// each runs f over each transport.
func each(t *testing.T, f func(t *testing.T, transport wire.Transport)) {
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) { f(t, transport) })
	}
}

func bound(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mustDial(t *testing.T, uri string, transport wire.Transport) *Conn {
	conn, err := open(t, uri, transport, nil).Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
