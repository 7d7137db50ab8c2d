package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

func TestActions(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		stream, err := c.ListActions(t.Context(), &flight.Empty{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for {
			a, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.Description == "" {
				t.Errorf("action %s has no description", a.Type)
			}
			names = append(names, a.Type)
		}
		want := []string{
			"ping", "flightbench.stats", "flightbench.prepare", "flightbench.fail", "flightbench.cancelled", "flightbench.ceiling", "CancelFlightInfo",
			"RenewFlightEndpoint",
			"SetSessionOptions", "GetSessionOptions", "CloseSession",
		}
		if !slices.Equal(names, want) {
			t.Errorf("actions %q, want %q", names, want)
		}
		if b, err := act(t, c, "ping", nil); err != nil || string(b) != "ok" {
			t.Errorf("ping: %q, %v", b, err)
		}
	})
}

func TestStatsAction(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		b, err := act(t, c, "flightbench.stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]any
		if err := json.Unmarshal(b, &raw); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"version", "transport", "pid", "streams", "batches", "rows", "body", "cpu_seconds", "alloc_bytes", "streams_open"} {
			if _, ok := raw[member]; !ok {
				t.Errorf("%s lacks %q", b, member)
			}
		}
		s := statsOf(t, c)
		if s.Version != "test" || s.Transport != string(tr) || s.PID != os.Getpid() || s.CPUSeconds <= 0 || s.AllocBytes == 0 {
			t.Errorf("stats %+v", s)
		}
		stream, err := c.DoPut(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}, AppMetadata: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		if n := statsOf(t, c).StreamsOpen; n != 1 {
			t.Errorf("%d streams open, want 1", n)
		}
		stream.CloseSend()
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("end of stream: %v", err)
		}
		if n := statsOf(t, c).StreamsOpen; n != 0 {
			t.Errorf("%d streams open, want 0", n)
		}
	})
}

func TestPrepareAction(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for _, codec := range []string{"none", "zstd"} {
			tk := small(t, "lineitem")
			tk.Compression = codec
			b, err := act(t, c, "flightbench.prepare", tk.Marshal())
			if err != nil {
				t.Fatal(err)
			}
			var p Preparation
			if err := json.Unmarshal(b, &p); err != nil {
				t.Fatal(err)
			}
			if p.Batches != 3 || p.RowsPerBatch != 100 || len(p.BodyBytes) != 3 || len(p.Rows) != 3 || len(p.LogicalBytes) != 3 {
				t.Fatalf("preparation %s", b)
			}
			set := generate(t, tk.Spec)
			for i, batch := range set.Batches {
				if p.LogicalBytes[i] != batch.LogicalBytes || p.Rows[i] != 100 {
					t.Errorf("batch %d: %d logical bytes in %d rows, want %d in 100", i, p.LogicalBytes[i], p.Rows[i], batch.LogicalBytes)
				}
				if tr == wire.GRPC && codec == "none" && p.BodyBytes[i] != batch.BodyBytes {
					t.Errorf("batch %d: %d body bytes, want %d", i, p.BodyBytes[i], batch.BodyBytes)
				}
			}
		}
	})
}

func TestCancelAndRenew(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		tk := small(t, "perf")
		tk.Endpoints = 2
		info, err := c.GetFlightInfo(t.Context(), cmd(tk.Marshal()))
		if err != nil {
			t.Fatal(err)
		}
		renewed, err := c.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: info.Endpoint[1]})
		if err != nil {
			t.Fatal(err)
		}
		if string(renewed.Ticket.Ticket) != string(info.Endpoint[1].Ticket.Ticket) || renewed.ExpirationTime.AsTime().Before(time.Now()) {
			t.Errorf("renewed %v, want the same ticket for longer", renewed)
		}
		for _, want := range []flight.CancelStatus{flight.CancelStatusCancelled, flight.CancelStatusNotCancellable} {
			res, err := c.CancelFlightInfo(t.Context(), &flight.CancelFlightInfoRequest{Info: info})
			if err != nil {
				t.Fatal(err)
			}
			if res.Status != want {
				t.Errorf("cancel: %s, want %s", res.Status, want)
			}
		}
		if n, _ := read(t, c, generate(t, tk.Spec), renewed.Ticket.Ticket); n != 7 {
			t.Errorf("%d batches after the cancellation, want 7", n)
		}
	})
}

func TestHandshake(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		stream, err := c.Handshake(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for version := range uint64(2) {
			if err := stream.Send(&flight.HandshakeRequest{ProtocolVersion: version, Payload: []byte("me:secret")}); err != nil {
				t.Fatal(err)
			}
			res, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if res.ProtocolVersion != version || len(res.Payload) < 16 {
				t.Errorf("answer %v, want version %d and a token", res, version)
			}
		}
		stream.CloseSend()
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("end of handshake: %v", err)
		}

		ctx, err := c.AuthenticateBasicToken(t.Context(), "me", "secret")
		if err != nil {
			t.Fatal(err)
		}
		md, _ := metadata.FromOutgoingContext(ctx)
		if got := md.Get("authorization"); len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ") || strings.Contains(got[0], base64.StdEncoding.EncodeToString([]byte("me:secret"))) {
			t.Errorf("authorization %q, want a bearer token", got)
		}

		stream, err = c.Handshake(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream.Send(&flight.HandshakeRequest{Payload: make([]byte, maxHandshake+1)})
		_, err = stream.Recv()
		expect(t, err, codes.InvalidArgument, "65537 bytes", "at most 65536")
	})
}
