package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Sheet is a table for other programs: typed columns, values in base units.
type Sheet struct {
	Columns []SheetColumn
	// Rows gives the rows one after another, a cell a column, until yield fails, and returns that error or its own. The
	// cells belong to Rows. A cell is of its column's Type, or nil where nothing was measured.
	Rows func(yield func(cells []any) error) error
}

// SheetColumn is one column of a Sheet.
type SheetColumn struct {
	Name   string
	Type   any    // an example of its cells: string, int64, float64, bool or time.Time
	Unit   string // "" where it has none, or where nobody measured it
	Better string // of a metric or a latency: higher, lower; else ""
}

// WriteCSV prints s with a line of names at its head. An empty cell is a
// figure that was not measured.
func (s Sheet) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	err := s.Rows(func(cells []any) error {
		for i, cell := range cells {
			record[i] = csvCell(cell)
		}
		return out.Write(record)
	})
	if err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

func csvCell(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return float(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	panic(fmt.Sprintf("results: a cell of a Sheet is a %T", cell))
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
