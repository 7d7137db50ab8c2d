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

// Process is a server that was started for a run, in a process group of its
// own: a Ctrl-C at the terminal is ours to handle.
type Process struct {
	URI string

	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	err  error         // how it ended; read after done
	said *tail         // the end of what it printed
	stop func(bound time.Duration) error
}

// Start runs argv, writes hello to its standard input, and returns once it has
// printed a line, its URI. A server that ends or is silent until ctx ends is an
// error that quotes what it said on stderr. Its standard input stays open as
// long as this process lives: a server that watches it ends with us, also when
// we are killed.
func Start(ctx context.Context, argv []string, hello []byte) (*Process, error) {
	p := &Process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{}), said: &tail{}}
	p.cmd.Stderr = p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	p.stop = func(bound time.Duration) error {
		defer stdin.Close()
		return p.stopAlone(bound)
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
	if _, err := stdin.Write(hello); err != nil {
		_ = p.Stop(time.Second)
		return nil, fmt.Errorf("start server %s: it did not read its settings: %w; it said: %s", argv[0], err, p.said)
	}
	select {
	case p.URI = <-line:
	case <-ctx.Done():
	}
	if p.URI == "" {
		err := ctx.Err() // before the time that Stop takes
		_ = p.Stop(time.Second)
		if err != nil {
			return nil, fmt.Errorf("start server %s: it printed no URI: %w; it said: %s", argv[0], err, p.said)
		}
		return nil, fmt.Errorf("start server %s: it ended without a URI; it said: %s", argv[0], p.said)
	}
	return p, nil
}

// PID is the process's number; its descendants are found from it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Alive tells whether the server still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Said is the end of what the process has printed.
func (p *Process) Said() string { return p.said.String() }

// Err says how a process ended that has, quoting the end of what it printed;
// nil while it lives.
func (p *Process) Err() error {
	if p.Alive() {
		return nil
	}
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	if said := p.said.String(); said != "" {
		return fmt.Errorf("the server ended: %s; it said: %s", how, said)
	}
	return fmt.Errorf("the server ended: %s; it said nothing", how)
}

// Stop asks the server to end, kills it after bound, and waits for its end.
// One that has ended is nothing to it.
func (p *Process) Stop(bound time.Duration) error { return p.stop(bound) }

// stopAlone is Stop for a server without children.
func (p *Process) stopAlone(bound time.Duration) error {
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
