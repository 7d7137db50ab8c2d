package sqldemo

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
)

// catalog is the name of the only catalog; the only schema has the empty name.
const catalog = "main"

// list streams the rows of one of the server's own queries, as schema.
func (s *sqlServer) list(ctx context.Context, schema *arrow.Schema, sql string, args ...*string) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.stream(ctx, query{sql: sql, args: func() argsFunc { return texts(args...) }, params: len(args), schema: schema})
}

func (s *sqlServer) GetFlightInfoCatalogs(_ context.Context, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.Catalogs), nil
}

func (s *sqlServer) DoGetCatalogs(ctx context.Context) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.list(ctx, schema_ref.Catalogs, "SELECT 'main'")
}

func (s *sqlServer) GetFlightInfoSchemas(_ context.Context, _ flightsql.GetDBSchemas, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.DBSchemas), nil
}

func (s *sqlServer) DoGetDBSchemas(ctx context.Context, cmd flightsql.GetDBSchemas) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.list(ctx, schema_ref.DBSchemas, "SELECT 'main', '' WHERE (?1 IS NULL OR ?1 = 'main') AND (?2 IS NULL OR '' LIKE ?2)",
		cmd.GetCatalog(), cmd.GetDBSchemaFilterPattern())
}

func (s *sqlServer) GetFlightInfoTableTypes(_ context.Context, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.TableTypes), nil
}

func (s *sqlServer) DoGetTableTypes(ctx context.Context) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.list(ctx, schema_ref.TableTypes, "VALUES ('table'), ('view')")
}

func tablesSchema(cmd flightsql.GetTables) *arrow.Schema {
	if cmd.GetIncludeSchema() {
		return schema_ref.TablesWithIncludedSchema
	}
	return schema_ref.Tables
}

func (s *sqlServer) GetFlightInfoTables(_ context.Context, cmd flightsql.GetTables, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, tablesSchema(cmd)), nil
}

// DoGetTables lists tables and views. The schema of a view's column that is an
// expression is found by running the view.
func (s *sqlServer) DoGetTables(ctx context.Context, cmd flightsql.GetTables) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	types, joined := "", ""
	if t := cmd.GetTableTypes(); len(t) > 0 {
		types, joined = " AND instr(?4, ',' || type || ',')", ","+strings.Join(t, ",")+","
	}
	sql := `SELECT 'main', '', name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
		AND (?1 IS NULL OR ?1 = 'main') AND (?2 IS NULL OR '' LIKE ?2) AND (?3 IS NULL OR name LIKE ?3)` + types + ` ORDER BY name`
	args := []*string{cmd.GetCatalog(), cmd.GetDBSchemaFilterPattern(), cmd.GetTableNameFilterPattern()}
	if types != "" {
		args = append(args, &joined)
	}
	schema, out, err := s.list(ctx, schema_ref.Tables, sql, args...)
	if err != nil || !cmd.GetIncludeSchema() {
		return schema, out, err
	}
	return s.withSchemas(ctx, out)
}

// withSchemas adds the column table_schema to the tables that in lists.
func (s *sqlServer) withSchemas(ctx context.Context, in <-chan flight.StreamChunk) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		drain(in)
		return nil, nil, err
	}
	out := make(chan flight.StreamChunk)
	go func() {
		defer close(out)
		defer leave()
		defer drain(in)
		for chunk := range in {
			if chunk.Err == nil {
				chunk.Data, chunk.Err = s.addSchemas(ctx, chunk.Data)
			}
			select {
			case out <- chunk:
			case <-ctx.Done():
				if chunk.Data != nil {
					chunk.Data.Release()
				}
				return
			}
		}
	}()
	return schema_ref.TablesWithIncludedSchema, out, nil
}

func drain(in <-chan flight.StreamChunk) {
	for chunk := range in {
		if chunk.Data != nil {
			chunk.Data.Release()
		}
	}
}

// addSchemas takes over tables and returns them with their schemas.
func (s *sqlServer) addSchemas(ctx context.Context, tables arrow.RecordBatch) (arrow.RecordBatch, error) {
	defer tables.Release()
	b := array.NewBinaryBuilder(s.mem, arrow.BinaryTypes.Binary)
	defer b.Release()
	names := tables.Column(2).(*array.String)
	for i := range names.Len() {
		res, err := s.schemaOfQuery(ctx, plain("SELECT * FROM "+quote(names.Value(i)), nil))
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", names.Value(i), err)
		}
		b.Append(res.Schema)
	}
	schemas := b.NewArray()
	defer schemas.Release()
	return array.NewRecordBatch(schema_ref.TablesWithIncludedSchema, append(tables.Columns(), schemas), tables.NumRows()), nil
}

func (s *sqlServer) GetFlightInfoPrimaryKeys(_ context.Context, _ flightsql.TableRef, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.PrimaryKeys), nil
}

func (s *sqlServer) DoGetPrimaryKeys(ctx context.Context, ref flightsql.TableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.list(ctx, schema_ref.PrimaryKeys, `SELECT 'main', '', m.name, p.name, p.pk, NULL FROM sqlite_master m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND p.pk > 0 AND (?1 IS NULL OR ?1 = 'main') AND (?2 IS NULL OR ?2 = '') AND m.name = ?3 COLLATE NOCASE
		ORDER BY p.pk`, ref.Catalog, ref.DBSchema, &ref.Table)
}

// foreignKeys are all of them; a key that names no columns means the primary key's.
const foreignKeys = `WITH action(name, code) AS (VALUES ('CASCADE', 0), ('RESTRICT', 1), ('SET NULL', 2), ('NO ACTION', 3), ('SET DEFAULT', 4))
	SELECT 'main', '', f."table" AS pk_table, coalesce(f."to", (SELECT name FROM pragma_table_info(f."table") WHERE pk = f.seq + 1)),
		'main', '', m.name AS fk_table, f."from", f.seq + 1, NULL, NULL, u.code, d.code
	FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f JOIN action u ON u.name = f.on_update JOIN action d ON d.name = f.on_delete
	WHERE m.type = 'table' AND `

// side says which of a key's two tables is meant, by the parameters from n on.
func side(table string, n int) string {
	return fmt.Sprintf("(?%d IS NULL OR ?%[1]d = 'main') AND (?%d IS NULL OR ?%[2]d = '') AND %s = ?%d COLLATE NOCASE", n, n+1, table, n+2)
}

func (s *sqlServer) keys(ctx context.Context, where string, refs ...flightsql.TableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var args []*string
	for _, r := range refs {
		args = append(args, r.Catalog, r.DBSchema, &r.Table)
	}
	return s.list(ctx, schema_ref.ImportedExportedKeysAndCrossReference, foreignKeys+where+" ORDER BY pk_table, fk_table, f.id, f.seq", args...)
}

func (s *sqlServer) GetFlightInfoImportedKeys(_ context.Context, _ flightsql.TableRef, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.ImportedKeys), nil
}

func (s *sqlServer) DoGetImportedKeys(ctx context.Context, ref flightsql.TableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.keys(ctx, side("m.name", 1), ref)
}

func (s *sqlServer) GetFlightInfoExportedKeys(_ context.Context, _ flightsql.TableRef, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.ExportedKeys), nil
}

func (s *sqlServer) DoGetExportedKeys(ctx context.Context, ref flightsql.TableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.keys(ctx, side(`f."table"`, 1), ref)
}

func (s *sqlServer) GetFlightInfoCrossReference(_ context.Context, _ flightsql.CrossTableRef, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.CrossReference), nil
}

func (s *sqlServer) DoGetCrossReference(ctx context.Context, ref flightsql.CrossTableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	return s.keys(ctx, side(`f."table"`, 1)+" AND "+side("m.name", 4), ref.PKRef, ref.FKRef)
}
