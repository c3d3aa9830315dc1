package bolt

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"

	"ventanilla/store"
)

// kv is a transaction.
type kv struct {
	ctx    context.Context
	tx     *bolt.Tx
	tables map[string]*table // those looked for so far; nil: there is none
	writes int               // so far: a cursor made before a write is of no use after it
	scans  []*scan           // under way
	ended  bool
}

// table is a bucket: the keys that begin with name.
type table struct {
	name   string // with the slash
	bucket *bolt.Bucket

	// How it is written to, for setFill.
	last          []byte // the greatest key
	puts, appends int    // all, and those beyond last
}

func newKV(ctx context.Context, tx *bolt.Tx) *kv {
	return &kv{ctx: ctx, tx: tx, tables: map[string]*table{}}
}

// end undoes what has not been committed and makes the kv useless.
func (k *kv) end() {
	k.ended = true
	_ = k.tx.Rollback() // fails if it has been committed, which is well
}

// find returns key's table, or nil, and the rest of the key.
func (k *kv) find(key string) (*table, string) {
	slash := strings.IndexByte(key, '/')
	name, rest := key[:slash+1], key[slash+1:]
	t, known := k.tables[name]
	if known {
		return t, rest
	}
	if bucket := k.tx.Bucket([]byte(name)); bucket != nil {
		t = &table{name: name, bucket: bucket}
	}
	k.tables[name] = t
	return t, rest
}

// value returns what lies under key: bbolt's own memory, or nil.
func (k *kv) value(key string) []byte {
	t, rest := k.find(key)
	if t == nil {
		return nil
	}
	return t.bucket.Get([]byte(rest))
}

func (k *kv) Get(key string) ([]byte, error) {
	if k.ended {
		return nil, store.ErrClosed
	}
	value := k.value(key)
	if value == nil {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(value), nil
}

func (k *kv) GetMany(keys []string) ([][]byte, error) {
	if k.ended {
		return nil, store.ErrClosed
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		values[i] = bytes.Clone(k.value(key))
	}
	return values, nil
}

func (k *kv) Put(key string, value []byte) error {
	return k.Give(key, append([]byte{}, value...)) // bbolt holds on to the value until the commit
}

// Give is [store.Giver].
func (k *kv) Give(key string, value []byte) error {
	if err := k.mayWrite(); err != nil {
		return err
	}
	if err := store.CheckKey(key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	t, rest := k.find(key)
	if t == nil {
		name := key[:len(key)-len(rest)]
		bucket, err := k.tx.CreateBucket([]byte(name))
		if err != nil {
			return fmt.Errorf("put: %w", err)
		}
		t = &table{name: name, bucket: bucket}
		k.tables[name] = t
	}
	k.remember(key)
	t.count([]byte(rest))
	if value == nil {
		value = []byte{} // bbolt takes nil for absent
	}
	if err := t.bucket.Put([]byte(rest), value); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

func (k *kv) Delete(key string) error {
	if err := k.mayWrite(); err != nil {
		return err
	}
	t, rest := k.find(key)
	if t == nil {
		return nil
	}
	k.remember(key)
	if err := t.bucket.Delete([]byte(rest)); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

func (k *kv) mayWrite() error {
	if k.ended {
		return store.ErrClosed
	}
	if !k.tx.Writable() {
		return store.ErrReadOnly
	}
	return nil
}

// remember lets the scans under way know what stands at a key about to be
// written.
func (k *kv) remember(key string) {
	k.writes++
	for _, s := range k.scans {
		if s.ahead(key) {
			s.keep(key, k.value(key))
		}
	}
}

// count notes whether rest is appended to the table.
func (t *table) count(rest []byte) {
	if t.puts == 0 {
		key, _ := last(t.bucket.Cursor())
		t.last = bytes.Clone(key)
	}
	t.puts++
	if bytes.Compare(rest, t.last) > 0 {
		t.appends++
		t.last = rest
	}
}

// setFill has bbolt split the pages of tables that grow at their end nearly
// full, since nothing will come in between; in halves (its default) the others,
// whose new keys may fall anywhere. A tenth of appends is far more than keys in
// random order make. With the gateway's records this saves a tenth of the file and of the time.
func (k *kv) setFill() {
	for _, t := range k.tables {
		if t != nil && t.appends*10 >= t.puts && t.puts > 0 {
			t.bucket.FillPercent = 0.95
		}
	}
}
