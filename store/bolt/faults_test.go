package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"ventanilla/mail"
	"ventanilla/store"
)

func openNew(t *testing.T, o options) (*Engine, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	e, err := open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, path
}

func put(t *testing.T, e *Engine, key string, size int) {
	t.Helper()
	if err := tryPut(e, key, size); err != nil {
		t.Fatal(err)
	}
}

func tryPut(e *Engine, key string, size int) error {
	return e.Update(context.Background(), func(kv store.KV) error { return kv.Put(key, make([]byte, size)) })
}

func has(t *testing.T, e *Engine, key string) bool {
	t.Helper()
	err := e.View(t.Context(), func(kv store.KV) error { _, err := kv.Get(key); return err })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// replaceFile puts another file beneath the descriptor that the database at path
// writes to, and returns how to put it back.
func replaceFile(t *testing.T, path, other string, flag int) (restore func()) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	fd := -1
	for _, entry := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && to == path {
			if fd, err = strconv.Atoi(entry.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(other, flag, 0)
	if err != nil {
		t.Fatal(err)
	}
	dup := func(from int) {
		if err := syscall.Dup3(from, fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	dup(int(f.Fd()))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() { dup(kept); _ = syscall.Close(kept) }
}

// TestDiskFull lets the writes of a commit fail as on a full disk.
func TestDiskFull(t *testing.T) {
	e, path := openNew(t, defaults)
	put(t, e, "a/1", 10_000)
	put(t, e, "b/room", 1_000_000) // its pages are used again, so the file need not grow
	if err := e.Update(t.Context(), func(kv store.KV) error { return kv.Delete("b/room") }); err != nil {
		t.Fatal(err)
	}
	restore := replaceFile(t, path, "/dev/full", os.O_RDWR)
	for range 3 {
		if err := tryPut(e, "a/2", 10_000); !errors.Is(err, store.ErrNoSpace) || !errors.Is(err, mail.ErrNoSpace) || errors.Is(err, store.ErrBroken) {
			t.Errorf("a write on a full disk: %v", err)
		}
	}
	if !has(t, e, "a/1") || has(t, e, "a/2") {
		t.Error("after the disk was full: a/1 is gone or a/2 is there")
	}
	restore()
	put(t, e, "a/3", 10_000)
	if !has(t, e, "a/1") || has(t, e, "a/2") || !has(t, e, "a/3") {
		t.Error("after there was room again: not a/1 and a/3 alone")
	}
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWriteError lets the writes of a commit fail for another reason.
func TestWriteError(t *testing.T) {
	e, path := openNew(t, defaults)
	put(t, e, "a/1", 10)
	restore := replaceFile(t, path, path, os.O_RDONLY)
	if err := tryPut(e, "a/2", 10); !errors.Is(err, store.ErrBroken) {
		t.Errorf("a write that failed: %v, want ErrBroken", err)
	}
	restore()
	if err := tryPut(e, "a/3", 10); !errors.Is(err, store.ErrBroken) {
		t.Errorf("an update after a write error: %v, want ErrBroken", err)
	}
	err := e.View(t.Context(), func(store.KV) error { t.Error("a view after a write error was run"); return nil })
	if !errors.Is(err, store.ErrBroken) {
		t.Errorf("a view after a write error: %v, want ErrBroken", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	again, err := open(path, defaults)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	if !has(t, again, "a/1") {
		t.Error("what was stored before the write error is gone")
	}
}

// TestCommitErrors: what a commit's error means depends on what can be seen.
func TestCommitErrors(t *testing.T) {
	full := fmt.Errorf("write: %w", syscall.ENOSPC)
	for name, c := range map[string]struct {
		stored bool
		err    error
		want   error
	}{
		"full":                        {false, full, store.ErrNoSpace},
		"quota":                       {false, syscall.EDQUOT, store.ErrNoSpace},
		"full, when the file grows":   {false, fmt.Errorf("file sync error: %s", syscall.ENOSPC), store.ErrNoSpace},
		"full, and yet stored":        {true, full, store.ErrBroken},
		"input/output error":          {false, syscall.EIO, store.ErrBroken},
		"input/output error, stored":  {true, syscall.EIO, store.ErrBroken},
		"something that nobody knows": {false, errors.New("unknown"), store.ErrBroken},
	} {
		e, _ := openNew(t, defaults)
		e.commit = func(tx *bolt.Tx) error {
			if c.stored {
				return errors.Join(tx.Commit(), c.err)
			}
			return errors.Join(tx.Rollback(), c.err)
		}
		err := tryPut(e, "a/1", 10)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.err.Error()) {
			t.Errorf("%s: %v, want %v with its cause", name, err, c.want)
		}
		e.commit = (*bolt.Tx).Commit
		if err := tryPut(e, "a/2", 10); (err == nil) != (c.want == store.ErrNoSpace) {
			t.Errorf("%s: the next update: %v", name, err)
		}
	}
}

func TestCommitPanics(t *testing.T) {
	e, _ := openNew(t, defaults)
	e.commit = func(*bolt.Tx) error { panic("page 7 has no type") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = tryPut(e, "a/1", 10)
	}()
	e.commit = (*bolt.Tx).Commit
	if err := tryPut(e, "a/1", 10); !errors.Is(err, store.ErrBroken) {
		t.Errorf("an update after a commit has panicked: %v", err)
	}
}

// TestGrowthDoesNotWaitForViews: the file grows while a View is under way. With
// fewer addresses set aside the update has to wait for the View.
func TestGrowthDoesNotWaitForViews(t *testing.T) {
	grow := func(e *Engine, patience <-chan time.Time) (waited bool) {
		done := make(chan error, 1)
		err := e.View(t.Context(), func(store.KV) error {
			go func() { done <- tryPut(e, "a/1", 24<<20) }()
			select {
			case err := <-done:
				return err
			case <-patience:
				waited = true
				return nil
			}
		})
		if err == nil && waited {
			err = <-done
		}
		if err != nil {
			t.Error(err)
		}
		return waited
	}
	e, _ := openNew(t, defaults)
	grow(e, nil) // for ever, if it has to wait
	small := defaults
	small.mapped = 0
	e, _ = openNew(t, small)
	if !grow(e, time.After(200*time.Millisecond)) {
		t.Error("growing does not wait for a View without addresses set aside: they are not needed then")
	}
}

// TestFill: keys that are appended fill the pages; keys in any order do not,
// which shows what the measure is worth.
func TestFill(t *testing.T) {
	const count, size = 6000, 400
	used := func(key func(int) string) float64 {
		e, _ := openNew(t, defaults)
		for from := 0; from < count; from += 200 {
			err := e.Update(t.Context(), func(kv store.KV) error {
				for i := from; i < from+200; i++ {
					if err := kv.Put(key(i), make([]byte, size)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s, err := e.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return float64(s.Used) / (count * size)
	}
	appended := used(func(i int) string { return fmt.Sprintf("a/%06d", i) })
	scattered := used(func(i int) string { return fmt.Sprintf("a/%06d", i*3571%count) })
	t.Logf("bytes used per byte of values: %.2f appended, %.2f scattered", appended, scattered)
	if appended > 1.25 {
		t.Errorf("appended values of one byte use %.2f bytes", appended)
	}
	if scattered < 1.25 {
		t.Errorf("scattered values of one byte use %.2f bytes: the measure says nothing", scattered)
	}
}

func TestStats(t *testing.T) {
	e, path := openNew(t, defaults)
	for i := range 50 {
		put(t, e, fmt.Sprintf("a/%d", i), 100_000)
	}
	before, err := e.Stats(t.Context())
	if err != nil || before.Used < 5_000_000 || before.File < before.Used || before.Views != 0 {
		t.Errorf("stats of 5 MB: %+v, %v", before, err)
	}
	err = e.View(t.Context(), func(store.KV) error { // which still needs them
		err := e.Update(t.Context(), func(kv store.KV) error {
			return kv.Scan("a/", "a0", 0, false, func(key string, _ []byte) error { return kv.Delete(key) })
		})
		s, statsErr := e.Stats(t.Context())
		if s.Pending < 1000 || s.Views != 1 || s.Free > 1000 {
			t.Errorf("with a View under way that still sees the 5 MB: %+v", s)
		}
		return errors.Join(err, statsErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "b/1", 1)
	after, err := e.Stats(t.Context())
	if err != nil || after.Used > 1_000_000 || after.Free < 1000 || after.File != before.File {
		t.Errorf("stats after deleting 5 MB: %+v, %v", after, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := open(path, defaults)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	if s, err := again.Stats(t.Context()); err != nil || s.Free < 1000 {
		t.Errorf("stats after opening again: %+v, %v", s, err)
	}
}

// Tests of traps show what scan.go and kv.go guard against. When one fails,
// bbolt has changed and a guard may go.

const trapKeys = 500

func trapKey(i int) []byte { return fmt.Appendf(nil, "%04d", i) }

// trap calls fn with a bucket of many pages that its transaction has written to,
// and undoes what it does.
func trap(t *testing.T, fn func(b *bolt.Bucket)) {
	t.Helper()
	e, _ := openNew(t, defaults)
	fill := func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("trap/"))
		for i := 0; i < trapKeys && err == nil; i++ {
			err = b.Put(trapKey(i), make([]byte, 200))
		}
		return err
	}
	if err := e.db.Update(fill); err != nil {
		t.Fatal(err)
	}
	undone := errors.New("undone")
	err := e.db.Update(func(tx *bolt.Tx) error {
		if err := fill(tx); err != nil {
			return err
		}
		fn(tx.Bucket([]byte("trap/")))
		return undone
	})
	if err != undone {
		t.Fatal(err)
	}
}

func TestTrapDeleteUnderCursor(t *testing.T) {
	trap(t, func(b *bolt.Bucket) {
		seen := 0
		c := b.Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			seen++
			if err := b.Delete(bytes.Clone(k)); err != nil {
				t.Error(err)
			}
		}
		if seen >= trapKeys {
			t.Error("a cursor no longer skips keys when they are deleted under it")
		}
	})
}

func TestTrapEmptiedPage(t *testing.T) {
	trap(t, func(b *bolt.Bucket) {
		for i := 100; i < 400; i++ {
			if err := b.Delete(trapKey(i)); err != nil {
				t.Error(err)
			}
		}
		seen := 0
		c := b.Cursor()
		for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
			seen++
		}
		if seen >= trapKeys-300 {
			t.Error("a cursor going backwards no longer stops at an emptied page")
		}
	})
}

func TestTrapValues(t *testing.T) {
	trap(t, func(b *bolt.Bucket) {
		if err := b.Put([]byte("nil"), nil); err != nil {
			t.Error(err)
		}
		if b.Get([]byte("nil")) != nil {
			t.Error("a nil value is no longer absent in its own transaction")
		}
		value := []byte("one")
		if err := b.Put([]byte("value"), value); err != nil {
			t.Error(err)
		}
		copy(value, "two")
		if string(b.Get([]byte("value"))) == "one" {
			t.Error("a value put is copied now")
		}
	})
}
