//go:build linux || darwin || freebsd

package queue

import (
	"errors"
	"os"
	"syscall"
)

// diskRoom tells how many bytes the file system of a path can still take from us; ok is false where that is not known.
func diskRoom(path string) (room int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true // the types differ among systems
}

// syncDir makes sure that a folder's names are on disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// lockFile takes the lock of a file for this process, or says that another one holds it.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
