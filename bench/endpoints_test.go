package bench_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/workloads"
)

// TestEndpointsOfOurServer reads several endpoints in every way and verifies
// what comes; polls until they are all known, and renews those about to expire.
func TestEndpointsOfOurServer(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, tt := range []struct {
			name   string
			change func(*server.Options)
			config func(*results.Config)
			polls  int64 // of an iteration
			renews int64
		}{
			{name: "parallel"},
			{name: "ordered", config: func(c *results.Config) { c.Ordered = true }},
			{name: "polled", change: func(o *server.Options) { o.Polls = 3 }, config: func(c *results.Config) { c.Poll = true }, polls: 3},
			{name: "polled at once", config: func(c *results.Config) { c.Poll = true }, polls: 1},
			{name: "expiring", change: func(o *server.Options) { o.Expiry = 900 * time.Millisecond }, renews: 4},
			{name: "lasting", change: func(o *server.Options) { o.Expiry = time.Hour }},
			{name: "zero-row batches", config: quirk(workloads.QuirkEmpty)},
			{name: "metadata", config: quirk(workloads.QuirkMetadata)},
		} {
			if tt.change == nil {
				tt.change = func(*server.Options) {}
			}
			uri, _ := serveWith(t, tr, tt.change)
			c := config(bench.OpGet, tr)
			c.Endpoints, c.Decode, c.Batches = 4, "verify", 7 // the rotation has others than the endpoint's first
			if tt.config != nil {
				tt.config(&c)
			}
			got := run(t, t.Context(), uri, c)
			if got.Status != results.StatusOK || got.Streams != 4*c.Total || got.Rows != 28*c.Total*c.Rows || got.Latencies["info"].Count != c.Total || len(ofServer(got)) != 0 {
				t.Errorf("%s: %s %q, %d streams, %d rows, %d infos, warnings %q", tt.name, got.Status, got.Error, got.Streams, got.Rows, got.Latencies["info"].Count, got.Warnings)
			}
			if n := got.Latencies["poll"].Count; n != tt.polls*c.Total {
				t.Errorf("%s: %d polls of %d queries, want %d of each", tt.name, n, c.Total, tt.polls)
			}
			if n := got.Whole.EndpointRenewals; n != tt.renews*c.Total {
				t.Errorf("%s: %d renewals, want %d of each of %d", tt.name, n, tt.renews, c.Total)
			}
		}
	})
}

// quirk has the embedded server send what few do; only a ticket can ask for it.
func quirk(q string) func(*results.Config) {
	return func(c *results.Config) {
		t := workloads.Ticket{Spec: workloads.Default(), Batches: 7, Endpoints: 4, Quirk: q}
		t.Spec.Rows = c.Rows
		c.Cmd, c.Decode, c.Batches = string(t.Marshal()), "batch", 7
	}
}

// planned is a foreign server that tells what its GetFlightInfo and
// PollFlightInfo are to answer, and notes how it is read.
type planned struct {
	foreign
	info     func() *flight.FlightInfo
	polls    int64 // before a query is complete; 0: PollFlightInfo never is
	get      func(ticket string, s flight.FlightService_DoGetServer) error
	act      func(*flight.Action) ([]byte, error)
	open     atomic.Int64
	together atomic.Int64 // most streams at a time

	mu    sync.Mutex
	order []string
	seen  map[string]int // actions by type
}

func (p *planned) GetFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info(), nil
}

func (p *planned) PollFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.PollInfo, error) {
	if p.polls > 0 && p.asked.Add(1)%p.polls == 0 {
		return &flight.PollInfo{Info: p.info()}, nil
	}
	if p.polls == 0 && p.asked.Add(1) > 3 {
		<-ctx.Done()
	}
	return &flight.PollInfo{Info: p.info(), FlightDescriptor: d}, nil
}

func (p *planned) DoGet(ticket *flight.Ticket, s flight.FlightService_DoGetServer) error {
	n := p.open.Add(1)
	defer p.open.Add(-1)
	p.mu.Lock()
	p.order = append(p.order, string(ticket.Ticket))
	p.mu.Unlock()
	for most := p.together.Load(); n > most && !p.together.CompareAndSwap(most, n); most = p.together.Load() {
	}
	if p.get != nil {
		return p.get(string(ticket.Ticket), s)
	}
	return p.send(s)
}

func (p *planned) DoAction(a *flight.Action, s flight.FlightService_DoActionServer) error {
	p.mu.Lock()
	if p.seen == nil {
		p.seen = map[string]int{}
	}
	p.seen[a.Type]++
	p.mu.Unlock()
	if p.act == nil {
		return p.BaseFlightServer.DoAction(a, s)
	}
	body, err := p.act(a)
	if err != nil {
		return err
	}
	return s.Send(&flight.Result{Body: body})
}

func (p *planned) acted(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[kind]
}

// infoOf lists endpoints of these tickets; total is total_records.
func infoOf(total int64, tickets ...string) *flight.FlightInfo {
	i := &flight.FlightInfo{TotalRecords: total, TotalBytes: -1}
	for _, t := range tickets {
		i.Endpoint = append(i.Endpoint, &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte(t)}})
	}
	return i
}

// one is a small get with one slot.
func one(tr wire.Transport) results.Config {
	c := config(bench.OpGet, tr)
	c.Concurrency, c.Connections, c.Workload, c.Total = 1, 1, "wide:2", 4
	return c
}

// TestOrder reads ordered endpoints one after another, and others at a time: a
// server whose first stream ends only when the last has begun answers them.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		p := &planned{foreign: foreign{batches: 2}, info: func() *flight.FlightInfo { return infoOf(60, "a", "b", "c") }}
		c := one(tr)
		c.Ordered = true
		got := run(t, t.Context(), serveFlight(t, p), c)
		if got.Status != results.StatusOK || strings.Join(p.order, "") != strings.Repeat("abc", 4) || p.together.Load() != 1 || got.Streams != 12 {
			t.Errorf("ordered: %s %q, read in order %v, %d at a time", got.Status, got.Error, p.order, p.together.Load())
		}
		all := make(chan bool)
		var once sync.Once
		p = &planned{foreign: foreign{batches: 2}, info: func() *flight.FlightInfo { return infoOf(60, "a", "b", "c") }}
		p.get = func(_ string, s flight.FlightService_DoGetServer) error {
			if p.open.Load() == 3 {
				once.Do(func() { close(all) })
			}
			select {
			case <-all:
				return p.send(s)
			case <-s.Context().Done():
				return s.Context().Err()
			}
		}
		c.Ordered, c.Total, c.Stall = false, 1, 20
		got = run(t, t.Context(), serveFlight(t, p), c)
		if got.Status != results.StatusOK || p.together.Load() != 3 || len(ofServer(got)) > 0 && warned(got, "total_records") {
			t.Errorf("parallel: %s %q, %d at a time, warnings %q", got.Status, got.Error, p.together.Load(), got.Warnings)
		}
	})
}

// TestOneEndpointFails tells its own error rather than its siblings' Canceled,
// ends them, and tells the server that the rest is not wanted.
func TestOneEndpointFails(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		var ended atomic.Int64
		p := &planned{info: func() *flight.FlightInfo { return infoOf(-1, "good", "bad", "good") }}
		p.act = func(a *flight.Action) ([]byte, error) {
			var r flight.CancelFlightInfoRequest
			if a.Type != flight.CancelFlightInfoActionType {
				return nil, status.Error(codes.Unimplemented, "none such")
			}
			if err := proto.Unmarshal(a.Body, &r); err != nil || len(r.GetInfo().GetEndpoint()) != 3 {
				t.Errorf("asked to cancel %v, %v", r.GetInfo(), err)
			}
			return proto.Marshal(&flight.CancelFlightInfoResult{Status: flight.CancelStatusCancelled})
		}
		p.get = func(ticket string, s flight.FlightService_DoGetServer) error {
			if ticket == "bad" {
				return status.Error(codes.ResourceExhausted, "too much of it")
			}
			<-s.Context().Done()
			ended.Add(1)
			return s.Context().Err()
		}
		c := one(tr)
		c.Total = 1
		got := run(t, t.Context(), serveFlight(t, p), c)
		if got.Status != results.StatusFailed || len(got.Errors) != 1 || got.Errors["ResourceExhausted"] != 1 || !strings.Contains(got.Error, "too much of it") {
			t.Errorf("%s %q, errors %v", got.Status, got.Error, got.Errors)
		}
		if n := p.acted(flight.CancelFlightInfoActionType); n != 1 {
			t.Errorf("CancelFlightInfo was called %d times, want once", n)
		}
		for end := time.Now().Add(5 * time.Second); p.together.Load() == 3 && ended.Load() < 2 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		if p.together.Load() == 3 && ended.Load() != 2 {
			t.Errorf("%d siblings were ended, want 2", ended.Load())
		}
	})
}

// TestCancelFlightInfo tells a server of what is cut at the end, of reads and of
// polls, and asks one that does not know the action once.
func TestCancelFlightInfo(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, poll := range []bool{false, true} {
			for _, knows := range []bool{true, false} {
				p := &planned{foreign: foreign{batches: 1 << 30}, info: func() *flight.FlightInfo { return infoOf(-1, "a", "b") }}
				if knows {
					p.act = func(*flight.Action) ([]byte, error) { return []byte{}, nil }
				}
				c := one(tr)
				c.Concurrency, c.Total, c.Duration, c.Poll, c.Ordered = 3, 0, 0.2, poll, true
				got := run(t, t.Context(), serveFlight(t, p), c)
				want := 3
				if !knows {
					want = 1
				}
				// A poll that was cut before its first answer knows of nothing to cancel.
				if n := p.acted(flight.CancelFlightInfoActionType); got.Status != results.StatusOK || n < 1 || n > 3 || knows && !poll && n != want || got.Whole.Cut != 3 || len(got.Errors) != 0 {
					t.Errorf("poll %v, knows %v: %s %q, CancelFlightInfo %d times, want %d; %d cut, errors %v", poll, knows, got.Status, got.Error, n, want, got.Whole.Cut, got.Errors)
				}
			}
		}
	})
}

// TestSingleUseTickets asks anew for each stream.
func TestSingleUseTickets(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		given, used := 0, map[string]bool{}
		p := &planned{foreign: foreign{batches: 2}}
		p.info = func() *flight.FlightInfo { given += 2; return infoOf(40, fmt.Sprint(given-1), fmt.Sprint(given)) }
		p.get = func(ticket string, s flight.FlightService_DoGetServer) error {
			p.mu.Lock()
			was := used[ticket]
			used[ticket] = true
			p.mu.Unlock()
			if was {
				return status.Error(codes.NotFound, "used already")
			}
			return p.send(s)
		}
		c := one(tr)
		c.Concurrency, c.Total = 3, 9
		got := run(t, t.Context(), serveFlight(t, p), c)
		if got.Status != results.StatusOK || got.Streams != 18 || len(got.Errors) != 0 || warned(got, "total_records") {
			t.Errorf("%s %q, %d streams, errors %v, warnings %q", got.Status, got.Error, got.Streams, got.Errors, got.Warnings)
		}
	})
}

// TestWhatAnInfoSays is compared with what comes.
func TestWhatAnInfoSays(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, tt := range []struct {
			name  string
			info  func() *flight.FlightInfo
			warns string
			fails string
		}{
			{name: "as announced", info: func() *flight.FlightInfo { return infoOf(20, "a") }},
			{name: "unknown", info: func() *flight.FlightInfo { return infoOf(-1, "a") }},
			{name: "more", info: func() *flight.FlightInfo { return infoOf(21, "a") }, warns: "announced 21 rows in total_records and sent 20"},
			{name: "no endpoint", info: func() *flight.FlightInfo { return infoOf(0) }, fails: "lists no endpoint"},
			{name: "no ticket", info: func() *flight.FlightInfo { return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{}}} }, fails: "has no ticket"},
		} {
			p := &planned{foreign: foreign{batches: 2}, info: tt.info}
			got := run(t, t.Context(), serveFlight(t, p), one(tr))
			if tt.fails != "" {
				if got.Status != results.StatusFailed || !strings.Contains(got.Error, tt.fails) {
					t.Errorf("%s: %s %q", tt.name, got.Status, got.Error)
				}
				continue
			}
			if got.Status != results.StatusOK || got.Rows != 80 || warned(got, "total_records") != (tt.warns != "") || tt.warns != "" && !warned(got, tt.warns) {
				t.Errorf("%s: %s %q, %d rows, warnings %q", tt.name, got.Status, got.Error, got.Rows, got.Warnings)
			}
		}
	})
}

// TestRenewal of endpoints by servers that can, cannot, and answer nonsense.
func TestRenewal(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		soon := func() *flight.FlightInfo {
			i := infoOf(-1, "old", "old")
			for _, ep := range i.Endpoint {
				ep.ExpirationTime = timestamppb.New(time.Now().Add(time.Second / 2))
			}
			return i
		}
		fresh, err := proto.Marshal(&flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte("new")}, ExpirationTime: timestamppb.New(time.Now().Add(time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name    string
			act     func(*flight.Action) ([]byte, error)
			renewed int64
			asked   int // at most
			warns   string
		}{
			{"it can", func(a *flight.Action) ([]byte, error) {
				if a.Type != flight.RenewFlightEndpointActionType {
					return nil, status.Error(codes.Unimplemented, "none such")
				}
				return fresh, nil
			}, 8, 8, ""},
			{"it cannot", nil, 0, 2, "has no RenewFlightEndpoint"},
			{"nonsense", func(*flight.Action) ([]byte, error) { return []byte{}, nil }, 0, 8, "could not be renewed: the server answered an endpoint without a ticket"},
		} {
			p := &planned{foreign: foreign{batches: 2}, info: soon, act: tt.act}
			got := run(t, t.Context(), serveFlight(t, p), one(tr))
			want := "old"
			if tt.renewed > 0 {
				want = "new"
			}
			if n := p.acted(flight.RenewFlightEndpointActionType); got.Status != results.StatusOK || got.Streams != 8 || got.Whole.EndpointRenewals != tt.renewed || n > tt.asked || strings.Join(p.order, "") != strings.Repeat(want, 8) {
				t.Errorf("%s: %s %q, %d streams, %d renewals, %d asked for, tickets %v", tt.name, got.Status, got.Error, got.Streams, got.Whole.EndpointRenewals, n, p.order)
			}
			if warned(got, "renew") != (tt.warns != "") && warned(got, "Renew") != (tt.warns != "") || tt.warns != "" && !warned(got, tt.warns) {
				t.Errorf("%s: warnings %q", tt.name, got.Warnings)
			}
		}
	})
}
