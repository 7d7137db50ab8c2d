package bench_test

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/workloads"
)

// perfServer speaks perf.proto alone, as Arrow's own server does: our server,
// without the actions and tickets that make it ours.
type perfServer struct {
	flight.BaseFlightServer
	inner flight.Client
	short bool // total_records is one row too many
	asked []workloads.PerfRequest
}

// perf starts one that tr carries the streams of.
func perf(t *testing.T, tr wire.Transport) (*perfServer, string) {
	t.Helper()
	uri, _ := serve(t, tr)
	inner, err := flight.NewClientWithMiddleware(strings.TrimPrefix(uri, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inner.Close() })
	p := &perfServer{inner: inner}
	return p, serveFlight(t, p)
}

func (p *perfServer) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	asked, err := workloads.ParsePerf(d.GetCmd())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p.asked = append(p.asked, asked) // one slot asks
	info, err := p.inner.GetFlightInfo(ctx, d)
	if err == nil && p.short && len(p.asked) > 1 { // not of the probe
		info.TotalRecords++
	}
	return info, err
}

func (p *perfServer) DoGet(ticket *flight.Ticket, out flight.FlightService_DoGetServer) error {
	if _, err := workloads.ParsePerfToken(ticket.GetTicket()); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	in, err := p.inner.DoGet(out.Context(), ticket)
	if err != nil {
		return err
	}
	for {
		d, err := in.Recv()
		if err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		if err := out.Send(d); err != nil {
			return err
		}
	}
}

func (p *perfServer) DoAction(a *flight.Action, s flight.FlightService_DoActionServer) error {
	if a.Type != "ping" {
		return status.Errorf(codes.Unimplemented, "unknown action: %s", a.Type)
	}
	return s.Send(&flight.Result{Body: []byte("ok")})
}

// TestPerfServer finds out that a server speaks perf.proto, and asks it by that
// for as many rows, batches and streams as were asked of us.
func TestPerfServer(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		p, uri := perf(t, tr)
		c := config(bench.OpGet, tr)
		c.Concurrency, c.Connections, c.Endpoints, c.Decode = 1, 1, 3, "verify"
		got := run(t, t.Context(), uri, c)
		want := workloads.PerfRequest{Streams: 3, RecordsPerStream: 9000, RecordsPerBatch: 1000}
		if got.Status != results.StatusOK || got.Config.Request != bench.RequestPerf || got.Streams != 18 || got.Rows != 6*27000 || got.Batches != 6*27 {
			t.Errorf("%s %q, asked by %s, %d streams, %d rows, %d batches", got.Status, got.Error, got.Config.Request, got.Streams, got.Rows, got.Batches)
		}
		if len(p.asked) != 7 || p.asked[6].Streams != want.Streams || p.asked[6].RecordsPerStream != want.RecordsPerStream || p.asked[6].RecordsPerBatch != want.RecordsPerBatch {
			t.Errorf("asked %+v, want %+v and the probe", p.asked, want)
		}
		if !warned(got, "decoded, not verified") || warned(got, "total_records") || len(ofServer(got)) != 1 {
			t.Errorf("warnings %q", got.Warnings)
		}
		p.short, p.asked, c.Decode = true, nil, "count"
		if got := run(t, t.Context(), uri, c); got.Status != results.StatusOK || !warned(got, "announced 27001 rows in total_records and sent 27000") {
			t.Errorf("%s %q, warnings %q", got.Status, got.Error, got.Warnings)
		}
		c.Op, p.short = "action:ping", false
		if got := run(t, t.Context(), uri, c); got.Status != results.StatusOK || got.Streams != 6 {
			t.Errorf("ping: %s %q, %d calls", got.Status, got.Error, got.Streams)
		}
	})
}

// TestWhatIsAskedFor reads by path, command and ticket, however they are written.
func TestWhatIsAskedFor(t *testing.T) {
	ticket := workloads.Ticket{Spec: workloads.Default(), Batches: 3, Endpoints: 1}
	ticket.Spec.Rows = 10
	text := string(ticket.Marshal())
	file := filepath.Join(t.TempDir(), "ticket.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, tt := range []struct {
			name   string
			config func(*results.Config)
			rows   int64 // of a stream; 0: it fails
			fails  string
		}{
			{"path", func(c *results.Config) { c.Path = "flightbench/perf" }, 16 * workloads.Default().Rows, ""},
			{"unknown path", func(c *results.Config) { c.Path = "no/such" }, 0, "names no workload"},
			{"cmd", func(c *results.Config) { c.Cmd = text }, 30, ""},
			{"cmd of a file", func(c *results.Config) { c.Cmd = "@" + file }, 30, ""},
			{"cmd in hex", func(c *results.Config) { c.Cmd = "hex:" + hex.EncodeToString([]byte(text)) }, 30, ""},
			{"cmd of no file", func(c *results.Config) { c.Cmd = "@/no/such" }, 0, "--cmd: open /no/such"},
			{"cmd in bad hex", func(c *results.Config) { c.Cmd = "hex:0g" }, 0, "--cmd: \"hex:0g\" is no hexadecimal"},
			{"ticket", func(c *results.Config) { c.Ticket = text }, 30, ""},
			{"polled", func(c *results.Config) { c.Cmd, c.Poll = text, true }, 30, ""},
			{"bad ticket", func(c *results.Config) { c.Ticket = "nonsense" }, 0, "not a flightbench ticket"},
			{"ticket of no file", func(c *results.Config) { c.Ticket = "@/no/such" }, 0, "--ticket: open /no/such"},
		} {
			c := config(bench.OpGet, tr)
			c.Total = 3
			tt.config(&c)
			got := run(t, t.Context(), uri, c)
			if tt.fails != "" {
				if got.Status != results.StatusFailed || !strings.Contains(got.Error, tt.fails) || strings.Contains(got.Error, "\n") {
					t.Errorf("%s: %s %q, want %q", tt.name, got.Status, got.Error, tt.fails)
				}
				continue
			}
			asked := strings.Fields(tt.name)[0]
			if asked == "polled" {
				asked = bench.RequestCmd
			}
			infos := int64(3)
			if asked == bench.RequestTicket {
				infos = 0
			}
			if got.Status != results.StatusOK || got.Rows != 3*tt.rows || got.Config.Request != asked || got.Latencies["info"].Count != infos || len(ofServer(got)) != 0 {
				t.Errorf("%s: %s %q, %d rows, asked by %q, %d infos, warnings %q", tt.name, got.Status, got.Error, got.Rows, got.Config.Request, got.Latencies["info"].Count, got.Warnings)
			}
		}
	})
}

// TestAwaitReady waits for a server that comes late, and for none that ended,
// refuses or was asked for nonsense.
func TestAwaitReady(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		gone, kill := serve(t, tr)
		kill() // its address is free now
		at, err := target.Parse(gone)
		if err != nil {
			t.Fatal(err)
		}
		always := func() bool { return true }
		c := config(bench.OpGet, tr)

		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := bench.AwaitReady(short, at, c, "ping", always); status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), "\n") {
			t.Errorf("nobody there: %v", err)
		}
		if err := bench.AwaitReady(t.Context(), at, c, "nonsense", always); err == nil || !strings.Contains(err.Error(), `--ready "nonsense"`) {
			t.Errorf("nonsense: %v", err)
		}
		lives := 3
		if err := bench.AwaitReady(t.Context(), at, c, "ping", func() bool { lives--; return lives >= 0 }); err == nil || !strings.Contains(err.Error(), "it has ended") {
			t.Errorf("one that ended: %v", err)
		}
		for _, ready := range []string{"ping", "info", "action:flightbench.stats"} {
			tries := 0
			var kill func()
			late := func() bool { // the server comes after the third try
				if tries++; tries == 4 {
					_, kill = serveWith(t, tr, func(o *server.Options) { o.Listen = gone })
				}
				return true
			}
			if err := bench.AwaitReady(t.Context(), at, c, ready, late); err != nil || tries < 4 {
				t.Errorf("%s: %v after %d tries", ready, err, tries)
			}
			if kill != nil {
				kill()
			}
		}
		strict, _ := serveWith(t, tr, func(o *server.Options) { o.Access = logins[2].access })
		if at, err = target.Parse(strict); err != nil {
			t.Fatal(err)
		}
		at.Auth = target.Auth{Method: "basic", User: "me", Password: "wr0ng"}
		if err := bench.AwaitReady(t.Context(), at, c, "ping", always); status.Code(err) != codes.Unauthenticated {
			t.Errorf("wrong password: %v", err)
		}
		at.Auth.Password = "hunter2"
		if err := bench.AwaitReady(t.Context(), at, c, "info", always); err != nil {
			t.Errorf("right password: %v", err)
		}
	})
}
