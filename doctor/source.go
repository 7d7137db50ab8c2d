package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/target"
	"flightbench/workloads"
)

// source is data that the server can be asked for again and again.
type source struct {
	name       string
	ticket     []byte                   // used where descriptor is nil
	descriptor *flight.FlightDescriptor // asked for a new ticket each time, since a ticket may be good only once
	link       *link                    // where it is read
	other      bool                     // link is not the examiner's, but leads to a location
	location   string                   // of link; empty: the same connection

	read  int64 // bytes that the data probe read
	ended bool  // and that was all of it
}

var errNoSource = errors.New("there is no flight to read")

// adviceSource is what to do about errNoSource.
const adviceSource = "name data with --path, --cmd or --ticket"

// findSource takes what Options name, or the first flight listed that has data.
func (x *examiner) findSource(ctx context.Context) (*source, error) {
	s := &source{link: x.link}
	switch {
	case x.o.Ticket != nil:
		s.name, s.ticket = "the ticket given", x.o.Ticket
		return s, nil
	case x.o.Descriptor != nil:
		s.name, s.descriptor = describeFlight(x.o.Descriptor), x.o.Descriptor
		info, err := x.link.GetFlightInfo(ctx, s.descriptor)
		if err != nil {
			return nil, err
		}
		return s, x.follow(ctx, s, info)
	}
	for _, info := range x.found.flights {
		if len(info.GetEndpoint()) > 0 {
			s.name = describeFlight(info.GetFlightDescriptor())
			return s, x.follow(ctx, s, info)
		}
	}
	for _, info := range x.found.flights { // some list flights without endpoints
		if d := info.GetFlightDescriptor(); d != nil {
			s.name, s.descriptor = describeFlight(d), d
			info, err := x.link.GetFlightInfo(ctx, d)
			if err != nil {
				return nil, err
			}
			return s, x.follow(ctx, s, info)
		}
	}
	return nil, errNoSource
}

// follow has s read the first endpoint of info, at its first location that answers; over the same connection if none does.
func (x *examiner) follow(ctx context.Context, s *source, info *flight.FlightInfo) error {
	if len(info.GetEndpoint()) == 0 {
		return fmt.Errorf("%s has no endpoint", s.name)
	}
	e := info.Endpoint[0]
	s.ticket = e.GetTicket().GetTicket()
	for _, l := range e.GetLocation() {
		if target.IsReuse(l.GetUri()) {
			return nil
		}
	}
	for _, l := range e.GetLocation() {
		uri := l.GetUri()
		if strings.HasPrefix(uri, "http") {
			continue
		}
		at, ok := x.located[uri]
		if !ok {
			at = x.location(ctx, uri)
		}
		if at.Level != OK {
			continue
		}
		session, err := x.link.session.At(uri)
		if err != nil {
			continue
		}
		conn, err := session.Dial()
		if err != nil {
			continue
		}
		s.link, s.other = &link{session, conn, flight.NewFlightServiceClient(conn)}, true
		s.location = clip(uri, 60)
		return nil
	}
	return nil
}

// fresh is a ticket that was not used yet, as far as one can be had.
func (s *source) fresh(ctx context.Context, l *link) []byte {
	if s.descriptor == nil {
		return s.ticket
	}
	info, err := l.GetFlightInfo(ctx, s.descriptor)
	if err != nil || len(info.GetEndpoint()) == 0 {
		return s.ticket
	}
	return info.Endpoint[0].GetTicket().GetTicket()
}

// at is " at" the address where s is read, empty where that is the same connection.
func (s *source) at() string {
	if s.location == "" {
		return ""
	}
	return " at " + s.location
}

// close closes the connection to a location.
func (s *source) close() {
	if s != nil && s.other {
		_ = s.link.conn.Close()
	}
}

// endless is a ticket of flightbench's own for a stream that nobody reads out.
func endless() []byte {
	spec, err := workloads.Parse("perf")
	if err != nil {
		panic(err) // it is the workload that every flightbench has
	}
	return workloads.Ticket{Spec: spec, Batches: 1 << 24, Compression: "none"}.Marshal()
}

// long is a ticket of at least least bytes for a stream over l, or why there is none. The size of the stream is -1 if it is not known.
func (x *examiner) long(ctx context.Context, l *link, least int64) (ticket []byte, total int64, why string) {
	switch s := x.source; {
	case x.own:
		return endless(), -1, ""
	case s == nil:
		return nil, 0, "there is no stream to try it with"
	case s.other:
		return nil, 0, "the data is at another address, " + s.location
	case s.ended && s.read < least:
		return nil, 0, fmt.Sprintf("the stream of %s is too short, %s", s.name, size(s.read))
	case s.ended:
		return s.fresh(ctx, l), s.read, ""
	default:
		return s.fresh(ctx, l), -1, ""
	}
}
