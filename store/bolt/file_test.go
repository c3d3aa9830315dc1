package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"ventanilla/store"
)

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestCreate(t *testing.T) {
	e, path := openNew(t, defaults)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 || info.Size() == 0 {
		t.Errorf("a new database: %v of %d bytes, %v", info.Mode(), info.Size(), err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("the folder of a new database holds %q", got)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := open(filepath.Join(t.TempDir(), "no folder", "db"), defaults); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("create in a folder that is not there: %v", err)
	}
}

// TestCreateTogether: of several that find no database one has it.
func TestCreateTogether(t *testing.T) {
	impatient := defaults
	impatient.wait = time.Millisecond
	for range 20 {
		path := filepath.Join(t.TempDir(), "db")
		var wait sync.WaitGroup
		engines, errs := make([]*Engine, 6), make([]error, 6)
		for i := range engines {
			wait.Go(func() {
				if engines[i], errs[i] = open(path, impatient); errs[i] == nil {
					errs[i] = tryPut(engines[i], fmt.Sprintf("a/%d", i), 10)
				}
			})
		}
		wait.Wait()
		opened := 0
		for i, e := range engines {
			if e == nil {
				if !errors.Is(errs[i], store.ErrLocked) {
					t.Errorf("not opened: %v", errs[i])
				}
				continue
			}
			opened++
			if errs[i] != nil || !has(t, e, fmt.Sprintf("a/%d", i)) {
				t.Errorf("stored: %v", errs[i])
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if opened > 1 {
			t.Fatalf("%d have the database open", opened)
		}
		if got := names(t, filepath.Dir(path)); len(got) != 1 {
			t.Errorf("the folder holds %q", got)
		}
	}
}

func TestLocked(t *testing.T) {
	e, path := openNew(t, defaults)
	start := time.Now()
	if _, err := Open(path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v, want ErrLocked", err)
	}
	if waited := time.Since(start); waited < 900*time.Millisecond {
		t.Errorf("waited %v for the lock, want a second: a restart overlaps", waited)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatalf("after the first has closed it: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// wholeFile returns the bytes of a sound database.
func wholeFile(t *testing.T) []byte {
	t.Helper()
	e, path := openNew(t, defaults)
	for i := range 50 {
		put(t, e, fmt.Sprintf("a/%d", i), 10_000)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestRefused: what is no whole database of ours, for its owner alone, is not
// opened and not changed.
func TestRefused(t *testing.T) {
	whole := wholeFile(t)
	file := func(content []byte, mode os.FileMode) func(string) error {
		return func(path string) error {
			return errors.Join(os.WriteFile(path, content, 0o600), os.Chmod(path, mode))
		}
	}
	mail := bytes.Repeat([]byte("From: a@example.org\n"), 5000)
	for name, c := range map[string]struct {
		make func(path string) error
		want string // words of the error; "": it is opened
	}{
		"whole":            {file(whole, 0o600), ""},
		"for the group":    {file(whole, 0o640), "chmod 600"},
		"for all":          {file(whole, 0o644), "chmod 600"},
		"empty":            {file(nil, 0o600), "empty"},
		"half of it":       {file(whole[:300_000], 0o600), "cut off"},
		"its first KB":     {file(whole[:1024], 0o600), "invalid"},
		"no database":      {file(mail, 0o600), "invalid"},
		"a folder":         {func(path string) error { return os.Mkdir(path, 0o700) }, "regular"},
		"another's":        {foreign, "another program"},
		"a link to no one": {func(path string) error { return os.Symlink(path+"-elsewhere", path) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			e, err := open(path, defaults)
			switch {
			case err == nil && c.want == "":
				err = e.Close()
			case err == nil:
				t.Errorf("it was opened (and closed: %v)", e.Close())
			case c.want != "" && strings.Contains(err.Error(), c.want) && strings.Contains(err.Error(), path):
				err = nil
			}
			if err != nil {
				t.Errorf("%v: want %q and the path", err, c.want)
			}
			if after, _ := os.ReadFile(path); c.want != "" && !bytes.Equal(before, after) {
				t.Error("the file has been changed")
			}
		})
	}
}

// foreign makes a bbolt file of another program.
func foreign(path string) error {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("members")); return err })
	return errors.Join(err, db.Close())
}

func TestReplacedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := checkSame(f, path); err != nil {
		t.Errorf("the same file: %v", err)
	}
	if err := errors.Join(os.WriteFile(path+"2", []byte("two"), 0o600), os.Rename(path+"2", path)); err != nil {
		t.Fatal(err)
	}
	if err := checkSame(f, path); err == nil {
		t.Error("a file that was replaced meanwhile is taken for the same")
	}
}

func TestBackup(t *testing.T) {
	e, _ := openNew(t, defaults)
	for i := range 100 {
		put(t, e, fmt.Sprintf("a/%d", i), 5000)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	f, err := os.OpenFile(copied, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	err = e.Backup(t.Context(), writer(func(b []byte) (int, error) {
		put(t, e, "b/meanwhile", 100) // does not wait, and is not in the backup
		return f.Write(b)
	}))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	restored, err := Open(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = restored.Close() }()
	if err := restored.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for i := range 100 {
		if !has(t, restored, fmt.Sprintf("a/%d", i)) {
			t.Errorf("a/%d is not in the backup", i)
		}
	}
	if has(t, restored, "b/meanwhile") {
		t.Error("what came later is in the backup")
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = e.Backup(ctx, writer(func(b []byte) (int, error) { cancel(); return len(b), nil }))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled backup: %v", err)
	}
	full := errors.New("no room for it")
	if err := e.Backup(t.Context(), writer(func([]byte) (int, error) { return 0, full })); err == nil {
		t.Error("a backup that could not be written is not told")
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

var secret = bytes.Repeat([]byte("secret of somebody who is to be forgotten"), 100)

// deleteMost makes a database of 4 MB of which a twentieth is left.
func deleteMost(t *testing.T) (*Engine, string) {
	t.Helper()
	e, path := openNew(t, defaults)
	err := e.Update(t.Context(), func(kv store.KV) error { return kv.Put("a/secret", secret) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		put(t, e, fmt.Sprintf("a/%d", i), 20_000)
	}
	put(t, e, "b/empty", 0)
	err = e.Update(t.Context(), func(kv store.KV) error {
		for i := range 190 {
			if err := kv.Delete(fmt.Sprintf("a/%d", i)); err != nil {
				return err
			}
		}
		return kv.Delete("a/secret")
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, path
}

func TestCompact(t *testing.T) {
	e, path := deleteMost(t)
	if err := Compact(path, path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("compact what is open: %v, want ErrLocked", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(before, secret[:1000]) {
		t.Fatalf("what was deleted is gone before compacting already, which then proves nothing (%v)", err)
	}
	other := path + "-other"
	if err := Compact(path, other); err != nil {
		t.Fatal(err)
	}
	if err := Compact(path, other); !errors.Is(err, os.ErrExist) {
		t.Errorf("compact over another file: %v", err)
	}
	if err := Compact(path, path); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 2 {
		t.Errorf("the folder holds %q", got)
	}
	expectCompacted(t, path, len(before)/2)
	expectCompacted(t, other, len(before)/2)
}

// expectCompacted fails if the file at path is not what deleteMost has left, in
// at most so many bytes.
func expectCompacted(t *testing.T, path string, most int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil || len(content) > most || bytes.Contains(content, secret[:1000]) {
		t.Errorf("it has %d bytes of at most %d (%v); still holds what was deleted: %t",
			len(content), most, err, bytes.Contains(content, secret[:1000]))
	}
	e, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for i := range 200 {
		if has(t, e, fmt.Sprintf("a/%d", i)) != (i >= 190) {
			t.Errorf("a/%d after compacting", i)
		}
	}
	if !has(t, e, "b/empty") || has(t, e, "a/secret") {
		t.Error("an empty value is gone, or one deleted is back")
	}
	put(t, e, "c/1", 10)
}

// TestCheck finds a page that has been overwritten.
func TestCheck(t *testing.T) {
	e, path := openNew(t, defaults)
	for i := range 50 {
		put(t, e, fmt.Sprintf("a/%02d", i), 3000)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Errorf("a sound database: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// All copies of one key become another: the order of the keys is broken.
	content = bytes.ReplaceAll(content, []byte("25\x00\x00"), []byte("99\x00\x00"))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	if err := again.Check(t.Context()); err == nil {
		t.Error("a database with keys out of order is taken for sound")
	}
}
