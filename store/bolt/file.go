package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"ventanilla/store"
)

// openFile opens a database file that must be there already. What bbolt would
// do otherwise with a missing or an empty file is to start with an empty
// database, and nobody would notice what was lost.
func openFile(path string, o options, readOnly bool) (*bolt.DB, error) {
	var opened *os.File
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:         o.wait,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: o.mapped,
		ReadOnly:        readOnly,
		OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(path, flag&^os.O_CREATE, mode)
			if err != nil {
				return nil, err
			}
			if err := checkFile(f); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			opened = f
			return f, nil
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, store.ErrLocked
	case err != nil:
		return nil, err
	}
	if err := checkSame(opened, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// checkFile says why the file cannot be ours, by its outside.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may read or write it (%s): run chmod 600 %s", info.Mode(), f.Name())
	case info.Size() == 0:
		return errors.New("the file is empty, which a database never is: restore a backup, or remove the file to begin with nothing")
	}
	return nil
}

// checkSame refuses a file that was replaced while its lock was waited for.
func checkSame(opened *os.File, path string) error {
	have, err := opened.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(have, now) {
		return errors.New("the file was replaced meanwhile: try again")
	}
	return nil
}

// checkWhole refuses a file that ends before its last page: bbolt would read
// beyond the end, which kills the process.
func checkWhole(path string, o options) error {
	o.mapped = 0
	db, err := openFile(path, o, true)
	if err != nil {
		return err
	}
	err = db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("the file has been cut off: it has %d bytes of %d; restore a backup", info.Size(), tx.Size())
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// checkTables refuses a bbolt file of another program.
func (e *Engine) checkTables() error {
	return e.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			if len(name) < 2 || strings.IndexByte(string(name), '/') != len(name)-1 {
				return fmt.Errorf("it belongs to another program: it has a bucket %.40q", name)
			}
			return nil
		})
	})
}

// create makes an empty database under another name, syncs it and links it to
// path, so that there is a whole one at path or none. Another process that is
// faster wins.
func create(path string) error {
	temporary, err := temporaryBeside(path)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }()
	db, err := bolt.Open(temporary, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := syncPath(temporary); err != nil {
		return err
	}
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// Compact writes a copy of the database file src, without its free pages and
// what may be left in them, to dst. Nobody may have src open; dst must not
// exist or be src itself, which is replaced once the copy is on the disk.
func Compact(src, dst string) error {
	if err := compact(src, dst); err != nil {
		return fmt.Errorf("compact %s: %w", src, err)
	}
	return nil
}

func compact(src, dst string) error {
	if err := checkWhole(src, defaults); err != nil {
		return err
	}
	from, err := openFile(src, defaults, false) // so that nobody else has it
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // nothing was written
	temporary, err := temporaryBeside(dst)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }()
	if err := copyDatabase(temporary, from); err != nil {
		return err
	}
	place := os.Link // fails where something is
	if src == dst {
		place = os.Rename
	}
	if err := place(temporary, dst); err != nil {
		return err
	}
	return syncPath(filepath.Dir(dst))
}

// copyDatabase copies in transactions of 16 MiB and syncs at the end.
func copyDatabase(path string, from *bolt.DB) error {
	to, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, InitialMmapSize: defaults.mapped})
	if err != nil {
		return err
	}
	to.AllocSize = 0 // the file grows by what is needed and no more
	if err := errors.Join(bolt.Compact(to, from, 16<<20), to.Close()); err != nil {
		return err
	}
	return syncPath(path)
}

// temporaryBeside creates an empty file in the folder of path, which only its
// owner can read.
func temporaryBeside(path string) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// syncPath makes a file, or the entries of a folder, durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
