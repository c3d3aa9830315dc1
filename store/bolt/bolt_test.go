package bolt_test

import (
	"path/filepath"
	"testing"

	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/storetest"
)

func open(t *testing.T, dir string) store.Engine {
	t.Helper()
	e, err := bolt.Open(filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func Test(t *testing.T) { storetest.Run(t, open) }

func TestDurable(t *testing.T) { storetest.Durable(t, open) }
