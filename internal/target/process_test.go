package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	p, err := Start(t.Context(), []string{"sh", "-c", "read hello; echo grpc://$hello; read end"}, []byte("x:1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.URI != "grpc://x:1" || !p.Alive() {
		t.Errorf("URI %q, alive %v", p.URI, p.Alive())
	}
	if err := p.Stop(5 * time.Second); err != nil || p.Alive() {
		t.Errorf("Stop: %v, alive %v", err, p.Alive())
	}

	_, err = Start(t.Context(), []string{"sh", "-c", "echo the port is taken >&2; exit 1"}, nil)
	if err == nil || !strings.Contains(err.Error(), "the port is taken") || strings.Contains(err.Error(), "exit 1") {
		t.Errorf("a server that ends: %v, want what it said, not its arguments", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err = Start(ctx, []string{"sleep", "60"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a silent server, interrupted: %v, want context canceled", err)
	}
}

// TestStopKills ends a server that does not listen to SIGTERM.
func TestStopKills(t *testing.T) {
	p, err := Start(t.Context(), []string{"sh", "-c", "trap '' TERM; echo up; while :; do read x || sleep 1; done"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := p.Stop(200 * time.Millisecond); err != nil || p.Alive() || time.Since(start) > 5*time.Second {
		t.Errorf("Stop: %v after %v, alive %v", err, time.Since(start), p.Alive())
	}
}

// eventually waits for ok, which nothing announces.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: still not so after 20 s", what)
		}
	}
}

// pidIn reads the number that a shell wrote to path.
func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	eventually(t, "a process says its number", func() bool {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	})
	return pid
}

// runs tells whether a process lives and is no zombie.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	return err != nil || !strings.Contains(string(b), ") Z ")
}

func TestStartCommand(t *testing.T) {
	var log bytes.Buffer
	p, err := StartCommand(t.Context(), Command{Line: "echo on {port} at {uri}; echo trouble >&2; sleep 600", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	at, err := Parse(p.URI)
	if err != nil || at.host != "127.0.0.1" || at.TLS != nil {
		t.Errorf("URI %s, %v", p.URI, err)
	}
	_, port, _ := net.SplitHostPort(at.address)
	eventually(t, "the tail is kept", func() bool { return strings.Contains(p.said.String(), "trouble") })
	if !p.Alive() || p.Err() != nil {
		t.Errorf("alive %v, %v", p.Alive(), p.Err())
	}
	if err := p.Stop(5 * time.Second); err != nil || p.Alive() {
		t.Errorf("Stop: %v, alive %v", err, p.Alive())
	}
	if want := fmt.Sprintf("on %s at %s\ntrouble\n", port, p.URI); log.String() != want {
		t.Errorf("log %q, want %q", log.String(), want)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "signal: terminated") {
		t.Errorf("Err after Stop: %v", err)
	}
	if err := p.Stop(time.Second); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestStartCommandEnds(t *testing.T) {
	p, err := StartCommand(t.Context(), Command{Line: "echo {port}; echo cannot open the table >&2; exit 3"})
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "cannot open the table") {
		t.Errorf("Err = %v, want the status and what it said", err)
	}
	if err := p.Stop(time.Second); err != nil {
		t.Errorf("Stop of what has ended: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestStartCommandLogFails keeps the server going when its log cannot be written, and says so.
func TestStartCommandLogFails(t *testing.T) {
	p, err := StartCommand(t.Context(), Command{Line: ": {port}; head -c 1000000 /dev/zero; echo done", Log: failingWriter{}})
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := p.Err(); !strings.Contains(err.Error(), "exit status 0") || !strings.Contains(err.Error(), "done") {
		t.Errorf("Err = %.60v", err)
	}
	if err := p.Stop(time.Second); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("Stop = %v, want why the log is not whole", err)
	}
}

func TestStartCommandRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		c    Command
		want string
	}{
		{Command{Line: " "}, "is empty"},
		{Command{Line: "./server"}, "does not say {port} or {uri}"},
		{Command{Line: "./server {port}", URI: "grpc://127.0.0.1:1"}, "but grpc://127.0.0.1:1 does not"},
		{Command{Line: "./server {port}", URI: "127.0.0.1:{port}"}, "no Flight URI"},
		{Command{Line: "./server", URI: "grpc://" + l.Addr().String()}, "listens at grpc://" + l.Addr().String() + " already"},
	} {
		p, err := StartCommand(t.Context(), tt.c)
		if err == nil {
			_ = p.Stop(time.Second)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := StartCommand(ctx, Command{Line: "echo {port}"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// TestStopEndsTheGroup ends what the shell started: what listens to SIGTERM by that, the rest by SIGKILL.
func TestStopEndsTheGroup(t *testing.T) {
	for _, tt := range []struct {
		name, trap string
		bound      time.Duration
	}{{"polite", "trap 'echo bye; exit' TERM", 20 * time.Second}, {"deaf", "trap '' TERM", 50 * time.Millisecond}} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			dir := t.TempDir()
			line := fmt.Sprintf(`sh -c "%s; echo \$\$ > %s/pid; while :; do sleep 0.02; done" & echo {port}; wait`, tt.trap, dir)
			p, err := StartCommand(t.Context(), Command{Line: line, Log: &log})
			if err != nil {
				t.Fatal(err)
			}
			pid := pidIn(t, filepath.Join(dir, "pid"))
			if err := p.Stop(tt.bound); err != nil {
				t.Error(err)
			}
			if runs(pid) || p.Alive() {
				t.Errorf("the grandchild lives: %v, the process: %v", runs(pid), p.Alive())
			}
			if polite := strings.Contains(log.String(), "bye"); polite != (tt.name == "polite") {
				t.Errorf("it said %q", log.String())
			}
		})
	}
}

// TestEndOfTheShell ends what a shell leaves behind.
func TestEndOfTheShell(t *testing.T) {
	dir := t.TempDir()
	p, err := StartCommand(t.Context(), Command{Line: fmt.Sprintf(`sleep 600 & echo $! > %s/pid; echo {port}`, dir)})
	if err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, filepath.Join(dir, "pid"))
	<-p.done
	eventually(t, "the sleeper ends", func() bool { return !runs(pid) })
	if err := p.Err(); !strings.Contains(err.Error(), "exit status 0") {
		t.Errorf("Err = %v", err)
	}
}

// TestMain lets a test run this program as one that starts a server and is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TARGET_TEST_STARTS_IN"); dir != "" {
		line := fmt.Sprintf(`sleep 600 & echo $! > %s/pid; echo {port}; wait`, dir)
		if _, err := StartCommand(context.Background(), Command{Line: line}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestKilledWithUs ends a server and its children when the program that started them is killed.
func TestKilledWithUs(t *testing.T) {
	dir := t.TempDir()
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), "TARGET_TEST_STARTS_IN="+dir)
	stdin, err := self.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, filepath.Join(dir, "pid"))
	if !runs(pid) {
		t.Fatal("the server does not run")
	}
	if err := self.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait()
	eventually(t, "the server's child ends", func() bool { return !runs(pid) })
}

func TestProcessUsage(t *testing.T) {
	dir := t.TempDir()
	busy := fmt.Sprintf(`sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo $$ > %s/pid; sleep 600' & echo {port}; wait`, dir)
	p, err := StartCommand(t.Context(), Command{Line: busy})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(time.Second)
	child := pidIn(t, filepath.Join(dir, "pid"))
	of, err := ProcessUsage(child)
	if err != nil || of.CPUSeconds == 0 || of.RSS == 0 || of.PeakRSS < of.RSS {
		t.Errorf("the busy child: %+v, %v", of, err)
	}
	whole, err := ProcessUsage(p.PID())
	if err != nil || whole.CPUSeconds < of.CPUSeconds || whole.RSS <= of.RSS {
		t.Errorf("the shell with its child: %+v, %v, the child alone %+v", whole, err, of)
	}
	for pid, want := range map[int]string{0: "above 0", -1: "above 0", 1 << 22: "does not exist"} {
		if _, err := ProcessUsage(pid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("process %d: %v, want %q", pid, err, want)
		}
	}
}
