package sqldemo

import (
	"fmt"
	"time"
)

// Bounds of Options.
const (
	maxRows        = 10_000_000
	maxConnections = 4096
)

// Options of a Server. Start from [DefaultOptions].
type Options struct {
	// Rows of the table lineitem, 0 to 10,000,000. Filling takes about 200 bytes
	// of memory a row, and about a second for 100,000 of them.
	Rows int64

	BatchRows  int   // rows of a result's batch, at most
	BatchBytes int64 // it ends with the row that brings its values to as many bytes

	Connections    int           // statements that run at once; half as many transactions may be open
	Prepared       int           // prepared statements that may be open
	Idle           time.Duration // a prepared statement that is not used as long is closed, a transaction rolled back
	Wait           time.Duration // for a connection, or for another's write to end, before a statement fails
	ParameterBytes int64         // that may be bound to one prepared statement, a 16th of what all may have; or that a statement that writes returns
	DatabaseBytes  int64         // that the database may take on disk, without its write-ahead log

	Dir string // where the temporary database is made; empty: the system's folder for temporary files
}

// DefaultOptions has 100,000 rows of lineitem and batches of 65,536 rows that stay
// below the 16 MiB that ADBC's driver receives by default.
func DefaultOptions() Options {
	return Options{
		Rows:           100_000,
		BatchRows:      65_536,
		BatchBytes:     12 << 20,
		Connections:    256,
		Prepared:       10_000,
		Idle:           10 * time.Minute,
		Wait:           10 * time.Second,
		ParameterBytes: 64 << 20,
		DatabaseBytes:  8 << 30,
	}
}

// Validate checks every field. It has no side effects.
func (o Options) Validate() error {
	switch {
	case o.Rows < 0 || o.Rows > maxRows:
		return fmt.Errorf("rows %d: give 0 to %d", o.Rows, maxRows)
	case o.BatchRows < 1:
		return fmt.Errorf("batch rows %d: a batch needs at least 1", o.BatchRows)
	case o.BatchBytes < 1 || o.BatchBytes > 1<<30:
		return fmt.Errorf("batch bytes %d: give 1 to %d", o.BatchBytes, 1<<30)
	case o.Connections < 2 || o.Connections > maxConnections:
		return fmt.Errorf("connections %d: give 2 to %d", o.Connections, maxConnections)
	case o.Prepared < 1:
		return fmt.Errorf("prepared statements %d: give at least 1", o.Prepared)
	case o.Idle <= 0:
		return fmt.Errorf("idle time %v: give a time above 0", o.Idle)
	case o.Wait <= 0:
		return fmt.Errorf("wait %v: give a time above 0", o.Wait)
	case o.ParameterBytes < 1:
		return fmt.Errorf("parameter bytes %d: give at least 1", o.ParameterBytes)
	case o.DatabaseBytes < 1<<20:
		return fmt.Errorf("database bytes %d: give at least %d", o.DatabaseBytes, 1<<20)
	}
	return nil
}
