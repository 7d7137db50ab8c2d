package target

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestListener finds the process of another's server, and none where it is this
// one, or nobody listens.
func TestListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own, err := Parse("grpc://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if pid := own.Listener(t.Context()); pid != 0 {
		t.Errorf("this process listens, and %d was found", pid)
	}
	// The child gets the socket and lives on while this process closes its own.
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.ExtraFiles = []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Skipf("SKIPPED: no other process to listen: %v", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	_, _ = l.Close(), f.Close()
	if pid := own.Listener(t.Context()); pid != cmd.Process.Pid {
		if _, err := os.Stat("/proc/net/tcp"); err == nil {
			t.Errorf("process %d listens, and %d was found", cmd.Process.Pid, pid)
		}
	}
	for _, uri := range []string{"grpc://127.0.0.1:1", "grpc://192.0.2.1:" + own.address[strings.LastIndex(own.address, ":")+1:], "grpc+unix:///nowhere"} {
		other, err := Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if pid := other.Listener(t.Context()); pid != 0 {
			t.Errorf("%s: process %d", uri, pid)
		}
	}
}
