package server

import (
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

func TestLocations(t *testing.T) {
	want := []string{"grpc://a:1", "", "arrow-flight-reuse-connection://?"}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.Locations = want })
		tk := small(t, "perf")
		tk.Endpoints = 2
		perf := workloads.PerfRequest{Streams: 2, RecordsPerStream: 10, RecordsPerBatch: 10}
		for name, b := range map[string][]byte{"ours": tk.Marshal(), "perf": perf.Marshal()} {
			info, err := c.GetFlightInfo(t.Context(), cmd(b))
			if err != nil {
				t.Fatal(err)
			}
			if len(info.Endpoint) != 2 {
				t.Errorf("%s: %d endpoints, want 2", name, len(info.Endpoint))
			}
			for i, e := range info.Endpoint {
				var got []string
				for _, l := range e.Location {
					got = append(got, l.Uri)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: endpoint %d is at %q, want %q", name, i, got, want)
				}
			}
		}
	})
}

// A ticket is good until its endpoint's expiration, and renewal gives another.
func TestExpiry(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.Expiry = time.Hour })
		tk := small(t, "perf")
		before := time.Now().Truncate(time.Millisecond)
		info, err := c.GetFlightInfo(t.Context(), cmd(tk.Marshal()))
		if err != nil {
			t.Fatal(err)
		}
		e := info.Endpoint[0]
		got, err := workloads.ParseTicket(e.Ticket.Ticket)
		if err != nil {
			t.Fatal(err)
		}
		if at := e.ExpirationTime.AsTime(); at.UnixMilli() != got.Expires || at.Before(before.Add(time.Hour)) || at.After(time.Now().Add(time.Hour)) {
			t.Errorf("the endpoint expires at %s and its ticket at %d, want both an hour from now", at, got.Expires)
		}
		set := generate(t, tk.Spec)
		read(t, c, set, e.Ticket.Ticket)

		soon := tk
		soon.Expires = time.Now().Add(time.Minute).UnixMilli()
		renewed, err := c.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: soon.Marshal()}, AppMetadata: []byte("mine")}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err = workloads.ParseTicket(renewed.Ticket.Ticket); err != nil || got.Expires <= soon.Expires || renewed.ExpirationTime.AsTime().UnixMilli() != got.Expires || string(renewed.AppMetadata) != "mine" {
			t.Errorf("renewed to %v, %v", renewed, err)
		}
		read(t, c, set, renewed.Ticket.Ticket)

		gone := tk
		gone.Expires = 1
		_, _, err = getAll(t, c, gone.Marshal())
		expect(t, err, codes.NotFound, "expired at 1970-01-01T00:00:00.001Z", "GetFlightInfo", "RenewFlightEndpoint")
		_, err = c.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: gone.Marshal()}}})
		expect(t, err, codes.NotFound, "expired at")
	})
}

func TestPolls(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for _, tt := range []struct {
			polls     int
			endpoints []int // told by each poll, of 4
		}{{0, []int{4}}, {1, []int{4}}, {2, []int{2, 4}}, {3, []int{1, 2, 4}}, {8, []int{0, 1, 1, 2, 2, 3, 3, 4}}} {
			c := serve(t, tr, func(o *Options) { o.Polls = tt.polls })
			tk := small(t, "perf")
			tk.Endpoints, tk.Start = 4, 1
			set := generate(t, tk.Spec)
			whole, err := c.GetFlightInfo(t.Context(), cmd(tk.Marshal()))
			if err != nil {
				t.Fatal(err)
			}
			var told []*flight.FlightEndpoint
			d := cmd(tk.Marshal())
			for i, want := range tt.endpoints {
				poll, err := c.PollFlightInfo(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				now := poll.Info.Endpoint
				if len(now) != want || poll.Info.TotalRecords != int64(want)*700 {
					t.Errorf("poll %d of %d: %d endpoints with %d records, want %d with %d", i+1, tt.polls, len(now), poll.Info.TotalRecords, want, want*700)
				}
				for j, e := range told {
					if j < len(now) && string(now[j].Ticket.Ticket) != string(e.Ticket.Ticket) {
						t.Errorf("poll %d of %d: endpoint %d is another than before", i+1, tt.polls, j)
					}
				}
				if p, want := poll.GetProgress(), float64(i+1)/float64(len(tt.endpoints)); p != want {
					t.Errorf("poll %d of %d: progress %v, want %v", i+1, tt.polls, p, want)
				}
				if last := i == len(tt.endpoints)-1; (poll.FlightDescriptor == nil) != last || (poll.ExpirationTime == nil) != last {
					t.Errorf("poll %d of %d: descriptor %v until %v", i+1, tt.polls, poll.FlightDescriptor, poll.ExpirationTime)
				}
				told, d = now, poll.FlightDescriptor
			}
			if len(told) != len(whole.Endpoint) {
				t.Fatalf("%d endpoints, GetFlightInfo tells %d", len(told), len(whole.Endpoint))
			}
			for i, e := range told {
				if string(e.Ticket.Ticket) != string(whole.Endpoint[i].Ticket.Ticket) {
					t.Errorf("endpoint %d: ticket %s, GetFlightInfo tells %s", i, e.Ticket.Ticket, whole.Endpoint[i].Ticket.Ticket)
				}
				read(t, c, set, e.Ticket.Ticket)
			}
		}
	})
}

func TestPaths(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for workload, path := range map[string][]string{"perf": {"flightbench", "perf"}, "wide:1": {"wide:1"}} {
			d := &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path}
			info, err := c.GetFlightInfo(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			tk, err := workloads.ParseTicket(info.Endpoint[0].Ticket.Ticket)
			if err != nil || tk.Spec.String() != workload || tk.Batches != listedBatches || info.TotalRecords != tk.Spec.Rows*listedBatches || info.FlightDescriptor.GetType() != flight.DescriptorPATH {
				t.Errorf("path %q is answered with %v (%v)", path, info, err)
			}
			if poll, err := c.PollFlightInfo(t.Context(), d); err != nil || poll.FlightDescriptor != nil {
				t.Errorf("poll of path %q: %v, %v", path, poll, err)
			}
		}
		if _, err := c.GetSchema(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"lineitem"}}); err != nil {
			t.Error(err)
		}
		for _, path := range [][]string{nil, {""}, {"sales"}, {"perf", "perf"}, {"flightbench"}, {"flightbench", "perf", "1"}, {"wide:0"}} {
			_, err := c.GetFlightInfo(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path})
			expect(t, err, codes.NotFound, "ListFlights")
		}
	})
}
