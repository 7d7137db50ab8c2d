package bench

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/flight"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// ingestOp writes the workload to a table, one stream an iteration.
type ingestOp struct {
	t      *trial
	rows   int64 // of a stream
	define *gen.CommandStatementIngest_TableDefinitionOptions
	tables atomic.Int64 // created by IngestCreate so far
	prefix string       // of their names
}

// newIngest makes the operation ingest.
//
// Note: the tables of IngestCreate have the trial's own name in theirs, since a
// trial that is repeated would else find those of the one before. Streams that
// replace one table at the same time would leave whatever came last, so each
// slot has its own, where there are several.
func newIngest(_ context.Context, t *trial) (operation, error) {
	type options = gen.CommandStatementIngest_TableDefinitionOptions
	o := &ingestOp{t: t, prefix: t.config.Table + "_" + strings.ToLower(t.nonce[:6]) + "_", define: &options{
		IfNotExist: gen.CommandStatementIngest_TableDefinitionOptions_TABLE_NOT_EXIST_OPTION_CREATE,
		IfExists: map[string]gen.CommandStatementIngest_TableDefinitionOptions_TableExistsOption{
			IngestAppend:  gen.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_APPEND,
			IngestCreate:  gen.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_FAIL,
			IngestReplace: gen.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_REPLACE,
		}[t.config.IngestMode]}}
	for i := range t.config.Batches {
		o.rows += t.payload.prepared.Sizes(i).Rows
	}
	return &sqlOp{do: o.do, release: o.release}, nil
}

// table is the one that the next stream of s writes to.
func (o *ingestOp) table(s *slot) string {
	c := o.t.config
	switch {
	case c.IngestMode == IngestCreate:
		return fmt.Sprintf("%s%d", o.prefix, o.tables.Add(1))
	case c.IngestMode == IngestReplace && c.Concurrency > 1:
		return fmt.Sprintf("%s_%d", c.Table, s.index+1)
	}
	return c.Table
}

func (o *ingestOp) do(ctx context.Context, s *slot, txn []byte) error {
	table := o.table(s)
	d, err := command(&gen.CommandStatementIngest{TableDefinitionOptions: o.define, Table: table, TransactionId: txn})
	if err != nil {
		return err
	}
	var told []*flight.PutResult
	put := putOp{descriptor: d, ack: func(_ *slot, r *flight.PutResult) {
		if _, echo := readStamp(r.AppMetadata); !echo {
			told = append(told[:0], r)
		}
	}}
	canceled := s.wholeCanceled.Load()
	if err := put.run(ctx, s); err != nil {
		return fmt.Errorf("ingest into %s: %w", table, err)
	}
	if s.wholeCanceled.Load() != canceled {
		return nil
	}
	return o.compare(table, told)
}

// compare checks the rows that the server says it took.
func (o *ingestOp) compare(table string, told []*flight.PutResult) error {
	var r gen.DoPutUpdateResult
	switch {
	case len(told) == 0:
		o.t.warn("the server did not say how many rows it ingested: whether it took all of them is not known")
		return nil
	case proto.Unmarshal(told[0].AppMetadata, &r) != nil:
		return status.Errorf(codes.Internal, "ingest into %s: the server's answer is no DoPutUpdateResult", table)
	case r.RecordCount < 0:
		o.t.warn(fmt.Sprintf("the server does not know how many rows it ingested (it says %d): whether it took all of them is not known", r.RecordCount))
	case r.RecordCount != o.rows:
		return status.Errorf(codes.DataLoss, "ingest into %s: %d rows were sent, and the server says that it took %d", table, o.rows, r.RecordCount)
	}
	return nil
}

// release tells which tables are left behind.
func (o *ingestOp) release() {
	if n := o.tables.Load(); n > 0 {
		o.t.warn(fmt.Sprintf("--ingest-mode create left up to %d tables behind, %s1 to %s%d: drop them", n, o.prefix, o.prefix, n))
	}
}
