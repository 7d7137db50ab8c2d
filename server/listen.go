package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endpoint is a parsed Options.Listen.
type endpoint struct {
	scheme string
	tls    bool
	host   string // "" is every interface
	port   string
	path   string // grpc+unix only
}

// maxSocketPath is the longest path that sockaddr_un holds on every system we
// run on (macOS has the smallest: 104 with its terminating zero).
const maxSocketPath = 103

// parseListen takes a Flight location apart. It resolves nothing.
func parseListen(listen string) (endpoint, error) {
	bad := func(format string, args ...any) (endpoint, error) {
		return endpoint{}, fmt.Errorf("listen %q: %s", listen, fmt.Sprintf(format, args...))
	}
	scheme, rest, ok := strings.Cut(listen, "://")
	if !ok {
		return bad("not a URI: write grpc://HOST:PORT or grpc+unix://PATH")
	}
	ep := endpoint{scheme: strings.ToLower(scheme)}
	switch ep.scheme {
	case "grpc", "grpc+tcp":
	case "grpc+tls":
		ep.tls = true
	case "grpc+unix":
		path, err := url.PathUnescape(rest)
		switch {
		case err != nil:
			return bad("the path has a bad escape: %v", err)
		case path == "":
			return bad("no path: write grpc+unix:///PATH/TO/SOCKET")
		case strings.ContainsRune(path, 0):
			return bad("the path holds a zero byte")
		case len(path) > maxSocketPath:
			return bad("the path has %d bytes and a socket's may have %d: choose a shorter one", len(path), maxSocketPath)
		}
		ep.path = path
		return ep, nil
	default:
		return bad("unknown scheme %q: use grpc, grpc+tcp, grpc+tls or grpc+unix", scheme)
	}
	u, err := url.Parse(listen)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return bad("%v: write %s://HOST:PORT", err, ep.scheme)
	}
	if u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return bad("only a host and a port may follow the scheme: write %s://HOST:PORT", ep.scheme)
	}
	ep.host, ep.port = u.Hostname(), u.Port()
	if strings.Contains(ep.host, ":") && !strings.HasPrefix(u.Host, "[") {
		return bad("an IPv6 address stands in brackets: write %s://[%s]:%s", ep.scheme, ep.host, ep.port)
	}
	if ep.port == "" {
		return bad("no port: add one, or :0 for any free port")
	}
	if n, err := strconv.Atoi(ep.port); err != nil || n > 65535 {
		return bad("port %s is out of range: choose 0 to 65535", ep.port)
	}
	return ep, nil
}

// uri is the location that a client dials once l is bound. The host stays as it
// was written, so that a name matches the certificate it was made for.
func (ep endpoint) uri(l net.Listener) string {
	if ep.path != "" {
		return ep.scheme + "://" + (&url.URL{Path: ep.path}).EscapedPath()
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return ep.scheme + "://" + l.Addr().String()
	}
	if ep.host != "" {
		host = ep.host
	}
	u := url.URL{Scheme: ep.scheme, Host: net.JoinHostPort(host, port)}
	return u.String()
}

// listen binds ep. Its errors say what to do about them.
func (ep endpoint) listen() (net.Listener, error) {
	if ep.path != "" {
		return listenUnix(ep.path)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ep.host, ep.port))
	if err == nil {
		return l, nil
	}
	at := ep.scheme + "://" + net.JoinHostPort(ep.host, ep.port)
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: port %s is in use: stop the program that holds it, or choose another port (0 takes any free one): %w", at, ep.port, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: port %s needs more rights: choose a port above 1023, or 0 for any free one: %w", at, ep.port, syscall.EACCES)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen on %s: %s is no address of this machine: use 127.0.0.1, [::1] or one of its own: %w", at, ep.host, syscall.EADDRNOTAVAIL)
	case errors.As(err, &dns):
		return nil, fmt.Errorf("listen on %s: host %q has no address: use 127.0.0.1, [::1] or a name that resolves: %w", at, ep.host, err)
	}
	return nil, fmt.Errorf("listen on %s: %w", at, err)
}

// listenUnix binds a socket file. One that a dead server left behind is
// removed; a live one, or any other kind of file, is an error.
func listenUnix(path string) (net.Listener, error) {
	at := "listen on grpc+unix://" + path
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("%s: %w", at, err)
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s: the path exists and is no socket: remove it or choose another", at)
	default:
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			conn.Close()
			return nil, fmt.Errorf("%s: a server listens there: stop it or choose another path: %w", at, syscall.EADDRINUSE)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("%s: a socket is there and may be in use: remove it or choose another path: %w", at, err)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("%s: remove the socket of a dead server: %w", at, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return l, nil
}
