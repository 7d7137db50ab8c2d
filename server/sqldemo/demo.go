package sqldemo

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/workloads"
)

// demoBatch is how many rows of lineitem are generated as one batch.
const demoBatch = 10_000

// The small tables: TPC-H's NATION and REGION (clause 4.2.3), without comments.
var regions = []string{"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"}

var nations = []struct {
	name   string
	region int
}{
	{"ALGERIA", 0}, {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1}, {"EGYPT", 4}, {"ETHIOPIA", 0}, {"FRANCE", 3}, {"GERMANY", 3}, {"INDIA", 2},
	{"INDONESIA", 2}, {"IRAN", 4}, {"IRAQ", 4}, {"JAPAN", 2}, {"JORDAN", 4}, {"KENYA", 0}, {"MOROCCO", 0}, {"MOZAMBIQUE", 0}, {"PERU", 1},
	{"CHINA", 2}, {"ROMANIA", 3}, {"SAUDI ARABIA", 4}, {"VIETNAM", 2}, {"RUSSIA", 3}, {"UNITED KINGDOM", 3}, {"UNITED STATES", 1},
}

// smallTables are the statements that make nation and region.
func smallTables() []string {
	var r, n []string
	for i, name := range regions {
		r = append(r, fmt.Sprintf("(%d, '%s')", i, name))
	}
	for i, x := range nations {
		n = append(n, fmt.Sprintf("(%d, '%s', %d)", i, x.name, x.region))
	}
	return []string{
		"CREATE TABLE region (r_regionkey INTEGER NOT NULL PRIMARY KEY, r_name TEXT NOT NULL)",
		"CREATE TABLE nation (n_nationkey INTEGER NOT NULL PRIMARY KEY, n_name TEXT NOT NULL, n_regionkey INTEGER NOT NULL REFERENCES region (r_regionkey))",
		"INSERT INTO region VALUES " + strings.Join(r, ", "),
		"INSERT INTO nation VALUES " + strings.Join(n, ", "),
	}
}

// fill makes the demo's tables, lineitem with the given number of rows.
func fill(ctx context.Context, s *sqlServer, rows int64) error {
	spec, err := workloads.Parse(workloads.Lineitem)
	if err != nil {
		return err
	}
	spec.Rows = min(max(rows, 1), demoBatch)
	spec.Distinct = int(max(1, (rows+demoBatch-1)/demoBatch))
	set, err := workloads.Generate(ctx, spec, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	defer set.Release()
	create, err := createTable(workloads.Lineitem, set.Schema, "PRIMARY KEY (l_orderkey, l_linenumber)")
	if err != nil {
		return err
	}
	ctx, se, leave, err := s.in(ctx, nil)
	if err != nil {
		return err
	}
	defer leave()
	return se.run(ctx, func(c *conn) error {
		return se.atomically(ctx, c, func() error {
			for _, sql := range append(smallTables(), create) {
				if err := c.Exec(sql); err != nil {
					return err
				}
			}
			_, err := insert(c, workloads.Lineitem, set.Schema, rowsOf(firstRows(set, rows)))
			return err
		})
	})
}

// firstRows returns slices of the set's batches, which own nothing, that have as
// many rows together.
func firstRows(set *workloads.Set, rows int64) []arrow.RecordBatch {
	var out []arrow.RecordBatch
	for _, b := range set.Batches {
		if n := min(rows, b.Rows); n > 0 {
			out = append(out, b.Record.NewSlice(0, n))
			rows -= n
		}
	}
	return out
}
