//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package results

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir keeps other processes from writing the run directory dir until the
// lock is closed, or this process ends in whatever way.
func lockDir(dir string) (io.Closer, error) {
	path := filepath.Join(dir, lockFile)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("another flightbench is writing %s: wait until it has ended, or end it", dir)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Who held it before may have removed the file that is locked now.
		mine, err := f.Stat()
		if err == nil {
			if there, err := os.Stat(path); err == nil && os.SameFile(mine, there) {
				return dirLock{f}, nil
			}
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

type dirLock struct{ f *os.File }

// Close removes the lock's file and lets go of it, in this order: who waits
// for it finds it gone and makes another.
func (l dirLock) Close() error { return errors.Join(os.Remove(l.f.Name()), l.f.Close()) }
