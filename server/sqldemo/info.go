package sqldemo

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	lib "modernc.org/sqlite/lib"
)

// registerInfo says what the server can do.
func (s *sqlServer) registerInfo(o Options) error {
	for id, v := range map[flightsql.SqlInfo]any{
		flightsql.SqlInfoFlightSqlServerName:                        "flightbench SQL demo (SQLite)",
		flightsql.SqlInfoFlightSqlServerVersion:                     lib.SQLITE_VERSION,
		flightsql.SqlInfoFlightSqlServerArrowVersion:                arrow.PkgVersion,
		flightsql.SqlInfoFlightSqlServerReadOnly:                    false,
		flightsql.SqlInfoFlightSqlServerSql:                         true,
		flightsql.SqlInfoFlightSqlServerSubstrait:                   false,
		flightsql.SqlInfoFlightSqlServerSubstraitMinVersion:         "",
		flightsql.SqlInfoFlightSqlServerSubstraitMaxVersion:         "",
		flightsql.SqlInfoFlightSqlServerTransaction:                 int32(flightsql.SqlTransactionTransaction),
		flightsql.SqlInfoFlightSqlServerCancel:                      false, // a query ends with the call that reads it
		flightsql.SqlInfoFlightSqlServerBulkIngestion:               true,
		flightsql.SqlInfoFlightSqlServerIngestTransactionsSupported: true,
		flightsql.SqlInfoFlightSqlServerStatementTimeout:            int32(0),
		flightsql.SqlInfoFlightSqlServerTransactionTimeout:          int32(min(o.Idle.Milliseconds(), math.MaxInt32)),
		flightsql.SqlInfoDDLCatalog:                                 false,
		flightsql.SqlInfoDDLSchema:                                  false,
		flightsql.SqlInfoDDLTable:                                   true,
		flightsql.SqlInfoIdentifierCase:                             int64(flightsql.SqlCaseSensitivityCaseInsensitive),
		flightsql.SqlInfoIdentifierQuoteChar:                        `"`,
		flightsql.SqlInfoQuotedIdentifierCase:                       int64(flightsql.SqlCaseSensitivityCaseInsensitive),
		flightsql.SqlInfoAllTablesAreASelectable:                    true,
		flightsql.SqlInfoNullOrdering:                               int64(flightsql.SqlNullOrderingSortAtStart),
		flightsql.SqlInfoTransactionsSupported:                      true,
		flightsql.SqlInfoNamedParametersSupported:                   false,
		flightsql.SqlInfoSavePointsSupported:                        false,
		flightsql.SqlInfoMaxConnections:                             int64(o.Connections),
		flightsql.SqlInfoMaxStatements:                              int64(o.Prepared),
		flightsql.SqlInfoDefaultTransactionIsolation:                int64(transactionSerializable),
		flightsql.SqlInfoSupportedTransactionsIsolationlevels:       int32(1 << transactionSerializable),
		flightsql.SqlInfoDataDefinitionCausesTransactionCommit:      false,
		flightsql.SqlInfoDataDefinitionsInTransactionsIgnored:       false,
		flightsql.SqlInfoSupportsNonNullableColumns:                 true,
		flightsql.SqlInfoSupportsIntegrityEnhancementFacility:       true,
		flightsql.SqlInfoCorrelatedSubqueriesSupported:              true,
		flightsql.SqlInfoStoredProceduresSupported:                  false,
		flightsql.SqlInfoSelectForUpdateSupported:                   false,
		flightsql.SqlInfoSupportsLikeEscapeClause:                   true,
		flightsql.SqlInfoSupportsColumnAliasing:                     true,
		flightsql.SqlInfoNullPlusNullIsNull:                         true,
		flightsql.SqlInfoSupportsExpressionsInOrderBy:               true,
		flightsql.SqlInfoSupportsOrderByUnrelated:                   true,
		flightsql.SqlInfoSupportsTableCorrelationNames:              true,
		flightsql.SqlInfoSupportsDifferentTableCorrelationNames:     false,
		flightsql.SqlInfoBatchUpdatesSupported:                      true,
	} {
		if err := s.RegisterSqlInfo(id, v); err != nil {
			return fmt.Errorf("SqlInfo %v: %w", id, err)
		}
	}
	return nil
}

// transactionSerializable is SqlTransactionIsolationLevel's value.
const transactionSerializable = 4

// CancelFlightInfo answers that a query is cancelled by cancelling its DoGet.
func (s *sqlServer) CancelFlightInfo(context.Context, *flight.CancelFlightInfoRequest) (flight.CancelFlightInfoResult, error) {
	return flight.CancelFlightInfoResult{Status: flight.CancelStatusNotCancellable}, nil
}

// xdbcType is a row of the type info: a declared type, with its numbers from
// FlightSql.proto's XdbcDataType.
type xdbcType struct {
	name          string
	code, subcode int32
	size          int32 // digits, characters or bytes
	quote         string
	params        []string
	scale         int32
}

var xdbcTypes = []xdbcType{
	{name: "BOOLEAN", code: -7, size: 1},
	{name: "TINYINT", code: -6, size: 3},
	{name: "BIGINT", code: -5, size: 19},
	{name: "BLOB", code: -4, size: 1_000_000_000, quote: "'"},
	{name: "TEXT", code: -1, size: 1_000_000_000, quote: "'"},
	{name: "DECIMAL", code: 3, size: maxDigits, params: []string{"precision", "scale"}, scale: maxDigits},
	{name: "INTEGER", code: 4, size: 19},
	{name: "MEDIUMINT", code: 4, size: 10},
	{name: "SMALLINT", code: 5, size: 5},
	{name: "FLOAT4", code: 7, size: 7},
	{name: "DOUBLE", code: 8, size: 15},
	{name: "VARCHAR", code: 12, size: 1_000_000_000, quote: "'", params: []string{"length"}},
	{name: "DATE", code: 91, subcode: 1, size: 10, quote: "'"},
	{name: "TIME", code: 92, subcode: 2, size: 18, quote: "'", params: []string{"precision"}, scale: 9},
	{name: "TIMESTAMP", code: 93, subcode: 3, size: 29, quote: "'", params: []string{"precision"}, scale: 9},
}

func (s *sqlServer) GetFlightInfoXdbcTypeInfo(_ context.Context, _ flightsql.GetXdbcTypeInfo, desc *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(desc, desc.Cmd, schema_ref.XdbcTypeInfo), nil
}

// DoGetXdbcTypeInfo lists the types, or those with the number that is asked for.
func (s *sqlServer) DoGetXdbcTypeInfo(_ context.Context, cmd flightsql.GetXdbcTypeInfo) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	b := array.NewRecordBuilder(s.mem, schema_ref.XdbcTypeInfo)
	defer b.Release()
	for _, t := range xdbcTypes {
		if want := cmd.GetDataType(); want == nil || *want == t.code {
			t.append(b)
		}
	}
	out := make(chan flight.StreamChunk, 1)
	out <- flight.StreamChunk{Data: b.NewRecordBatch()}
	close(out)
	return schema_ref.XdbcTypeInfo, out, nil
}

func (t xdbcType) append(b *array.RecordBuilder) {
	text := func(col int, v string) {
		if v == "" {
			b.Field(col).AppendNull()
			return
		}
		b.Field(col).(*array.StringBuilder).Append(v)
	}
	number := func(col int, v int32) { b.Field(col).(*array.Int32Builder).Append(v) }
	flag := func(col int, v bool) { b.Field(col).(*array.BooleanBuilder).Append(v) }
	const nullable, searchable = 1, 3 // XdbcDataType's NULLABLE_NULLABLE, SEARCHABLE_FULL
	text(0, t.name)
	number(1, t.code)
	number(2, t.size)
	text(3, t.quote)
	text(4, t.quote)
	params := b.Field(5).(*array.ListBuilder)
	params.Append(true)
	for _, p := range t.params {
		params.ValueBuilder().(*array.StringBuilder).Append(p)
	}
	number(6, nullable)
	flag(7, t.code == -1 || t.code == 12)
	number(8, searchable)
	flag(9, false)
	flag(10, t.code == 3)
	flag(11, false)
	text(12, t.name)
	number(13, 0)
	number(14, t.scale)
	if t.subcode == 0 {
		number(15, t.code)
		b.Field(16).AppendNull()
	} else {
		number(15, 9) // XDBC_DATETIME, told apart by the subcode
		number(16, t.subcode)
	}
	if t.quote == "" {
		number(17, 10)
	} else {
		b.Field(17).AppendNull()
	}
	b.Field(18).AppendNull()
}
