package target

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// ReuseURI is the location that means the connection on which it was heard.
const ReuseURI = "arrow-flight-reuse-connection://?"

// IsReuse tells whether an endpoint's location means the original connection:
// none, or arrow-flight-reuse-connection (Flight.rst, Connection Reuse).
func IsReuse(location string) bool {
	return location == "" || location == ReuseURI || strings.HasPrefix(location, "arrow-flight-reuse-connection:")
}

// maxSocketPath is what sockaddr_un holds on every system we run on.
const maxSocketPath = 103

// Parse reads a Flight URI: grpc://, grpc+tcp:// and grpc+tls:// with a host
// and a port, IPv6 in brackets, its zone as %eth0 or %25eth0; grpc+unix: with
// or without two slashes and a path, whose %XX are escapes. See Flight.rst, RPC
// URI schemes, and Location::ForGrpcUnix of Arrow's C++, which writes
// grpc+unix:// and the path.
//
// Note: what follows grpc+unix:// is the path whole, as the embedded server
// takes it: grpc+unix://run/s is the relative run/s. Arrow's C++ takes run for
// a host there and connects to /s.
func Parse(uri string) (Target, error) {
	t := Target{Name: uri, URI: uri}
	scheme, rest, ok := strings.Cut(uri, ":")
	if scheme = strings.ToLower(scheme); !ok || scheme == "" {
		return Target{}, fmt.Errorf("target %q is no Flight URI: write grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH", redact(uri))
	}
	switch scheme {
	case "grpc", "grpc+tcp", "grpc+tls":
		host, port, err := splitHost(scheme, rest)
		if err != nil {
			return Target{}, fmt.Errorf("target %q %w", redact(uri), err)
		}
		t.network, t.address = "tcp", net.JoinHostPort(host, port)
		t.host, _, _ = strings.Cut(host, "%")
		t.authority = net.JoinHostPort(t.host, port)
		if scheme == "grpc+tls" {
			t.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.host}
		}
	case "grpc+unix":
		p, err := socketPath(strings.TrimPrefix(rest, "//"))
		if err != nil {
			return Target{}, fmt.Errorf("target %q %w", redact(uri), err)
		}
		t.network, t.address, t.host, t.authority = "unix", p, "localhost", "localhost"
	case "http", "https":
		return Target{}, fmt.Errorf("target %q is fetched by HTTP GET, which is no Flight call: name a grpc, grpc+tls or grpc+unix server", redact(uri))
	default:
		if !strings.HasPrefix(rest, "//") {
			return Target{}, fmt.Errorf("target %q is no Flight URI: write grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH", redact(uri))
		}
		return Target{}, fmt.Errorf("target %q has the unknown scheme %q: use grpc, grpc+tcp, grpc+tls or grpc+unix", redact(uri), scheme)
	}
	return t, nil
}

// splitHost reads what follows scheme: of a TCP address. Its errors continue a
// sentence and quote nothing.
func splitHost(scheme, rest string) (host, port string, err error) {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "", "", fmt.Errorf("lacks the two slashes: write %s://HOST:PORT", scheme)
	}
	if open, zone := strings.IndexByte(rest, '['), strings.IndexByte(rest, '%'); open >= 0 && zone > open && !strings.HasPrefix(rest[zone:], "%25") {
		rest = rest[:zone] + "%25" + rest[zone+1:] // a bare zone, as people write it
	}
	u, err := url.Parse(scheme + "://" + rest)
	switch {
	case err != nil: // its text quotes the URI
		return "", "", fmt.Errorf("cannot be read: write %s://HOST:PORT, an IPv6 host in brackets, the port as a number", scheme)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", "", fmt.Errorf("has a user, a query or a fragment: write %s://HOST:PORT alone, and say who you are with --auth", scheme)
	case strings.Trim(u.Path, "/") != "":
		return "", "", fmt.Errorf("needs a host and a port and no path: write %s://HOST:PORT", scheme)
	case strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "["):
		return "", "", fmt.Errorf("has an IPv6 address without brackets: write %s://[ADDRESS]:PORT", scheme)
	case u.Hostname() == "" || u.Port() == "":
		return "", "", fmt.Errorf("needs a host and a port, since Flight has no default one: write %s://HOST:PORT", scheme)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", "", fmt.Errorf("has the port %s: use 1 to 65535", u.Port())
	}
	return u.Hostname(), strconv.FormatUint(n, 10), nil
}

// socketPath reads what follows grpc+unix: and any slashes of its authority.
func socketPath(rest string) (string, error) {
	if strings.ContainsAny(rest, "?#") {
		return "", fmt.Errorf("has a query or a fragment: write grpc+unix:///PATH, and %%3F for ? and %%23 for # in it")
	}
	p, err := url.PathUnescape(rest)
	switch {
	case err != nil:
		return "", fmt.Errorf("has a bad %%XX escape: write %%25 for a percent sign in the path")
	case p == "":
		return "", fmt.Errorf("names no socket: write grpc+unix:///PATH")
	case strings.ContainsRune(p, 0):
		return "", fmt.Errorf("has a zero byte in the path")
	case len(p) > maxSocketPath:
		return "", fmt.Errorf("has a path of %d bytes, and a socket's may have %d: use a shorter one", len(p), maxSocketPath)
	}
	return p, nil
}

// redact leaves out of a URI what may be a password: all before @, and queries.
func redact(uri string) string {
	if i := strings.LastIndexByte(uri, '@'); i >= 0 {
		scheme, _, ok := strings.Cut(uri[:i], "://")
		if uri = "***" + uri[i:]; ok {
			uri = scheme + "://" + uri
		}
	}
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i+1] + "***"
	}
	return uri
}

// Address is what net.Dial takes.
func (t Target) Address() (network, address string) { return t.network, t.address }

// Same tells whether uri is this server's address. Spellings of one address are
// the same; names are not looked up.
func (t Target) Same(uri string) bool {
	u, err := Parse(uri)
	return err == nil && u.key() == t.key()
}

// key is the address in one spelling.
func (t Target) key() string {
	if t.network == "unix" {
		return "unix " + path.Clean(t.address)
	}
	host, port, _ := net.SplitHostPort(t.address)
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	secure := "tcp "
	if t.TLS != nil {
		secure = "tls "
	}
	return secure + net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), port)
}

// Local tells whether t is on this machine by its address: a Unix socket,
// localhost or a loopback address. Other names are not looked up.
func (t Target) Local() bool {
	ip, err := netip.ParseAddr(t.host)
	return t.network == "unix" || t.host == "localhost" || err == nil && ip.IsLoopback()
}
