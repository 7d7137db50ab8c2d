package workloads

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// rowsOfFile is how many rows of the file take body bytes on average.
func rowsOfFile(body int64, recs []arrow.RecordBatch) (int64, error) {
	var rows, bytes int64
	for _, r := range recs {
		rows += r.NumRows()
		bytes += measure(r, r.NumRows()).logical
	}
	if bytes == 0 {
		return 0, fmt.Errorf("batch bytes %d: its rows take no bytes, size the batches by rows", body)
	}
	// bytes <= maxFileBytes, and body < 2^31; rows are bounded first, to keep the
	// product below 2^63.
	rows, bytes = shorten(rows, bytes)
	n := body * rows / bytes
	switch {
	case n == 0:
		return 0, fmt.Errorf("batch bytes %d: one row takes about %d, ask for no less", body, (bytes+rows-1)/rows)
	case n > MaxRows:
		return 0, fmt.Errorf("batch bytes %d: these are %d rows, and a batch has at most %d", body, n, MaxRows)
	}
	return n, nil
}

// shorten halves both until the first fits into 31 bits; the ratio stays.
func shorten(a, b int64) (int64, int64) {
	for a >= 1<<31 && b > 1 {
		a, b = a>>1, b>>1
	}
	return a, b
}

// rebatch cuts and joins recs, of one schema, into batches of rows; the last may
// be shorter. It takes over recs, also on error, and returns what the caller
// releases.
func rebatch(schema *arrow.Schema, recs []arrow.RecordBatch, rows int64, mem memory.Allocator) (out []arrow.RecordBatch, err error) {
	defer func() { releaseAll(recs) }()
	var parts []arrow.RecordBatch // of the batch in the making
	have := int64(0)
	defer func() {
		releaseAll(parts)
		if err != nil {
			releaseAll(out)
			out = nil
		}
	}()
	flush := func() error {
		rec, err := join(schema, parts, mem)
		if err != nil {
			return err
		}
		out = append(out, rec)
		releaseAll(parts)
		parts, have = parts[:0], 0
		return nil
	}
	for _, r := range recs {
		for at := int64(0); at < r.NumRows(); {
			n := min(rows-have, r.NumRows()-at)
			if n == rows && n == r.NumRows() {
				r.Retain()
				out = append(out, r)
				break
			}
			parts = append(parts, r.NewSlice(at, at+n))
			at, have = at+n, have+n
			if have == rows {
				if err := flush(); err != nil {
					return out, err
				}
			}
		}
	}
	if have > 0 {
		return out, flush()
	}
	return out, nil
}

// join copies parts into one batch; the parts stay the caller's.
//
// Note: a single part is copied, too. Its slice would keep the whole file alive,
// and begin at odd bits and bytes that encoders must shift; arrow-go's can't
// write every layout from the middle (list views, dense unions).
func join(schema *arrow.Schema, parts []arrow.RecordBatch, mem memory.Allocator) (_ arrow.RecordBatch, err error) {
	defer recovered(&err)
	var rows int64
	for _, p := range parts {
		rows += p.NumRows()
	}
	cols := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	pieces := make([]arrow.Array, len(parts))
	for i := range schema.NumFields() {
		for j, p := range parts {
			pieces[j] = p.Column(i)
		}
		c, err := array.Concatenate(pieces, mem)
		if err != nil {
			return nil, fmt.Errorf("size the batches of column %q: %w; send the file's own batches, with rows and batch bytes 0", schema.Field(i).Name, err)
		}
		cols = append(cols, c)
	}
	return array.NewRecordBatch(schema, cols, rows), nil
}

// shareDictionaries makes all batches use one dictionary per column, where the
// file has several. It takes over recs, also on error.
func shareDictionaries(schema *arrow.Schema, recs []arrow.RecordBatch, mem memory.Allocator) (out []arrow.RecordBatch, err error) {
	if len(recs) < 2 || !slices.ContainsFunc(schema.Fields(), func(f arrow.Field) bool { return hasDictionary(f.Type) }) {
		return recs, nil
	}
	defer func() { releaseAll(recs) }()
	defer recovered(&err)
	cols := make([][]arrow.Array, len(recs)) // by batch
	defer func() {
		for _, c := range cols {
			for _, a := range c {
				a.Release()
			}
		}
	}()
	pieces := make([]arrow.Array, len(recs))
	for i := range schema.NumFields() {
		f := schema.Field(i)
		for j, r := range recs {
			pieces[j] = r.Column(i)
		}
		if err := unified(f, pieces, mem, func(j int, a arrow.Array) {
			a.Retain()
			cols[j] = append(cols[j], a)
		}); err != nil {
			return nil, err
		}
	}
	for j, r := range recs {
		out = append(out, array.NewRecordBatch(schema, cols[j], r.NumRows()))
	}
	return out, nil
}

// unified calls use with each piece, changed to share one dictionary.
func unified(f arrow.Field, pieces []arrow.Array, mem memory.Allocator, use func(int, arrow.Array)) error {
	chunked := arrow.NewChunked(f.Type, pieces)
	defer chunked.Release()
	if !hasDictionary(f.Type) {
		for j, a := range pieces {
			use(j, a)
		}
		return nil
	}
	one, err := array.UnifyChunkedDicts(mem, chunked)
	if err != nil {
		return fmt.Errorf("share one dictionary for column %q: %w", f.Name, err)
	}
	defer one.Release()
	for j, a := range one.Chunks() {
		use(j, a)
	}
	return nil
}

func hasDictionary(dt arrow.DataType) bool {
	switch dt := dt.(type) {
	case *arrow.DictionaryType:
		return true
	case arrow.ExtensionType:
		return hasDictionary(dt.StorageType())
	case arrow.NestedType:
		return slices.ContainsFunc(dt.Fields(), func(f arrow.Field) bool { return hasDictionary(f.Type) })
	}
	return false
}
