package main

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

// limit bounds the start of a server, and a run.
const limit = 30 * time.Second

// process is a server that printed its URI.
type process struct {
	uri   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// begin starts a server and waits for its URI.
func begin(ctx context.Context, argv []string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	var stderr strings.Builder
	p.cmd.Stderr = &stderr
	p.cmd.Env = append(os.Environ(), secrets...)
	p.cmd.WaitDelay = 5 * time.Second // a child of its own may hold on to its output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- strings.TrimSpace(s)
	}()
	select {
	case p.uri = <-line:
	case <-time.After(limit):
	}
	if p.uri == "" {
		p.stop()
		return nil, errors.New("the server does not start: " + lastLine(stderr.String(), fmt.Errorf("no URI within %v", limit)))
	}
	return p, nil
}

// stop ends the server and what it started.
func (p *process) stop() {
	_ = p.stdin.Close()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	}
}
