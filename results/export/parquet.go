package export

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flightbench/results"
)

// groupRows is how many rows a row group of the file holds.
const groupRows = 1 << 16

// writeParquet writes s with every column nullable, unit and better as metadata
// of the fields, and what made it as metadata of the schema.
func writeParquet(w io.Writer, run results.Run, s results.Sheet) (err error) {
	schema, err := schemaOf(run, s)
	if err != nil {
		return err
	}
	out, err := pqarrow.NewFileWriter(schema, plainWriter{w}, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	rows := 0
	flush := func() error {
		batch := b.NewRecordBatch()
		defer batch.Release()
		rows = 0
		return out.Write(batch)
	}
	err = s.Rows(func(cells []any) error {
		for i, cell := range cells {
			appendCell(b.Field(i), cell)
		}
		if rows++; rows == groupRows {
			return flush()
		}
		return nil
	})
	if err == nil && rows > 0 {
		err = flush()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

// plainWriter hides a Close that is not the file writer's to call.
type plainWriter struct{ io.Writer }

func schemaOf(run results.Run, s results.Sheet) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(s.Columns))
	for i, c := range s.Columns {
		f := arrow.Field{Name: c.Name, Nullable: true}
		switch c.Type.(type) {
		case string:
			f.Type = arrow.BinaryTypes.String
		case int64:
			f.Type = arrow.PrimitiveTypes.Int64
		case float64:
			f.Type = arrow.PrimitiveTypes.Float64
		case bool:
			f.Type = arrow.FixedWidthTypes.Boolean
		case time.Time:
			f.Type = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"} // which Python holds without help
		default:
			return nil, fmt.Errorf("column %s: parquet has no type for a %T", c.Name, c.Type)
		}
		told := map[string]string{}
		if c.Unit != "" {
			told["unit"] = c.Unit
		}
		if c.Better != "" {
			told["better"] = c.Better
		}
		if len(told) > 0 {
			f.Metadata = arrow.MetadataFrom(told)
		}
		fields[i] = f
	}
	about := arrow.MetadataFrom(map[string]string{
		"flightbench.version": run.Version, "flightbench.schema": strconv.Itoa(results.Schema), "flightbench.run": results.Clean(run.Name),
		"flightbench.hostname": results.Clean(run.Environment.Hostname),
	})
	return arrow.NewSchema(fields, &about), nil
}

// appendCell appends a cell of a Sheet to the builder of its column; a null
// where it is nil, or the time of a trial that never began.
func appendCell(b array.Builder, cell any) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if v, ok := cell.(string); ok {
			b.Append(v)
			return
		}
	case *array.Int64Builder:
		if v, ok := cell.(int64); ok {
			b.Append(v)
			return
		}
	case *array.Float64Builder:
		if v, ok := cell.(float64); ok {
			b.Append(v)
			return
		}
	case *array.BooleanBuilder:
		if v, ok := cell.(bool); ok {
			b.Append(v)
			return
		}
	case *array.TimestampBuilder:
		if v, ok := cell.(time.Time); ok && !v.IsZero() {
			b.Append(arrow.Timestamp(v.UnixMicro()))
			return
		}
	}
	b.AppendNull()
}
