package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Every stream of scripts/peers/README.md has this many rows, but for slow.
const (
	batches, batchRows = 4, 100
	slowBatches        = 400
	slowDelay          = 10 * time.Millisecond
	dead               = "grpc://127.0.0.1:1"
	life               = 800 * time.Millisecond // until an endpoint of "expiring" expires
)

var kinds = map[string]codes.Code{
	"unavailable": codes.Unavailable, "unauthenticated": codes.Unauthenticated, "unauthorized": codes.PermissionDenied, "timed_out": codes.DeadlineExceeded,
	"cancelled": codes.Canceled, "internal": codes.Internal, "server_error": codes.Unknown,
}

var names = []string{"plain", "two", "location-self", "location-reuse", "location-second", "location-dead", "expiring", "unknown-totals", "metadata-only",
	"zero-rows", "dictionary", "dictionary-delta", "dictionary-replaced", "lz4", "zstd", "slow", "needs-header", "needs-binary-header", "needs-cookie"}

// isFeature tells whether name, or a ticket NAME#PART, is one of the streams.
func isFeature(name string) bool {
	name, _, _ = strings.Cut(name, "#")
	kind, fails := strings.CutPrefix(name, "error-")
	return slices.Contains(names, name) || (fails && kinds[kind] != codes.OK)
}

var (
	plainSchema = arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.BinaryTypes.String}}, nil)
	dictType    = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	dictSchema  = arrow.NewSchema([]arrow.Field{{Name: "d", Type: dictType}}, nil)
)

// features is what a server answers for the names. Safe for concurrent use.
type features struct {
	uri       string
	cancelled atomic.Int64

	mu      sync.Mutex
	expires map[string]time.Time // by ticket of "expiring"
}

func (*features) schema(name string) *arrow.Schema {
	if strings.HasPrefix(name, "dictionary") {
		return dictSchema
	}
	return plainSchema
}

func (f *features) info(name string, d *flight.FlightDescriptor) *flight.FlightInfo {
	i := &flight.FlightInfo{Schema: flight.SerializeSchema(f.schema(name), memory.DefaultAllocator), FlightDescriptor: d, TotalRecords: batches * batchRows, TotalBytes: -1}
	switch name {
	case "two":
		i.Endpoint, i.Ordered = []*flight.FlightEndpoint{endpoint("two#0"), endpoint("two#1")}, true
	case "expiring":
		i.Endpoint = []*flight.FlightEndpoint{f.expiring(fmt.Sprintf("expiring#%d", time.Now().UnixNano()), life)}
	case "location-self":
		i.Endpoint = []*flight.FlightEndpoint{endpoint(name, f.uri)}
	case "location-reuse":
		i.Endpoint = []*flight.FlightEndpoint{endpoint(name, flight.LocationReuseConnection)}
	case "location-second":
		i.Endpoint = []*flight.FlightEndpoint{endpoint(name, dead, f.uri)}
	case "location-dead":
		i.Endpoint = []*flight.FlightEndpoint{endpoint(name, dead)}
	default:
		i.Endpoint = []*flight.FlightEndpoint{endpoint(name)}
	}
	switch name {
	case "unknown-totals":
		i.TotalRecords = -1
	case "slow":
		i.TotalRecords = slowBatches
	}
	return i
}

func endpoint(ticket string, locations ...string) *flight.FlightEndpoint {
	e := &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte(ticket)}}
	for _, l := range locations {
		e.Location = append(e.Location, &flight.Location{Uri: l})
	}
	return e
}

func (f *features) expiring(ticket string, d time.Duration) *flight.FlightEndpoint {
	until := time.Now().Add(d)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expires[ticket] = until
	e := endpoint(ticket)
	e.ExpirationTime = timestamppb.New(until)
	return e
}

// admit refuses a ticket that has expired, or a call without what its name asks for.
func (f *features) admit(ctx context.Context, ticket string) error {
	md, _ := metadata.FromIncomingContext(ctx)
	has := func(name, want string) bool {
		return slices.ContainsFunc(md.Get(name), func(v string) bool { return strings.Contains(v, want) })
	}
	switch name, _, _ := strings.Cut(ticket, "#"); {
	case name == "expiring":
		f.mu.Lock()
		defer f.mu.Unlock()
		if time.Now().After(f.expires[ticket]) {
			return status.Errorf(codes.NotFound, "the ticket %s has expired: renew its endpoint", ticket)
		}
	case name == "needs-header" && !has("x-peer-feature", "yes"):
		return status.Error(codes.Unauthenticated, "the header x-peer-feature: yes is missing")
	case name == "needs-binary-header" && !has("x-peer-feature-bin", "\x00\xff\x01"):
		return status.Error(codes.Unauthenticated, "the header x-peer-feature-bin with the bytes 00ff01 is missing")
	case name == "needs-cookie" && !has("cookie", "peer=crumb"):
		return status.Error(codes.Unauthenticated, "the cookie peer=crumb, which GetFlightInfo set, is missing")
	}
	return nil
}

// send writes a ticket's batches.
func (f *features) send(ticket string, stream flight.FlightService_DoGetServer) error {
	if err := f.admit(stream.Context(), ticket); err != nil {
		return err
	}
	name, part, _ := strings.Cut(ticket, "#")
	options := []ipc.Option{ipc.WithSchema(f.schema(name)), ipc.WithDictionaryDeltas(name == "dictionary-delta")}
	switch name {
	case "lz4":
		options = append(options, ipc.WithLZ4())
	case "zstd":
		options = append(options, ipc.WithZstd())
	case "slow":
		return f.slow(stream, options)
	}
	w := flight.NewRecordWriter(stream, options...)
	defer w.Close()
	first, end := 0, batches
	if name == "two" {
		i, err := strconv.Atoi(part)
		if err != nil {
			return status.Errorf(codes.InvalidArgument, "ticket %s: %v", ticket, err)
		}
		first, end = 2*i, 2*i+2
	}
	for i := first; i < end; i++ {
		if kind, fails := strings.CutPrefix(name, "error-"); fails && i == 2 {
			return status.Errorf(kinds[kind], "as asked for: %s", kind)
		}
		if name == "metadata-only" {
			if err := stream.Send(&flight.FlightData{AppMetadata: []byte("before a batch")}); err != nil {
				return err
			}
		}
		if name == "zero-rows" {
			if err := w.Write(plain(0, 0)); err != nil {
				return err
			}
		}
		b := plain(i, batchRows)
		if strings.HasPrefix(name, "dictionary") {
			b = dictionary(name, i)
		}
		if err := w.Write(b); err != nil {
			return err
		}
	}
	return w.Close()
}

func (f *features) slow(stream flight.FlightService_DoGetServer, options []ipc.Option) error {
	w := flight.NewRecordWriter(stream, options...)
	defer w.Close()
	tick := time.NewTicker(slowDelay)
	defer tick.Stop()
	for i := range slowBatches {
		select {
		case <-stream.Context().Done():
			f.cancelled.Add(1)
			return status.FromContextError(stream.Context().Err()).Err()
		case <-tick.C:
		}
		if err := w.Write(plain(i, 1)); err != nil {
			return err
		}
	}
	return w.Close()
}

func plain(i, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, plainSchema)
	defer b.Release()
	for n := i * rows; n < (i+1)*rows; n++ {
		b.Field(0).(*array.Int64Builder).Append(int64(n))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("row %d", n))
	}
	return b.NewRecordBatch()
}

// dictionary is batch i: its dictionary is the last batch's, that and more, or another.
func dictionary(name string, i int) arrow.RecordBatch {
	values := []string{"x", "y", "z"}
	switch name {
	case "dictionary-delta":
		values = nil
		for n := range 3 * (i + 1) {
			values = append(values, fmt.Sprintf("value %d", n))
		}
	case "dictionary-replaced":
		values = []string{fmt.Sprintf("one of %d", i), fmt.Sprintf("two of %d", i)}
	}
	vb, ib := array.NewStringBuilder(memory.DefaultAllocator), array.NewInt32Builder(memory.DefaultAllocator)
	defer vb.Release()
	defer ib.Release()
	vb.AppendValues(values, nil)
	for n := range batchRows {
		ib.Append(int32(n % len(values)))
	}
	column := array.NewDictionaryArray(dictType, ib.NewArray(), vb.NewArray())
	return array.NewRecordBatch(dictSchema, []arrow.Array{column}, batchRows)
}
