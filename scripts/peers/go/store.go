package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// store keeps what is put and gives it back; the features are there without
// being put. What it keeps is never released: it lives as long as the process.
type store struct {
	flight.BaseFlightServer
	features *features

	mu      sync.Mutex
	streams map[string]stored
}

type stored struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
}

func newStore(uri string) *store {
	return &store{streams: map[string]stored{}, features: &features{uri: uri, expires: map[string]time.Time{}}}
}

// sending lists the members of a command that say how to send data, not which.
var sending = []string{"compression", "batches", "endpoints", "start", "decode"}

// key names the data that a command, a path or a ticket asks for.
func key(command string) string {
	var members map[string]any
	if json.Unmarshal([]byte(command), &members) != nil {
		return command
	}
	for _, m := range sending {
		delete(members, m)
	}
	k, err := json.Marshal(members)
	if err != nil {
		return command
	}
	return string(k)
}

func name(d *flight.FlightDescriptor) string {
	if len(d.GetCmd()) > 0 {
		return string(d.GetCmd())
	}
	return strings.Join(d.GetPath(), "/")
}

func (s *store) find(command string) (stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.streams[key(command)]
	if !ok {
		return stored{}, status.Errorf(codes.NotFound, "nothing was put under %q", command)
	}
	return found, nil
}

func (s *store) schema(d *flight.FlightDescriptor) (*arrow.Schema, error) {
	if isFeature(name(d)) {
		return s.features.schema(name(d)), nil
	}
	found, err := s.find(name(d))
	return found.schema, err
}

func (s *store) GetSchema(_ context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	schema, err := s.schema(d)
	if err != nil {
		return nil, err
	}
	return &flight.SchemaResult{Schema: flight.SerializeSchema(schema, memory.DefaultAllocator)}, nil
}

func (s *store) GetFlightInfo(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if isFeature(name(d)) {
		return s.features.info(name(d), d), nil
	}
	schema, err := s.schema(d)
	if err != nil {
		return nil, err
	}
	return &flight.FlightInfo{Schema: flight.SerializeSchema(schema, memory.DefaultAllocator), FlightDescriptor: d,
		Endpoint: []*flight.FlightEndpoint{endpoint(name(d))}, TotalRecords: -1, TotalBytes: -1}, nil
}

// PollFlightInfo is complete at the third poll of a descriptor: PATH NAME/n.
func (s *store) PollFlightInfo(_ context.Context, d *flight.FlightDescriptor) (*flight.PollInfo, error) {
	name, polled, _ := strings.Cut(name(d), "/")
	if !isFeature(name) {
		return nil, status.Errorf(codes.NotFound, "no feature %q", name)
	}
	n, _ := strconv.Atoi(polled)
	progress := float64(n+1) / 3
	info := s.features.info(name, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name}})
	if n == 2 {
		return &flight.PollInfo{Info: info, Progress: &progress}, nil
	}
	info.Endpoint = nil
	again := &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name, strconv.Itoa(n + 1)}}
	return &flight.PollInfo{Info: info, FlightDescriptor: again, Progress: &progress}, nil
}

func (s *store) ListFlights(_ *flight.Criteria, stream flight.FlightService_ListFlightsServer) error {
	for _, n := range []string{"plain", "two"} {
		d := &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{n}}
		if err := stream.Send(s.features.info(n, d)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) DoGet(t *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	command := string(t.GetTicket())
	if isFeature(command) {
		return s.features.send(command, stream)
	}
	found, err := s.find(command)
	if err != nil {
		return err
	}
	asked := struct {
		Compression string
		Batches     int
	}{Batches: len(found.batches)}
	if strings.HasPrefix(command, "{") {
		asked.Batches = 1
		if err := json.Unmarshal([]byte(command), &asked); err != nil {
			return status.Errorf(codes.InvalidArgument, "ticket: %v", err)
		}
	}
	options := []ipc.Option{ipc.WithSchema(found.schema)}
	switch codec, _, _ := strings.Cut(asked.Compression, ":"); codec {
	case "lz4":
		options = append(options, ipc.WithLZ4())
	case "zstd":
		options = append(options, ipc.WithZstd())
	}
	w := flight.NewRecordWriter(stream, options...)
	defer w.Close()
	for i := range asked.Batches {
		if err := w.Write(found.batches[i%len(found.batches)]); err != nil {
			return err
		}
	}
	return w.Close()
}

func (s *store) DoPut(stream flight.FlightService_DoPutServer) error {
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer r.Release()
	to := key(name(r.LatestFlightDescriptor()))
	got := stored{schema: r.Schema()}
	for r.Next() {
		b := r.RecordBatch()
		b.Retain()
		got.batches = append(got.batches, b)
		if m := r.LatestAppMetadata(); len(m) > 0 {
			if err := stream.Send(&flight.PutResult{AppMetadata: m}); err != nil {
				return err
			}
		}
	}
	if err := r.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[to] = got
	return nil
}

func (s *store) DoExchange(stream flight.FlightService_DoExchangeServer) error {
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer r.Release()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(r.Schema()))
	defer w.Close()
	for r.Next() {
		if err := w.WriteWithAppMetadata(r.RecordBatch(), r.LatestAppMetadata()); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return w.Close()
}

func (s *store) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	for _, a := range []*flight.ActionType{{Type: "ping", Description: "Answers ok."}, {Type: "echo", Description: "Answers with its body."},
		{Type: "cancelled", Description: "How many streams of slow were seen to be cancelled."},
		{Type: flight.CancelFlightInfoActionType, Description: "Cancels nothing."}, {Type: flight.RenewFlightEndpointActionType, Description: "Adds a minute."}} {
		if err := stream.Send(a); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) DoAction(a *flight.Action, stream flight.FlightService_DoActionServer) error {
	body, err := s.act(a)
	if err != nil {
		return err
	}
	return stream.Send(&flight.Result{Body: body})
}

func (s *store) act(a *flight.Action) ([]byte, error) {
	switch a.GetType() {
	case "ping":
		return []byte("ok"), nil
	case "echo":
		return a.GetBody(), nil
	case "cancelled":
		return fmt.Append(nil, s.features.cancelled.Load()), nil
	case flight.CancelFlightInfoActionType:
		return proto.Marshal(&flight.CancelFlightInfoResult{Status: flight.CancelStatusCancelled})
	case flight.RenewFlightEndpointActionType:
		var asked flight.RenewFlightEndpointRequest
		if err := proto.Unmarshal(a.GetBody(), &asked); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "RenewFlightEndpoint: %v", err)
		}
		return proto.Marshal(s.features.expiring(string(asked.GetEndpoint().GetTicket().GetTicket()), time.Minute))
	}
	return nil, status.Errorf(codes.InvalidArgument, "unknown action %s", a.GetType())
}
