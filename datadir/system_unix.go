//go:build linux || darwin || freebsd

package datadir

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func tryLock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	if err != nil {
		return fmt.Errorf("flock: %w", err)
	}
	return nil
}

// DiskSize gives the size of the disk that the folder is on, in bytes.
func (f Folder) DiskSize() (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(f.path, &st); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", f.path, err)
	}
	return int64(st.Blocks) * int64(st.Bsize), nil // the types differ among systems
}
