package datadir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"boardlink/connection"
)

// errHeld is what tryLock returns when another program holds the lock.
var errHeld = errors.New("held by another program")

// Lock is held by the one program that works on a data folder. The system frees it when the program ends, however it
// ends; the file stays.
type Lock struct{ file *os.File }

// Lock takes the folder's lock and writes who holds it, with the address it serves, into the file. Where another program
// holds it, the error is a [connection.Failure] that says which.
func (f Folder) Lock(addr string) (*Lock, error) {
	file, err := os.OpenFile(filepath.Join(f.path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(f.path, err)
	}
	if err := tryLock(file); err != nil {
		defer func() { _ = file.Close() }() // nothing was written
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock data folder: %w", err)
		}
		return nil, connection.Fail(connection.CodeUnavailable,
			"The data folder %s is in use by %s. Stop it first, or choose another folder with --data.", f.path, holder(file))
	}
	l := &Lock{file: file}
	if err := l.SetAddr(addr); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// SetAddr writes anew who holds the lock, once the address is known better.
func (l *Lock) SetAddr(addr string) error {
	line := fmt.Sprintf("pid %d at %s\n", os.Getpid(), addr)
	err := l.file.Truncate(0)
	if err == nil {
		_, err = l.file.WriteAt([]byte(line), 0)
	}
	if err != nil {
		return fmt.Errorf("write lock file: %w", err)
	}
	return nil
}

// Release gives the lock up.
func (l *Lock) Release() error {
	if err := errors.Join(l.file.Truncate(0), l.file.Close()); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}

// holder tells who wrote the lock file, as far as it can be read.
func holder(file *os.File) string {
	if pid, addr, ok := readHolder(file); ok {
		return fmt.Sprintf("process %d, which serves %s", pid, connection.Clean(addr))
	}
	return "another process"
}

func readHolder(file *os.File) (pid int, addr string, ok bool) {
	text, err := io.ReadAll(io.LimitReader(file, 300))
	if err != nil {
		return 0, "", false
	}
	n, _ := fmt.Sscanf(string(text), "pid %d at %s", &pid, &addr) // what is no such line gives no two values
	return pid, addr, n == 2
}

// ServedAt is the address that the program which works on the folder serves, or "" where none does or it does not tell.
func (f Folder) ServedAt() string {
	file, err := os.Open(filepath.Join(f.path, lockName))
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // only read
	_, addr, _ := readHolder(file)
	return addr
}
