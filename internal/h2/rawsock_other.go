//go:build !linux

package h2

import "net"

// rawSock is vectored I/O; elsewhere than on Linux the ordinary Read and Write serve.
type rawSock struct{}

func newRawSock(_ net.Conn, _ *counts, _, _ *idleClock) *rawSock { return nil }

func (*rawSock) readv(_, _ []byte) (int, error)     { panic("h2: no vectored i/o on this system") }
func (*rawSock) write([]byte) (int, error)          { panic("h2: no vectored i/o on this system") }
func (*rawSock) writev(*gather) (int, error)        { panic("h2: no vectored i/o on this system") }
func (*rawSock) sender(*Blocked)                    { panic("h2: no vectored i/o on this system") }
func (*rawSock) tryWrite([]byte) (n int, done bool) { panic("h2: no vectored i/o on this system") }
