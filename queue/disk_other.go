//go:build !(linux || darwin || freebsd)

package queue

import "os"

// diskRoom is not known on this system; the bound that was set is all there is.
func diskRoom(string) (room int64, ok bool) { return 0, false }

// syncDir does nothing where folders cannot be synced.
func syncDir(string) error { return nil }

// lockFile does nothing where files cannot be locked; the data folder's lock is all there is.
func lockFile(*os.File) error { return nil }
