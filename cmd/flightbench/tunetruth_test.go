package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/results"
	"flightbench/workloads"
)

// optimum is a server of perf.proto whose best batch size is known: a batch
// costs it 4 ms, and each byte 4 ns up to 256 KiB, 40 ns beyond.
type optimum struct {
	flight.BaseFlightServer
	flat bool // a byte costs 20 ns, whatever the batch
}

func (o *optimum) cost(size int64) time.Duration {
	if o.flat {
		return time.Duration(20 * size)
	}
	const cheap = 256 << 10
	return 4*time.Millisecond + time.Duration(4*min(size, cheap)+40*max(0, size-cheap))
}

var perfSchema = arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Int64},
	{Name: "c", Type: arrow.PrimitiveTypes.Int64}, {Name: "d", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (o *optimum) GetFlightInfo(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	p, err := workloads.ParsePerf(d.Cmd)
	if err != nil {
		return nil, err
	}
	info := &flight.FlightInfo{Schema: flight.SerializeSchema(perfSchema, memory.DefaultAllocator), FlightDescriptor: d,
		TotalRecords: int64(p.Streams) * p.RecordsPerStream, TotalBytes: -1}
	for i := range int64(p.Streams) {
		token := workloads.PerfToken{Perf: p, Start: i * p.RecordsPerStream, End: (i + 1) * p.RecordsPerStream}
		info.Endpoint = append(info.Endpoint, &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: token.Marshal()}})
	}
	return info, nil
}

func (o *optimum) DoGet(ticket *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	token, err := workloads.ParsePerfToken(ticket.Ticket)
	if err != nil {
		return err
	}
	rows := int64(token.Perf.RecordsPerBatch)
	b := array.NewRecordBuilder(memory.DefaultAllocator, perfSchema)
	defer b.Release()
	for i := range perfSchema.Fields() {
		b.Field(i).(*array.Int64Builder).AppendValues(make([]int64, rows), nil)
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(perfSchema))
	defer w.Close()
	due := time.Now()
	for at := token.Start; at < token.End; at += rows {
		if due = due.Add(o.cost(32 * rows)); time.Since(due) > 0 {
			due = time.Now() // the client held it up: that is not made good
		}
		time.Sleep(time.Until(due))
		part := rec.NewSlice(0, min(rows, token.End-at))
		err := w.Write(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// tuned runs tune against o over a round trip of 10 ms and returns its answer.
func tuned(t *testing.T, o *optimum, args ...string) *results.Tuning {
	t.Helper()
	s := flight.NewServerWithMiddleware(nil)
	if err := s.Init("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.RegisterFlightService(o)
	go func() { _ = s.Serve() }()
	defer s.Shutdown()
	args = append([]string{"tune", "grpc://" + s.Addr().String(), "--transport", "grpc", "--rtt", "10ms", "--max-time", "4m",
		"--knobs", "rows,window,conn-window", "--rows", "65536,1024,8192", "-O", "json", "-o", t.TempDir()}, args...)
	cmd := exec.Command("flightbench", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var d results.Document
	if jerr := json.Unmarshal(out, &d); err != nil || jerr != nil || d.Run.Tuning == nil {
		t.Fatalf("%v, %v: %.2000s", err, jerr, &stderr)
	}
	return d.Run.Tuning
}

// TestTuneTruth tunes a server with a known best batch size over a distance at
// which small windows starve, and one where batches do not matter;
// scripts/tune-truth.sh runs it.
func TestTuneTruth(t *testing.T) {
	groundTruth(t)
	t.Run("planted", func(t *testing.T) {
		a := tuned(t, &optimum{}, "--window", "256Ki,1Mi,4Mi", "--conn-window", "256Ki,1Mi,4Mi")
		t.Logf("%s in %.0f s: %v", a.Outcome, a.Seconds, a.Lines())
		if b := a.Best; a.Outcome != results.TuningImproved || len(a.Recipes) == 0 || b.Rows != 8192 || b.Window < 1<<20 || b.ConnWindow < 1<<20 {
			t.Errorf("best: %s, want --rows 8192 and windows of 1 MiB or more", a.Flags())
		}
	})
	t.Run("nothing matters", func(t *testing.T) {
		a := tuned(t, &optimum{flat: true}, "--window", "4Mi,1Mi,16Mi", "--conn-window", "16Mi,4Mi,8Mi")
		t.Logf("%s in %.0f s: %v", a.Outcome, a.Seconds, a.Lines())
		if a.Outcome != results.TuningDefaults || len(a.Settings) > 0 {
			t.Errorf("best: %s, want the defaults", a.Flags())
		}
	})
}
