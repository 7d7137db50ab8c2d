package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"flightbench/results"
)

// The operations of Flight SQL that move batches, beside [OpIngest].
const (
	OpQuery    = "query"
	OpPrepared = "prepared"
)

// What becomes of the table of an ingest.
const (
	IngestAppend  = "append"  // every stream adds to it; the first creates it if need be
	IngestCreate  = "create"  // every stream creates a table of its own
	IngestReplace = "replace" // every stream replaces what its slot has written before
)

// sqlKinds are the operations of Flight SQL (FlightSql.rst).
func sqlKinds() []opKind {
	query := []metric{latQuery, latInfo, latPoll, latFirstBatch, latBatchGap, latStream, latCancel, latCancelSeen, latBegin, latCommit}
	prepared := append(slices.Clone(query), latPrepare, latBind)
	ingest := []metric{latPutAck, latStream, latCancel, latCancelSeen, latBegin, latCommit}
	catalog := func(name, doc string, cmd proto.Message) opKind {
		return opKind{name: name, doc: doc + " of Flight SQL", primary: latCatalog, calls: true, setUp: newCatalog(cmd),
			latencies: []metric{latCatalog, latInfo, latPoll, latFirstBatch, latBatchGap, latStream}}
	}
	return []opKind{
		{name: OpQuery, doc: "a statement of --sql", primary: latQuery, latencies: query, setUp: newQuery},
		{name: OpPrepared, doc: "a statement of --sql that was prepared, with parameters of --params", primary: latQuery, latencies: prepared, setUp: newPrepared},
		{name: OpIngest, doc: "bulk ingest of the workload into --table", primary: latStream, latencies: ingest, setUp: newIngest},
		catalog("sql-info", "the server's SqlInfo", &gen.CommandGetSqlInfo{}),
		catalog("catalogs", "the catalogs", &gen.CommandGetCatalogs{}),
		catalog("schemas", "the schemas", &gen.CommandGetDbSchemas{}),
		catalog("tables", "the tables", &gen.CommandGetTables{}),
		catalog("table-types", "the types of tables", &gen.CommandGetTableTypes{}),
		catalog("type-info", "the types of columns", &gen.CommandGetXdbcTypeInfo{}),
	}
}

// isSQL tells whether k is an operation of Flight SQL.
func (k opKind) isSQL() bool {
	return slices.ContainsFunc(sqlKinds(), func(s opKind) bool { return s.name == k.name })
}

// validateSQL checks what c asks of Flight SQL. Files are not opened.
func validateSQL(c results.Config, kind opKind) error {
	states := kind.name == OpQuery || kind.name == OpPrepared
	switch {
	case states && c.SQL == "":
		return fmt.Errorf("--op %s has no statement: give --sql 'SELECT …', or --sql @FILE", c.Op)
	case states && strings.TrimSpace(c.SQL) == "":
		return fmt.Errorf("--sql %q is no statement", c.SQL)
	case c.SQL == "@":
		return errors.New("--sql @ names no file: write @FILE")
	case !states && c.SQL != "":
		return fmt.Errorf("--sql is for --op query and prepared, and --op %s runs no statement", c.Op)
	case kind.name != OpPrepared && c.Params != "":
		return fmt.Errorf("--params are bound to the statement of --op prepared, and --op %s binds none", c.Op)
	case kind.name == OpIngest && c.Table == "":
		return errors.New("--op ingest has no table to write to: name it with --table")
	case kind.name != OpIngest && c.Table != "":
		return fmt.Errorf("--table is for --op ingest, and --op %s writes to none", c.Op)
	case c.Transaction && !states && kind.name != OpIngest:
		return fmt.Errorf("--transaction is for --op query, prepared and ingest, not %s", c.Op)
	}
	if !kind.isSQL() {
		return nil
	}
	switch {
	case kind.name == OpIngest && !slices.Contains([]string{IngestAppend, IngestCreate, IngestReplace}, c.IngestMode):
		return fmt.Errorf("--ingest-mode %q is unknown: use append, create or replace", c.IngestMode)
	case c.Path != "" || c.Cmd != "":
		return fmt.Errorf("--path and --cmd are descriptors, and --op %s has one of its own: leave them out", c.Op)
	case c.Decode == "verify":
		return fmt.Errorf("--decode verify compares with a workload, which --op %s does not read: use --decode batch", c.Op)
	case c.Provoke != "":
		return fmt.Errorf("--provoke is for streams of a workload, and --op %s is answered by Flight SQL", c.Op)
	}
	return nil
}

// command is the descriptor of a command of Flight SQL.
func command(cmd proto.Message) (*flight.FlightDescriptor, error) {
	b, err := pack(cmd)
	return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}, err
}

// pack is m as Flight SQL sends messages: in a google.protobuf.Any.
func pack(m proto.Message) ([]byte, error) {
	a, err := anypb.New(m)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(a)
}

// unpack is the inverse of pack.
func unpack(b []byte, m proto.Message) error {
	var a anypb.Any
	if err := proto.Unmarshal(b, &a); err != nil {
		return err
	}
	return a.UnmarshalTo(m)
}

// sqlOp is an operation of Flight SQL that may be a transaction.
type sqlOp struct {
	// do is an iteration, in the transaction txn or, if that is nil, in none.
	do      func(ctx context.Context, s *slot, txn []byte) error
	release func() // may be nil
}

func (o *sqlOp) run(ctx context.Context, s *slot) error {
	if s.t.config.Transaction {
		return oneLine(s.transaction(ctx, o.do))
	}
	return oneLine(o.do(ctx, s, nil))
}

// Close implements io.Closer.
func (o *sqlOp) Close() error {
	if o.release != nil {
		o.release()
	}
	return nil
}

// oneLine has err say what it says in one line: servers quote statements.
func oneLine(err error) error {
	if err == nil || !strings.ContainsAny(err.Error(), "\r\n") {
		return err
	}
	return lineError{err}
}

type lineError struct{ error }

func (e lineError) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

func (e lineError) Unwrap() error { return e.error }

// UsesSQL tells whether c needs a Flight SQL server.
func UsesSQL(c results.Config) bool {
	k, err := kindOf(c.Op)
	return err == nil && k.isSQL()
}
