package sqldemo

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/server/sqldemo/internal/sqlite"
)

// sampleRows is how many rows are looked at to find the type of a column that has
// no declared one.
const sampleRows = 1000

// argsFunc sets the parameters of a statement's next run, and tells whether there
// is one.
type argsFunc func(*sqlite.Stmt) (bool, error)

// texts runs a statement once, with these parameters; nil stands for NULL.
func texts(args ...*string) argsFunc {
	ran := false
	return func(st *sqlite.Stmt) (bool, error) {
		if ran {
			return false, nil
		}
		ran = true
		for i, a := range args {
			bind := func() error { return st.BindNull(i + 1) }
			if a != nil {
				bind = func() error { return st.BindText(i+1, []byte(*a)) }
			}
			if err := bind(); err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

// rowsFrom runs a statement once for each row of the batches that next gives, by
// position. Next returns nil after the last one; a batch lives until its next call.
func rowsFrom(next func() (arrow.RecordBatch, error)) argsFunc {
	var b *binder
	var rec arrow.RecordBatch
	row := 0
	return func(st *sqlite.Stmt) (bool, error) {
		for rec == nil || row == int(rec.NumRows()) {
			var err error
			if rec, err = next(); err != nil || rec == nil {
				return false, err
			}
			row = 0
		}
		if b == nil {
			var err error
			if b, err = newBinder(rec.Schema()); err != nil {
				return false, err
			}
		}
		err := b.bind(st, rec, row)
		row++
		return err == nil, err
	}
}

// rowsOf runs a statement once for each row of batches.
func rowsOf(batches []arrow.RecordBatch) argsFunc {
	return rowsFrom(func() (rec arrow.RecordBatch, _ error) {
		if len(batches) > 0 {
			rec, batches = batches[0], batches[1:]
		}
		return rec, nil
	})
}

// rowsRead runs a statement once for each row that rdr reads.
func rowsRead(rdr flight.MessageReader) argsFunc {
	return rowsFrom(func() (arrow.RecordBatch, error) {
		if rdr.Next() {
			return rdr.RecordBatch(), nil
		}
		if err := rdr.Err(); err != nil {
			return nil, fmt.Errorf("read the rows: %w", err)
		}
		return nil, nil
	})
}

// limits are the most that a batch of results has.
type limits struct {
	rows  int
	bytes int64
}

// cursor runs a statement once for each row of parameters and cuts the rows of
// all runs into batches. Its owner closes it.
type cursor struct {
	st   *sqlite.Stmt
	args argsFunc
	mem  memory.Allocator
	lim  limits

	columns []column
	schema  *arrow.Schema
	running bool
	done    bool
	rows    int   // gathered and not yet in a batch
	bytes   int64 // of these
}

// newCursor takes over st and runs it as far as it must to know the type of every
// column, unless schema tells.
func newCursor(st *sqlite.Stmt, args argsFunc, schema *arrow.Schema, mem memory.Allocator, lim limits) (*cursor, error) {
	q := &cursor{st: st, args: args, mem: mem, lim: lim, schema: schema}
	if err := q.open(); err != nil {
		q.close()
		return nil, err
	}
	return q, nil
}

func (q *cursor) open() error {
	// The first step compiles the statement anew if the table has changed since.
	more, err := q.step()
	if err != nil {
		return err
	}
	q.columns = describe(q.st)
	for i := range q.columns {
		c := &q.columns[i]
		if q.schema != nil {
			c.dt = q.schema.Field(i).Type
		}
		if c.dt != nil {
			if err := c.settle(c.dt, q.mem); err != nil {
				return err
			}
		}
	}
	for more && q.sampling() && q.rows < min(sampleRows, q.lim.rows) && q.bytes < q.lim.bytes {
		if err := q.take(); err != nil {
			return err
		}
		if more, err = q.step(); err != nil {
			return err
		}
	}
	q.done = !more
	for i := range q.columns {
		if c := &q.columns[i]; c.dt == nil {
			if err := c.settle(nil, q.mem); err != nil {
				return err
			}
		}
	}
	if q.schema == nil {
		q.schema = schemaOf(q.columns)
	}
	return nil
}

// describe returns the columns of a statement, with the types that are declared.
func describe(st *sqlite.Stmt) []column {
	columns := make([]column, st.Columns())
	for i := range columns {
		columns[i] = column{name: st.ColumnName(i), dt: arrowType(st.DeclType(i))}
	}
	return columns
}

// schemaOf returns nil if some column's type is not known. Every column may be
// null: an outer join makes nulls of what cannot be.
func schemaOf(columns []column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		if c.dt == nil {
			return nil
		}
		fields[i] = arrow.Field{Name: c.name, Type: c.dt, Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

func (q *cursor) sampling() bool {
	for i := range q.columns {
		if q.columns[i].dt == nil {
			return true
		}
	}
	return false
}

// step goes to the next row of this run or the next, and tells whether there is one.
func (q *cursor) step() (bool, error) {
	for {
		if !q.running {
			more, err := q.args(q.st)
			if err != nil || !more {
				return false, err
			}
			q.running = true
		}
		more, err := q.st.Step()
		if err != nil || more {
			return more, err
		}
		q.st.Reset()
		q.running = false
	}
}

// take appends the row that step has gone to.
func (q *cursor) take() error {
	for i := range q.columns {
		n, err := q.columns[i].append(q.st, i)
		if err != nil {
			return err
		}
		q.bytes += int64(n)
	}
	q.rows++
	return nil
}

// next returns the next batch, which the caller releases, or nil after the last.
func (q *cursor) next() (arrow.RecordBatch, error) {
	for !q.done && q.rows < q.lim.rows && q.bytes < q.lim.bytes {
		if err := q.take(); err != nil {
			return nil, err
		}
		more, err := q.step()
		if err != nil {
			return nil, err
		}
		q.done = !more
	}
	if q.rows == 0 {
		return nil, nil
	}
	return q.cut(), nil
}

func (q *cursor) cut() arrow.RecordBatch {
	arrays := make([]arrow.Array, len(q.columns))
	for i := range arrays {
		arrays[i] = q.columns[i].b.NewArray()
	}
	rec := array.NewRecordBatch(q.schema, arrays, int64(q.rows))
	for _, a := range arrays {
		a.Release()
	}
	q.rows, q.bytes = 0, 0
	return rec
}

// close frees the statement and what was gathered.
func (q *cursor) close() {
	q.st.Close()
	for i := range q.columns {
		if b := q.columns[i].b; b != nil {
			b.Release()
			q.columns[i].b = nil
		}
	}
}

// prepare compiles sql, and refuses it unless it takes as many parameters as there
// are; fewer than 0 stand for none that are bound.
func prepare(c *conn, sql string, params int) (*sqlite.Stmt, error) {
	st, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	switch want := st.Params(); {
	case params == want || params < 0 && want == 0:
		return st, nil
	case params < 0:
		err = fmt.Errorf("the statement has %d parameters and none are bound: prepare it and bind a row of them", want)
	default:
		err = fmt.Errorf("the statement has %d parameters, and rows of %d columns are bound to them", want, params)
	}
	st.Close()
	return nil, err
}
