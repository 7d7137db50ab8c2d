package h2

import "net"

// localSendBuffer bounds what a socket to a peer on this machine holds unsent; the kernel doubles it.
//
// Note: with the kernel's own choice, up to 4 MiB, the pages that a write is copied to have left the CPU's cache before
// they are reused and before the peer reads them: measured with 2 MiB messages to a C++ server on loopback, 256 KiB moved
// 1.5 to 1.9 times the bytes per second for three quarters of the CPU. There is no round-trip time to bridge. A peer
// elsewhere keeps the kernel's choice, since there the buffer must hold the bandwidth-delay product.
const localSendBuffer = 256 << 10

// BoundLocal sets localSendBuffer on a TCP or Unix socket whose peer is on this machine. Connections of this package have it;
// it is exported for bare sockets that they are compared with.
func BoundLocal(nc net.Conn) {
	switch c := nc.(type) {
	case *net.UnixConn:
		_ = c.SetWriteBuffer(localSendBuffer) // only speed is lost
	case *net.TCPConn:
		here, ok := c.LocalAddr().(*net.TCPAddr)
		there, ok2 := c.RemoteAddr().(*net.TCPAddr)
		if ok && ok2 && (there.IP.IsLoopback() || there.IP.Equal(here.IP)) {
			_ = c.SetWriteBuffer(localSendBuffer)
		}
	}
}
