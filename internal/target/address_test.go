package target

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ uri, network, address, authority, mode string }{
		{"grpc://127.0.0.1:31337", "tcp", "127.0.0.1:31337", "127.0.0.1:31337", "off"},
		{"GRPC+TCP://db.example:0001/", "tcp", "db.example:1", "db.example:1", "off"},
		{"grpc+tls://[::1]:1", "tcp", "[::1]:1", "[::1]:1", "on"},
		{"grpc://[fe80::1%eth0]:1", "tcp", "[fe80::1%eth0]:1", "[fe80::1]:1", "off"},
		{"grpc+tls://[fe80::1%25eth0]:1", "tcp", "[fe80::1%eth0]:1", "[fe80::1]:1", "on"},
		{"grpc+unix:///run/s.sock", "unix", "/run/s.sock", "localhost", "off"},
		{"grpc+unix:/run/s.sock", "unix", "/run/s.sock", "localhost", "off"},
		{"grpc+unix:run/s.sock", "unix", "run/s.sock", "localhost", "off"},
		{"grpc+unix://run/s.sock", "unix", "run/s.sock", "localhost", "off"},
		{"grpc+unix:///run/a%20b%25%3F.sock", "unix", "/run/a b%?.sock", "localhost", "off"},
		{"grpc+unix:///run/a b.sock", "unix", "/run/a b.sock", "localhost", "off"}, // as pyarrow writes it
	} {
		got, err := Parse(tt.uri)
		if err != nil || got.network != tt.network || got.address != tt.address || got.authority != tt.authority || got.Mode() != tt.mode || got.Name != tt.uri {
			t.Errorf("Parse(%q) = %+v, %v, want %s %s %s %s", tt.uri, got, err, tt.network, tt.address, tt.authority, tt.mode)
		}
		if got.TLS != nil && strings.Contains(got.TLS.ServerName, "%") {
			t.Errorf("Parse(%q): certificates would be asked for a zone: %s", tt.uri, got.TLS.ServerName)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ uri, want string }{
		{"", "no Flight URI"}, {"localhost", "no Flight URI"}, {"localhost:1", "no Flight URI"}, {"://x:1", "no Flight URI"},
		{"http://x:1", "HTTP GET"}, {"ftp://x:1", `scheme "ftp"`},
		{"grpc://x", "no default one"}, {"grpc://x:", "no default one"}, {"grpc://:1", "a host and a port"}, {"grpc://[::1]", "no default one"},
		{"grpc:x:1", "two slashes"}, {"grpc://x:1/path", "no path"}, {"grpc://x:1?a=hunter2", "a query"}, {"grpc://x:1#hunter2", "a fragment"},
		{"grpc://::1:5", "without brackets"}, {"grpc://[::1:5", "cannot be read"}, {"grpc://x:port", "cannot be read"},
		{"grpc://x:0", "port 0"}, {"grpc://x:65536", "port 65536"}, {"grpc://x:99999999999999999999", "port 9999"},
		{"grpc+unix://", "no socket"}, {"grpc+unix:", "no socket"}, {"grpc+unix:///a?hunter2", "a query"}, {"grpc+unix:///a%zz", "bad %XX escape"},
		{"grpc+unix:///a%00", "zero byte"}, {"grpc+unix:///" + strings.Repeat("x", 103), "104 bytes"},
		{"grpc://me:hunter2@x:1", "a user"}, {"grpc://me:hunter2@x:port", "cannot be read"}, {"me:hunter2@x:1", "no Flight URI"},
		{"grpc://me:p@hunter2@x:1", "a user"}, {"ftp://me:hunter2@x:1", `scheme "ftp"`}, {"grpc+unix://me:hunter2@x/%zz", "bad %XX"},
	} {
		_, err := Parse(tt.uri)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q) said %v, want a line with %q and without a password", tt.uri, err, tt.want)
		}
	}
}

func TestSame(t *testing.T) {
	for self, others := range map[string]map[string]bool{
		"grpc://127.0.0.1:5": {"grpc://127.0.0.1:5": true, "grpc+tcp://127.0.0.1:05": true, "grpc://[::ffff:127.0.0.1]:5": true,
			"grpc+tls://127.0.0.1:5": false, "grpc://127.0.0.1:6": false, "https://127.0.0.1:5": false, "": false},
		"grpc+tls://[2001:db8::1]:5":   {"grpc+tls://[2001:DB8:0:0::1]:5/": true, "grpc+tls://[2001:db8::2]:5": false},
		"grpc://[fe80::1%eth0]:5":      {"grpc://[fe80::1%25eth0]:5": true, "grpc://[fe80::1%eth1]:5": false, "grpc://[fe80::1]:5": false},
		"grpc://DB.example:5":          {"grpc://db.example.:5": true, "grpc://db2.example:5": false},
		"grpc+unix:///run/x/../s.sock": {"grpc+unix:/run/s.sock": true, "grpc+unix:///run/%73.sock": true, "grpc+unix:run/s.sock": false},
	} {
		of, err := Parse(self)
		if err != nil {
			t.Fatal(err)
		}
		for uri, want := range others {
			if of.Same(uri) != want {
				t.Errorf("%s: Same(%q) = %v", self, uri, !want)
			}
		}
	}
}

func TestIsReuse(t *testing.T) {
	for location, want := range map[string]bool{"": true, "arrow-flight-reuse-connection://?": true, "arrow-flight-reuse-connection:": true, "grpc://x:1": false} {
		if IsReuse(location) != want {
			t.Errorf("IsReuse(%q) = %v", location, !want)
		}
	}
}

func TestLocal(t *testing.T) {
	for uri, want := range map[string]bool{"grpc://127.0.0.2:1": true, "grpc://[::1]:1": true, "grpc://localhost:1": true, "grpc+unix:/s": true, "grpc://10.0.0.1:1": false, "grpc://x:1": false} {
		if at, err := Parse(uri); err != nil || at.Local() != want {
			t.Errorf("%s: Local() = %v, %v", uri, !want, err)
		}
	}
}
