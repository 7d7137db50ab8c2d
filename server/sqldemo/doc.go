// Package sqldemo is a Flight SQL server over SQLite in pure Go, made to be tried
// and to be measured: queries, prepared statements with parameters, updates, bulk
// ingest, transactions and the catalog, on a small TPC-H-like table.
//
// Note: arrow-go's example server is no base for it. It panics on a declared type
// that it does not know, such as DECIMAL(15,2) or BOOLEAN, and on a type-info
// filter without a match; it pastes names from requests into SQL; its shared
// in-memory database has writers fail while anybody reads; it knows no ingest, no
// parameter schema, and keeps abandoned statements and transactions for ever.
package sqldemo
