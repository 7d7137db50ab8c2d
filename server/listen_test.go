package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// bind listens on uri, closes the listener with the test and returns what a
// client would dial.
func bind(t *testing.T, uri string) (string, error) {
	t.Helper()
	ep, err := parseListen(uri)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ep.listen()
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { l.Close() })
	return ep.uri(l), nil
}

func TestListenTCP(t *testing.T) {
	for _, c := range []struct{ listen, prefix string }{
		{"grpc://127.0.0.1:0", "grpc://127.0.0.1:"},
		{"grpc+tcp://localhost:0", "grpc+tcp://localhost:"},
		{"grpc+tls://127.0.0.1:0", "grpc+tls://127.0.0.1:"},
		{"GRPC://127.0.0.1:0/", "grpc://127.0.0.1:"},
		{"grpc://[::1]:0", "grpc://[::1]:"},
	} {
		got, err := bind(t, c.listen)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && strings.Contains(c.listen, "::1") {
			continue // a machine without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		if port := strings.TrimPrefix(got, c.prefix); port == got || port == "0" || port == "" {
			t.Errorf("listen on %s: bound %s, want %sPORT", c.listen, got, c.prefix)
		}
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := bind(t, "grpc://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = bind(t, taken)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "is in use: stop the program") || strings.Contains(err.Error(), "\n") {
		t.Errorf("port in use: %v", err)
	}
	if _, err = bind(t, "grpc://192.0.2.1:0"); err == nil || !strings.Contains(err.Error(), "no address of this machine") {
		t.Errorf("foreign address: %v", err)
	}
	if _, err = bind(t, "grpc://no-such-host.invalid:0"); err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Errorf("unknown host: %v", err)
	}
}

// socketPath is short, whatever the test's name and the temporary folder.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

func TestListenUnix(t *testing.T) {
	path := socketPath(t)
	uri := "grpc+unix://" + path

	// A dead server's socket: bound, closed, the file left behind.
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	got, err := bind(t, uri)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	if got != uri {
		t.Errorf("bound %s, want %s", got, uri)
	}

	if _, err := bind(t, uri); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "a server listens there") {
		t.Errorf("live socket: %v", err)
	}

	file := path + ".txt"
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bind(t, "grpc+unix://"+file); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("regular file: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file was touched: %q, %v", b, err)
	}
	if _, err := bind(t, "grpc+unix://"+filepath.Join(path+".d", "s")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing folder: %v", err)
	}
}

func TestUnixURIEscapes(t *testing.T) {
	path := filepath.Join(filepath.Dir(socketPath(t)), "a b%.sock")
	uri := "grpc+unix://" + strings.NewReplacer("%", "%25", " ", "%20").Replace(path)
	got, err := bind(t, uri)
	if err != nil {
		t.Fatal(err)
	}
	if got != uri {
		t.Errorf("bound %s, want %s", got, uri)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket is elsewhere: %v", err)
	}
}
