package results

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// storage is the part of os.File an appendFile needs.
type storage interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// appendFile appends whole records to a file: a record is either stored and
// synced, or the file is as it was before. Not for concurrent use.
//
// Note: O_APPEND would not do. After a failed write (a full disk) its next
// record would be glued to the torn one; writing at a known offset overwrites
// what a failed truncation left behind.
type appendFile struct {
	name string
	f    storage
	size int64 // of the whole records
}

// createAppendFile creates the file path, which must not exist.
func createAppendFile(path string) (*appendFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &appendFile{name: path, f: f}, nil
}

// append writes the record b and syncs it. On an error the record is taken
// back, so that it can be tried again.
func (a *appendFile) append(b []byte) error {
	n, err := a.f.WriteAt(b, a.size)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = a.f.Sync()
	}
	if err != nil {
		if terr := a.f.Truncate(a.size); terr != nil {
			err = errors.Join(err, fmt.Errorf("take the torn record back: %w", terr))
		}
		return fmt.Errorf("append %d bytes to %s: %w", len(b), a.name, err)
	}
	a.size += int64(n)
	return nil
}

// rewind takes back every record after the first size bytes.
func (a *appendFile) rewind(size int64) error {
	if err := a.f.Truncate(size); err != nil {
		return fmt.Errorf("take a record of %s back: %w", a.name, err)
	}
	a.size = size
	return nil
}

func (a *appendFile) close() error {
	if err := a.f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", a.name, err)
	}
	return nil
}

// writeFileAtomic replaces path with b: a reader, or a machine that loses its
// power, sees the old content or the new, never a part.
func writeFileAtomic(path string, b []byte) (err error) {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp)
		}
	}()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// syncDir makes the names in dir durable. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
