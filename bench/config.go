package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// How often a DoPut batch asks for an ack.
const (
	AckNone = "none"
	AckLast = "last"
	AckAll  = "all"
)

// maxConcurrency bounds the streams in flight: each costs memory on both ends.
const maxConcurrency = 1 << 20

// streamBytes is what the automatic number of batches makes of a stream.
const streamBytes = 64 << 20

// DefaultConfig is 65,536-row perf batches read over two streams of one
// connection.
func DefaultConfig() results.Config {
	return results.Config{
		Target: "embedded", Op: OpGet, Transport: string(wire.Direct), TLS: "off",
		Workload: "perf", Rows: 65536, Entropy: 1, Seed: 1, Compression: "none", Decode: "count", PutAck: AckLast,
		Concurrency: 2, Connections: 1, Endpoints: 1, Duration: 1.5, Warmup: 0.5,
		MaxMessage: 1 << 30, GOMAXPROCS: runtime.GOMAXPROCS(0), Auth: "none", Location: LocationListed, IngestMode: IngestAppend,
	}
}

// Validate names the first field that cannot be measured, its value and the
// remedy. It has no side effects.
func Validate(c results.Config) error {
	choice := func(field, value string, of ...string) error {
		if !slices.Contains(of, value) {
			return fmt.Errorf("--%s %q is unknown: use %s", field, value, strings.Join(of, ", "))
		}
		return nil
	}
	kind, err := kindOf(c.Op)
	if err != nil {
		return err
	}
	if kind.rung {
		return fmt.Errorf("--op %s is a ceiling, which is measured beside what it is the ceiling of: use flightbench ceiling, or run --ceiling", c.Op)
	}
	if _, err := wire.ParseTransport(c.Transport); err != nil {
		return fmt.Errorf("--transport: %w", err)
	}
	if _, err := wire.ParseCompression(c.Compression); err != nil {
		return fmt.Errorf("--compression: %w", err)
	}
	if err := choice("tls", c.TLS, "off", "on", "mtls"); err != nil {
		return err
	}
	if err := choice("decode", c.Decode, "count", "batch", "verify"); err != nil {
		return err
	}
	if err := choice("put-ack", c.PutAck, AckNone, AckLast, AckAll); err != nil {
		return err
	}
	if err := validateAccess(c); err != nil {
		return err
	}
	if err := validateRequest(c, kind); err != nil {
		return err
	}
	if err := validateLoad(c, kind); err != nil {
		return err
	}
	spec, err := SpecOf(c)
	if err != nil {
		return err
	}
	if err := ticketOf(c, spec).Validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		flag       string
		value, min int64
	}{
		{"concurrency", int64(c.Concurrency), 1}, {"connections", int64(c.Connections), 1},
		{"batches", c.Batches, 0}, {"endpoints", int64(c.Endpoints), 1}, {"total", c.Total, 0},
		{"headers", int64(c.Headers), 0}, {"middleware", int64(c.Middleware), 0},
	} {
		if f.value < f.min {
			return fmt.Errorf("--%s %d is too small: use at least %d", f.flag, f.value, f.min)
		}
	}
	if err := validateTuning(c); err != nil {
		return err
	}
	switch {
	case c.Concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency %d is too large: use at most %d", c.Concurrency, maxConcurrency)
	case c.Connections > c.Concurrency:
		return fmt.Errorf("--connections %d exceeds --concurrency %d: a connection without a stream measures nothing", c.Connections, c.Concurrency)
	case c.Warmup < 0:
		return fmt.Errorf("--warmup %vs is negative: use 0 or more", c.Warmup)
	case c.Total == 0 && c.Duration <= 0:
		return fmt.Errorf("--duration %vs is no length of time: use one above 0, or --total", c.Duration)
	case c.BatchBytes > c.MaxMessage-(64<<10):
		return fmt.Errorf("--batch-bytes %d exceeds the message limit: raise --max-message (now %d) or use smaller batches", c.BatchBytes, c.MaxMessage)
	case oneBatch(spec)*3/5 > c.MaxMessage:
		return fmt.Errorf("--rows %d makes a batch of %s exceed the message limit: raise --max-message (now %d) or use fewer rows", c.Rows, c.Workload, c.MaxMessage)
	case spec.EstimateBytes() > 16<<30:
		return fmt.Errorf("--workload %s with %d rows needs about %d MB of memory for its %d distinct batches: use smaller batches or fewer (--distinct)",
			c.Workload, c.Rows, spec.EstimateBytes()/1e6, c.Distinct)
	}
	return nil
}

// validateTuning refuses sizes that a transport would refuse, or ignore as
// grpc-go does with small windows, once servers are up.
func validateTuning(c results.Config) error {
	for _, f := range []struct {
		flag          string
		value, lo, hi int64
	}{
		{"window", c.Window, 1<<16 - 1, 1<<31 - 1}, {"conn-window", c.ConnWindow, 1<<16 - 1, 1<<31 - 1},
		{"read-buffer", c.ReadBuffer, 4 << 10, 64 << 20}, {"write-buffer", c.WriteBuffer, 4 << 10, 64 << 20},
		{"max-frame", c.MaxFrame, 1 << 14, 1<<24 - 1},
	} {
		if f.value != 0 && (f.value < f.lo || f.value > f.hi) {
			return fmt.Errorf("--%s %d is out of range: use %d to %d, or 0 for the transport's default", f.flag, f.value, f.lo, f.hi)
		}
	}
	if c.MaxFrame != 0 && c.Transport != string(wire.Direct) {
		return fmt.Errorf("--max-frame %d is for --transport direct only: the frames of %s are grpc-go's", c.MaxFrame, c.Transport)
	}
	if err := validateDistance(c); err != nil {
		return err
	}
	if c.MaxMessage < 1<<16 || c.MaxMessage > 1<<31-1 {
		return fmt.Errorf("--max-message %d is out of range: use %d to %d", c.MaxMessage, 1<<16, 1<<31-1)
	}
	return nil
}

// oneBatch estimates the bytes of a batch, on the high side; the exact check
// against the message limit follows once a batch is there.
func oneBatch(spec workloads.Spec) int64 {
	spec.Distinct = 1
	return spec.EstimateBytes()
}

// SpecOf is the workload of c.
func SpecOf(c results.Config) (workloads.Spec, error) {
	spec, err := workloads.Parse(c.Workload)
	if err != nil {
		return spec, fmt.Errorf("--workload: %w", err)
	}
	spec.Rows, spec.BatchBytes, spec.Entropy, spec.Seed, spec.Distinct = c.Rows, c.BatchBytes, c.Entropy, c.Seed, c.Distinct
	return spec, nil
}

// validateAccess checks how calls are made and ended.
func validateAccess(c results.Config) error {
	switch c.Auth {
	case "none", "token", "basic", "handshake", "handshake-plain":
	default:
		return fmt.Errorf("--auth %q is unknown: use none, token, basic, handshake or handshake-plain", c.Auth)
	}
	switch {
	case c.Headers > maxHeaders:
		return fmt.Errorf("--headers %d is too many: a server may refuse a header list of more than 16 KiB; use at most %d", c.Headers, maxHeaders)
	case c.Middleware > maxHeaders:
		return fmt.Errorf("--middleware %d is too many: use at most %d", c.Middleware, maxHeaders)
	case c.Timeout < 0:
		return fmt.Errorf("--timeout %v is negative: use 0 for none", duration(c.Timeout))
	case c.Stall < 0:
		return fmt.Errorf("--stall %v is negative: use 0 for never", duration(c.Stall))
	}
	if _, err := parseCancelAfter(c.CancelAfter); err != nil {
		return err
	}
	if c.Location != LocationListed && c.Location != LocationOriginal {
		from, to, ok := strings.Cut(strings.TrimPrefix(c.Location, rewritePrefix), "=")
		if !strings.HasPrefix(c.Location, rewritePrefix) || !ok || from == "" || to == "" {
			return fmt.Errorf("--location %q is unknown: use listed, original or rewrite:FROM=TO", c.Location)
		}
	}
	return nil
}

// maxHeaders keeps --headers under the 16 KiB that most servers accept.
const maxHeaders = 200

// validateRequest checks what is asked for.
func validateRequest(c results.Config, kind opKind) error {
	var given []string
	for _, f := range []struct{ flag, value string }{{"--path", c.Path}, {"--cmd", c.Cmd}, {"--ticket", c.Ticket}, {"--sql", c.SQL}} {
		if f.value != "" {
			given = append(given, f.flag)
		}
	}
	switch {
	case len(given) > 1:
		return fmt.Errorf("%s each say what is asked for: give one of them", strings.Join(given, " and "))
	case c.Ticket != "" && kind.name != OpGet:
		return fmt.Errorf("--ticket is for --op get: --op %s needs --path or --cmd", c.Op)
	case c.Poll && c.Ticket != "":
		return errors.New("--poll asks with a descriptor, and --ticket is none: use --path or --cmd")
	case len(given) == 1 && c.Decode == "verify":
		return fmt.Errorf("--decode verify compares with a workload, and %s asks for something else: use --decode batch", given[0])
	case c.CancelAfter != "" && kind.calls:
		return fmt.Errorf("--cancel-after ends streams of batches, and --op %s has none", c.Op)
	}
	if c.Provoke != "" {
		if len(given) > 0 || kind.calls {
			return fmt.Errorf("--provoke has streams of the workload fail, and %s asks for none", strings.Join(append(given, "--op "+c.Op), " with "))
		}
		t := workloads.Ticket{}
		if err := provoke(&t, c.Provoke); err != nil {
			return err
		}
	}
	return validateSQL(c, kind)
}

// provoke has t end by the error that s, KIND or KIND:EVERY, says.
func provoke(t *workloads.Ticket, s string) error {
	kind, every, counted := strings.Cut(s, ":")
	t.Fail = kind
	if counted {
		n, err := strconv.ParseInt(every, 10, 64)
		if err != nil || n < 1 {
			return fmt.Errorf("--provoke %q: %q is no number of streams: write KIND:EVERY, such as unavailable:10", s, every)
		}
		t.FailEvery = n
	}
	if !slices.Contains(workloads.FailKinds(), kind) {
		return fmt.Errorf("--provoke %q is unknown: use %s", kind, strings.Join(workloads.FailKinds(), ", "))
	}
	return nil
}

// ticketOf is what c asks of a flightbench server.
func ticketOf(c results.Config, spec workloads.Spec) workloads.Ticket {
	t := workloads.Ticket{Spec: spec, Batches: max(c.Batches, 1), Compression: c.Compression, Endpoints: c.Endpoints, Decode: c.Decode}
	if c.Provoke != "" {
		_ = provoke(&t, c.Provoke) // Validate has checked it
	}
	return t
}

// autoBatches is the number of batches of a stream where none is asked for:
// about 64 MiB of Arrow buffers a stream, and at least 64 batches. It does not
// depend on codec or transport, so that their streams are alike. logical is a
// batch's, 0 where it is unknown.
func autoBatches(logical int64) int64 {
	if logical == 0 {
		return 64
	}
	return max(64, (streamBytes+logical-1)/logical)
}

func duration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// CheckFiles reads the files that the Configs name, so that one that cannot be
// read is told before anything is measured, and returns the paths of workloads.
func CheckFiles(ctx context.Context, configs []results.Config) ([]string, error) {
	if err := checkSQLFiles(ctx, configs); err != nil {
		return nil, err
	}
	var paths []string
	for _, c := range configs {
		if c.Workload == "" {
			continue
		}
		spec, err := SpecOf(c)
		if err != nil {
			return nil, err
		}
		if spec.Path == "" || slices.Contains(paths, spec.Path) {
			continue
		}
		set, err := workloads.Generate(ctx, spec, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		set.Release()
		paths = append(paths, spec.Path)
	}
	return paths, nil
}
