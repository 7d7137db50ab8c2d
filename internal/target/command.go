package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// Command is how somebody else's server is started.
type Command struct {
	// Line is run by sh -c. {port} in it is a free TCP port, {uri} the URI.
	Line string
	// URI is where the server will listen; {port} is that same port. Empty is
	// grpc://127.0.0.1:{port}.
	URI string
	// Log gets all that the server prints, stdout and stderr; nil: nobody.
	Log io.Writer
}

// DefaultCommandURI is where a Command listens that names no URI.
const DefaultCommandURI = "grpc://127.0.0.1:{port}"

// resolve fills in {port} and {uri}.
func (c Command) resolve(ctx context.Context) (line, uri string, err error) {
	line, uri = c.Line, c.URI
	if strings.TrimSpace(line) == "" {
		return "", "", errors.New("the server command is empty")
	}
	if uri == "" {
		uri = DefaultCommandURI
	}
	const port = "{port}"
	told := strings.Contains(line, port) || strings.Contains(line, "{uri}")
	switch {
	case strings.Contains(uri, port) && !told:
		return "", "", fmt.Errorf("server command %q does not say {port} or {uri}, so the server would not listen at %s: say one of them, or give the URI at which it does", line, redact(uri))
	case strings.Contains(line, port) && !strings.Contains(uri, port):
		return "", "", fmt.Errorf("server command %q says {port}, but %s does not: the server would be looked for elsewhere", line, redact(uri))
	}
	free := strings.Contains(uri, port)
	if free {
		n, err := freePort()
		if err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		line, uri = strings.ReplaceAll(line, port, n), strings.ReplaceAll(uri, port, n)
	}
	t, err := Parse(uri)
	if err != nil {
		return "", "", err
	}
	if !free {
		if conn, err := t.dialer(ctx); err == nil {
			_ = conn.Close()
			return "", "", fmt.Errorf("something listens at %s already and would be measured in place of the command: stop it, or use {port}", t.URI)
		}
	}
	return strings.ReplaceAll(line, "{uri}", uri), uri, nil
}

// freePort is one that nobody listened on a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// StartCommand starts a server by a shell and returns at once: whether it is
// ready the caller finds out by a call to its URI, and by Err whether it ended.
// The shell and all that it starts are one process group, which ends as a
// whole: with Stop, when the shell ends, and when we do, even if killed.
func StartCommand(ctx context.Context, c Command) (*Process, error) {
	line, uri, err := c.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	gate, open, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), r.Close(), w.Close())
	}
	defer open.Close()
	p := &Process{URI: uri, cmd: exec.Command("sh", "-c", guarded+line), done: make(chan struct{}), said: &tail{}}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.ExtraFiles = []*os.File{gate}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = p.cmd.Start()
	_, _ = w.Close(), gate.Close()
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("start server %q: %w", line, err)
	}
	g := &group{p: p, id: p.cmd.Process.Pid, over: make(chan struct{})}
	p.stop = g.stop
	if g.guard, err = startGuard(g.id); err == nil {
		_, err = open.WriteString("\n")
	}
	if err != nil {
		g.signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
		_ = r.Close()
		return nil, fmt.Errorf("start server: %w", err)
	}
	var printed sync.WaitGroup
	printed.Go(func() { g.logErr = p.said.drain(r, c.Log) })
	go func() {
		g.wait()
		// Whoever left the group may hold the pipe open for ever.
		_ = r.SetReadDeadline(time.Now().Add(time.Second))
		printed.Wait()
		_ = r.Close()
		close(p.done)
	}()
	return p, nil
}

// guarded has the shell wait until its guard is there; it ends if we do before.
const guarded = "read -r _ <&3 || exit 1; exec 3<&-; "

// group is the process group of a command.
type group struct {
	p      *Process
	id     int
	guard  *guard
	logErr error // of writing to Log; read after p.done

	mu       sync.Mutex
	stopping bool
	over     chan struct{} // closed by stop once the group has ended
}

// wait returns once the group has ended.
func (g *group) wait() {
	g.p.err = g.p.cmd.Wait()
	g.mu.Lock()
	stopping := g.stopping
	if !stopping {
		g.signal(syscall.SIGKILL) // what the shell left behind
	}
	g.mu.Unlock()
	if stopping {
		<-g.over
	}
	g.guard.dismiss()
}

func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.id, s) }

// stop ends all processes of the group.
func (g *group) stop(bound time.Duration) error {
	g.mu.Lock()
	first := g.p.Alive() && !g.stopping
	if first {
		g.stopping = true
		g.signal(syscall.SIGTERM)
	}
	g.mu.Unlock()
	if first {
		killed := false
		for end := time.Now().Add(bound); g.alive(); time.Sleep(20 * time.Millisecond) {
			if time.Now().Before(end) {
				continue
			}
			if killed {
				break // it hangs in the kernel
			}
			g.signal(syscall.SIGKILL)
			killed, end = true, time.Now().Add(5*time.Second)
		}
		close(g.over)
	}
	<-g.p.done
	if g.logErr != nil {
		return fmt.Errorf("the server's output was not kept whole: %w", g.logErr)
	}
	return nil
}

// alive tells whether a process of the group runs. Orphans that nobody reaps do
// not count.
func (g *group) alive() bool {
	if errors.Is(syscall.Kill(-g.id, 0), syscall.ESRCH) {
		return false
	}
	pids, err := process.Pids()
	if err != nil {
		return true
	}
	for _, pid := range pids {
		if id, err := syscall.Getpgid(int(pid)); err != nil || id != g.id {
			continue
		}
		p, err := process.NewProcess(pid)
		if err != nil {
			continue
		}
		if st, err := p.Status(); err == nil && (len(st) == 0 || st[0] != process.Zombie) {
			return true
		}
	}
	return false
}

// guard is a process that kills a group when we are gone: its standard input
// ends then.
//
// Note: Linux's parent death signal would reach the shell alone, and comes when
// the thread that started it ends.
type guard struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startGuard(id int) (*guard, error) {
	cmd := exec.Command("sh", "-c", `read -r _; kill -s KILL -- "-$1"`, "sh", strconv.Itoa(id))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &guard{cmd, stdin}, cmd.Start()
}

// dismiss ends the guard without a kill.
func (g *guard) dismiss() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // it also closes stdin
}
