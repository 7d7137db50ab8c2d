package sqldemo

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// session is a connection that one statement, or the statements of one
// transaction, run on. Between two steps of a statement others of the same
// transaction may run.
type session struct {
	db   *database
	conn *conn
	turn chan struct{} // held by who uses the conn
	refs atomic.Int32  // the transaction itself, and each statement; the last one gives the conn back

	explicit bool // a client's transaction. The following belong to who holds the turn
	ended    bool // committed or rolled back, by the client or by SQLite
	writer   bool // holds the database's write lock
}

// newSession begins a session with one reference. If explicit, it is a
// transaction.
func newSession(ctx context.Context, db *database, explicit bool) (*session, error) {
	c, err := db.get(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{db: db, conn: c, turn: make(chan struct{}, 1), explicit: explicit}
	s.refs.Store(1)
	if explicit {
		if err := c.do(begin); err != nil {
			s.release()
			return nil, err
		}
	}
	return s, nil
}

// retain adds a reference, for a statement, unless the last one has gone.
func (s *session) retain() error {
	for {
		n := s.refs.Load()
		if n == 0 {
			return errEnded
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// release drops a reference. Statements of the session that the caller made must
// be closed.
func (s *session) release() {
	if s.refs.Add(-1) == 0 {
		conn := s.conn
		s.conn = nil
		s.db.put(conn)
		s.unlock()
	}
}

func (s *session) unlock() {
	if s.writer {
		s.writer = false
		s.db.unlock()
	}
}

// run calls f while no other statement of the session runs. When ctx ends, the
// statement that f steps is interrupted.
func (s *session) run(ctx context.Context, f func(*conn) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.explicit && s.ended {
		return errEnded
	}
	return s.watch(ctx, f)
}

// cont is run for a statement that has begun: it may outlive its transaction.
func (s *session) cont(ctx context.Context, f func(*conn) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.watch(ctx, f)
}

var errEnded = status.Error(codes.Aborted, "the transaction has ended, or an error or a cancelled write in it rolled it back: begin another")

func (s *session) watch(ctx context.Context, f func(*conn) error) error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.conn.Interrupt()
		close(done)
	})
	defer func() {
		if !stop() {
			<-done
		}
		// SQLite itself may have rolled the transaction back.
		if s.explicit && !s.ended && !s.conn.InTransaction() {
			s.ended = true
			s.unlock()
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(s.conn)
}

// write makes the session one that writes, waiting for the one before. A
// transaction stays so to its end.
func (s *session) write(ctx context.Context) error {
	if s.writer {
		return nil
	}
	if err := s.db.lock(ctx); err != nil {
		return err
	}
	s.writer = true
	return nil
}

// atomically calls f, within run, so that the database has all or nothing of what
// it writes.
func (s *session) atomically(ctx context.Context, c *conn, f func() error) error {
	if err := s.write(ctx); err != nil {
		return err
	}
	first, good, bad := beginWrite, commit, []string{rollback}
	if s.explicit {
		first, good, bad = savepoint, releasePt, []string{rollbackTo, releasePt}
	}
	if err := c.do(first); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = c.do(good)
	}
	if err != nil && c.InTransaction() {
		for _, stmt := range bad {
			_ = c.do(stmt) // err tells why
		}
	}
	if !s.explicit {
		s.unlock()
	}
	return err
}

// end commits or rolls back the client's transaction, and drops its reference.
// It waits for the statement that steps, not for results that are still read.
func (s *session) end(how string) error {
	defer s.release()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.ended {
		if how == rollback {
			return nil // by SQLite, already
		}
		return errEnded
	}
	s.ended = true
	err := s.conn.do(how)
	if err != nil && s.conn.InTransaction() {
		_ = s.conn.do(rollback)
	}
	s.unlock()
	return err
}
