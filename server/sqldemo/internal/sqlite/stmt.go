package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Type is the storage class of a value.
type Type int32

// The storage classes.
const (
	Integer Type = lib.SQLITE_INTEGER
	Float   Type = lib.SQLITE_FLOAT
	Text    Type = lib.SQLITE_TEXT
	Blob    Type = lib.SQLITE_BLOB
	Null    Type = lib.SQLITE_NULL
)

func (t Type) String() string {
	switch t {
	case Integer:
		return "an integer"
	case Float:
		return "a float"
	case Text:
		return "a text"
	case Blob:
		return "a blob"
	}
	return "NULL"
}

// ErrEmpty says that a text has no statement in it.
var ErrEmpty = errors.New("the statement is empty")

// Stmt is a prepared statement. Parameters count from 1, columns from 0, as in C.
type Stmt struct {
	c      *Conn
	p      uintptr
	params int
}

// Prepare compiles the one statement of sql.
func (c *Conn) Prepare(sql string) (*Stmt, error) {
	if i := strings.IndexByte(sql, 0); i >= 0 {
		return nil, fmt.Errorf("the statement has a zero byte, its byte %d", i+1)
	}
	// A buffer of its own: what is bound goes through c.scratch.
	var text buffer
	zSQL := text.set(c.tls, append([]byte(sql), 0))
	out := lib.Xsqlite3_malloc64(c.tls, 16)
	if zSQL == 0 || out == 0 {
		return nil, fmt.Errorf("no memory for a statement of %d bytes", len(sql))
	}
	defer text.free(c.tls)
	defer lib.Xsqlite3_free(c.tls, out)
	compile := func(from uintptr) (stmt, tail uintptr, err error) {
		if rc := lib.Xsqlite3_prepare_v2(c.tls, c.db, from, -1, out, out+8); rc != lib.SQLITE_OK {
			return 0, 0, c.err(rc)
		}
		return load(out), load(out + 8), nil
	}
	p, tail, err := compile(zSQL)
	if err != nil {
		return nil, err
	}
	if p == 0 {
		return nil, ErrEmpty
	}
	// Only what follows without being blank or a comment is a second statement.
	rest := sql[tail-zSQL:]
	for strings.TrimSpace(rest) != "" {
		second, next, err := compile(tail)
		if second != 0 {
			lib.Xsqlite3_finalize(c.tls, second)
		}
		if second != 0 || err != nil {
			lib.Xsqlite3_finalize(c.tls, p)
			return nil, fmt.Errorf("a second statement begins at byte %d: send one at a time", tail-zSQL+1)
		}
		if next == tail {
			break
		}
		tail = next
		rest = sql[tail-zSQL:]
	}
	return &Stmt{c: c, p: p, params: int(lib.Xsqlite3_bind_parameter_count(c.tls, p))}, nil
}

// Close frees the statement, once. A write that it had not finished is undone.
func (s *Stmt) Close() {
	if s.p != 0 {
		lib.Xsqlite3_finalize(s.c.tls, s.p)
		s.p = 0
	}
}

// Step runs the statement up to its next row and tells whether there is one.
func (s *Stmt) Step() (bool, error) {
	switch rc := lib.Xsqlite3_step(s.c.tls, s.p); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.err(rc)
	}
}

// Reset makes the statement ready for other parameters and another run.
func (s *Stmt) Reset() { lib.Xsqlite3_reset(s.c.tls, s.p) }

// ReadOnly tells whether the statement leaves the database as it is.
func (s *Stmt) ReadOnly() bool { return lib.Xsqlite3_stmt_readonly(s.c.tls, s.p) != 0 }

// Params returns how many parameters the statement has.
func (s *Stmt) Params() int { return s.params }

// ParamName returns the name of parameter i with its prefix, such as ":id", or ""
// if it has none.
func (s *Stmt) ParamName(i int) string {
	return libc.GoString(lib.Xsqlite3_bind_parameter_name(s.c.tls, s.p, int32(i)))
}

// BindNull sets parameter i to NULL.
func (s *Stmt) BindNull(i int) error {
	return s.bound(lib.Xsqlite3_bind_null(s.c.tls, s.p, int32(i)))
}

// BindInt64 sets parameter i.
func (s *Stmt) BindInt64(i int, v int64) error {
	return s.bound(lib.Xsqlite3_bind_int64(s.c.tls, s.p, int32(i), v))
}

// BindFloat64 sets parameter i. SQLite makes NULL of NaN.
func (s *Stmt) BindFloat64(i int, v float64) error {
	return s.bound(lib.Xsqlite3_bind_double(s.c.tls, s.p, int32(i), v))
}

// BindText sets parameter i to a copy of v, UTF-8.
func (s *Stmt) BindText(i int, v []byte) error {
	p := s.c.scratch.set(s.c.tls, v)
	if p == 0 {
		return s.bound(lib.SQLITE_NOMEM)
	}
	return s.bound(lib.Xsqlite3_bind_text64(s.c.tls, s.p, int32(i), p, uint64(len(v)), lib.SQLITE_TRANSIENT, lib.SQLITE_UTF8))
}

// BindBlob sets parameter i to a copy of v.
func (s *Stmt) BindBlob(i int, v []byte) error {
	p := s.c.scratch.set(s.c.tls, v)
	if p == 0 {
		return s.bound(lib.SQLITE_NOMEM)
	}
	return s.bound(lib.Xsqlite3_bind_blob64(s.c.tls, s.p, int32(i), p, uint64(len(v)), lib.SQLITE_TRANSIENT))
}

func (s *Stmt) bound(rc int32) error {
	if rc != lib.SQLITE_OK {
		return s.c.err(rc)
	}
	return nil
}

// Columns returns how many columns the rows have; 0 if the statement has no rows.
func (s *Stmt) Columns() int { return int(lib.Xsqlite3_column_count(s.c.tls, s.p)) }

// ColumnName returns the name of column i.
func (s *Stmt) ColumnName(i int) string {
	return libc.GoString(lib.Xsqlite3_column_name(s.c.tls, s.p, int32(i)))
}

// DeclType returns the type that the table's definition gives column i, or "" for
// one without and for an expression.
func (s *Stmt) DeclType(i int) string {
	return libc.GoString(lib.Xsqlite3_column_decltype(s.c.tls, s.p, int32(i)))
}

// Type returns the storage class of the row's value in column i.
func (s *Stmt) Type(i int) Type { return Type(lib.Xsqlite3_column_type(s.c.tls, s.p, int32(i))) }

// Int64 returns the row's value in column i.
func (s *Stmt) Int64(i int) int64 {
	return int64(lib.Xsqlite3_column_int64(s.c.tls, s.p, int32(i)))
}

// Float64 returns the row's value in column i.
func (s *Stmt) Float64(i int) float64 {
	return lib.Xsqlite3_column_double(s.c.tls, s.p, int32(i))
}

// Text returns the row's value in column i as text; it lives until the next Step.
func (s *Stmt) Text(i int) []byte {
	return s.bytes(lib.Xsqlite3_column_text(s.c.tls, s.p, int32(i)), i)
}

// Blob returns the row's value in column i; it lives until the next Step.
func (s *Stmt) Blob(i int) []byte {
	return s.bytes(lib.Xsqlite3_column_blob(s.c.tls, s.p, int32(i)), i)
}

func (s *Stmt) bytes(p uintptr, i int) []byte {
	n := int(lib.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i)))
	if p == 0 || n == 0 {
		return nil
	}
	return libc.GoBytes(p, n)
}
