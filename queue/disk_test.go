package queue

import (
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"
)

// disk sees every write and sync that SQLite does to the files of one folder, and can make them fail. It stands between
// SQLite and the system's own file functions: what is not made to fail is really done.
type disk struct {
	dir string

	mu     sync.Mutex
	log    []diskOp
	keep   bool                 // whether log is kept
	before func(diskOp) outcome // asked before each operation; nil: all go well
	after  func(diskOp)         // told after each operation that went well
}

// diskOp is one operation on a file, or a mark that a test set between operations.
type diskOp struct {
	kind diskKind
	file string // name within the folder
	at   int64  // where a write begins, or the size of a truncation
	data []byte
	mark func(*ledger)
}

type diskKind int

const (
	diskCreate diskKind = iota
	diskWrite
	diskTruncate
	diskSync
	diskDelete
	diskLost // a sync that failed: the system forgets what it should have brought to the disk
	diskMark
)

// outcome of an operation: an SQLite result code, 0 for the truth.
type outcome int32

const (
	wentWell  outcome = 0
	syncEIO   outcome = sqlite.SQLITE_IOERR_FSYNC
	writeEIO  outcome = sqlite.SQLITE_IOERR_WRITE
	diskIsOut outcome = sqlite.SQLITE_FULL
	diskIsOff outcome = sqlite.SQLITE_IOERR // as after a kill: nothing is done any more
)

// watch begins to see a folder's files. It must be called before the queue is opened.
func watch(dir string) *disk {
	d := &disk{dir: dir}
	seen.Store(dir, d)
	return d
}

func (d *disk) forget() { seen.Delete(d.dir) }

// note sets a mark between what was done before and after.
func (d *disk) note(mark func(*ledger)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, diskOp{kind: diskMark, mark: mark})
}

func (d *disk) set(before func(diskOp) outcome, after func(diskOp)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after = before, after
}

// do does one operation, unless it shall fail. The log gets it before the system does, for then nobody can have relied
// on it yet.
func (d *disk) do(op diskOp, really func() int32) int32 {
	d.mu.Lock()
	before, after := d.before, d.after
	d.mu.Unlock()
	if before != nil {
		if result := before(op); result != wentWell {
			if result == syncEIO {
				d.remember(diskOp{kind: diskLost, file: op.file})
			}
			return int32(result)
		}
	}
	result := int32(sqlite.SQLITE_OK)
	if op.kind == diskSync { // what came in meanwhile is not covered by it
		d.remember(op)
		result = really()
	} else {
		result = really()
		if result == sqlite.SQLITE_OK {
			d.remember(op)
		}
	}
	if after != nil && result == sqlite.SQLITE_OK {
		after(op)
	}
	return result
}

func (d *disk) remember(op diskOp) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keep {
		d.log = append(d.log, op)
	}
}

// What follows is the way into SQLite: a VFS that is the system's own but for opening, writing, cutting, syncing and
// deleting. It becomes the default one of the test's process; folders that nobody watches go straight through.
var (
	seen    sync.Map // folder: *disk
	handles sync.Map // uintptr of a sqlite3_file: *handle
	tables  sync.Map // uintptr of the system's io methods: uintptr of ours
	system  uintptr  // the system's VFS
)

type handle struct {
	disk    *disk
	file    string
	methods *sqlite.Tsqlite3_io_methods // the system's
}

// at turns an address of SQLite's memory, which Go's collector does not know, into a pointer.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// address of a function as SQLite calls it, and back.
func address[F any](f F) uintptr  { return *(*uintptr)(unsafe.Pointer(&f)) }
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

type (
	openFunc     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	deleteFunc   = func(tls *libc.TLS, vfs, name uintptr, dirSync int32) int32
	writeFunc    = func(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32
	truncateFunc = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc     = func(tls *libc.TLS, file uintptr, flags int32) int32
	closeFunc    = func(tls *libc.TLS, file uintptr) int32
)

// installDisk must run before the first file is opened.
func installDisk() {
	tls := libc.NewTLS()
	system = sqlite.Xsqlite3_vfs_find(tls, 0)
	ours := libc.Xmalloc(tls, uint64(unsafe.Sizeof(sqlite.Tsqlite3_vfs{})))
	v := at[sqlite.Tsqlite3_vfs](ours)
	*v = *at[sqlite.Tsqlite3_vfs](system)
	name, err := libc.CString("watched")
	if err != nil {
		panic(err)
	}
	v.FzName, v.FpNext = name, 0
	v.FxOpen, v.FxDelete = address(openFunc(diskOpen)), address(deleteFunc(diskRemove))
	if rc := sqlite.Xsqlite3_vfs_register(tls, ours, 1); rc != sqlite.SQLITE_OK {
		panic("the VFS was refused")
	}
}

func diskOf(name uintptr) (*disk, string) {
	if name == 0 {
		return nil, ""
	}
	path := libc.GoString(name)
	d, ok := seen.Load(filepath.Dir(path))
	if !ok {
		return nil, ""
	}
	return d.(*disk), filepath.Base(path)
}

func diskOpen(tls *libc.TLS, _, name, file uintptr, flags int32, out uintptr) int32 {
	really := func() int32 {
		return function[openFunc](at[sqlite.Tsqlite3_vfs](system).FxOpen)(tls, system, name, file, flags, out)
	}
	d, base := diskOf(name)
	if d == nil {
		return really()
	}
	_, err := os.Stat(filepath.Join(d.dir, base))
	rc := really()
	f := at[sqlite.Tsqlite3_file](file)
	if rc != sqlite.SQLITE_OK || f.FpMethods == 0 {
		return rc
	}
	if err != nil {
		d.remember(diskOp{kind: diskCreate, file: base})
	}
	handles.Store(file, &handle{disk: d, file: base, methods: at[sqlite.Tsqlite3_io_methods](f.FpMethods)})
	f.FpMethods = methodsFor(tls, f.FpMethods)
	return rc
}

func methodsFor(tls *libc.TLS, theirs uintptr) uintptr {
	if ours, ok := tables.Load(theirs); ok {
		return ours.(uintptr)
	}
	ours := libc.Xmalloc(tls, uint64(unsafe.Sizeof(sqlite.Tsqlite3_io_methods{})))
	m := at[sqlite.Tsqlite3_io_methods](ours)
	*m = *at[sqlite.Tsqlite3_io_methods](theirs)
	m.FxWrite, m.FxTruncate = address(writeFunc(diskPut)), address(truncateFunc(diskCut))
	m.FxSync, m.FxClose = address(syncFunc(diskFlush)), address(closeFunc(diskClose))
	tables.Store(theirs, ours)
	return ours
}

func handleOf(file uintptr) *handle {
	h, _ := handles.Load(file)
	return h.(*handle)
}

func diskPut(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	h := handleOf(file)
	op := diskOp{kind: diskWrite, file: h.file, at: offset, data: append([]byte(nil), unsafe.Slice(at[byte](data), n)...)}
	return h.disk.do(op, func() int32 { return function[writeFunc](h.methods.FxWrite)(tls, file, data, n, offset) })
}

func diskCut(tls *libc.TLS, file uintptr, size int64) int32 {
	h := handleOf(file)
	return h.disk.do(diskOp{kind: diskTruncate, file: h.file, at: size}, func() int32 {
		return function[truncateFunc](h.methods.FxTruncate)(tls, file, size)
	})
}

func diskFlush(tls *libc.TLS, file uintptr, flags int32) int32 {
	h := handleOf(file)
	return h.disk.do(diskOp{kind: diskSync, file: h.file}, func() int32 {
		return function[syncFunc](h.methods.FxSync)(tls, file, flags)
	})
}

func diskClose(tls *libc.TLS, file uintptr) int32 {
	h := handleOf(file)
	handles.Delete(file)
	return function[closeFunc](h.methods.FxClose)(tls, file)
}

func diskRemove(tls *libc.TLS, _, name uintptr, dirSync int32) int32 {
	really := func() int32 {
		return function[deleteFunc](at[sqlite.Tsqlite3_vfs](system).FxDelete)(tls, system, name, dirSync)
	}
	d, base := diskOf(name)
	if d == nil {
		return really()
	}
	return d.do(diskOp{kind: diskDelete, file: base, at: int64(dirSync)}, really)
}
