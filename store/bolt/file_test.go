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

// TestRefused: what is no whole database of ours, for its owner alone, is not
// opened and not changed.
func TestRefused(t *testing.T) {
	whole := func(t *testing.T) []byte {
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
	}(t)
	for name, c := range map[string]struct {
		make func(path string) error
		want string // words of the error; "": it is opened
	}{
		"whole": {func(path string) error { return os.WriteFile(path, whole, 0o600) }, ""},
		"only readable by its owner's group": {func(path string) error {
			return errors.Join(os.WriteFile(path, whole, 0o600), os.Chmod(path, 0o640))
		}, "chmod 600"},
		"readable by all": {func(path string) error {
			return errors.Join(os.WriteFile(path, whole, 0o600), os.Chmod(path, 0o644))
		}, "chmod 600"},
		"empty":        {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "empty"},
		"half of it":   {func(path string) error { return os.WriteFile(path, whole[:300_000], 0o600) }, "cut off"},
		"its first KB": {func(path string) error { return os.WriteFile(path, whole[:1024], 0o600) }, "invalid"},
		"no database": {func(path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte("From: a@example.org\n"), 5000), 0o600)
		}, "invalid"},
		"a folder":      {func(path string) error { return os.Mkdir(path, 0o700) }, "folder|directory|regular"},
		"another's":     {foreign, "another program"},
		"a broken link": {func(path string) error { return os.Symlink(path+"-elsewhere", path) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			e, err := open(path, defaults)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				_ = e.Close()
				t.Fatal("it was opened")
			}
			found := false
			for _, words := range strings.Split(c.want, "|") {
				found = found || strings.Contains(err.Error(), words)
			}
			if !found || !strings.Contains(err.Error(), path) {
				t.Errorf("%v: does not say %q and the path", err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
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

func TestCompact(t *testing.T) {
	e, path := openNew(t, defaults)
	secret := bytes.Repeat([]byte("secret of somebody who is to be forgotten"), 100)
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
	for _, path := range []string{path, other} {
		content, err := os.ReadFile(path)
		if err != nil || len(content) > len(before)/2 || bytes.Contains(content, secret[:1000]) {
			t.Errorf("%d bytes before, %d after (%v); still holds what was deleted: %t",
				len(before), len(content), err, bytes.Contains(content, secret[:1000]))
		}
		again, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(t.Context()); err != nil {
			t.Error(err)
		}
		for i := range 200 {
			if has(t, again, fmt.Sprintf("a/%d", i)) != (i >= 190) {
				t.Errorf("a/%d after compacting", i)
			}
		}
		if !has(t, again, "b/empty") || has(t, again, "a/secret") {
			t.Error("an empty value is gone, or one deleted is back")
		}
		put(t, again, "c/1", 10)
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
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
