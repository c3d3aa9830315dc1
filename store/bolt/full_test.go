package bolt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"ventanilla/store"
)

const tinyDisk = "VENTANILLA_BOLT_TINY_DISK"

// TestTinyDisk fills a disk of 24 MB for real. It runs itself again in name
// spaces of its own, where it may mount one.
func TestTinyDisk(t *testing.T) {
	if dir := os.Getenv(tinyDisk); dir != "" {
		fillDisk(t, dir)
		return
	}
	if os.Getenv("VENTANILLA_EVIDENCE") == "" {
		t.Skip("set VENTANILLA_EVIDENCE=1 to fill a disk")
	}
	dir := t.TempDir()
	c := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
		`mount -t tmpfs -o size=24m tmpfs "$1" && exec "$2" -test.run='^TestTinyDisk$' -test.v`, "sh", dir, os.Args[0])
	c.Env = append(os.Environ(), tinyDisk+"="+dir)
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func fillDisk(t *testing.T, dir string) {
	e, err := Open(dir + "/db")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	stored := 0
	for ; err == nil && stored < 1000; stored++ {
		err = tryPut(e, fmt.Sprintf("a/%03d", stored), 100_000)
	}
	if !errors.Is(err, store.ErrNoSpace) || stored < 100 {
		t.Fatalf("put %d: %v, want ErrNoSpace", stored, err)
	}
	stored--
	whole := func(when string) {
		for i := range stored {
			if !has(t, e, fmt.Sprintf("a/%03d", i)) {
				t.Errorf("%s: what was stored before the disk was full is gone: %d", when, i)
			}
		}
		if err := e.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	whole("full")
	for range 3 {
		if err := tryPut(e, "b/large", 5_000_000); !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("5 MB on a full disk: %v", err)
		}
	}
	whole("still full")
	if has(t, e, "b/large") {
		t.Error("what did not fit is there")
	}
	// What is deleted makes room in the file, without the disk.
	stored -= 20
	err = e.Update(t.Context(), func(kv store.KV) error {
		for i := range 20 {
			if err := kv.Delete(fmt.Sprintf("a/%03d", stored+i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("deleting on a full disk: %v", err)
	}
	put(t, e, "c/1", 10)
	put(t, e, "c/2", 1_000_000)
	whole("after deleting")
}
