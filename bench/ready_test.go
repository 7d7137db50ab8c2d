package bench_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// picky answers GetFlightInfo of one command alone.
type picky struct {
	flight.BaseFlightServer
	knows func(cmd []byte) bool
}

func (p *picky) GetFlightInfo(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if !p.knows(d.Cmd) {
		return nil, status.Error(codes.InvalidArgument, "no such command")
	}
	return &flight.FlightInfo{}, nil
}

// TestReadyAsksForWhatIsMeasured takes a server for ready that knows the
// statement, the command or Arrow's words for the workload, and no other.
func TestReadyAsksForWhatIsMeasured(t *testing.T) {
	t.Parallel()
	perf := func(cmd []byte) bool {
		p, err := workloads.ParsePerf(cmd)
		return err == nil && p.RecordsPerBatch > 0
	}
	for _, tt := range []struct {
		name  string
		knows func([]byte) bool
		set   func(*results.Config)
		ready bool
	}{
		{"statement", func(b []byte) bool { return strings.Contains(string(b), "SELECT 42") }, func(c *results.Config) { c.Op, c.SQL = bench.OpQuery, "SELECT 42" }, true},
		{"other statement", func(b []byte) bool { return strings.Contains(string(b), "SELECT 42") }, func(c *results.Config) { c.Op, c.SQL = bench.OpQuery, "SELECT 41" }, false},
		{"command", func(b []byte) bool { return string(b) == "mine" }, func(c *results.Config) { c.Cmd = "mine" }, true},
		{"perf", perf, func(c *results.Config) { c.Rows = 0 }, true},
		{"lineitem", perf, func(c *results.Config) { c.Workload = "lineitem" }, false},
	} {
		at, err := target.Parse(serveFlight(t, &picky{knows: tt.knows}))
		if err != nil {
			t.Fatal(err)
		}
		c := config(bench.OpGet, wire.GRPC)
		tt.set(&c)
		tries := 0 // of those that may fail
		err = bench.AwaitReady(t.Context(), at, c, "info", func() bool { tries++; return tries < 3 })
		if (err == nil) != tt.ready {
			t.Errorf("%s: %v after %d tries", tt.name, err, tries)
		}
	}
	for _, set := range []func(*results.Config){
		func(c *results.Config) { c.Ticket = "t" },
		func(c *results.Config) { c.Op, c.SQL = bench.OpPrepared, "SELECT ?" },
		func(c *results.Config) { c.Op, c.Table = bench.OpIngest, "t" },
		func(c *results.Config) { c.Op = "list-flights" },
	} {
		c := config(bench.OpGet, wire.GRPC)
		set(&c)
		if err := bench.CheckReady(t.Context(), "info", c); err == nil || !strings.Contains(err.Error(), "use --ready ping") {
			t.Errorf("%s: %v", c.Op, err)
		}
		if err := bench.CheckReady(t.Context(), "ping", c); err != nil {
			t.Errorf("%s: %v", c.Op, err)
		}
	}
}
