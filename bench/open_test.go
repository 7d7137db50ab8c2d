package bench_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
)

// openConfig is a small trial in an open loop.
func openConfig(op string, tr wire.Transport) results.Config {
	c := config(op, tr)
	c.Total, c.Duration, c.Warmup, c.Concurrency, c.Arrival = 0, 0.4, 0.1, 100, bench.ArrivalConstant
	return c
}

// Every operation runs in an open loop: what was asked for is begun, and each
// response time is there twice.
func TestOpenLoop(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange, "info"} {
			for _, total := range []int64{0, 20} {
				c := openConfig(op, tr)
				c.RPS, c.Arrival = 100, bench.ArrivalPoisson
				if c.Total = total; total > 0 {
					c.Duration = 0
				}
				got := run(t, t.Context(), uri, c)
				response := map[bool]string{false: "stream", true: "info"}[op == "info"]
				a, b := got.Latencies[response], got.Latencies[response+results.FromActual]
				if got.Status != results.StatusOK || a.Count == 0 || a.Count != b.Count || a.Mean < b.Mean || got.Latencies["lateness"].Count == 0 {
					t.Errorf("%s %d: %s %s, %d and %d response times, %d of lateness: %v", op, total, got.Status, got.Error, a.Count, b.Count, got.Latencies["lateness"].Count, got.Warnings)
				}
				if total > 0 && got.Streams != total {
					t.Errorf("%s: %d streams of --total %d", op, got.Streams, total)
				}
				if m := got.Metrics[results.AskedRate]; math.Abs(m.Value-100) > 1e-6 {
					t.Errorf("%s: asked rate %v", op, m)
				}
				for _, iv := range got.Timeline {
					if iv.Pace == nil {
						t.Fatalf("%s: an interval without its pace", op)
					}
				}
			}
		}
	})
}

// slowInfo is a server whose GetFlightInfo takes its time.
type slowInfo struct {
	foreign
	nap time.Duration
}

func (f *slowInfo) GetFlightInfo(_ context.Context, _ *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	time.Sleep(f.nap)
	return ticketed(), nil
}

func ticketed() *flight.FlightInfo {
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: []byte("mine")}}}, TotalRecords: -1}
}

// The intended start of a stream is that of its iteration: who waits for the
// answer to GetFlightInfo waits for the stream.
func TestResponseHoldsInfo(t *testing.T) {
	const nap = 100 * time.Millisecond
	each(t, func(t *testing.T, tr wire.Transport) {
		c := openConfig(bench.OpGet, tr)
		c.Cmd, c.RPS, c.Total, c.Duration, c.Warmup = "mine", 100, 20, 0, 0
		got := run(t, t.Context(), serveFlight(t, &slowInfo{foreign{batches: 2}, nap}), c)
		for _, name := range []string{"first_batch", "stream"} {
			if response, service := got.Latencies[name], got.Latencies[name+results.FromActual]; response.Count != 20 || response.Min < int64(nap)*99/100 || service.Count != 20 || service.Min > response.Min-int64(nap)*9/10 {
				t.Errorf("%s: from %v, %d of them, where the info takes %v; from the call's start from %v, %d", name, time.Duration(response.Min), response.Count, nap, time.Duration(service.Min), service.Count)
			}
		}
	})
}

// A closed loop has none of what an open one tells.
func TestClosedLoopHasNoPace(t *testing.T) {
	uri, _ := serve(t, wire.Direct)
	got := run(t, t.Context(), uri, config(bench.OpGet, wire.Direct))
	for name := range got.Latencies {
		if strings.HasSuffix(name, results.FromActual) || name == "lateness" {
			t.Errorf("latency %s", name)
		}
	}
	if _, ok := got.Metrics[results.AskedRate]; ok || got.Timeline[0].Pace != nil {
		t.Error("asked rates")
	}
}

// A rate of bytes becomes one of streams by the bytes of a stream.
func TestByteRate(t *testing.T) {
	uri, _ := serve(t, wire.Direct)
	for op, factor := range map[string]float64{bench.OpGet: 1, bench.OpPut: 1, bench.OpExchange: 2} {
		c := openConfig(op, wire.Direct)
		c.Rate = 100 * factor * float64(c.Rows*c.Batches) * 32 // of 4 × int64
		got := run(t, t.Context(), uri, c)
		if m := got.Metrics[results.AskedRate]; got.Status != results.StatusOK || math.Abs(m.Value-100) > 2 { // bodies are padded
			t.Errorf("%s: %s %s, asked %v, want about 100 streams/s", op, got.Status, got.Error, m)
		}
		if m := got.Metrics["asked_body_bytes_per_second"]; math.Abs(m.Value/c.Rate-1) > 1e-6 {
			t.Errorf("%s: asked %v, want %v", op, m, c.Rate)
		}
	}
}

// A schedule is of the window; the timeline tells what was asked for when.
func TestSchedule(t *testing.T) {
	uri, _ := serve(t, wire.Direct)
	c := openConfig("info", wire.Direct)
	c.Schedule, c.Duration = "50/200ms,150/200ms", 0.4
	got := run(t, t.Context(), uri, c)
	if m := got.Metrics[results.AskedRate]; got.Status != results.StatusOK || math.Abs(m.Value-100) > 1e-6 {
		t.Fatalf("%s %s, asked %v, want 100", got.Status, got.Error, m)
	}
	var asked float64
	for _, iv := range got.Timeline {
		asked += iv.Pace.Asked * iv.Seconds
	}
	if first := got.Timeline[0].Pace.Asked; math.Abs(asked-40) > 1e-6 || math.Abs(first-50) > 1e-6 {
		t.Errorf("the timeline asked for %v starts, %v a second at first, want 40 and 50", asked, first)
	}
}

// A cap that is too low is told of; nothing is slowed in silence.
func TestOpenLoopAtItsCap(t *testing.T) {
	uri := (&foreign{hang: true}).start(t)
	c := openConfig(bench.OpGet, wire.Direct)
	c.Ticket, c.RPS, c.Concurrency, c.Connections, c.Warmup = "mine", 1000, 2, 1, 0
	got := run(t, t.Context(), uri, c)
	delayed, missed := got.Metrics["delayed_starts"].Value, got.Metrics["missed_starts"].Value
	if want := 1000*c.Duration - 2; delayed != want || missed != want || got.Metrics["peak_streams_in_flight"].Value != 2 {
		t.Errorf("%v delayed, %v missed, want %v: %v", delayed, missed, want, got.Warnings)
	}
	if !strings.Contains(strings.Join(got.Warnings, "\n"), "--concurrency 2") {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func TestValidateLoad(t *testing.T) {
	for _, c := range []struct {
		change func(c *results.Config)
		want   string
	}{
		{func(c *results.Config) { c.RPS = 100 }, ""},
		{func(c *results.Config) { c.Rate = 2e9 }, ""},
		{func(c *results.Config) { c.Schedule, c.Duration = "1/1s,1-5/2s", 3 }, ""},
		{func(c *results.Config) {}, "--arrival constant"},
		{func(c *results.Config) { c.RPS, c.Rate = 1, 1 }, "--rps and --rate"},
		{func(c *results.Config) { c.RPS, c.Schedule = 1, "1/1s" }, "--rps and --schedule"},
		{func(c *results.Config) { c.RPS, c.Arrival = 1, "" }, `--arrival ""`},
		{func(c *results.Config) { c.RPS, c.Arrival = 1, "bursty" }, `--arrival "bursty"`},
		{func(c *results.Config) { c.RPS = -1 }, "--rps -1"},
		{func(c *results.Config) { c.RPS = 2e6 }, "--rps 2e+06"},
		{func(c *results.Config) { c.Rate = math.Inf(1) }, "--rate +Inf"},
		{func(c *results.Config) { c.Rate, c.Op = 1e9, "info" }, "--op info"},
		{func(c *results.Config) { c.Schedule = "fast" }, "--schedule"},
		{func(c *results.Config) { c.Schedule, c.Duration = "1/1s", 5 }, "--duration 5s"},
		{func(c *results.Config) { c.Schedule, c.Duration, c.Total = "1/1s", 0, 5 }, "--total 5"},
	} {
		got := bench.DefaultConfig()
		got.Arrival = bench.ArrivalConstant
		c.change(&got)
		if err := bench.Validate(got); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestParseByteRate(t *testing.T) {
	for in, want := range map[string]float64{"2GB/s": 2e9, "1.5GB/s": 1.5e9, "500MiB/s": 500 << 20, "100/s": 100, "64Ki/s": 65536,
		"2GB": 0, "GB/s": 0, "-1GB/s": 0, "0/s": 0, "2XB/s": 0, "1.5.5GB/s": 0, "2 GB/s": 0, "InfGB/s": 0, "": 0} {
		got, err := bench.ParseByteRate(in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v, want %v", in, got, err, want)
		}
	}
	if d, err := bench.ScheduleLength("1/1s,1-2/500ms"); err != nil || d != 1500*time.Millisecond {
		t.Errorf("%v, %v", d, err)
	}
}
