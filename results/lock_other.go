//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package results

import "io"

// lockDir does nothing: two processes that write one run directory at a time
// are not noticed here.
func lockDir(string) (io.Closer, error) { return io.NopCloser(nil), nil }
