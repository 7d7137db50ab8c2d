package target

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	psnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// forwarders listen for a server that is another process.
var forwarders = []string{"docker-proxy", "rootlessport", "slirp4netns", "pasta", "kubectl", "ssh", "sshd", "socat", "haproxy", "nginx", "envoy"}

// Listener is the process of this machine that listens at t's port; 0 where
// that is not known, is this process or one that it descends from, or a
// forwarder. It is for guesses: where several listen, or through a container's
// network, it finds none.
func (t Target) Listener(ctx context.Context) int {
	_, port, err := net.SplitHostPort(t.address)
	if err != nil || t.network != "tcp" || !t.Local() {
		return 0
	}
	conns, err := psnet.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return 0
	}
	var pid int32
	for _, c := range conns {
		if c.Status != "LISTEN" || strconv.Itoa(int(c.Laddr.Port)) != port {
			continue
		}
		if ip, err := netip.ParseAddr(c.Laddr.IP); err == nil && !ip.IsLoopback() && !ip.IsUnspecified() {
			continue
		}
		if c.Pid <= 0 || pid != 0 && pid != c.Pid {
			return 0
		}
		pid = c.Pid
	}
	for self := int32(os.Getpid()); self > 0; {
		if self == pid {
			return 0
		}
		p, err := process.NewProcessWithContext(ctx, self)
		if err != nil {
			break
		}
		if self, err = p.PpidWithContext(ctx); err != nil {
			break
		}
	}
	p, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return 0
	}
	if name, err := p.NameWithContext(ctx); err != nil || slices.Contains(forwarders, name) {
		return 0
	}
	return int(pid)
}
