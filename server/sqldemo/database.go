package sqldemo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/server/sqldemo/internal/sqlite"
)

// idleConns is how many connections that nobody uses are kept.
const idleConns = 32

// database is a temporary file in SQLite's WAL mode: any number of connections
// read, each its own snapshot, while one writes. Safe for concurrent use.
//
// Note: an in-memory database that connections share would leave no file, but its
// readers and its writer lock each other out.
type database struct {
	dir, path string
	maxPages  int64
	wait      time.Duration

	slots  chan struct{} // one taken for each connection in use
	writer chan struct{} // taken by who writes

	mu   sync.Mutex
	idle []*conn
}

// pageBytes is the size of a database page.
const pageBytes = 8192

func openDatabase(o Options) (*database, error) {
	dir, err := os.MkdirTemp(o.Dir, "flightbench-sql-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the SQL demo's database: %w", err)
	}
	d := &database{
		dir: dir, path: filepath.Join(dir, "demo.db"), maxPages: o.DatabaseBytes / pageBytes, wait: o.Wait,
		slots: make(chan struct{}, o.Connections), writer: make(chan struct{}, 1),
	}
	c, err := d.connect(fmt.Sprintf("PRAGMA page_size = %d", pageBytes), "PRAGMA journal_mode = WAL")
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	d.idle = append(d.idle, c)
	return d, nil
}

// close removes the database. Nobody may use it any more.
func (d *database) close() error {
	for _, c := range d.idle {
		c.close()
	}
	d.idle = nil
	return os.RemoveAll(d.dir)
}

// conn is a connection. It refuses what clients may not do, but for do.
type conn struct{ *sqlite.Conn }

// The statements that do runs.
const (
	begin       = "BEGIN"
	beginWrite  = "BEGIN IMMEDIATE"
	commit      = "COMMIT"
	rollback    = "ROLLBACK"
	savepoint   = "SAVEPOINT statement"
	releasePt   = "RELEASE statement"
	rollbackTo  = "ROLLBACK TO statement"
	synchronous = "PRAGMA synchronous = OFF" // the file does not outlive the process
)

// connect opens a connection, which runs the given settings first.
func (d *database) connect(settings ...string) (*conn, error) {
	sc, err := sqlite.Open(d.path)
	if err != nil {
		return nil, err
	}
	c := &conn{sc}
	settings = append(settings, synchronous, fmt.Sprintf("PRAGMA max_page_count = %d", d.maxPages),
		fmt.Sprintf("PRAGMA busy_timeout = %d", d.wait.Milliseconds()), "PRAGMA journal_size_limit = 67108864")
	for _, s := range settings {
		if err := sc.Exec(s); err != nil {
			c.close()
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	sc.Restrict(true)
	return c, nil
}

func (c *conn) close() { _ = c.Close() } // a temporary file: nothing is lost

// do runs a statement of the server's own.
func (c *conn) do(sql string) error {
	c.Restrict(false)
	defer c.Restrict(true)
	return c.Exec(sql)
}

// get returns a connection that put takes back.
func (d *database) get(ctx context.Context) (*conn, error) {
	timer := time.NewTimer(d.wait)
	defer timer.Stop()
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, status.Errorf(codes.ResourceExhausted, "all %d connections of the SQL demo were busy for %v: read results to their end, end transactions", cap(d.slots), d.wait)
	}
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		c := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		return c, nil
	}
	d.mu.Unlock()
	c, err := d.connect()
	if err != nil {
		<-d.slots
		return nil, status.Errorf(codes.Internal, "open another connection to the demo's database: %v", err)
	}
	return c, nil
}

// put takes back a connection without statements; a transaction that is open on
// it is rolled back.
func (d *database) put(c *conn) {
	keep := !c.InTransaction() || c.do(rollback) == nil
	d.mu.Lock()
	if keep = keep && len(d.idle) < idleConns; keep {
		d.idle = append(d.idle, c)
	}
	d.mu.Unlock()
	if !keep {
		c.close()
	}
	<-d.slots
}

// lock makes the caller the one who writes, until unlock.
func (d *database) lock(ctx context.Context) error {
	timer := time.NewTimer(d.wait)
	defer timer.Stop()
	select {
	case d.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return status.Errorf(codes.Aborted, "another transaction or ingest has been writing for %v: end it, or try again", d.wait)
	}
}

func (d *database) unlock() { <-d.writer }
