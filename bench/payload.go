package bench

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/workloads"
)

// What a Config asks its server for: Config.Request.
const (
	RequestFlightbench = "flightbench" // the workload, by a ticket of ours
	RequestPerf        = "perf"        // the workload perf, by Arrow's perf.proto
	RequestPath        = "path"
	RequestCmd         = "cmd"
	RequestTicket      = "ticket"
	RequestSQL         = "sql"
)

// payload is a trial's workload, made ready on both sides before it is timed.
// What it holds belongs to the cache.
type payload struct {
	spec     workloads.Spec
	prepared *wire.Prepared // to be sent; nil for operations that do not send
	set      *workloads.Set // to verify what is received; nil: nothing is verified
}

// sends tells whether the operation sends the workload.
func (k opKind) sends() bool { return k.name == OpPut || k.name == OpExchange || k.name == OpIngest }

// preparePayload has the batches made, here and on a server of ours, and
// settles what follows from them: rows, distinct batches, batches of a stream.
func (t *trial) preparePayload(ctx context.Context) (err error) {
	c := t.config
	if t.kind.rung {
		return t.prepareRung(ctx)
	}
	if t.before != nil {
		c.ServerTransport = t.before.Transport
	}
	c.Request = requestOf(*c, t.kind)
	if !ofWorkload(*c, t.kind) {
		return nil
	}
	if t.payload.spec, err = SpecOf(*c); err != nil {
		return err
	}
	verify := c.Decode == "verify" && (t.kind.name == OpGet || t.kind.name == OpExchange) && c.Request == RequestFlightbench
	var body, logical int64 // of a batch
	if t.kind.sends() || verify {
		set, err := t.cache.set(ctx, t.payload.spec)
		if err != nil {
			return err
		}
		t.payload.spec = set.Spec
		body, logical = set.Batches[0].BodyBytes, set.Batches[0].LogicalBytes
		if t.kind.sends() {
			if t.payload.prepared, err = t.cache.prepared(ctx, set.Spec, t.transport, c.Compression); err != nil {
				return err
			}
		}
		if verify {
			t.payload.set = set
		}
	}
	spec := t.payload.spec
	rows, distinct := spec.Rows, spec.Distinct
	if c.Request == RequestFlightbench && t.before != nil && (!t.kind.sends() || c.Decode == "verify") {
		ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
		defer cancel()
		// The streams ask with the same spec, so that they find what is prepared now.
		made, err := t.control.prepare(ctx, ticketOf(*c, spec))
		if err != nil {
			return err
		}
		rows, distinct = made.RowsPerBatch, made.Batches
		body, logical = max(body, made.BodyBytes[0]), made.LogicalBytes[0]
	}
	if limit := c.MaxMessage - messageOverhead; body > limit {
		return status.Errorf(codes.ResourceExhausted, "a batch has %d body bytes, the message limit --max-message %d: raise it or use smaller batches", body, c.MaxMessage)
	}
	if spec.Rows > 0 || spec.BatchBytes > 0 { // else the file's own batches, which may differ
		c.Rows = rows
	}
	c.Distinct = distinct
	if c.Batches == 0 {
		if logical == 0 { // a foreign server's: it may send what is asked of it
			logical = oneBatch(spec)
		}
		c.Batches = autoBatches(logical)
	}
	return t.probePerf(ctx)
}

// requestOf says what the Config asks for; a foreign server may turn out to
// speak perf.proto, see probePerf.
func requestOf(c results.Config, kind opKind) string {
	switch {
	case c.Path != "":
		return RequestPath
	case c.Cmd != "":
		return RequestCmd
	case c.Ticket != "":
		return RequestTicket
	case c.SQL != "" || c.Table != "":
		return RequestSQL
	case kind.calls && !slices.Contains([]string{"info", "poll", "schema"}, kind.name):
		return ""
	}
	return RequestFlightbench
}

// descriptor is what the operation asks with, or names its stream by.
func (t *trial) descriptor(context.Context) (*flight.FlightDescriptor, error) {
	c := t.config
	switch c.Request {
	case RequestPath:
		return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: strings.Split(c.Path, "/")}, nil
	case RequestCmd:
		cmd, err := Bytes(c.Cmd)
		if err != nil {
			return nil, fmt.Errorf("--cmd: %w", err)
		}
		return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd}, nil
	case RequestPerf:
		return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: perfOf(t).Marshal()}, nil
	}
	return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: ticketOf(*c, t.payload.spec).Marshal()}, nil
}

// perfOf is the workload in the words of Arrow's own benchmark.
func perfOf(t *trial) workloads.PerfRequest {
	c := t.config
	return workloads.PerfRequest{Streams: int32(c.Endpoints), RecordsPerStream: c.Rows * c.Batches, RecordsPerBatch: int32(c.Rows)}
}

// probePerf finds out whether a foreign server speaks perf.proto: what it
// answers to it must be what was asked for.
func (t *trial) probePerf(ctx context.Context) error {
	c := t.config
	if t.before != nil || c.Request != RequestFlightbench || t.kind.sends() || t.payload.spec.Name != "perf" || c.BatchBytes > 0 {
		return nil
	}
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	probing, asked := t.slots[0].begin(probing)
	p := perfOf(t)
	info, err := t.slots[0].client.GetFlightInfo(probing, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: p.Marshal()})
	if err = asked.end(err, nil); err != nil || info.TotalRecords != int64(p.Streams)*p.RecordsPerStream || len(info.Endpoint) != int(p.Streams) {
		return ctx.Err()
	}
	if _, err := workloads.ParsePerfToken(info.Endpoint[0].GetTicket().GetTicket()); err != nil {
		return nil
	}
	schema, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
	if err != nil || schema.NumFields() != 4 {
		return nil
	}
	c.Request = RequestPerf
	t.payload.set = nil
	if c.Decode == "verify" {
		t.warn("Arrow's perf server has contents of its own: they were decoded, not verified")
	}
	return nil
}

// Bytes reads what a flag says: text as it is, @FILE, or hex:DIGITS.
func Bytes(s string) ([]byte, error) {
	if path, ok := strings.CutPrefix(s, "@"); ok {
		return os.ReadFile(path)
	}
	if digits, ok := strings.CutPrefix(s, "hex:"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%q is no hexadecimal: %w", s, err)
		}
		return b, nil
	}
	return []byte(s), nil
}

// Asked is what --path, --cmd and --ticket, at most one of them not empty, say:
// a descriptor, a ticket, or neither.
func Asked(path, cmd, ticket string) (*flight.FlightDescriptor, []byte, error) {
	c := results.Config{Op: OpGet, Path: path, Cmd: cmd, Ticket: ticket, Provoke: ""}
	if err := validateRequest(c, opKind{name: OpGet}); err != nil {
		return nil, nil, err
	}
	if ticket != "" {
		b, err := Bytes(ticket)
		if err != nil {
			return nil, nil, fmt.Errorf("--ticket: %w", err)
		}
		return nil, b, nil
	}
	if path == "" && cmd == "" {
		return nil, nil, nil
	}
	t := &trial{config: &c}
	c.Request = requestOf(c, opKind{name: OpGet})
	d, err := t.descriptor(context.Background())
	return d, nil, err
}
