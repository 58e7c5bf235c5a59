//go:build !linux && !darwin && !freebsd

package datadir

import (
	"errors"
	"os"
)

var errSystem = errors.New("this system is not supported: Boardlink runs on Linux, macOS and FreeBSD")

func tryLock(*os.File) error { return errSystem }

// DiskSize gives the size of the disk that the folder is on, in bytes.
func (f Folder) DiskSize() (int64, error) { return 0, errSystem }
