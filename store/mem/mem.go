// Package mem is a store.Engine in memory: the model that the others are
// compared with, and the store of tests.
//
// Its state is a treap that is never changed: a write makes new nodes on the
// way from the root to the key. So a View is a pointer to the root of its time,
// a scan goes on with the root that it began with, and a transaction undone is
// a root forgotten.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"ventanilla/store"
)

// Engine is an engine in memory. It persists nothing.
type Engine struct {
	seed maphash.Seed
	root atomic.Pointer[node]
	turn chan struct{} // holds a token while somebody updates

	mu       sync.Mutex // of closed, and of adding to underWay
	closed   bool
	underWay sync.WaitGroup
}

var _ store.Engine = (*Engine)(nil)

// New returns an empty engine.
func New() *Engine {
	return &Engine{seed: maphash.MakeSeed(), turn: make(chan struct{}, 1)}
}

// View is [store.Engine.View].
func (e *Engine) View(ctx context.Context, fn func(store.KV) error) error {
	if err := e.begin(ctx); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	defer e.underWay.Done()
	kv := &kv{ctx: ctx, seed: e.seed, root: e.root.Load()}
	defer kv.end()
	return fn(kv)
}

// Update is [store.Engine.Update].
func (e *Engine) Update(ctx context.Context, fn func(store.KV) error) error {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
	}
	if err := e.begin(ctx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	defer e.underWay.Done()
	kv := &kv{ctx: ctx, seed: e.seed, root: e.root.Load(), writable: true}
	defer kv.end()
	if err := fn(kv); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	e.root.Store(kv.root)
	return nil
}

// Close is [store.Engine.Close].
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.underWay.Wait()
	return nil
}

// begin says why a transaction cannot begin, if it cannot, and counts it.
func (e *Engine) begin(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.underWay.Add(1)
	return nil
}

// kv is a transaction: a root of its own.
type kv struct {
	ctx      context.Context
	seed     maphash.Seed
	root     *node
	writable bool
	ended    bool
}

func (k *kv) end() { k.ended = true }

func (k *kv) Get(key string) ([]byte, error) {
	if k.ended {
		return nil, store.ErrClosed
	}
	n := k.root.find(key)
	if n == nil {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(n.value), nil
}

func (k *kv) GetMany(keys []string) ([][]byte, error) {
	if k.ended {
		return nil, store.ErrClosed
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if n := k.root.find(key); n != nil {
			values[i] = bytes.Clone(n.value)
		}
	}
	return values, nil
}

func (k *kv) Put(key string, value []byte) error {
	if err := k.mayWrite(); err != nil {
		return err
	}
	if err := store.CheckKey(key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	less, greater := k.root.split(key)
	n := &node{key: key, value: append([]byte{}, value...), weight: maphash.String(k.seed, key)}
	k.root = join(join(less, n), greater)
	return nil
}

func (k *kv) Delete(key string) error {
	if err := k.mayWrite(); err != nil {
		return err
	}
	if k.root.find(key) != nil {
		k.root = join(k.root.split(key))
	}
	return nil
}

func (k *kv) mayWrite() error {
	if k.ended {
		return store.ErrClosed
	}
	if !k.writable {
		return store.ErrReadOnly
	}
	return nil
}

func (k *kv) Scan(from, to string, limit int, reverse bool, fn func(key string, value []byte) error) error {
	if k.ended {
		return store.ErrClosed
	}
	var err error
	told := 0
	k.root.walk(from, to, reverse, func(n *node) bool {
		if err = k.ctx.Err(); err != nil {
			err = fmt.Errorf("scan: %w", err)
			return false
		}
		if err = fn(n.key, bytes.Clone(n.value)); err != nil {
			return false
		}
		told++
		return told != limit
	})
	return err
}
