package sqldemo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// begin begins a transaction, on a table u that it makes if there is none.
func (d *demo) begin() *flightsql.Txn {
	d.Helper()
	d.update("CREATE TABLE IF NOT EXISTS u (a INTEGER)")
	tx, err := d.cl.BeginTransaction(d.ctx)
	if err != nil {
		d.Fatal(err)
	}
	return tx
}

func (d *demo) count(tx *flightsql.Txn) string {
	d.Helper()
	if tx == nil {
		return d.query("SELECT count(*) AS n FROM u")
	}
	t, err := d.read(tx.Execute(d.ctx, "SELECT count(*) AS n FROM u"))
	if err != nil {
		d.Fatal(err)
	}
	return rows(d.T, t)
}

func (d *demo) insert(tx *flightsql.Txn) {
	d.Helper()
	if n, err := tx.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (1)"); n != 1 || err != nil {
		d.Fatal(n, err)
	}
}

func TestTransaction(t *testing.T) {
	d := newDemo(t, small())
	tx := d.begin()
	d.insert(tx)
	o := into("u")
	o.TableDefinitionOptions.IfExists = ifExistsAppend
	o.TransactionId = tx.ID()
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	if n, err := d.ingest(o, schema, batch(t, schema, `[{"a":2},{"a":3}]`)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if in, out := d.count(tx), d.count(nil); in != `[{"n":3}]` || out != `[{"n":0}]` {
		t.Errorf("within %s, without %s", in, out)
	}
	// A statement that fails undoes itself only.
	if _, err := tx.ExecuteUpdate(d.ctx, "INSERT INTO region VALUES (7, 'X'), (7, 'Y')"); status.Code(err) != codes.AlreadyExists {
		t.Error(err)
	}
	if err := tx.Rollback(d.ctx); err != nil {
		t.Fatal(err)
	}
	if got := d.count(nil); got != `[{"n":0}]` {
		t.Errorf("rolled back: %s", got)
	}
	tx = d.begin()
	st, err := tx.Prepare(d.ctx, "INSERT INTO u VALUES (?)")
	if err != nil {
		t.Fatal(err)
	}
	st.SetParameters(params(t, []int64{1}, []int64{2}))
	if n, err := st.ExecuteUpdate(d.ctx); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := tx.Commit(d.ctx); err != nil {
		t.Fatal(err)
	}
	if got := d.count(nil); got != `[{"n":2}]` {
		t.Errorf("committed: %s", got)
	}
	for what, err := range map[string]error{
		"prepared in it": func() error { _, err := st.ExecuteUpdate(d.ctx); return err }(),
		"unknown":        func() error { _, err := d.cl.Execute(d.ctx, "SELECT 1"); return err }(),
	} {
		if what == "prepared in it" && (status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "prepare again")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(d.srv.sql.transactions.open); n != 0 {
		t.Errorf("%d transactions are left", n)
	}
}

// TestReadsInTransaction reads a result batch by batch while the same transaction
// writes and ends.
func TestReadsInTransaction(t *testing.T) {
	o := small()
	o.BatchRows = 10
	d := newDemo(t, o)
	tx := d.begin()
	info, err := tx.Execute(d.ctx, "SELECT l_orderkey FROM lineitem")
	if err != nil {
		t.Fatal(err)
	}
	rdr, err := d.cl.DoGet(d.ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer rdr.Release()
	n := int64(0)
	for rdr.Next() {
		if n == 100 {
			d.insert(tx)
		}
		if n == 200 {
			if err := tx.Commit(d.ctx); err != nil {
				t.Fatal(err)
			}
		}
		n += rdr.RecordBatch().NumRows()
	}
	if n != 2500 || rdr.Err() != nil {
		t.Errorf("%d rows, %v", n, rdr.Err())
	}
	if got := d.count(nil); got != `[{"n":1}]` {
		t.Errorf("committed: %s", got)
	}
}

func TestWritersWait(t *testing.T) {
	o := small()
	o.Wait = 50 * time.Millisecond
	d := newDemo(t, o)
	first, second := d.begin(), d.begin()
	if a, b := d.count(first), d.count(second); a != b {
		t.Fatal(a, b)
	}
	d.insert(first)
	for what, err := range map[string]error{
		"a transaction": func() error { _, err := second.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (2)"); return err }(),
		"a statement":   func() error { _, err := d.cl.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (2)"); return err }(),
	} {
		if status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "writing for 50ms") {
			t.Errorf("%s meanwhile: %v", what, err)
		}
	}
	if err := first.Commit(d.ctx); err != nil {
		t.Fatal(err)
	}
	// It has read what the first has changed.
	if _, err := second.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (2)"); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("after it: %v", err)
	}
	if err := second.Rollback(d.ctx); err != nil {
		t.Error(err)
	}
	if n := d.update("INSERT INTO u VALUES (3)"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestInterruptedWrite has SQLite itself roll a transaction back.
func TestInterruptedWrite(t *testing.T) {
	d := newDemo(t, small())
	tx := d.begin()
	d.insert(tx)
	ctx, cancel := context.WithTimeout(d.ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := tx.ExecuteUpdate(ctx, "INSERT INTO u "+endless); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("an endless write with a deadline: %v", err)
	}
	// The handler may still be on its way out: what comes now waits for its turn.
	if _, err := tx.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (2)"); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "rolled it back") {
		t.Errorf("afterwards: %v", err)
	}
	if n := d.update("INSERT INTO u VALUES (3)"); n != 1 {
		t.Errorf("%d rows", n)
	}
	if err := tx.Commit(d.ctx); status.Code(err) != codes.Aborted {
		t.Errorf("its commit: %v", err)
	}
	if got := d.count(nil); got != `[{"n":1}]` {
		t.Errorf("left: %s", got)
	}
}

func TestTransactionLimits(t *testing.T) {
	o := small()
	o.Connections, o.Wait = 4, 50*time.Millisecond
	d := newDemo(t, o)
	first := d.begin()
	d.begin()
	if _, err := d.cl.BeginTransaction(d.ctx); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "2 transactions are open") {
		t.Errorf("a third: %v", err)
	}
	if err := d.srv.sql.EndTransaction(d.ctx, noAction(first.ID())); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an end that does not say how: %v", err)
	}
	if err := first.Rollback(d.ctx); err != nil {
		t.Fatal(err)
	}
	d.begin()
	// Their connections are no one else's; the last two serve.
	var held []func()
	for range 2 {
		_, se, leave, err := d.srv.sql.in(d.ctx, nil)
		if err != nil || se == nil {
			t.Fatal(err)
		}
		held = append(held, leave)
	}
	if _, err := d.cl.Execute(d.ctx, "SELECT 1"); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "all 4 connections") {
		t.Errorf("without a connection: %v", err)
	}
	for _, leave := range held {
		leave()
	}
	if got := d.query("SELECT 1 AS a"); got != `[{"a":1}]` {
		t.Error(got)
	}
}

type noAction []byte

func (n noAction) GetTransactionId() []byte                       { return n }
func (n noAction) GetAction() flightsql.EndTransactionRequestType { return 0 }

// TestIdleTransaction has an abandoned transaction let go of the database.
func TestIdleTransaction(t *testing.T) {
	o := small()
	o.Idle = 100 * time.Millisecond
	d := newDemo(t, o)
	tx := d.begin()
	if _, err := tx.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if n := d.update("INSERT INTO u VALUES (2)"); n != 1 { // waits for its end
		t.Errorf("%d rows", n)
	}
	if err := tx.Commit(d.ctx); status.Code(err) != codes.NotFound {
		t.Errorf("its commit: %v", err)
	}
	if got := d.count(nil); got != `[{"n":1}]` {
		t.Errorf("left: %s", got)
	}
}

// TestConcurrency has readers, writers, ingests and transactions at once; run it
// with the race detector.
func TestConcurrency(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE TABLE u (a INTEGER)")
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec := batch(t, schema, `[{"a":2},{"a":3}]`)
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	each := func(f func() error) {
		wg.Go(func() {
			for range 5 {
				if err := f(); err != nil {
					errs <- err
				}
			}
		})
	}
	for range 3 {
		each(func() error { _, err := d.read(d.cl.Execute(d.ctx, "SELECT * FROM lineitem")); return err })
		each(func() error { _, err := d.cl.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (1)"); return err })
		each(func() error {
			o := into("u")
			o.TableDefinitionOptions.IfExists = ifExistsAppend
			_, err := d.ingest(o, schema, rec)
			return err
		})
		each(func() error {
			tx, err := d.cl.BeginTransaction(d.ctx)
			if err != nil {
				return err
			}
			if _, err := tx.ExecuteUpdate(d.ctx, "INSERT INTO u VALUES (1)"); err != nil {
				return err
			}
			return tx.Commit(d.ctx)
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if got, want := d.count(nil), fmt.Sprintf(`[{"n":%d}]`, 3*5*(1+2+1)); got != want {
		t.Errorf("%s rows, want %s", got, want)
	}
}
