package workloads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// readFile is Generate for a file. What a decoder does with a corrupt one, be it
// a panic, becomes an error that names the path.
func readFile(ctx context.Context, s Spec, mem memory.Allocator) (*Set, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("workload file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("workload file: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("workload file %q: it is not a regular file", s.Path)
	}
	set, err := loadFile(ctx, s, f, mem)
	if err != nil {
		return nil, fmt.Errorf("workload file %q: %w", s.Path, err)
	}
	return set, nil
}

func loadFile(ctx context.Context, s Spec, f *os.File, mem memory.Allocator) (*Set, error) {
	src, err := openSource(ctx, f, mem)
	if err != nil {
		return nil, err
	}
	defer src.close()
	if src.rows > 0 && s.Rows == 0 && s.BatchBytes == 0 {
		s.Rows = src.rows
	}
	recs, err := readAll(ctx, s, src)
	defer func() { releaseAll(recs) }()
	if err != nil {
		return nil, err
	}
	if recs, err = shareDictionaries(src.schema, recs, mem); err != nil {
		return nil, err
	}
	if s.BatchBytes > 0 {
		if s.Rows, err = rowsOfFile(s.BatchBytes, recs); err != nil {
			return nil, err
		}
		s.BatchBytes = 0
	}
	if s.Rows > 0 {
		if recs, err = rebatch(src.schema, recs, s.Rows, mem); err != nil {
			return nil, err
		}
	}
	switch {
	case s.Distinct > len(recs):
		return nil, fmt.Errorf("distinct %d: the file has %d batches, ask for no more, or for smaller ones", s.Distinct, len(recs))
	case s.Distinct == 0 && len(recs) > maxFileSet:
		return nil, fmt.Errorf("it has %d batches, more than %d: ask for larger ones, or set distinct", len(recs), maxFileSet)
	case s.Distinct == 0:
		s.Distinct = len(recs)
	}
	set := &Set{Spec: s, Schema: src.schema}
	for _, r := range recs[:s.Distinct] {
		r.Retain()
		set.Batches = append(set.Batches, newBatch(r))
	}
	return set, nil
}

// A batchSource is an open file. Next returns a batch that the caller releases,
// and io.EOF at the end.
type batchSource struct {
	schema *arrow.Schema
	rows   int64 // of a batch, for a format that has no batches; 0: it has its own
	next   func() (arrow.RecordBatch, error)
	close  func()
}

// openSource tells the format by the file's first bytes.
func openSource(ctx context.Context, f *os.File, mem memory.Allocator) (src *batchSource, err error) {
	defer recovered(&err)
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	switch {
	case len(head) == 0:
		return nil, errors.New("it is empty")
	case bytes.HasPrefix(head, []byte("ARROW1")):
		return openIPCFile(f, mem)
	case bytes.HasPrefix(head, []byte("PAR1")):
		return openParquet(ctx, f, mem)
	case bytes.HasPrefix(head, []byte{0xff, 0xff, 0xff, 0xff}):
		return openIPCStream(f, mem)
	}
	return nil, fmt.Errorf("it is neither an Arrow IPC file, nor an IPC stream, nor Parquet: it begins with %q", head)
}

func openIPCFile(f *os.File, mem memory.Allocator) (*batchSource, error) {
	r, err := ipc.NewFileReader(f, ipc.WithAllocator(mem))
	if err != nil {
		return nil, fmt.Errorf("read IPC file: %w", err)
	}
	i := 0
	return &batchSource{
		schema: r.Schema(),
		close:  func() { r.Close() },
		next: func() (arrow.RecordBatch, error) {
			if i == r.NumRecords() {
				return nil, io.EOF
			}
			i++
			return r.RecordBatchAt(i - 1)
		},
	}, nil
}

func openIPCStream(f *os.File, mem memory.Allocator) (*batchSource, error) {
	r, err := ipc.NewReader(f, ipc.WithAllocator(mem))
	if err != nil {
		return nil, fmt.Errorf("read IPC stream: %w", err)
	}
	return &batchSource{
		schema: r.Schema(),
		close:  r.Release,
		next: func() (arrow.RecordBatch, error) {
			rec, err := r.Read()
			if err != nil {
				return nil, err
			}
			rec.Retain()
			return rec, nil
		},
	}, nil
}

func openParquet(ctx context.Context, f *os.File, mem memory.Allocator) (*batchSource, error) {
	pq, err := file.NewParquetReader(f, file.WithReadProps(parquet.NewReaderProperties(mem)))
	if err != nil {
		return nil, fmt.Errorf("read Parquet: %w", err)
	}
	r, err := pqarrow.NewFileReader(pq, pqarrow.ArrowReadProperties{BatchSize: defaultRows}, mem)
	if err != nil {
		return nil, fmt.Errorf("read Parquet: %w", err)
	}
	rr, err := r.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("read Parquet: %w", err)
	}
	return &batchSource{
		schema: rr.Schema(),
		rows:   defaultRows,
		close:  rr.Release, // the file is the caller's
		next: func() (arrow.RecordBatch, error) {
			rec, err := rr.Read()
			if err != nil {
				return nil, err
			}
			rec.Retain()
			return rec, nil
		},
	}, nil
}

// readAll reads as many batches as s needs. It returns what it has read with an
// error, too: the caller releases it.
func readAll(ctx context.Context, s Spec, src *batchSource) (recs []arrow.RecordBatch, err error) {
	defer recovered(&err)
	var rows, bytes int64
	for {
		if s.Distinct > 0 && s.BatchBytes == 0 {
			if s.Rows > 0 && rows/s.Rows >= int64(s.Distinct) || s.Rows == 0 && len(recs) >= s.Distinct {
				break
			}
		}
		if err := ctx.Err(); err != nil {
			return recs, err
		}
		rec, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return recs, fmt.Errorf("read batch %d: %w", len(recs), err)
		}
		recs = append(recs, rec)
		rows += rec.NumRows()
		if bytes += measure(rec, rec.NumRows()).body; bytes > maxFileBytes {
			return recs, fmt.Errorf("it holds more than %d bytes of batches: use a smaller file, or its first batches by setting rows and distinct", maxFileBytes)
		}
	}
	if rows == 0 {
		return recs, errors.New("it holds no rows")
	}
	return recs, nil
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("corrupt: %v", p)
	}
}

func releaseAll(recs []arrow.RecordBatch) {
	for _, r := range recs {
		r.Release()
	}
}
