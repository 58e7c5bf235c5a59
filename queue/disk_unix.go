//go:build linux || darwin || freebsd

package queue

import "syscall"

// diskRoom tells how many bytes the file system of a path can still take from us; ok is false where that is not known.
func diskRoom(path string) (room int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true // the types differ among systems
}
