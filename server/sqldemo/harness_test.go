package sqldemo

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// demo is a server with a small lineitem and arrow-go's client to it. All memory
// that the server takes for Arrow must come back.
type demo struct {
	*testing.T
	srv *Server
	cl  *flightsql.Client
	ctx context.Context
}

func small() Options {
	o := DefaultOptions()
	o.Rows = 2500
	o.BatchRows = 1000
	return o
}

func newDemo(t *testing.T, o Options) *demo {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return newDemoIn(t, o, mem)
}

func newDemoIn(t *testing.T, o Options, mem memory.Allocator) *demo {
	t.Helper()
	o.Dir = t.TempDir()
	srv, err := newServer(t.Context(), o, mem)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(1 << 30))
	flight.RegisterFlightServiceServer(g, srv.FlightService())
	go func() { _ = g.Serve(lis) }()
	cl, err := flightsql.NewClient(lis.Addr().String(), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cl.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		g.Stop()
	})
	return &demo{T: t, srv: srv, cl: cl, ctx: t.Context()}
}

// read reads all endpoints of info as one table.
func (d *demo) read(info *flight.FlightInfo, err error) (arrow.Table, error) {
	d.Helper()
	if err != nil {
		return nil, err
	}
	if len(info.Endpoint) != 1 {
		d.Fatalf("%d endpoints, want 1", len(info.Endpoint))
	}
	rdr, err := d.cl.DoGet(d.ctx, info.Endpoint[0].Ticket)
	if err != nil {
		return nil, err
	}
	defer rdr.Release()
	if info.Schema != nil {
		s, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
		if err != nil || !s.Equal(rdr.Schema()) {
			d.Errorf("FlightInfo has schema %v (%v), the stream %v", s, err, rdr.Schema())
		}
	}
	var recs []arrow.RecordBatch
	for rdr.Next() {
		r := rdr.RecordBatch()
		r.Retain()
		recs = append(recs, r)
	}
	if err := rdr.Err(); err != nil {
		return nil, err
	}
	return array.NewTableFromRecords(rdr.Schema(), recs), nil
}

// query runs sql, which must work, and returns its rows as JSON.
func (d *demo) query(sql string) string {
	d.Helper()
	t, err := d.read(d.cl.Execute(d.ctx, sql))
	if err != nil {
		d.Fatalf("%s: %v", sql, err)
	}
	return rows(d.T, t)
}

// rows returns a table as a line of JSON, one array of objects.
func rows(t *testing.T, tbl arrow.Table) string {
	t.Helper()
	out := "["
	rdr := array.NewTableReader(tbl, 0)
	defer rdr.Release()
	for rdr.Next() {
		b, err := rdr.RecordBatch().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte("\n"), nil)
		if len(out) > 1 && len(b) > 2 {
			out += ","
		}
		out += strings.TrimSpace(strings.ReplaceAll(string(b[1:len(b)-1]), "        ,", ","))
	}
	return out + "]"
}

// update runs sql, which must work.
func (d *demo) update(sql string) int64 {
	d.Helper()
	n, err := d.cl.ExecuteUpdate(d.ctx, sql)
	if err != nil {
		d.Fatalf("%s: %v", sql, err)
	}
	return n
}

// batch makes a record batch of columns given as JSON.
func batch(t *testing.T, schema *arrow.Schema, json string) arrow.RecordBatch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return rec
}
