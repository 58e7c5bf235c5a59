package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"boardlink/connection"
)

// Names of what lies in the folder.
const (
	DatabaseName = "boardlink.db"
	QueueName    = "queue.db"
	keyName      = "secret.key"
	lockName     = "lock"
	backupName   = "backup"
)

// Folder is the data folder.
type Folder struct{ path string }

// Open makes the folder, for its owner only, or takes the one that is there. A folder that holds nothing, or that holds a
// data folder's files, is closed to others as well; any other one is left as it is (nobody wants /tmp closed), for the
// files in it are private by themselves.
func Open(path string) (Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return Folder{}, unusable(path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Folder{}, unusable(path, err)
	}
	f := Folder{path: path}
	if info.Mode().Perm()&0o077 != 0 {
		ours, err := f.looksOurs()
		if err != nil {
			return Folder{}, unusable(path, err)
		}
		if ours {
			_ = os.Chmod(path, 0o700) // a volume may belong to another user; the files are private all the same
		}
	}
	return f, nil
}

// OpenExisting takes a data folder that Boardlink has worked in before, for commands that start nothing: it makes and
// changes nothing, and fails where there is no database.
func OpenExisting(path string) (Folder, error) {
	f := Folder{path: path}
	if _, err := os.Stat(f.Database()); err != nil {
		return Folder{}, &connection.Failure{Code: connection.CodeUnavailable, Err: err,
			Message: fmt.Sprintf("There is no Boardlink database in %s yet; name the data folder with --data", path)}
	}
	return f, nil
}

func unusable(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &connection.Failure{Code: connection.CodeUnavailable, Err: err,
		Message: fmt.Sprintf("The data folder %s cannot be used; choose another one with --data", path)}
}

func (f Folder) looksOurs() (bool, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		switch e.Name() {
		case DatabaseName, keyName, lockName:
			return true, nil
		}
	}
	return len(entries) == 0, nil
}

// Path is where the folder is, as it was named.
func (f Folder) Path() string { return f.path }

// Database is the path of the database of connections, operators, events and figures.
func (f Folder) Database() string { return filepath.Join(f.path, DatabaseName) }

// Queue is the path of the uplink queue.
func (f Folder) Queue() string { return filepath.Join(f.path, QueueName) }

// Backups is the folder for copies of the database.
func (f Folder) Backups() string { return filepath.Join(f.path, backupName) }

// sync makes a new name in the folder last over a power cut.
func (f Folder) sync() error {
	d, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("open data folder: %w", err)
	}
	defer func() { _ = d.Close() }() // only read
	// Some file systems cannot sync a folder; they say EINVAL and need no sync.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync data folder: %w", err)
	}
	return nil
}

// QueueMax gives the queue's bound in bytes: what is wanted, but at most 90 % of the disk.
func (f Folder) QueueMax(wanted int64) (int64, error) {
	size, err := f.DiskSize()
	if err != nil {
		return 0, err
	}
	return min(wanted, size/10*9), nil
}
