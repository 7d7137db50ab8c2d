package h2

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawSock is vectored I/O on a socket's descriptor. Its callbacks and vectors live as long as it does, so a call
// allocates nothing. The runtime's poller still does the waiting, and Close still ends it.
type rawSock struct {
	rc     syscall.RawConn
	counts *counts

	rfn  func(uintptr) bool
	riov [2]unix.Iovec
	rn   int // vectors in use
	rgot int
	rerr syscall.Errno
	idle *idleClock

	wfn    func(uintptr) bool
	wiov   []unix.Iovec // what is still to be written
	wtotal int
	wall   []unix.Iovec
	werr   syscall.Errno
	wonce  bool // give up instead of waiting
	full   *idleClock
	wtimes *Blocked // whom waits are added to; nil: nobody
	wsince int64    // when the wait under way began; 0: there is none
}

func newRawSock(nc net.Conn, n *counts, idle, full *idleClock) *rawSock {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil // a wrapper's SyscallConn would go around what it does
	}
	rc, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	s := &rawSock{rc: rc, counts: n, idle: idle, full: full}
	s.rfn, s.wfn = s.readOnce, s.writeOnce
	return s
}

func (s *rawSock) readOnce(fd uintptr) bool {
	s.idle.ended()
	for {
		n, _, errno := syscall.Syscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&s.riov[0])), uintptr(s.rn))
		s.counts.calls.Add(1)
		switch errno {
		case 0:
			s.rgot = int(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			s.idle.begin(Nanos())
			return false
		default:
			s.rerr = errno
			return true
		}
	}
}

func (s *rawSock) readv(direct, buf []byte) (int, error) {
	s.rn = 0
	for _, p := range [2][]byte{direct, buf} {
		if len(p) > 0 {
			s.riov[s.rn].Base = &p[0]
			s.riov[s.rn].SetLen(len(p))
			s.rn++
		}
	}
	s.rgot, s.rerr = 0, 0
	err := s.rc.Read(s.rfn)
	s.idle.ended()
	s.riov = [2]unix.Iovec{}
	switch {
	case err != nil:
		return 0, err
	case s.rerr != 0:
		return 0, os.NewSyscallError("readv", s.rerr)
	case s.rgot == 0:
		return 0, io.EOF
	}
	s.counts.read.Add(int64(s.rgot))
	return s.rgot, nil
}

// sender names whom waits are added to.
func (s *rawSock) sender(b *Blocked) { s.wtimes = b }

// waited ends a wait.
func (s *rawSock) waited() {
	s.full.ended()
	if s.wsince != 0 {
		s.wtimes.Sending.End(s.wsince)
		s.wsince = 0
	}
}

func (s *rawSock) writeOnce(fd uintptr) bool {
	s.waited()
	for len(s.wiov) > 0 {
		n, _, errno := syscall.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&s.wiov[0])), uintptr(len(s.wiov)))
		s.counts.calls.Add(1)
		switch errno {
		case 0:
			s.wtotal += int(n)
			s.advance(int(n))
		case syscall.EINTR:
		case syscall.EAGAIN:
			if !s.wonce {
				s.full.begin(Nanos())
				if s.wtimes != nil {
					s.wsince = s.wtimes.Sending.Begin()
				}
			}
			return s.wonce
		default:
			s.werr = errno
			return true
		}
	}
	return true
}

// advance drops n written bytes from the front.
func (s *rawSock) advance(n int) {
	for n > 0 {
		v := &s.wiov[0]
		if l := int(v.Len); n >= l {
			n -= l
			s.wiov = s.wiov[1:]
			continue
		}
		v.Base = (*byte)(unsafe.Add(unsafe.Pointer(v.Base), n))
		v.SetLen(int(v.Len) - n)
		return
	}
}

func (s *rawSock) push(p []byte) {
	if len(p) > 0 {
		v := unix.Iovec{Base: &p[0]}
		v.SetLen(len(p))
		s.wall = append(s.wall, v)
	}
}

func (s *rawSock) run(once bool) (int, error) {
	s.wiov, s.wtotal, s.werr, s.wonce = s.wall, 0, 0, once
	asked := 0
	for i := range s.wall {
		asked += int(s.wall[i].Len)
	}
	// Counted before the peer can answer, so that what it has acknowledged is in the count.
	s.counts.written.Add(int64(asked))
	err := s.rc.Write(s.wfn)
	s.waited()
	clear(s.wall)
	s.wall, s.wiov = s.wall[:0], nil
	s.counts.written.Add(int64(s.wtotal - asked))
	if err == nil && s.werr != 0 {
		err = os.NewSyscallError("writev", s.werr)
	}
	return s.wtotal, err
}

func (s *rawSock) write(p []byte) (int, error) {
	s.push(p)
	return s.run(false)
}

func (s *rawSock) writev(g *gather) (int, error) {
	for _, v := range g.vecs {
		s.push(v)
	}
	return s.run(false)
}

func (s *rawSock) tryWrite(p []byte) (int, bool) {
	s.push(p)
	n, err := s.run(true)
	return n, err == nil
}
