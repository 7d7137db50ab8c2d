package recipes_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightbench/recipes"
	"flightbench/results"
	"flightbench/server"
	"flightbench/workloads"
)

// serve runs the embedded server and returns its host and port, and the
// command, in hex, that asks it for a stream of 3 batches of 1,000 rows.
func serve(t *testing.T) (addr, command string) {
	t.Helper()
	o := server.DefaultOptions()
	o.Listen = "grpc://127.0.0.1:0"
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	ask := workloads.PerfRequest{Streams: 1, RecordsPerStream: 3000, RecordsPerBatch: 1000}
	return strings.TrimPrefix(s.URI(), "grpc://"), hex.EncodeToString(ask.Marshal())
}

// whole is a Config with every knob set, for the operation.
func whole(op, codec string) (results.Config, []string) {
	c := results.Config{Op: op, Window: 4 << 20, ConnWindow: 16 << 20, ReadBuffer: 64 << 10, WriteBuffer: 128 << 10, MaxFrame: 1 << 20,
		Rows: 700, Compression: codec, Concurrency: 4, Connections: 2}
	return c, []string{"window", "conn_window", "concurrency", "connections", "rows", "max_frame", "read_buffer", "write_buffer", "compression"}
}

// part is the code of a recipe for client and server.
func part(t *testing.T, all []recipes.Recipe, name string) (client, server string) {
	t.Helper()
	for _, r := range all {
		if strings.HasPrefix(r.Name, name) {
			return r.Client, r.Server
		}
	}
	t.Fatalf("no recipe for %s", name)
	return "", ""
}

const goProgram = `package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

%s

%s

func main() {
	ctx := context.Background()
	command, err := hex.DecodeString(os.Args[2])
	check(err)
	clients, err := dial(os.Args[1])
	check(err)
	_ = newServer()
	descriptor := &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: command}
	for _, c := range clients {
		info, err := c.GetFlightInfo(ctx, descriptor)
		check(err)
		stream, err := c.DoGet(ctx, info.Endpoint[0].Ticket)
		check(err)
		in, err := flight.NewRecordReader(stream)
		check(err)
		put, err := c.DoPut(ctx)
		check(err)
		rows := int64(0)
		for in.Next() {
			if rec := in.RecordBatch(); rows == 0 {
				check(write(put, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"a"}}, rec))
			}
			rows += in.RecordBatch().NumRows()
		}
		check(in.Err())
		check(put.CloseSend())
		for err == nil {
			_, err = put.Recv()
		}
		fmt.Println("read", rows, err)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

var _ arrow.RecordBatch
var _ = ipc.WithZstd
`

// TestGoRecipesRun compiles what is recommended to Go programmers, and reads
// and writes a stream with it.
func TestGoRecipesRun(t *testing.T) {
	addr, command := serve(t)
	for op, codec := range map[string]string{"put": "zstd:3", "get": "lz4"} {
		client, srv := part(t, recipes.For(whole(op, codec)), "Go")
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, fmt.Appendf(nil, goProgram, client, srv), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "go", "run", file, addr, command).CombinedOutput()
		if err != nil || strings.Count(string(out), "read 3000 EOF") != 2 {
			t.Errorf("%s: %v: %s\n%s\n%s", op, err, out, client, srv)
		}
	}
}

const pyProgram = `
import sys
import pyarrow, pyarrow.flight

%s

%s

location, command = "grpc://" + sys.argv[1], bytes.fromhex(sys.argv[2])
for client in connect(location):
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command))
    table = client.do_get(info.endpoints[0].ticket).read_all()
    if "write" in globals():
        write(client, pyarrow.flight.FlightDescriptor.for_path("a"), table)
    else:
        assert isinstance(stream(table), pyarrow.flight.FlightDataStream)
    print("read", table.num_rows)
`

// TestPythonRecipesRun does the same with pyarrow.
func TestPythonRecipesRun(t *testing.T) {
	python, err := exec.Command("../scripts/peers/python.sh").Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: no recipe was run by pyarrow, since scripts/peers/python.sh failed: %v", err)
	}
	addr, command := serve(t)
	for op, codec := range map[string]string{"put": "zstd:3", "get": "lz4"} {
		client, srv := part(t, recipes.For(whole(op, codec)), "Python")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, strings.TrimSpace(string(python)), "-c", fmt.Sprintf(pyProgram, client, srv), addr, command).CombinedOutput()
		if err != nil || strings.Count(string(out), "read 3000") != 2 {
			t.Errorf("%s: %v: %s\n%s\n%s", op, err, out, client, srv)
		}
	}
}
