package sqldemo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// DoPutCommandStatementIngest inserts the rows that come into a table, all or none
// of them, and returns their number.
func (s *sqlServer) DoPutCommandStatementIngest(ctx context.Context, cmd flightsql.StatementIngest, rdr flight.MessageReader) (rows int64, err error) {
	if err := checkIngest(cmd); err != nil {
		return 0, err
	}
	schema := rdr.Schema()
	if schema == nil {
		return 0, status.Errorf(codes.InvalidArgument, "read the schema of the rows: %v", rdr.Err())
	}
	ctx, se, leave, err := s.in(ctx, cmd.GetTransactionId())
	if err != nil {
		return 0, err
	}
	defer leave()
	err = se.run(ctx, func(c *conn) error {
		return se.atomically(ctx, c, func() error {
			if err := makeTable(c, cmd.GetTable(), schema, cmd.GetTableDefinitionOptions()); err != nil {
				return err
			}
			rows, err = insert(c, cmd.GetTable(), schema, rowsRead(rdr))
			return err
		})
	})
	if err != nil {
		return 0, explain(ctx, err)
	}
	return rows, nil
}

// checkIngest refuses what the demo does not have.
func checkIngest(cmd flightsql.StatementIngest) error {
	o := cmd.GetTableDefinitionOptions()
	switch {
	case cmd.GetTable() == "":
		return status.Error(codes.InvalidArgument, "the ingest names no table")
	case cmd.GetCatalog() != "" && cmd.GetCatalog() != catalog:
		return status.Errorf(codes.NotFound, "catalog %q: the demo's only catalog is %q", cmd.GetCatalog(), catalog)
	case cmd.GetSchema() != "":
		return status.Errorf(codes.NotFound, "schema %q: the demo's only schema has the empty name", cmd.GetSchema())
	case cmd.GetTemporary():
		return status.Error(codes.Unimplemented, "the demo has no temporary tables: leave temporary unset")
	case len(cmd.GetOptions()) > 0:
		return status.Errorf(codes.InvalidArgument, "ingest option %q: the demo has no options", slices.Sorted(maps.Keys(cmd.GetOptions()))[0])
	case o == nil || o.IfExists == flightsql.TableDefinitionOptionsTableExistsOptionUnspecified ||
		o.IfNotExist == flightsql.TableDefinitionOptionsTableNotExistOptionUnspecified:
		return status.Error(codes.InvalidArgument, "the ingest does not say what to do if the table exists, and if not: set both of table_definition_options")
	}
	return nil
}

// makeTable makes the table that takes rows of schema, or checks that it does.
func makeTable(c *conn, table string, schema *arrow.Schema, o *flightsql.TableDefinitionOptions) error {
	columns, err := columnsOf(c, table)
	if err != nil {
		return err
	}
	exists := len(columns) > 0
	switch {
	case exists && o.IfExists == flightsql.TableDefinitionOptionsTableExistsOptionFail:
		return status.Errorf(codes.AlreadyExists, "table %s exists already: append to it or replace it", table)
	case exists && o.IfExists == flightsql.TableDefinitionOptionsTableExistsOptionAppend:
		return checkAppend(table, columns, schema)
	case !exists && o.IfNotExist == flightsql.TableDefinitionOptionsTableNotExistOptionFail:
		return status.Errorf(codes.NotFound, "no such table: %s", table)
	}
	create, err := createTable(table, schema, "")
	if err != nil {
		return err
	}
	if exists {
		if err := c.Exec("DROP TABLE " + quote(table)); err != nil {
			return err
		}
	}
	return c.Exec(create)
}

// columnsOf returns the declared types of a table's columns by their name in lower
// case; none if there is no such table.
func columnsOf(c *conn, table string) (map[string]string, error) {
	st, err := c.Prepare("SELECT lower(name), type FROM pragma_table_info(?)")
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := st.BindText(1, []byte(table)); err != nil {
		return nil, err
	}
	columns := make(map[string]string)
	for {
		more, err := st.Step()
		if err != nil || !more {
			return columns, err
		}
		columns[string(st.Text(0))] = string(st.Text(1))
	}
}

// checkAppend finds a column that the table does not have, or has with values of
// another kind.
func checkAppend(table string, columns map[string]string, schema *arrow.Schema) error {
	for _, f := range schema.Fields() {
		decl, ok := columns[strings.ToLower(f.Name)]
		if !ok {
			return fmt.Errorf("column %s: table %s has no such column", f.Name, table)
		}
		if !fits(decl, f.Type) {
			return fmt.Errorf("column %s: it is declared %s in table %s, which does not take %s", f.Name, decl, table, f.Type)
		}
	}
	return nil
}

// createTable returns the statement that makes a table for schema, with a
// constraint after its columns if there is one.
func createTable(table string, schema *arrow.Schema, constraint string) (string, error) {
	if schema.NumFields() == 0 {
		return "", fmt.Errorf("table %s: rows without columns make no table", table)
	}
	var defs []string
	for _, f := range schema.Fields() {
		decl, err := declare(f)
		if err != nil {
			return "", err
		}
		def := quote(f.Name) + " " + decl
		if !f.Nullable && decl != "" {
			def += " NOT NULL"
		}
		defs = append(defs, def)
	}
	if constraint != "" {
		defs = append(defs, constraint)
	}
	return fmt.Sprintf("CREATE TABLE %s (%s)", quote(table), strings.Join(defs, ", ")), nil
}

// insert inserts rows whose columns are schema's, and returns their number.
func insert(c *conn, table string, schema *arrow.Schema, rows argsFunc) (int64, error) {
	if schema.NumFields() == 0 {
		return 0, fmt.Errorf("table %s: rows without columns cannot be inserted", table)
	}
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = quote(f.Name)
	}
	marks := strings.Repeat("?,", len(names))
	st, err := prepare(c, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quote(table), strings.Join(names, ","), marks[:len(marks)-1]), len(names))
	if err != nil {
		return 0, err
	}
	defer st.Close()
	return runAll(c, st, rows)
}

// quote makes an identifier of a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
