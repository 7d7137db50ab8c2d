// Package sqlite is the part of SQLite's C interface that a Flight SQL server
// needs, over the pure-Go translation modernc.org/sqlite/lib.
//
// Note: database/sql hides what the protocol asks for: the number and the names
// of a statement's parameters, whether it writes, and its columns' declared types
// before it has run. It also makes an interface of every value.
package sqlite

import (
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Codes of an [Error] that callers tell apart: SQLite's result codes.
const (
	Busy       = lib.SQLITE_BUSY
	Interrupt  = lib.SQLITE_INTERRUPT
	Full       = lib.SQLITE_FULL
	Constraint = lib.SQLITE_CONSTRAINT
	Auth       = lib.SQLITE_AUTH
	Generic    = lib.SQLITE_ERROR
	TooBig     = lib.SQLITE_TOOBIG
	Mismatch   = lib.SQLITE_MISMATCH
	NoMemory   = lib.SQLITE_NOMEM
	Locked     = lib.SQLITE_LOCKED
)

// Bounds in bytes, far below SQLite's own of 1 GB: many connections share one
// process's memory.
const (
	MaxValue     = 64 << 20 // of a text, a blob or a row
	MaxStatement = 1 << 20
)

// Error is what SQLite says of a statement.
type Error struct {
	Code     int // the primary result code
	Extended int // the extended one
	Msg      string
}

func (e *Error) Error() string { return e.Msg }

// Conn is one connection to a database file. It serves one goroutine at a time;
// [Conn.Interrupt] alone may be called by others.
type Conn struct {
	tls        *libc.TLS
	db         uintptr
	scratch    buffer  // values on their way to SQLite
	restricted uintptr // a byte that authorize reads
}

// Open opens or makes the database file at path. Strings in double quotes are
// names and nothing else, and no statement may attach another file.
func Open(path string) (*Conn, error) {
	c := &Conn{tls: libc.NewTLS()}
	pp := lib.Xsqlite3_malloc64(c.tls, 8)
	c.restricted = lib.Xsqlite3_malloc64(c.tls, 1)
	name := c.scratch.set(c.tls, []byte(path+"\x00"))
	if pp == 0 || name == 0 || c.restricted == 0 {
		return nil, fmt.Errorf("open %s: no memory", path)
	}
	defer lib.Xsqlite3_free(c.tls, pp)
	const flags = lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE | lib.SQLITE_OPEN_NOMUTEX
	rc := lib.Xsqlite3_open_v2(c.tls, name, pp, flags, 0)
	c.db = load(pp)
	if rc != lib.SQLITE_OK {
		err := fmt.Errorf("open %s: %w", path, c.err(rc))
		_ = c.Close()
		return nil, err
	}
	lib.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	for _, op := range []struct{ option, value int32 }{
		{lib.SQLITE_DBCONFIG_DQS_DDL, 0}, {lib.SQLITE_DBCONFIG_DQS_DML, 0}, {lib.SQLITE_DBCONFIG_DEFENSIVE, 1}, {lib.SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	} {
		args := libc.NewVaList(op.value, uintptr(0))
		rc := lib.Xsqlite3_db_config(c.tls, c.db, op.option, args)
		libc.Xfree(c.tls, args)
		if rc != lib.SQLITE_OK {
			_ = c.Close()
			return nil, fmt.Errorf("open %s: option %d cannot be set: code %d", path, op.option, rc)
		}
	}
	c.Restrict(false)
	// Note: it is set once, since setting it has all statements compiled again.
	f := authorize
	xAuth := *(*uintptr)(unsafe.Pointer(&struct {
		f func(*libc.TLS, uintptr, int32, uintptr, uintptr, uintptr, uintptr) int32
	}{f}))
	lib.Xsqlite3_set_authorizer(c.tls, c.db, xAuth, c.restricted)
	lib.Xsqlite3_limit(c.tls, c.db, lib.SQLITE_LIMIT_ATTACHED, 0)
	lib.Xsqlite3_limit(c.tls, c.db, lib.SQLITE_LIMIT_LENGTH, MaxValue)
	lib.Xsqlite3_limit(c.tls, c.db, lib.SQLITE_LIMIT_SQL_LENGTH, MaxStatement)
	return c, nil
}

// Close ends the connection, whose statements must have been closed. It does so
// once.
func (c *Conn) Close() error {
	if c.tls == nil {
		return nil
	}
	rc := lib.Xsqlite3_close_v2(c.tls, c.db)
	c.scratch.free(c.tls)
	lib.Xsqlite3_free(c.tls, c.restricted)
	c.tls.Close()
	c.tls, c.db = nil, 0
	if rc != lib.SQLITE_OK {
		return fmt.Errorf("close the database: code %d", rc)
	}
	return nil
}

// Exec runs one statement and drops its rows.
func (c *Conn) Exec(sql string) error {
	st, err := c.Prepare(sql)
	if err != nil {
		return err
	}
	defer st.Close()
	for {
		if more, err := st.Step(); err != nil || !more {
			return err
		}
	}
}

// Interrupt has the statements that run now, if any, end with the code
// [Interrupt]. The connection must be open.
func (c *Conn) Interrupt() { lib.Xsqlite3_interrupt(c.tls, c.db) }

// InTransaction tells whether BEGIN was run and nothing has ended it. Errors can:
// SQLite itself rolls back after some, and after an interrupted write.
func (c *Conn) InTransaction() bool { return lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

// Changes returns the rows that the last INSERT, UPDATE or DELETE changed.
func (c *Conn) Changes() int64 { return int64(lib.Xsqlite3_changes64(c.tls, c.db)) }

// TotalChanges returns the rows changed since the connection was opened, those
// that triggers and foreign keys changed too.
func (c *Conn) TotalChanges() int64 { return int64(lib.Xsqlite3_total_changes64(c.tls, c.db)) }

// Restrict says whether to refuse, with the code [Auth], every statement prepared
// from now on that is transaction control, changes the connection's settings,
// touches temporary objects, or reaches for another file.
func (c *Conn) Restrict(on bool) {
	v := byte(0)
	if on {
		v = 1
	}
	libc.GoBytes(c.restricted, 1)[0] = v
}

// readPragmas tell about tables and change nothing, so that their table-valued
// functions may be used.
var readPragmas = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true, "index_info": true, "index_xinfo": true,
	"foreign_key_list": true, "database_list": true, "collation_list": true, "function_list": true, "module_list": true, "pragma_list": true,
	"compile_options": true,
}

// authorize is SQLite's callback: https://sqlite.org/c3ref/set_authorizer.html.
func authorize(_ *libc.TLS, restricted uintptr, action int32, arg1, _, db, _ uintptr) int32 {
	if libc.GoBytes(restricted, 1)[0] == 0 {
		return lib.SQLITE_OK
	}
	switch action {
	case lib.SQLITE_TRANSACTION, lib.SQLITE_SAVEPOINT, lib.SQLITE_ATTACH, lib.SQLITE_DETACH,
		lib.SQLITE_CREATE_TEMP_INDEX, lib.SQLITE_CREATE_TEMP_TABLE, lib.SQLITE_CREATE_TEMP_TRIGGER, lib.SQLITE_CREATE_TEMP_VIEW:
		return lib.SQLITE_DENY
	case lib.SQLITE_CREATE_INDEX, lib.SQLITE_CREATE_TABLE, lib.SQLITE_CREATE_TRIGGER, lib.SQLITE_CREATE_VIEW, lib.SQLITE_CREATE_VTABLE:
		if libc.GoString(db) == "temp" {
			return lib.SQLITE_DENY
		}
	case lib.SQLITE_PRAGMA:
		if !readPragmas[strings.ToLower(libc.GoString(arg1))] {
			return lib.SQLITE_DENY
		}
	}
	return lib.SQLITE_OK
}

// err makes an Error of a result code.
func (c *Conn) err(rc int32) error {
	e := &Error{Code: int(rc & 0xff), Extended: int(rc), Msg: fmt.Sprintf("SQLite's code %d", rc)}
	if c.db != 0 {
		e.Msg = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	}
	return e
}

// load reads the pointer that p points to.
func load(p uintptr) uintptr {
	return *(*uintptr)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
}

// buffer is memory that SQLite may read: Go's own would fail the checks of the
// race detector's builds.
type buffer struct {
	p   uintptr
	cap int
}

// set copies b into the buffer and returns its address, or 0 without memory. The
// buffer before it is gone. The address of an empty b is not 0.
func (b *buffer) set(tls *libc.TLS, v []byte) uintptr {
	if need := max(len(v), 64); need > b.cap {
		need += need / 2
		b.free(tls)
		if b.p = lib.Xsqlite3_malloc64(tls, uint64(need)); b.p == 0 {
			return 0
		}
		b.cap = need
	}
	copy(libc.GoBytes(b.p, len(v)), v)
	return b.p
}

func (b *buffer) free(tls *libc.TLS) {
	lib.Xsqlite3_free(tls, b.p)
	b.p, b.cap = 0, 0
}
