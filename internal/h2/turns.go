package h2

import (
	"cmp"
	"slices"
)

// reserve takes up to want bytes out of both windows, waiting until there is at least one. mu is held.
func (w *writer) reserve(st *stream, want int) (int, error) {
	queued := false
	for {
		err := st.sendable()
		if err == nil {
			err = w.err
		}
		first := len(w.waiting) == 0 || w.waiting[0] == st
		n := min(int64(want), st.sendWin, w.connWin)
		if err != nil || (n > 0 && first) {
			if queued {
				w.unqueue(st)
			}
			if err != nil {
				return 0, err
			}
			st.sendWin -= n
			w.connWin -= n
			st.moved += n
			return int(n), nil
		}
		w.kickBy(st, now) // nobody else may come by while this one waits
		if st.sendWin > 0 && !queued {
			w.waiting = append(w.waiting, st)
			queued = true
		} else if st.sendWin <= 0 && queued { // others need not wait behind it
			w.unqueue(st)
			queued = false
		}
		if st.sendable() != nil || w.err != nil || (w.connWin > 0 && st.sendWin > 0 && w.waiting[0] == st) {
			continue // kick let go of mu
		}
		st.blocked.Store(true)
		st.waitWindow()
		st.blocked.Store(false)
	}
}

// unreserve gives n bytes of the connection's window back and lets the first stream that waits for them look: the peer
// need not send an update. mu is held.
func (w *writer) unreserve(n int) {
	w.connWin += int64(n)
	if len(w.waiting) > 0 {
		w.waiting[0].sendCond.Signal()
	}
}

// unqueue takes st out of the queue for connWin and lets the next one look. mu is held.
func (w *writer) unqueue(st *stream) {
	for i, s := range w.waiting {
		if s == st {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			break
		}
	}
	if len(w.waiting) > 0 {
		w.waiting[0].sendCond.Signal()
	}
}

// acquire waits for st's turn. After an error st is not the owner. mu is held.
func (w *writer) acquire(st *stream) error {
	if !w.owned {
		w.owned, w.owner = true, st
	} else {
		st.hasTurn = false
		w.turns = append(w.turns, st)
		for !st.hasTurn && w.err == nil && st.sendable() == nil {
			st.waitTurn(&st.sendCond)
		}
		if !st.hasTurn {
			w.turns = slices.DeleteFunc(w.turns, func(s *stream) bool { return s == st })
			return cmp.Or(w.err, st.sendable())
		}
		st.hasTurn = false
	}
	err := w.err
	if err == nil {
		err = st.sendable()
	}
	if err != nil {
		w.release()
	}
	return err
}
