package bench_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
)

// foreign is a server that knows nothing of flightbench: each of its streams
// sends so many batches of ten rows, whatever it is asked for.
type foreign struct {
	flight.BaseFlightServer
	batches   int
	hang      bool // DoGet sends nothing and does not end
	locations func() []string
	stats     string // of the first flightbench.stats; those after it are not answered
	asked     atomic.Int64
}

// start serves f until the test ends and returns its URI.
func (f *foreign) start(t *testing.T) string { t.Helper(); return serveFlight(t, f) }

func (f *foreign) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if f.locations == nil {
		return f.BaseFlightServer.GetFlightInfo(ctx, d)
	}
	ep := &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte("mine")}}
	for _, uri := range f.locations() {
		ep.Location = append(ep.Location, &flight.Location{Uri: uri})
	}
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{ep, ep}}, nil
}

func (f *foreign) DoGet(_ *flight.Ticket, s flight.FlightService_DoGetServer) error {
	if f.hang {
		<-s.Context().Done()
		return nil
	}
	return f.send(s)
}

// DoExchange sends what DoGet does, whatever it is sent.
func (f *foreign) DoExchange(s flight.FlightService_DoExchangeServer) error { return f.send(s) }

func (f *foreign) send(s flight.DataStreamWriter) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(make([]int64, 10), nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	w := flight.NewRecordWriter(s, ipc.WithSchema(rec.Schema()))
	for range f.batches {
		if err := w.Write(rec); err != nil {
			return err
		}
	}
	return w.Close()
}

// DoPut reads all and acknowledges nothing.
func (f *foreign) DoPut(s flight.FlightService_DoPutServer) error {
	for {
		if _, err := s.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (f *foreign) DoAction(a *flight.Action, s flight.FlightService_DoActionServer) error {
	switch {
	case f.stats == "":
		return f.BaseFlightServer.DoAction(a, s)
	case a.Type == "flightbench.prepare":
		return s.Send(&flight.Result{Body: []byte(`{"batches":1,"rows_per_batch":10,"body_bytes":[128],"logical_bytes":[80]}`)})
	case a.Type == "flightbench.stats" && f.asked.Add(1) > 1:
		<-s.Context().Done()
	}
	return s.Send(&flight.Result{Body: []byte(f.stats)})
}

func warned(tr *results.Trial, part string) bool {
	return slices.ContainsFunc(tr.Warnings, func(w string) bool { return strings.Contains(w, part) })
}

// ofServer are the warnings but those of a machine that is much in use.
func ofServer(tr *results.Trial) []string {
	return slices.DeleteFunc(slices.Clone(tr.Warnings), func(w string) bool {
		return strings.Contains(w, "used up this machine's CPU") || strings.Contains(w, " as well: ")
	})
}

func TestForeignServerOfDoGetOnly(t *testing.T) {
	for _, tr := range transports {
		uri := (&foreign{batches: 3}).start(t)
		c := config(bench.OpGet, tr)
		c.Batches = 0
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusOK || got.Streams != 6 || got.Batches != 18 || got.Rows != 180 || got.Server != nil {
			t.Errorf("%s: %s %s, %d streams, %d batches, %d rows, want ok, 6, 18, 180", tr, got.Status, got.Error, got.Streams, got.Batches, got.Rows)
		}
		if !warned(got, "no GetFlightInfo") || !warned(got, "10 rows on average, not of --rows 1000") {
			t.Errorf("%s: warnings %q do not say what the server lacks, and that it decides the rows", tr, got.Warnings)
		}
		if b := got.Config.Batches; b < 64 || b > 1<<16 {
			t.Errorf("%s: a stream of 1,000-row batches was asked to have %d of them, want about 64 MiB", tr, b)
		}
	}
}

func TestLocations(t *testing.T) {
	const nobody = "grpc://127.0.0.1:1"
	for _, tt := range []struct {
		name, policy string
		uris         func(self, other string) []string
		fails        string // part of the error
		elsewhere    bool   // the other server is read
		failovers    bool
	}{
		{name: "none", uris: func(string, string) []string { return nil }},
		{name: "reuse", uris: func(string, string) []string { return []string{"arrow-flight-reuse-connection://?", nobody} }},
		{name: "empty", uris: func(string, string) []string { return []string{""} }},
		{name: "its own", uris: func(self, _ string) []string { return []string{strings.Replace(self, "grpc:", "grpc+tcp:", 1)} }},
		{name: "another", uris: func(_, other string) []string { return []string{other} }, elsewhere: true},
		{name: "another, unwanted", policy: bench.LocationOriginal, uris: func(_, other string) []string { return []string{other} }},
		{name: "the next", uris: func(_, other string) []string { return []string{nobody, other} }, elsewhere: true, failovers: true},
		{name: "back home", uris: func(self, _ string) []string { return []string{nobody, self} }, failovers: true},
		{name: "nobody", uris: func(string, string) []string { return []string{nobody} }, fails: "no location of an endpoint can be reached"},
		{name: "nobody, unwanted", policy: bench.LocationOriginal, uris: func(string, string) []string { return []string{nobody} }},
		{name: "rewritten", policy: "rewrite:db.internal=127.0.0.1", elsewhere: true,
			uris: func(_, other string) []string { return []string{strings.Replace(other, "127.0.0.1", "db.internal", 1)} }},
		{name: "its own with TLS", uris: func(self, _ string) []string { return []string{strings.Replace(self, "grpc:", "grpc+tls:", 1)} }, fails: "can be reached"},
		{name: "HTTP", uris: func(string, string) []string { return []string{"https://127.0.0.1:1/file"} }, fails: "no location that can be read"},
	} {
		for _, tr := range transports {
			var self string
			known := make(chan bool)
			other := (&foreign{batches: 2}).start(t)
			f := &foreign{batches: 2, locations: func() []string { <-known; return tt.uris(self, other) }}
			self = f.start(t)
			close(known)
			c := config(bench.OpGet, tr)
			c.Total = 2
			if tt.policy != "" {
				c.Location = tt.policy
			}
			got := run(t, t.Context(), self, c)
			if tt.fails != "" {
				if got.Status != results.StatusFailed || !strings.Contains(got.Error, tt.fails) {
					t.Errorf("%s, %s: %s %q, want failed, %q", tt.name, tr, got.Status, got.Error, tt.fails)
				}
				continue
			}
			if got.Status != results.StatusOK || got.Streams != 4 || (got.Served[other] == 4) != tt.elsewhere || (got.Whole.Failovers > 0) != tt.failovers {
				t.Errorf("%s, %s: %s %s, %d streams, served %v, %d failovers; want ok, 4, the other: %v, failovers: %v",
					tt.name, tr, got.Status, got.Error, got.Streams, got.Served, got.Whole.Failovers, tt.elsewhere, tt.failovers)
			}
		}
	}
}

func TestNothingInTheWindow(t *testing.T) {
	for _, tt := range []struct {
		f    *foreign
		want string
	}{
		{&foreign{batches: 0}, "carried a batch"},
		{&foreign{hang: true}, "the server stalls"},
	} {
		c := config(bench.OpGet, wire.GRPC)
		c.Total, c.Duration = 0, 0.2
		got := run(t, t.Context(), tt.f.start(t), c)
		if got.Status != results.StatusOK || got.Verdict != results.VerdictIncomplete || !warned(got, tt.want) {
			t.Errorf("%s %s %s, warnings %q, want ok, incomplete, %q", got.Status, got.Error, got.Verdict, got.Warnings, tt.want)
		}
	}
}

func TestPutThatIsNotAcknowledged(t *testing.T) {
	for _, tr := range transports {
		got := run(t, t.Context(), (&foreign{}).start(t), config(bench.OpPut, tr))
		if got.Status != results.StatusOK || got.Streams != 6 || got.Batches != 54 || !warned(got, "acknowledged no batch") {
			t.Errorf("%s: %s %s, %d streams, %d batches, warnings %q, want ok, 6, 54, a warning", tr, got.Status, got.Error, got.Streams, got.Batches, got.Warnings)
		}
	}
}

func TestExchangeWithoutEcho(t *testing.T) {
	for _, tr := range transports {
		c := config(bench.OpExchange, tr)
		c.Batches = 1 << 20 // more than is in flight when the server ends
		got := run(t, t.Context(), (&foreign{batches: 2}).start(t), c)
		if got.Status != results.StatusFailed || got.Errors["DataLoss"] != 1 || !strings.Contains(got.Error, "2 batches came back of a stream of 1048576") {
			t.Errorf("%s: %s, errors %v: %s", tr, got.Status, got.Errors, got.Error)
		}
	}
}

// TestInterruptedWarmup expects no figures of a window that never began.
func TestInterruptedWarmup(t *testing.T) {
	uri := (&foreign{hang: true}).start(t)
	for _, total := range []int64{0, 5} {
		ctx, cancel := context.WithCancel(t.Context())
		c := config(bench.OpGet, wire.GRPC)
		c.Total, c.Duration, c.Warmup = total, 30, 30
		time.AfterFunc(300*time.Millisecond, cancel)
		got := run(t, ctx, uri, c)
		cancel()
		if got == nil || got.Status != results.StatusPartial || got.Seconds != 0 || len(got.Metrics) != 0 || len(got.Timeline) != 0 {
			t.Errorf("total %d: %+v, want a partial trial without figures", total, got)
		}
	}
}

// TestServerThatStopsTellingCounts waits for the counts once, not three times.
func TestServerThatStopsTellingCounts(t *testing.T) {
	t.Parallel()
	uri := (&foreign{batches: 3, locations: func() []string { return nil }, stats: `{"pid":1}`}).start(t)
	start := time.Now()
	got := run(t, t.Context(), uri, config(bench.OpGet, wire.GRPC))
	if took := time.Since(start); got.Status != results.StatusOK || got.Server != nil || !warned(got, "counts are missing") || took > 14*time.Second {
		t.Errorf("%s %s after %v, server %v, warnings %q", got.Status, got.Error, took, got.Server, got.Warnings)
	}
}

// TestOneProcess expects costs of the server only where it is a process of its own.
func TestOneProcess(t *testing.T) {
	uri, _ := serve(t, wire.GRPC)
	for _, one := range []bool{false, true} {
		c := config(bench.OpGet, wire.GRPC)
		c.InProcess = one
		got := run(t, t.Context(), uri, c)
		_, told := got.Metrics["server_cpu_seconds_per_gigabyte"]
		if told == one || warned(got, "share a process") != one {
			t.Errorf("in process %v: server CPU told %v, warnings %q", one, told, got.Warnings)
		}
	}
}
