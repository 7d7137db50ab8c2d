package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"flightbench/internal/target"
)

// place is where a URI leads to.
type place struct {
	scheme     string
	network    string // tcp or unix
	host, port string
	path       string // of a Unix socket
}

func placeOf(uri string) (place, error) {
	if t, err := target.Parse(uri); err == nil { // also what net/url does not take: zones, relative sockets
		scheme, _, _ := strings.Cut(strings.ToLower(uri), ":")
		network, address := t.Address()
		if network == "unix" {
			return place{scheme: scheme, network: network, path: address}, nil
		}
		host, port, err := net.SplitHostPort(address)
		return place{scheme: scheme, network: network, host: host, port: port}, err
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return place{}, errors.New("it is no URI")
	}
	p := place{scheme: u.Scheme, network: "tcp", host: u.Hostname(), port: u.Port()}
	switch {
	case u.Scheme == "grpc+unix":
		p.network, p.path = "unix", u.Host+u.Path
		if p.path == "" {
			return place{}, errors.New("it names no socket")
		}
	case p.host == "":
		return place{}, errors.New("it names no host")
	case p.port == "" && (u.Scheme == "http" || u.Scheme == "https"):
		p.port = u.Scheme
	case p.port == "":
		return place{}, errors.New("it names no port")
	}
	return p, nil
}

// reach is one address and how a connection to it went.
type reach struct {
	Address string `json:"address"`
	Connect int64  `json:"connect_ns,omitempty"`
	Error   string `json:"error,omitempty"`
	err     error
}

const maxAddresses = 8

// reachAll resolves p and connects to each of its addresses, all at once. It returns an error if there is no address.
func reachAll(ctx context.Context, p place) ([]reach, error) {
	addrs := []string{p.path}
	if p.network == "tcp" {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", p.host)
		if err != nil {
			return nil, err
		}
		addrs = nil
		for _, ip := range ips {
			addrs = append(addrs, net.JoinHostPort(ip.Unmap().String(), p.port))
		}
		slices.Sort(addrs)
		addrs = slices.Compact(addrs)
		addrs = addrs[:min(len(addrs), maxAddresses)]
	}
	all := make([]reach, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() {
			start := time.Now()
			nc, err := (&net.Dialer{}).DialContext(ctx, p.network, addr)
			all[i] = reach{Address: addr, Connect: int64(time.Since(start)), err: err}
			if err != nil {
				all[i].Connect, all[i].Error = 0, clean(why(err))
				return
			}
			_ = nc.Close()
		})
	}
	wg.Wait()
	return all, nil
}

// why is what kept a socket from being opened, without the words around it.
func why(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &op) && op.Err != nil:
		if op.Timeout() {
			return "no answer in time"
		}
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	}
	return err.Error()
}

// address resolves the target's name and connects to what comes out.
func (x *examiner) address(ctx context.Context) {
	p, err := placeOf(x.t.URI)
	if err != nil {
		x.halt = "there is no address to connect to"
		x.add(Problem, fmt.Sprintf("%s: %v", x.t.URI, err), "write grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH", nil)
		return
	}
	all, err := reachAll(ctx, p)
	if err != nil {
		x.halt = "the server could not be reached"
		x.add(Problem, fmt.Sprintf("the name %s cannot be resolved: %s", p.host, why(err)), "check the name, and the DNS of this machine", nil)
		return
	}
	slices.SortStableFunc(all, func(a, b reach) int { return cmp.Compare(len(a.Error), len(b.Error)) })
	good := slices.IndexFunc(all, func(r reach) bool { return r.err != nil })
	if good < 0 {
		good = len(all)
	}
	switch {
	case good == 0:
		x.halt = "the server could not be reached"
		x.add(Problem, fmt.Sprintf("no connection to %s: %s", all[0].Address, all[0].Error), connectAdvice(p, all[0].Error), all)
	case good < len(all):
		x.add(Warning, fmt.Sprintf("%s accepts connections (after %s), but %s of the same name does not: %s", all[0].Address, span(time.Duration(all[0].Connect)),
			all[good].Address, all[good].Error), "listen on all addresses of the name, or take the others out of DNS: clients may try those first", all)
	default:
		text := fmt.Sprintf("%s accepts connections, after %s", all[0].Address, span(time.Duration(all[0].Connect)))
		if good > 1 {
			text += fmt.Sprintf("; so do the %d other addresses of the name", good-1)
		}
		x.add(OK, text, "", all)
	}
}

func connectAdvice(p place, why string) string {
	switch {
	case p.network == "unix":
		return "check the path, that the server runs, and that you may read and write its socket"
	case strings.Contains(why, "refused"):
		return "nothing listens there: check the port and that the server runs, and that it listens on this address and not on localhost alone"
	case strings.Contains(why, "in time"), strings.Contains(why, "timeout"):
		return "a firewall may drop the packets: check the port, firewalls and security groups between here and there"
	}
	return "check the address and the route to it"
}

// loopback tells whether host can only mean the machine that looks at it.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// unspecified tells whether host is an address to listen on, not one to connect to.
func unspecified(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsUnspecified()
}
