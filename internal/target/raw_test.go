package target

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"flightbench/internal/wire"
)

// A server names what listens beside it, and nothing else: it must not have a
// client connect to whatever it likes.
func TestRawStaysBesideTheServer(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"s", "s-1"} {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	tcp, unix := "grpc://"+l.Addr().String(), "grpc+unix://"+filepath.Join(dir, "s")
	for name, c := range map[string]struct {
		uri  string
		port int
		path string
		says string
	}{
		"port":                      {tcp, port, "", ""},
		"path":                      {unix, 0, filepath.Join(dir, "s-1"), ""},
		"folder by another name":    {unix, 0, "/elsewhere/s-1", ""},
		"path of TCP":               {tcp, 0, filepath.Join(dir, "s-1"), "not beside it"},
		"path and port":             {tcp, port, filepath.Join(dir, "s-1"), "not beside it"},
		"port of a Unix socket":     {unix, port, "", "not beside it"},
		"nothing at that name here": {unix, 0, "/s-1/none", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			tgt, err := Parse(c.uri)
			if err != nil {
				t.Fatal(err)
			}
			s, err := tgt.Open(Tuning{Transport: wire.Direct})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			conn, _, err := s.Raw(t.Context(), c.port, c.path, false)
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}
