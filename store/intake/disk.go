package intake

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
)

// disk is the folder of the log, as far as the log uses one.
type disk interface {
	List() ([]string, error)          // in order
	Create(name string) (file, error) // of none so far
	Open(name string) (file, error)
	Rename(from, to string) error
	Remove(name string) error
	Sync() error          // makes the names durable
	Free() (int64, error) // bytes
	Close() error         // and lets another process have the folder
}

// file is one file of it, to be read and written.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Size() (int64, error)
	Sync() error // makes the bytes durable, and the size
	Truncate(size int64) error
	Map(from, size int64) ([]byte, func(), error) // read-only, until the function is called
}

// folder is a disk of the operating system.
type folder struct{ self, lock *os.File }

// openFolder takes dir for this process alone. It makes it if it is missing.
func openFolder(dir string) (disk, error) {
	if err := os.Mkdir(dir, 0o700); err == nil {
		parent, err := os.Open(filepath.Dir(dir))
		if err != nil {
			return nil, err
		}
		defer parent.Close()
		if err := parent.Sync(); err != nil {
			return nil, err
		}
	} else if !os.IsExist(err) {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	self, err := os.Open(dir)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &folder{self, lock}, nil
}

// private refuses what others than its owner may read or write.
func private(path, cure string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s has mode %04o, so others can get at the mails in it: chmod %s %s", path, info.Mode().Perm(), cure, path)
	}
	return err
}

func (d *folder) List() ([]string, error) {
	entries, err := os.ReadDir(d.self.Name())
	if err == nil {
		err = private(d.self.Name(), "700")
	}
	var names []string
	for _, e := range entries {
		if err == nil {
			err = private(d.path(e.Name()), "600")
		}
		names = append(names, e.Name())
	}
	return names, err
}

func (d *folder) open(name string, flags int) (file, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDWR|flags, 0o600)
	return osFile{f}, err
}

func (d *folder) path(name string) string          { return filepath.Join(d.self.Name(), name) }
func (d *folder) Create(name string) (file, error) { return d.open(name, os.O_CREATE|os.O_EXCL) }
func (d *folder) Open(name string) (file, error)   { return d.open(name, 0) }
func (d *folder) Rename(from, to string) error     { return os.Rename(d.path(from), d.path(to)) }
func (d *folder) Remove(name string) error         { return os.Remove(d.path(name)) }
func (d *folder) Sync() error                      { return d.self.Sync() }

func (d *folder) Free() (int64, error) {
	var s syscall.Statfs_t
	err := syscall.Fstatfs(int(d.self.Fd()), &s)
	return int64(s.Bavail) * s.Bsize, err
}

func (d *folder) Close() error {
	d.self.Close()
	return d.lock.Close()
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync writes the size too, but not the times.
func (f osFile) Sync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

func (f osFile) Map(from, size int64) ([]byte, func(), error) {
	before := from % int64(os.Getpagesize())
	b, err := syscall.Mmap(int(f.Fd()), from-before, int(before+size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, func() {}, err
	}
	return b[before:], func() { _ = syscall.Munmap(b) }, nil
}

// mapped runs fn, which only reads mapped bytes. A page that the disk cannot
// read becomes an error then, and not the end of the process.
func mapped(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read mapped file: %w (%v)", syscall.EIO, r)
		}
	}()
	return fn()
}
