// Package results holds what a run measured: the types of the JSON contract,
// their storage in a run directory, and the pure functions that summarise them.
// It knows neither gRPC nor Flight.
package results

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Schema is the version of the JSON contract. Fields are only ever added.
const Schema = 1

// Status of a Trial or a Run.
const (
	StatusOK       = "ok"       // ran to its end
	StatusPartial  = "partial"  // interrupted, what was measured until then is kept
	StatusFailed   = "failed"   // ended by an error; see Trial.Error and Trial.Errors
	StatusComplete = "complete" // Run only: every planned trial is there
)

// Verdict of a Trial: whether its figures may be believed.
const (
	VerdictValid          = "valid"
	VerdictGeneratorBound = "generator-bound"
	VerdictUnstable       = "unstable"
	VerdictIncomplete     = "incomplete"
	VerdictClock          = "clock"
)

// Config is one fully resolved point of Target × Transport × Operation ×
// Workload × Load × Tuning. Its JSON names are the flags' names in snake_case.
// Sizes are bytes, durations seconds. The zero value is no valid Config.
type Config struct {
	Target          string  `json:"target"`           // name of the target: its URI, or "embedded"
	Op              string  `json:"op"`               // get, put, exchange, info, action:NAME, query, ...; see bench
	Transport       string  `json:"transport"`        // the client's: direct, grpc, stock
	ServerTransport string  `json:"server_transport"` // the server's own word, "" where it is not ours
	TLS             string  `json:"tls"`              // off, on, mtls
	Workload        string  `json:"workload"`         // perf, wide:200, file:PATH, ...
	Rows            int64   `json:"rows"`             // rows of a batch, resolved; 0 for a file's own batches
	BatchBytes      int64   `json:"batch_bytes"`      // asked body bytes of a batch before the codec; 0: sized by rows
	Entropy         float64 `json:"entropy"`          // 0..1, 1 the workload's own distribution
	Distinct        int     `json:"distinct"`         // distinct batches in rotation
	Seed            uint64  `json:"seed"`             // of the generator and of the order of trials
	Compression     string  `json:"compression"`      // none, lz4, zstd, zstd:LEVEL
	Decode          string  `json:"decode"`           // count, batch, verify
	PutAck          string  `json:"put_ack"`          // none, last, all
	Concurrency     int     `json:"concurrency"`      // streams in flight; in an open loop the most of them
	Connections     int     `json:"connections"`      // HTTP/2 connections
	Batches         int64   `json:"batches"`          // of one stream
	Endpoints       int     `json:"endpoints"`        // asked of GetFlightInfo
	Total           int64   `json:"total"`            // measured streams; 0: by duration
	Duration        float64 `json:"duration"`         // seconds of the measured window; 0: by total
	Warmup          float64 `json:"warmup"`           // seconds before it
	Window          int64   `json:"window"`           // HTTP/2 stream window; 0: the transport's default
	ConnWindow      int64   `json:"conn_window"`      // HTTP/2 connection window; 0: the transport's default
	ReadBuffer      int64   `json:"read_buffer"`      // 0: the transport's default
	WriteBuffer     int64   `json:"write_buffer"`     // 0: the transport's default
	MaxFrame        int64   `json:"max_frame"`        // largest HTTP/2 frame announced; 0: the transport's default
	MaxMessage      int64   `json:"max_message"`      // largest gRPC message accepted
	RTT             float64 `json:"rtt"`              // seconds of a round trip that connections imitate beside the real one; 0: none
	Bandwidth       float64 `json:"bandwidth"`        // bytes a second of the network that they imitate; 0: unlimited
	Loss            float64 `json:"loss"`             // share of packets that the kernel drops on the way; 0: none
	InProcess       bool    `json:"in_process"`       // client and server share a process
	GOMAXPROCS      int     `json:"gomaxprocs"`       // of the client

	// Access.
	Auth          string `json:"auth"`            // none, token, basic, handshake, handshake-plain
	Headers       int    `json:"headers"`         // headers that the client adds to each call, beside what else it must send
	Middleware    int    `json:"middleware"`      // middlewares on the embedded server's path
	TLSSkipVerify bool   `json:"tls_skip_verify"` // the server's certificate was not verified
	TLSMin        string `json:"tls_min"`         // lowest TLS version of the client: 1.2, 1.3; "" without TLS

	// What is asked for. At most one of Path, Cmd, Ticket and SQL is set; without one the workload is asked for.
	Request     string  `json:"request"`      // resolved: flightbench, perf, path, cmd, ticket, sql; "" where an operation asks for nothing
	Path        string  `json:"path"`         // descriptor path, its parts joined by /
	Cmd         string  `json:"cmd"`          // descriptor command as given: text, @FILE or hex:DIGITS
	Ticket      string  `json:"ticket"`       // as Cmd; no GetFlightInfo is made
	SQL         string  `json:"sql"`          // statement, or @FILE with several
	Params      string  `json:"params"`       // Arrow file with the parameters of a prepared statement
	Table       string  `json:"table"`        // of an ingest
	IngestMode  string  `json:"ingest_mode"`  // append, create, replace
	Transaction bool    `json:"transaction"`  // each iteration of a SQL operation is a transaction
	Poll        bool    `json:"poll"`         // a get calls PollFlightInfo until complete, not GetFlightInfo
	Ordered     bool    `json:"ordered"`      // endpoints are read one after another, not all at a time
	Location    string  `json:"location"`     // which of an endpoint's locations is read: listed, original, rewrite:FROM=TO
	Timeout     float64 `json:"timeout"`      // seconds of a call, its gRPC deadline; 0: none
	Stall       float64 `json:"stall"`        // seconds without a message after which a stream is given up; 0: never
	CancelAfter string  `json:"cancel_after"` // a stream is canceled after so many batches (16) or that time (50ms); "": never
	Provoke     string  `json:"provoke"`      // error that the embedded server is asked for: KIND or KIND:EVERY; "": none

	// Open loop: streams are begun when they are due, whether or not others have ended, and Concurrency caps how many are
	// in flight. At most one of RPS, Rate and Schedule is set; without one each of Concurrency slots begins its next stream
	// when its last one has ended.
	RPS      float64 `json:"rps"`      // asked starts a second
	Rate     float64 `json:"rate"`     // asked body bytes a second
	Schedule string  `json:"schedule"` // asked starts a second over the window: RATE/LENGTH and FROM-TO/LENGTH, joined by commas
	Arrival  string  `json:"arrival"`  // constant, poisson; "" in a closed loop
}

// Open tells whether c is measured in an open loop.
func (c Config) Open() bool { return c.RPS != 0 || c.Rate != 0 || c.Schedule != "" }

// Axes are the Config fields that may vary within a run, in the order in which
// tables and plots name them.
var Axes = []string{"target", "op", "transport", "tls", "workload", "rows", "batch_bytes", "compression", "decode", "concurrency", "connections",
	"auth", "headers", "middleware"}

// Axis returns the printed value of the field whose JSON name is name, and
// whether there is one.
func (c Config) Axis(name string) (string, bool) {
	i, ok := configFields[name]
	if !ok {
		return "", false
	}
	switch f := reflect.ValueOf(c).Field(i); f.Kind() {
	case reflect.String:
		return f.String(), true
	case reflect.Bool:
		return strconv.FormatBool(f.Bool()), true
	case reflect.Float64:
		return strconv.FormatFloat(f.Float(), 'g', -1, 64), true
	case reflect.Uint64:
		return strconv.FormatUint(f.Uint(), 10), true
	default:
		return strconv.FormatInt(f.Int(), 10), true
	}
}

// Key identifies the Config: equal keys are repeats of one Config.
func (c Config) Key() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("results: a Config of plain fields did not marshal: %v", err))
	}
	return string(b)
}

// Bytes counts one trial's bytes three ways. For DoExchange every count holds
// both directions.
type Bytes struct {
	Logical int64 `json:"logical"` // Arrow buffers before the codec, without padding
	Body    int64 `json:"body"`    // IPC bodies after the codec, with their padding
	Wire    int64 `json:"wire"`    // what the sockets carried in the window, both directions, with framing and TLS
}

// Metric is one figure with its unit and the direction that is better
// ("higher" or "lower").
type Metric struct {
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
}

// Latency summarises one HDR histogram (1 µs–1 h, 3 digits). All figures are
// nanoseconds.
type Latency struct {
	Unit  string  `json:"unit"` // always "ns"
	Count int64   `json:"count"`
	Below int64   `json:"below"` // samples under 1 µs: counted in the histogram, at reduced resolution
	Above int64   `json:"above"` // samples over 1 h: not in the histogram nor in Count
	Min   int64   `json:"min"`
	Mean  float64 `json:"mean"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P95   int64   `json:"p95"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	P9999 int64   `json:"p9999"`
	Max   int64   `json:"max"`
}

// Interval is one slice of the timeline.
type Interval struct {
	Start     float64            `json:"start"`   // seconds since the window began
	Seconds   float64            `json:"seconds"` // its true length
	Bytes     Bytes              `json:"bytes"`
	Rows      int64              `json:"rows"`
	Batches   int64              `json:"batches"`
	Streams   int64              `json:"streams"`
	Latencies map[string]Latency `json:"latencies,omitempty"` // those with a sample in the interval
	Pace      *Pace              `json:"pace,omitempty"`      // in an open loop
}

// Pace is asked against achieved in an interval, in streams a second. A stream
// is what --rps counts: one of get is every endpoint of a GetFlightInfo.
type Pace struct {
	Asked   float64 `json:"asked"`
	Started float64 `json:"started"`
	Ended   float64 `json:"ended"` // that went well
}

// Peer is what a flightbench server said it counted for this trial, from
// before its first stream until after its last one, warm-up included. Absent
// where the server is not ours.
type Peer struct {
	Version    string  `json:"version"`
	Transport  string  `json:"transport"`
	PID        int     `json:"pid"`
	Streams    int64   `json:"streams"`
	Batches    int64   `json:"batches"` // sent for get, received for put, both for exchange
	Rows       int64   `json:"rows"`
	Body       int64   `json:"body"`
	CPUSeconds float64 `json:"cpu_seconds"`
	AllocBytes int64   `json:"alloc_bytes"`
}

// Whole counts the client's side over the same span as Peer: every stream,
// whether or not its end lay in the window. Where no stream was cut, Rows and
// Batches equal the Peer's exactly; Wire equals what the trial's sockets
// carried from connect to close.
type Whole struct {
	Streams        int64 `json:"streams"`
	Cut            int64 `json:"cut"` // streams ended by the end of the window
	Batches        int64 `json:"batches"`
	Rows           int64 `json:"rows"`
	Body           int64 `json:"body"`
	WireRead       int64 `json:"wire_read"`
	WireWritten    int64 `json:"wire_written"`
	ControlRead    int64 `json:"control_read"` // bytes of the connection beside the measured ones
	ControlWritten int64 `json:"control_written"`
	Acks           int64 `json:"acks"`          // PutResults received
	RealignBytes   int64 `json:"realign_bytes"` // copied because a body arrived misaligned
	Canceled       int64 `json:"canceled"`      // streams ended by --cancel-after
	Renewals       int64 `json:"renewals"`      // logins anew because a token had expired
	Failovers      int64 `json:"failovers"`     // streams that went to an endpoint's next location, the one before being out of reach

	EndpointRenewals int64 `json:"endpoint_renewals"` // RenewFlightEndpoint calls that were answered
}

// Trial is one timed execution of one Config.
type Trial struct {
	ID          string              `json:"id"`    // unique within its run
	Round       int                 `json:"round"` // 1 is the first
	Config      Config              `json:"config"`
	Status      string              `json:"status"`
	Verdict     string              `json:"verdict"`
	Evidence    []string            `json:"verdict_evidence,omitempty"` // the figures that led to a verdict other than valid
	Warnings    []string            `json:"warnings"`
	Error       string              `json:"error,omitempty"` // the first error of a failed trial
	Errors      map[string]int64    `json:"errors"`          // by gRPC code name, in and out of the window
	Started     time.Time           `json:"started"`         // when the window began
	Seconds     float64             `json:"seconds"`         // length of the window
	Took        float64             `json:"took,omitempty"`  // seconds of all of it: setting up, warming up, the window, closing
	Phase       string              `json:"phase,omitempty"` // of the search that asked for it: ramp, bracket, narrow, confirm, race, ...
	Bytes       Bytes               `json:"bytes"`
	Rows        int64               `json:"rows"`
	Batches     int64               `json:"batches"`
	Streams     int64               `json:"streams"`
	Metrics     map[string]Metric   `json:"metrics"`
	Approximate []string            `json:"approximate,omitempty"` // metrics that are estimates on this transport
	Latencies   map[string]Latency  `json:"latencies"`
	Timeline    []Interval          `json:"timeline"`
	Whole       Whole               `json:"whole"`
	Server      *Peer               `json:"server,omitempty"`
	Failures    map[string]int64    `json:"failures,omitempty"` // as Errors, by Flight's names: unavailable, unauthenticated, unauthorized, timed_out, cancelled, internal, server_error, ...
	Served      map[string]int64    `json:"served,omitempty"`   // data streams by the address that served them, where there were others than the target's
	Hists       map[string]*Encoded `json:"-"`                  // the full histograms, for latency.hlog
}

// Run is the header of one invocation.
type Run struct {
	Schema      int          `json:"schema"`
	Name        string       `json:"name"`
	Version     string       `json:"version"`
	Command     []string     `json:"command"`         // argv, secrets removed
	Suite       string       `json:"suite,omitempty"` // text of the suite that was run
	Started     time.Time    `json:"started"`
	Ended       time.Time    `json:"ended,omitzero"`
	Status      string       `json:"status"` // complete or partial
	Planned     int          `json:"planned"`
	Plan        *Plan        `json:"plan,omitempty"`    // what to go on with after an interruption
	Resumed     []time.Time  `json:"resumed,omitempty"` // when it was gone on with
	Seed        uint64       `json:"seed"`
	Environment Environment  `json:"environment"`
	Parts       []MergedPart `json:"parts,omitempty"`    // the runs that it was merged from
	Capacity    *Capacity    `json:"capacity,omitempty"` // what a search for it found
	Tuning      *Tuning      `json:"tuning,omitempty"`   // what a search for the best settings found
}

// Environment is where the run took place.
type Environment struct {
	Hostname    string  `json:"hostname"`
	OS          string  `json:"os"`
	Kernel      string  `json:"kernel"`
	Arch        string  `json:"arch"`
	CPU         string  `json:"cpu"`
	Cores       int     `json:"cores"`
	MemoryBytes int64   `json:"memory_bytes"`
	Governor    string  `json:"governor"`     // CPU frequency governor, "" where the machine shows none
	Virtual     string  `json:"virtual"`      // hypervisor, "" where none is seen
	StealShare  float64 `json:"steal_share"`  // of CPU time over the run, stolen by the hypervisor
	ClockSource string  `json:"clock_source"` // the kernel's
	Go          string  `json:"go"`
	GRPC        string  `json:"grpc"`
	Arrow       string  `json:"arrow"`
	GOMAXPROCS  int     `json:"gomaxprocs"`
	GOGC        string  `json:"gogc"`
	GOMEMLIMIT  string  `json:"gomemlimit"`
}

// Document is what `-O json` prints.
type Document struct {
	Schema  int      `json:"schema"`
	Run     Run      `json:"run"`
	Trials  []*Trial `json:"trials"`
	Summary *Summary `json:"summary,omitempty"` // of the trials, each Config's together
}
