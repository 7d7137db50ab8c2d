//go:build !linux

package target

import "net"

func tcpInfo(*net.TCPConn) (TCP, bool) { return TCP{}, false }
