package datadir

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"boardlink/config"
	"boardlink/connection"
)

// ErrNoKey is in the error of [Folder.Key] where there is a database but no key for it.
var ErrNoKey = errors.New("there is no key for the database")

// Key gives the key that seals secrets, [config.KeySize] bytes: the one that the settings bring, else the one of the key
// file. made tells that there was neither and that the file was made, which only the holder of the lock may ask for.
//
// A key file that others can read is refused, and none is made beside a database, whose secrets it could not open.
func (f Folder) Key(given connection.Secret) (key []byte, made bool, err error) {
	if given.IsSet() {
		key, err = config.ParseKey(given)
		if err != nil {
			return nil, false, connection.Fail(connection.CodeInvalid, "BOARDLINK_SECRET_KEY: %v", err)
		}
		return key, false, nil
	}
	key, err = f.readKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if _, err := os.Stat(f.Database()); err == nil {
		missing := connection.Fail(connection.CodeUnavailable,
			"The data folder %s holds a database but not its key file %s. Put the file back, or set BOARDLINK_SECRET_KEY to the key that the database was made with.", f.path, keyName)
		missing.Err = ErrNoKey
		return nil, false, missing
	}
	key, err = f.makeKey()
	return key, err == nil, err
}

func (f Folder) readKey() ([]byte, error) {
	path := filepath.Join(f.path, keyName)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at key file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return nil, connection.Fail(connection.CodeUnavailable, "The key file %s is not a plain file.", path)
	} else if mode.Perm()&0o077 != 0 {
		return nil, connection.Fail(connection.CodeUnavailable,
			"Others may read the key file %s (its mode is %04o). Close it with: chmod 600 %s", path, mode.Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, 1024))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	key, err := config.ParseKey(connection.Secret(strings.TrimSpace(string(text))))
	if err != nil {
		return nil, connection.Fail(connection.CodeUnavailable, "The key file %s does not hold a key: %v.", path, err)
	}
	return key, nil
}

// makeKey writes a new key under another name first, so that a power cut leaves a whole key file or none.
func (f Folder) makeKey() ([]byte, error) {
	key := make([]byte, config.KeySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program where the system gives no randomness
	file, err := os.CreateTemp(f.path, keyName+".*")
	if err != nil {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err == nil {
		err = file.Chmod(0o600)
	}
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(f.path, keyName)); err != nil {
		return nil, fmt.Errorf("name key file: %w", err)
	}
	if err := f.sync(); err != nil {
		return nil, err
	}
	return key, nil
}
