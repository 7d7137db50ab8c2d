package target

import (
	"io"
	"strings"
	"sync"
)

// tailBytes is how much of a server's output is kept.
const tailBytes = 8 << 10

// tail keeps the end of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailBytes; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}

// drain reads r to its end, for t and log (nil: t alone). It goes on when log
// fails, so that the writer is not held up, and returns log's first error.
func (t *tail) drain(r io.Reader, log io.Writer) (logErr error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		_, _ = t.Write(buf[:n])
		if log != nil && logErr == nil {
			_, logErr = log.Write(buf[:n])
		}
		if err != nil {
			return logErr
		}
	}
}
