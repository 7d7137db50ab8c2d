package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// ask calls the action of ceilings.
func ask(t *testing.T, c flight.Client, r workloads.CeilingRequest) (workloads.Ceiling, error) {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out workloads.Ceiling
	stream, err := c.DoAction(t.Context(), &flight.Action{Type: workloads.CeilingAction, Body: body})
	if err != nil {
		return out, err
	}
	res, err := stream.Recv()
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(res.Body, &out)
}

// reach connects to a ceiling's listener.
func reach(at workloads.Ceiling) (net.Conn, error) {
	if at.Path != "" {
		return net.Dial("unix", at.Path)
	}
	return net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(at.Port))
}

// greet connects to a ceiling's socket as its client.
func greet(t *testing.T, at workloads.Ceiling, conf *tls.Config) net.Conn {
	t.Helper()
	conn, err := reach(at)
	if err != nil {
		t.Fatal(err)
	}
	if conf != nil {
		conn = tls.Client(conn, conf)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte(at.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatalf("the greeting was not answered: %v", err)
	}
	return conn
}

// askFor begins a stream of n messages.
func askFor(t *testing.T, conn net.Conn, n uint64) {
	t.Helper()
	if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, n)); err != nil {
		t.Fatal(err)
	}
}

// silent reads to the end, which must come without a byte.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%d bytes came, and then %v: want the connection closed", n, err)
	}
}

// Two streams of a rotation, over each kind of socket: what comes and goes is
// what the server counts.
func TestCeilingSockets(t *testing.T) {
	sizes := []int64{1, 300_000, 70_001}
	const messages, bytesOf = 5, 1 + 300_000 + 70_001 + 1 + 300_000
	certs, err := NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"tcp", "unix", "tls"} {
		for _, way := range workloads.CeilingWays() {
			t.Run(kind+"/"+way, func(t *testing.T) {
				by, conf := workloads.CeilingSocket, (*tls.Config)(nil)
				c := serveCeilings(t, kind, certs, &by, &conf)
				at, err := ask(t, c, workloads.CeilingRequest{By: by, Way: way, Sizes: sizes})
				if err != nil {
					t.Fatal(err)
				}
				conn := greet(t, at, conf)
				sent := bytes.Repeat([]byte{7}, bytesOf)
				for range 2 {
					askFor(t, conn, messages)
					if way != workloads.CeilingGet {
						go conn.Write(sent)
					}
					want := map[string]int{workloads.CeilingGet: bytesOf, workloads.CeilingPut: 1, workloads.CeilingExchange: bytesOf}[way]
					got := make([]byte, want)
					if _, err := io.ReadFull(conn, got); err != nil {
						t.Fatal(err)
					}
					if way == workloads.CeilingExchange && !bytes.Equal(got, sent) {
						t.Error("what came back is not what was sent")
					}
				}
				want := Count{Streams: 2, Batches: 2 * messages, Body: 2 * bytesOf}
				if way == workloads.CeilingExchange {
					want.Body *= 2
				}
				if got := statsOf(t, c).Ops["ceiling"]; got != want {
					t.Errorf("counted %+v, want %+v", got, want)
				}
				if _, err := ask(t, c, workloads.CeilingRequest{Close: at.ID}); err != nil {
					t.Fatal(err)
				}
				silent(t, conn)
				if again, err := reach(at); err == nil {
					again.Close()
					t.Error("the listener of a ceiling that has ended still accepts")
				}
			})
		}
	}
}

// serveCeilings starts a server of that kind and says how its sockets are used.
func serveCeilings(t *testing.T, kind string, certs *Certificates, by *string, conf **tls.Config) flight.Client {
	t.Helper()
	switch kind {
	case "unix":
		path := filepath.Join(t.TempDir(), "s")
		return serve(t, wire.Direct, func(o *Options) { o.Listen = "grpc+unix://" + path })
	case "tls":
		*by, *conf = workloads.CeilingTLS, clientTLS(t, certs, "localhost", false)
		s := start(t, wire.Direct, func(o *Options) { o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", certs.ServerTLS(false) })
		return dial(t, s.URI(), *conf)
	}
	return serve(t, wire.Direct, nil)
}

func TestCeilingRefuses(t *testing.T) {
	s := start(t, wire.Direct, func(o *Options) { o.PrepareLimit, o.MaxMessage = 4000, 2000 })
	c := dial(t, s.URI(), nil)
	ok := workloads.CeilingRequest{By: workloads.CeilingSocket, Way: workloads.CeilingGet, Sizes: []int64{1000}}
	for _, tc := range []struct {
		name   string
		change func(*workloads.CeilingRequest)
		code   codes.Code
		says   string
	}{
		{"by", func(r *workloads.CeilingRequest) { r.By = "carrier pigeon" }, codes.InvalidArgument, "carrier pigeon"},
		{"way", func(r *workloads.CeilingRequest) { r.Way = "sideways" }, codes.InvalidArgument, "sideways"},
		{"no size", func(r *workloads.CeilingRequest) { r.Sizes = nil }, codes.InvalidArgument, "0 sizes"},
		{"nothing", func(r *workloads.CeilingRequest) { r.Sizes = []int64{0} }, codes.InvalidArgument, "size 0 is 0 bytes"},
		{"large message", func(r *workloads.CeilingRequest) { r.Sizes = []int64{2001} }, codes.ResourceExhausted, "--max-message"},
		{"much memory", func(r *workloads.CeilingRequest) { r.Sizes = []int64{1999, 1999, 3} }, codes.ResourceExhausted, "--prepare-limit"},
		{"tls", func(r *workloads.CeilingRequest) { r.By = workloads.CeilingTLS }, codes.FailedPrecondition, "no TLS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := ok
			tc.change(&r)
			_, err := ask(t, c, r)
			if status.Code(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %v that says %q", err, tc.code, tc.says)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		put := workloads.CeilingRequest{By: workloads.CeilingSocket, Way: workloads.CeilingPut, Sizes: []int64{2000}} // takes no memory
		var first string
		for i := range maxCeilings {
			at, err := ask(t, c, put)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = at.ID
			}
		}
		if _, err := ask(t, c, put); status.Code(err) != codes.ResourceExhausted {
			t.Fatalf("one more gives %v, want ResourceExhausted", err)
		}
		if _, err := ask(t, c, workloads.CeilingRequest{Close: first}); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, c, put); err != nil {
			t.Errorf("after one has ended another one gives %v", err)
		}
	})
}

// Memory is given back by the end of each.
func TestCeilingMemoryIsGivenBack(t *testing.T) {
	c := serve(t, wire.Direct, func(o *Options) { o.PrepareLimit = 4000 })
	get := workloads.CeilingRequest{By: workloads.CeilingGRPC, Way: workloads.CeilingGet, Sizes: []int64{2000, 1500}}
	for range 3 {
		at, err := ask(t, c, get)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, c, get); status.Code(err) != codes.ResourceExhausted {
			t.Fatalf("a second one gives %v, want ResourceExhausted", err)
		}
		if _, err := ask(t, c, workloads.CeilingRequest{Close: at.ID}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCeilingTurnsStrangersAway(t *testing.T) {
	c := serve(t, wire.Direct, nil)
	at, err := ask(t, c, workloads.CeilingRequest{By: workloads.CeilingSocket, Way: workloads.CeilingGet, Sizes: []int64{10}})
	if err != nil {
		t.Fatal(err)
	}
	stranger := at
	stranger.ID = strings.Repeat("A", workloads.CeilingIDBytes)
	conn, err := reach(stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte(stranger.ID)); err != nil {
		t.Fatal(err)
	}
	silent(t, conn)
	for _, n := range []uint64{0, workloads.MaxBatches + 1, 1 << 63} {
		conn := greet(t, at, nil)
		askFor(t, conn, n)
		silent(t, conn)
	}
	if n := statsOf(t, c).Ops["ceiling"].Streams; n != 0 {
		t.Errorf("%d streams were counted, want none", n)
	}
}

// Who may not call may not begin one either.
func TestCeilingAsksWhoCalls(t *testing.T) {
	c := serve(t, wire.Direct, func(o *Options) { o.Auth, o.Token = AuthToken, "secret" })
	_, err := ask(t, c, workloads.CeilingRequest{By: workloads.CeilingSocket, Way: workloads.CeilingGet, Sizes: []int64{10}})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v, want Unauthenticated", err)
	}
}

// A ceiling that nobody uses ends by itself; the server's stop ends those that
// are in use.
func TestCeilingEnds(t *testing.T) {
	o := DefaultOptions()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.service.ceilings.idle = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	r := workloads.CeilingRequest{By: workloads.CeilingSocket, Way: workloads.CeilingGet, Sizes: []int64{1 << 20}}
	idle, err := s.service.ceilings.begin(r)
	if err != nil {
		t.Fatal(err)
	}
	for wait := time.Millisecond; ; wait *= 2 {
		conn, err := reach(*idle)
		if err != nil && s.service.ceilings.find(idle.ID) == nil {
			break
		}
		if err == nil {
			conn.Close()
		}
		if wait > 8*time.Second {
			t.Fatal("the idle ceiling is still there")
		}
		time.Sleep(wait)
	}
	s.service.ceilings.idle = time.Hour
	used, err := s.service.ceilings.begin(r)
	if err != nil {
		t.Fatal(err)
	}
	conn := greet(t, *used, nil)
	askFor(t, conn, workloads.MaxBatches)
	if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.ceilings.begin(r); status.Code(err) != codes.Unavailable {
		t.Errorf("begun after the stop: %v, want Unavailable", err)
	}
}

func TestCeilingCallsNeedABeginning(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		s := start(t, tr, nil)
		for _, said := range []string{"", "x", "x 0", "x 1"} {
			err := callCeiling(t, s, said)
			want := codes.InvalidArgument
			if said == "x 1" {
				want = codes.NotFound
			}
			if status.Code(err) != want {
				t.Errorf("header %q gives %v, want %v", said, err, want)
			}
		}
	})
}

// callCeiling makes a call of the service with that header.
func callCeiling(t *testing.T, s *Server, said string) error {
	t.Helper()
	cc, err := grpc.NewClient(strings.TrimPrefix(s.URI(), "grpc://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	ctx := t.Context()
	if said != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, workloads.CeilingHeader, said)
	}
	stream, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+workloads.CeilingService+"/"+workloads.CeilingGet)
	if err != nil {
		return err
	}
	return stream.RecvMsg(&wrapperspb.BytesValue{})
}
