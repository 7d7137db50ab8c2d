package server

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// sqlFake answers every query with its set, and takes every table.
type sqlFake struct {
	flightsql.BaseServer
	set *workloads.Set
}

func (f *sqlFake) GetFlightInfoStatement(_ context.Context, q flightsql.StatementQuery, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	ticket, err := flightsql.CreateStatementQueryTicket([]byte(q.GetQuery()))
	if err != nil {
		return nil, err
	}
	return &flight.FlightInfo{
		Schema: flight.SerializeSchema(f.set.Schema, memory.DefaultAllocator), FlightDescriptor: d, TotalRecords: -1, TotalBytes: -1,
		Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}},
	}, nil
}

func (f *sqlFake) GetSchemaStatement(context.Context, flightsql.StatementQuery, *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	return &flight.SchemaResult{Schema: flight.SerializeSchema(f.set.Schema, memory.DefaultAllocator)}, nil
}

func (f *sqlFake) DoGetStatement(_ context.Context, q flightsql.StatementQueryTicket) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	if string(q.GetStatementHandle()) != "SELECT 1" {
		return nil, nil, status.Errorf(codes.InvalidArgument, "no such query")
	}
	ch := make(chan flight.StreamChunk, len(f.set.Batches))
	for _, b := range f.set.Batches {
		b.Record.Retain()
		ch <- flight.StreamChunk{Data: b.Record}
	}
	close(ch)
	return f.set.Schema, ch, nil
}

func (f *sqlFake) DoPutCommandStatementUpdate(context.Context, flightsql.StatementUpdate) (int64, error) {
	return 42, nil
}

func (f *sqlFake) DoPutCommandStatementIngest(_ context.Context, _ flightsql.StatementIngest, r flight.MessageReader) (int64, error) {
	var rows int64
	for i := int64(0); r.Next(); i++ {
		if err := f.set.Verify(i, r.RecordBatch()); err != nil {
			return 0, err
		}
		rows += r.RecordBatch().NumRows()
	}
	return rows, r.Err()
}

func (f *sqlFake) BeginTransaction(context.Context, flightsql.ActionBeginTransactionRequest) ([]byte, error) {
	return []byte("tx"), nil
}

// Flight SQL is answered by Options.SQL, over the same server that answers all else.
func TestSQL(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		tk := small(t, "strings")
		fake := &sqlFake{set: generate(t, tk.Spec)}
		raw := serve(t, tr, func(o *Options) { o.SQL = flightsql.NewFlightServer(fake) })
		c := flightsql.Client{Client: raw, Alloc: memory.DefaultAllocator}
		ctx := t.Context()

		info, err := c.Execute(ctx, "SELECT 1")
		if err != nil {
			t.Fatal(err)
		}
		if schema, err := c.GetExecuteSchema(ctx, "SELECT 1"); err != nil || string(schema.Schema) != string(info.Schema) {
			t.Errorf("schema %v, %v", schema, err)
		}
		r, err := c.DoGet(ctx, info.Endpoint[0].Ticket)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for ; r.Next(); n++ {
			if err := fake.set.Verify(n, r.RecordBatch()); err != nil {
				t.Error(err)
			}
		}
		if r.Err() != nil || n != 3 {
			t.Errorf("%d batches, %v; want 3", n, r.Err())
		}
		r.Release()

		if rows, err := c.ExecuteUpdate(ctx, "DELETE FROM t"); err != nil || rows != 42 {
			t.Errorf("update: %d rows, %v; want 42", rows, err)
		}
		var recs []arrow.RecordBatch
		for _, b := range fake.set.Batches {
			recs = append(recs, b.Record)
		}
		reader, err := array.NewRecordReader(fake.set.Schema, recs)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Release()
		if rows, err := c.ExecuteIngest(ctx, reader, &flightsql.ExecuteIngestOpts{Table: "t", TableDefinitionOptions: &flightsql.TableDefinitionOptions{}}); err != nil || rows != 300 {
			t.Errorf("ingest: %d rows, %v; want 300", rows, err)
		}
		if tx, err := c.BeginTransaction(ctx); err != nil || string(tx.ID()) != "tx" {
			t.Errorf("transaction: %v, %v", tx, err)
		}

		// all else is as ever
		if b, err := act(t, raw, ActionPing, nil); err != nil || string(b) != "ok" {
			t.Errorf("ping: %q, %v", b, err)
		}
		read(t, raw, fake.set, tk.Marshal())
		if s := statsOf(t, raw); s.Ops["get"].Streams != 2 || s.Ops["put"].Streams != 2 {
			t.Errorf("counted %d gets and %d puts, want 2 each", s.Ops["get"].Streams, s.Ops["put"].Streams)
		}
		names := actionNames(t, raw)
		for _, want := range []string{ActionPing, flight.CancelFlightInfoActionType, flightsql.CreatePreparedStatementActionType, flightsql.EndTransactionActionType} {
			if i := slices.Index(names, want); i < 0 || slices.Contains(names[i+1:], want) {
				t.Errorf("action %s is not listed once: %q", want, names)
			}
		}
	})
}

func actionNames(t *testing.T, c flight.Client) (names []string) {
	t.Helper()
	stream, err := c.ListActions(t.Context(), &flight.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		a, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, a.Type)
	}
}

// Without Options.SQL each of its calls is UNIMPLEMENTED, with what to do.
func TestNoSQL(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := flightsql.Client{Client: serve(t, tr, nil), Alloc: memory.DefaultAllocator}
		ctx := t.Context()
		ticket, err := flightsql.CreateStatementQueryTicket([]byte("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range map[string]func() error{
			"execute":  func() error { _, err := c.Execute(ctx, "SELECT 1"); return err },
			"schema":   func() error { _, err := c.GetExecuteSchema(ctx, "SELECT 1"); return err },
			"catalogs": func() error { _, err := c.GetCatalogs(ctx); return err },
			"get":      func() error { _, err := c.DoGet(ctx, &flight.Ticket{Ticket: ticket}); return err },
			"update":   func() error { _, err := c.ExecuteUpdate(ctx, "DELETE FROM t"); return err },
			"prepare":  func() error { _, err := c.Prepare(ctx, "SELECT 1"); return err },
			"begin":    func() error { _, err := c.BeginTransaction(ctx); return err },
			"cancel": func() error {
				_, err := c.CancelFlightInfo(ctx, &flight.CancelFlightInfoRequest{Info: &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}}}})
				return err
			},
		} {
			t.Run(name, func(t *testing.T) { expect(t, call(), codes.Unimplemented, "no Flight SQL", "--sql-demo") })
		}
	})
}
