package target

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// tcpInfo is TCP_INFO of a socket, see tcp(7).
func tcpInfo(c *net.TCPConn) (t TCP, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return t, false
	}
	err = raw.Control(func(fd uintptr) {
		if i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			t, ok = TCP{Sockets: 1, Retransmits: int64(i.Total_retrans), RTT: time.Duration(i.Rtt) * time.Microsecond}, true
		}
	})
	return t, ok && err == nil
}
