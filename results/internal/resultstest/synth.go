// Package resultstest makes runs up, for tests: plausible figures, the same
// ones every time.
package resultstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"flightbench/results"
)

// Start is when every made-up run began.
var Start = time.Date(2025, time.March, 4, 5, 6, 7, 890_000_000, time.UTC)

// Run is the header of a complete run of n trials.
func Run(n int) results.Run {
	return results.Run{
		Schema: results.Schema, Name: "first look", Version: "v0.1.0",
		Command: []string{"flightbench", "run", "--op", "get,put", "--rows", "128,4096,65536", "--name", "first look"},
		Started: Start, Ended: Start.Add(time.Minute), Status: results.StatusComplete, Planned: n, Seed: 1,
		Environment: results.Environment{
			Hostname: "bench-1", OS: "linux", Kernel: "6.1.0", Arch: "amd64", CPU: "Example CPU @ 2.40GHz", Cores: 8,
			MemoryBytes: 32 << 30, Governor: "performance", Virtual: "kvm", StealShare: 0.0123, ClockSource: "tsc",
			Go: "go1.26", GRPC: "v1.85.0", Arrow: "v18.8.0", GOMAXPROCS: 8, GOGC: "100",
		},
	}
}

// Config is the Config that Matrix varies.
func Config() results.Config {
	return results.Config{
		Target: "embedded", Op: "get", Transport: "grpc", ServerTransport: "grpc", TLS: "off", Workload: "perf",
		Rows: 65536, Entropy: 1, Distinct: 4, Seed: 1, Compression: "none", Decode: "count", PutAck: "all",
		Concurrency: 4, Connections: 1, Batches: 1000, Endpoints: 1, Duration: 3, Warmup: 1, MaxMessage: 1 << 28, GOMAXPROCS: 8,
		Auth: "none", Request: "flightbench", Location: "listed",
	}
}

// Axis is one axis of a Matrix: what each of its values sets.
type Axis []func(*results.Config)

// Ops, Rows, Codecs, Transports and Streams are axes of the given values.
func Ops(v ...string) Axis { return axis(v, func(c *results.Config, s string) { c.Op = s }) }

// Rows varies the rows of a batch.
func Rows(v ...int64) Axis { return axis(v, func(c *results.Config, n int64) { c.Rows = n }) }

// Codecs varies the compression.
func Codecs(v ...string) Axis {
	return axis(v, func(c *results.Config, s string) { c.Compression = s })
}

// Transports varies the client's transport.
func Transports(v ...string) Axis {
	return axis(v, func(c *results.Config, s string) { c.Transport = s })
}

// Streams varies the streams in flight.
func Streams(v ...int) Axis { return axis(v, func(c *results.Config, n int) { c.Concurrency = n }) }

// Workloads varies the workload.
func Workloads(v ...string) Axis {
	return axis(v, func(c *results.Config, s string) { c.Workload = s })
}

func axis[T any](values []T, set func(*results.Config, T)) Axis {
	var a Axis
	for _, v := range values {
		a = append(a, func(c *results.Config) { set(c, v) })
	}
	return a
}

// Targets varies the target.
func Targets(v ...string) Axis {
	return axis(v, func(c *results.Config, s string) { c.Target = s })
}

// TLS varies how the connection is secured.
func TLS(v ...string) Axis { return axis(v, func(c *results.Config, s string) { c.TLS = s }) }

// Auth varies how the client proves who it is.
func Auth(v ...string) Axis { return axis(v, func(c *results.Config, s string) { c.Auth = s }) }

// Headers varies the headers added to each call.
func Headers(v ...int) Axis { return axis(v, func(c *results.Config, n int) { c.Headers = n }) }

// Middlewares varies the middlewares of the server.
func Middlewares(v ...int) Axis {
	return axis(v, func(c *results.Config, n int) { c.Middleware = n })
}

// Matrix is a trial for each point of the product of the axes and each
// repeat, in a shuffled order.
func Matrix(repeats int, axes ...Axis) []*results.Trial {
	rng := rand.New(rand.NewPCG(1, 2))
	configs := product(axes)
	var trials []*results.Trial
	for round := 1; round <= repeats; round++ {
		for _, i := range rng.Perm(len(configs)) {
			trials = append(trials, Trial(fmt.Sprintf("t%03d", len(trials)+1), round, configs[i], rng))
		}
	}
	return trials
}

// Plan is a trial for each Config and each repeat, in a shuffled order, with
// ids that name the round and the place of the Config.
func Plan(repeats int, configs []results.Config) []*results.Trial {
	rng := rand.New(rand.NewPCG(1, 2))
	var trials []*results.Trial
	for round := 1; round <= repeats; round++ {
		for _, i := range rng.Perm(len(configs)) {
			trials = append(trials, Trial(fmt.Sprintf("%d.%d", round, i+1), round, configs[i], rng))
		}
	}
	return trials
}

// OneAtATime is, for each point of whole, the first values of the axes, and
// each other value with only that changed.
func OneAtATime(whole []Axis, axes ...Axis) []results.Config {
	var configs []results.Config
	for _, c := range product(whole) {
		for _, a := range axes {
			a[0](&c)
		}
		configs = append(configs, c)
		for _, a := range axes {
			for _, set := range a[1:] {
				d := c
				set(&d)
				configs = append(configs, d)
			}
		}
	}
	return configs
}

// FeatureCosts is a run of what each feature costs a get and a call of info.
func FeatureCosts(repeats int) []*results.Trial {
	return Plan(repeats, OneAtATime([]Axis{Ops("get", "info")}, TLS("off", "on", "mtls"), Codecs("none", "lz4", "zstd"),
		Auth("none", "token", "basic"), Headers(0, 1, 10, 100), Middlewares(0, 10)))
}

// product is Config at every point of the axes' product, the last axis fastest.
func product(axes []Axis) []results.Config {
	configs := []results.Config{Config()}
	for _, a := range axes {
		var next []results.Config
		for _, c := range configs {
			for _, set := range a {
				d := c
				set(&d)
				next = append(next, d)
			}
		}
		configs = next
	}
	return configs
}

// Trial makes up one trial of c with a timeline of an interval a second.
func Trial(id string, round int, c results.Config, rng *rand.Rand) *results.Trial {
	if name, ok := calls[strings.SplitN(c.Op, ":", 2)[0]]; ok {
		return callTrial(id, round, c, name, rng)
	}
	if c.Op == "query" || c.Op == "prepared" {
		return queryTrial(id, round, c, rng)
	}
	rate, clientCPU, serverCPU := model(c)
	rate *= 1 + 0.06*(rng.Float64()-0.5)
	t := &results.Trial{
		ID: id, Round: round, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid,
		Started: Start.Add(time.Duration(rng.IntN(50_000)) * time.Millisecond), Seconds: c.Duration,
		Metrics: map[string]results.Metric{}, Latencies: map[string]results.Latency{}, Hists: map[string]*results.Encoded{},
	}
	body := float64(c.Rows * 32)
	ratio := 1.0 // of the codec
	if c.Compression != "none" {
		ratio = 2.5
	}
	for s := range int(c.Duration) {
		r := rate * (1 + 0.1*(rng.Float64()-0.5))
		batches := int64(r / body)
		iv := results.Interval{Start: float64(s), Seconds: 1, Batches: batches, Rows: batches * c.Rows, Streams: batches / c.Batches}
		iv.Bytes = results.Bytes{Logical: int64(ratio * float64(batches*c.Rows*32)), Body: batches * c.Rows * 32, Wire: batches * (c.Rows*32 + 240)}
		t.Timeline = append(t.Timeline, iv)
		t.Bytes.Logical += iv.Bytes.Logical
		t.Bytes.Body += iv.Bytes.Body
		t.Bytes.Wire += iv.Bytes.Wire
		t.Rows += iv.Rows
		t.Batches += iv.Batches
		t.Streams += iv.Streams
	}
	metric := func(name, unit, better string, v float64) {
		t.Metrics[name] = results.Metric{Value: v, Unit: unit, Better: better}
	}
	metric(results.BodyRate, "B/s", "higher", float64(t.Bytes.Body)/t.Seconds)
	metric(results.LogicalRate, "B/s", "higher", float64(t.Bytes.Logical)/t.Seconds)
	metric(results.WireRate, "B/s", "higher", float64(t.Bytes.Wire)/t.Seconds)
	metric(results.RowRate, "rows/s", "higher", float64(t.Rows)/t.Seconds)
	metric(results.BatchRate, "batches/s", "higher", float64(t.Batches)/t.Seconds)
	metric(results.StreamRate, "streams/s", "higher", float64(t.Streams)/t.Seconds)
	metric(results.ClientCPU, "s/GB", "lower", clientCPU*(1+0.05*rng.Float64()))
	metric(results.ServerCPU, "s/GB", "lower", serverCPU*(1+0.05*rng.Float64()))
	metric("client_alloc_bytes_per_gigabyte", "B/GB", "lower", 2e7)
	metric("client_allocs_per_batch", "1/batch", "lower", 3.5)

	gap := body * float64(c.Concurrency) / rate * 1e9
	latency(t, rng, "first_batch", 3*gap+4e5, 0.35, 30)
	latency(t, rng, "stream", gap*float64(c.Batches), 0.1, 20)
	switch c.Op {
	case "get":
		latency(t, rng, "info", 3e5, 0.3, 30)
		latency(t, rng, "batch_gap", gap, 0.5, 2000)
	case "put":
		latency(t, rng, "put_ack", 4*gap+2e5, 0.4, 2000)
	case "exchange":
		latency(t, rng, "exchange", 5*gap+3e5, 0.4, 2000)
	}
	t.Whole = results.Whole{Streams: t.Streams + 4, Cut: 4, Batches: t.Batches + 50, Rows: t.Rows + 50*c.Rows, Body: t.Bytes.Body}
	t.Server = &results.Peer{Version: "v0.1.0", Transport: "grpc", PID: 4242, Batches: t.Batches + 50, Rows: t.Rows + 50*c.Rows, CPUSeconds: serverCPU}
	return t
}

// model says what c might reach: bytes a second, and CPU seconds a GB.
func model(c results.Config) (rate, client, server float64) {
	perBatch, perByte := 1.2e-6, 0.33e-9
	switch c.Op {
	case "put":
		perByte *= 1.25
	case "exchange":
		perByte *= 2.2
	}
	switch c.Transport {
	case "direct":
		perBatch, perByte = perBatch*0.5, perByte*0.5
	case "stock":
		perBatch, perByte = perBatch*2, perByte*1.7
	}
	switch c.Compression {
	case "none":
	case "lz4":
		perByte *= 2.1
	default:
		perByte *= 5
	}
	switch c.TLS {
	case "on":
		perByte *= 1.6
	case "mtls":
		perByte *= 1.62
	}
	perBatch += 2e-8 * float64(c.Headers+c.Middleware)
	body := float64(c.Rows * 32)
	seconds := perBatch + perByte*body
	rate = body / seconds * math.Min(4, math.Sqrt(float64(c.Concurrency))) / 2
	return rate, seconds / body * 1e9 * 1.9, seconds / body * 1e9 * 1.3
}

// latency records n log-normal samples an interval around median nanoseconds,
// with a tail.
func latency(t *results.Trial, rng *rand.Rand, name string, median, sigma float64, n int) {
	e := &results.Encoded{}
	for i := range t.Timeline {
		iv := &t.Timeline[i]
		h := results.NewHistogram()
		for range n {
			v := median * math.Exp(sigma*rng.NormFloat64())
			if rng.IntN(200) == 0 {
				v *= 8
			}
			if err := h.RecordValue(int64(v)); err != nil {
				panic(err)
			}
		}
		if i == 0 { // one is enough, they take their time
			if iv.Latencies == nil {
				iv.Latencies = map[string]results.Latency{}
			}
			iv.Latencies[name] = results.Summarise(h, 0, 0)
		}
		e.Intervals = append(e.Intervals, results.IntervalHistogram{Start: iv.Start, Seconds: iv.Seconds, Histogram: h})
	}
	t.Hists[name] = e
	all, _ := e.Merged()
	t.Latencies[name] = results.Summarise(all, 0, 0)
}
