package server

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// A request is what a descriptor or a ticket asks for, with the key of the
// batches that answer it.
type request struct {
	workloads.Ticket
	key  key
	perf *workloads.PerfRequest // it was said in perf.proto: by a CMD
}

// ticket reads a ticket: JSON of ours, or a Token of Arrow's own benchmark.
func (s *service) ticket(b []byte) (request, error) {
	if isJSON(b) {
		return s.ours(b)
	}
	token, err := workloads.ParsePerfToken(b)
	if err != nil {
		return s.ours(b) // which says what is wanted
	}
	if err := token.Validate(); err != nil {
		return request{}, status.Error(codes.InvalidArgument, err.Error())
	}
	return perfRequest(token.Perf), nil
}

// command reads the descriptor of a flight that the server is asked to send: a
// ticket of ours or a Perf as CMD, or a workload's name as PATH.
func (s *service) command(d *flight.FlightDescriptor) (request, error) {
	switch d.GetType() {
	case flight.DescriptorPATH:
		return s.path(d.GetPath())
	case flight.DescriptorCMD:
	default:
		return request{}, status.Errorf(codes.InvalidArgument, "descriptor is of type %s: send a CMD that holds a flightbench ticket, as ListFlights tells", d.GetType())
	}
	b := d.GetCmd()
	if isJSON(b) {
		return s.ours(b)
	}
	p, err := workloads.ParsePerf(b)
	if err != nil {
		return s.ours(b)
	}
	if err := p.Validate(); err != nil {
		return request{}, status.Error(codes.InvalidArgument, err.Error())
	}
	r := perfRequest(p)
	r.perf = &p
	return r, nil
}

// path is the default ticket of the workload that a path names, after
// "flightbench" or alone.
func (s *service) path(path []string) (request, error) {
	named := path
	if len(named) == 2 && named[0] == "flightbench" {
		named = named[1:]
	}
	if len(named) == 1 {
		if spec, err := workloads.Parse(named[0]); err == nil {
			return s.keyed(defaultTicket(spec))
		}
	}
	return request{}, status.Errorf(codes.NotFound, "path %q names no workload: ListFlights tells those of this server", clip(strings.Join(path, "/")))
}

// defaultTicket is what ListFlights offers of a workload.
func defaultTicket(spec workloads.Spec) workloads.Ticket {
	return workloads.Ticket{Spec: spec, Batches: listedBatches, Compression: wire.None, Endpoints: 1, Decode: workloads.DecodeCount}
}

// asked reads the descriptor of a stream that the server takes. One that is not
// ours, of whatever type, asks for nothing: its stream is counted.
func (s *service) asked(d *flight.FlightDescriptor) (request, error) {
	if cmd := d.GetCmd(); d.GetType() == flight.DescriptorCMD && isJSON(cmd) && bytes.Contains(cmd, []byte(`"flightbench"`)) {
		return s.ours(cmd)
	}
	return request{}, nil
}

func isJSON(b []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{"))
}

// ours reads one of our tickets and checks what it may ask for.
func (s *service) ours(b []byte) (request, error) {
	t, err := workloads.ParseTicket(b)
	if err != nil {
		return request{}, status.Error(codes.InvalidArgument, err.Error())
	}
	return s.keyed(t)
}

func (s *service) keyed(t workloads.Ticket) (request, error) {
	codec, err := wire.ParseCompression(t.Compression)
	if err != nil {
		return request{}, status.Errorf(codes.InvalidArgument, "ticket: %v", err)
	}
	if s.opts.Transport == wire.Stock && codec.Level != 0 {
		return request{}, status.Errorf(codes.InvalidArgument, "ticket: compression %s: a server of transport stock has no levels: ask for %s, or start it with --transport %s", codec, codec.Name, wire.GRPC)
	}
	if path := t.Spec.Path; path != "" && !s.files.offers(path) {
		return request{}, status.Errorf(codes.PermissionDenied, "file %q is not offered by this server: start it with --file %s", path, path)
	}
	k := key{spec: t.Spec, codec: codec}
	if t.Quirk != workloads.QuirkMetadata { // which changes no batch
		k.quirk = t.Quirk
	}
	return request{Ticket: t, key: k}, nil
}

// perfRequest is one stream of p. It rotates one batch, as Arrow's own server
// does, and ends with the rest of the division.
func perfRequest(p workloads.PerfRequest) request {
	rows, full, last := p.Batches()
	t := workloads.Ticket{Spec: workloads.Default(), Batches: full, Compression: wire.None, Endpoints: 1}
	t.Spec.Rows, t.Spec.Distinct = rows, 1
	return request{Ticket: t, key: key{spec: t.Spec, codec: wire.Compression{Name: wire.None}, last: last}}
}

// expired refuses a ticket whose time is over.
func (r request) expired(now time.Time) error {
	if r.Expires == 0 || now.UnixMilli() <= r.Expires {
		return nil
	}
	at := time.UnixMilli(r.Expires).UTC()
	return status.Errorf(codes.NotFound, "the ticket expired at %s: ask GetFlightInfo for another, and RenewFlightEndpoint before its time is over", at.Format(time.RFC3339Nano))
}

// shifted is the ticket of endpoint i: the same stream, further on in the
// rotation.
func shifted(t workloads.Ticket, i int) (workloads.Ticket, error) {
	if t.Batches > 0 && int64(i) > (math.MaxInt64-t.Start)/t.Batches {
		return t, status.Errorf(codes.InvalidArgument, "ticket: %d endpoints of %d batches from %d on overflow: ask for fewer", t.Endpoints, t.Batches, t.Start)
	}
	t.Start += int64(i) * t.Batches
	t.Endpoints, t.Poll = 1, 0
	return t, nil
}

// clip keeps a value that is quoted in an error to one short line.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// internalf is a status for what is our own fault.
func internalf(format string, args ...any) error {
	return status.Error(codes.Internal, fmt.Sprintf(format, args...))
}
