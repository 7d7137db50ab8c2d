package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a server that was started for a run. Its standard input stays
// open as long as this process lives: a server that watches it ends with us,
// also when we are killed.
type Process struct {
	URI string // the first line that it printed

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	done   chan struct{} // closed once it has ended
	err    error         // how it ended; read after done
	stderr *tail
}

// Start runs argv, writes hello to its standard input, and returns once it has
// printed a line, its URI. A server that ends or is silent until ctx ends is an
// error that quotes what it said on stderr.
func Start(ctx context.Context, argv []string, hello []byte) (*Process, error) {
	p := &Process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{}), stderr: &tail{}}
	p.cmd.Stderr = p.stderr
	// A Ctrl-C at the terminal is ours to handle: the server is stopped after the trial.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server %s: %w", argv[0], err)
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		s, _ := r.ReadString('\n')
		line <- strings.TrimSpace(s)
		_, _ = io.Copy(io.Discard, r)
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if _, err := p.stdin.Write(hello); err != nil {
		_ = p.Stop(time.Second)
		return nil, fmt.Errorf("start server %s: it did not read its settings: %w; it said: %s", argv[0], err, p.stderr)
	}
	select {
	case p.URI = <-line:
	case <-ctx.Done():
	}
	if p.URI == "" {
		err := ctx.Err() // before the time that Stop takes
		_ = p.Stop(time.Second)
		if err != nil {
			return nil, fmt.Errorf("start server %s: it printed no URI: %w; it said: %s", argv[0], err, p.stderr)
		}
		return nil, fmt.Errorf("start server %s: it ended without a URI; it said: %s", argv[0], p.stderr)
	}
	return p, nil
}

// Alive tells whether the server still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Stop asks the server to end, kills it after bound, and waits for its end.
func (p *Process) Stop(bound time.Duration) error {
	defer p.stdin.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop server: %w", err)
	}
	select {
	case <-p.done:
	case <-time.After(bound):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return nil
}
