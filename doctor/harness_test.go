package doctor

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"

	"flightbench/internal/target"
	"flightbench/server"
)

// serve runs a server of flightbench's until the test ends.
func serve(t *testing.T, set func(*server.Options)) target.Target {
	t.Helper()
	o := server.DefaultOptions()
	o.Version = "test"
	if set != nil {
		set(&o)
	}
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return parse(t, s.URI())
}

func parse(t *testing.T, uri string) target.Target {
	t.Helper()
	tt, err := target.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return tt
}

// listen runs f over a port's connections until the test ends.
func listen(t *testing.T, f func(net.Conn)) target.Target {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := lis.Accept()
			if err != nil {
				return
			}
			go func() { defer nc.Close(); f(nc) }()
		}
	}()
	t.Cleanup(func() { lis.Close(); <-done })
	return parse(t, "grpc://"+lis.Addr().String())
}

// stock runs a grpc-go server; s nil is one without the Flight service.
func stock(t *testing.T, s flightgen.FlightServiceServer, opts ...grpc.ServerOption) target.Target {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(opts...)
	if s != nil {
		flightgen.RegisterFlightServiceServer(g, s)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(lis) }()
	t.Cleanup(func() { g.Stop(); <-done })
	return parse(t, "grpc://"+lis.Addr().String())
}

// examine fails if the examination does, and logs the report. Topics name probes that come after the calls: those are left out if others
// are named.
func examine(t *testing.T, tt target.Target, o Options, topics ...string) *Report {
	t.Helper()
	ps := slices.DeleteFunc(slices.Clone(probes), func(p probe) bool {
		return len(topics) > 0 && (p.calls || p.topic == "deadline") && !slices.Contains(topics, p.topic)
	})
	r, err := examineWith(t.Context(), tt, o, ps)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Print(&b, 100); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	return r
}

// expect fails unless the topic has a line of this level with these words.
func expect(t *testing.T, r *Report, topic string, l Level, words string) {
	t.Helper()
	for _, line := range r.Lines {
		if line.Topic == topic && line.Level == l && strings.Contains(line.Text+" → "+line.Advice, words) {
			return
		}
	}
	t.Errorf("no line %q of level %s with %q; there is %+v", topic, l, words, r.Find(topic))
}
