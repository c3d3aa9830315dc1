// Package bolt is a store.Engine in one file, written by bbolt.
//
// # Layout
//
// Each table (the key up to and with its first slash) is a bucket of that name,
// so that the buckets stand in the order of the keys; the key's rest is the key
// within. Pages of 4 KiB; the list of free pages is kept in the file.
//
// # How it fails
//
// A transaction writes its pages to free places, syncs, then writes one of two
// meta pages in turn and syncs again, so a crash at any time leaves the state
// before or after. What a full disk refuses is undone ([store.ErrNoSpace]).
// After any other error of a commit nobody knows which of the two states the
// disk has: the engine refuses everything from then on ([store.ErrBroken]). An
// error on reading the mapped file ends the process at once (SIGBUS).
//
// The pages carry no checksums; [Engine.Check] walks them all.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"ventanilla/store"
)

// Engine is an open database file.
type Engine struct {
	db     *bolt.DB
	turn   chan struct{}         // holds a token while somebody updates
	broken atomic.Pointer[error] // what a commit failed with; set once

	commit func(*bolt.Tx) error // (*bolt.Tx).Commit; tests let it fail
}

var _ store.Engine = (*Engine)(nil)

// Stats are figures of a database file.
type Stats struct {
	File    int64 // bytes of the file
	Used    int64 // bytes of pages in use
	Free    int   // pages that can be used again; some 20,000 make updates slow: compact
	Pending int   // pages that become free when the oldest View has ended
	Views   int   // under way
}

// options are what tests set otherwise.
type options struct {
	wait time.Duration // for another process's lock
	// mapped is how many bytes of addresses are set aside for the file. Growing
	// beyond means mapping it anew, for which an Update has to wait until no
	// View is under way. It costs no memory and no disk.
	mapped int
}

// On 64 bits 16 GiB of addresses; on 32 bits, where they are dear, none.
var defaults = options{wait: time.Second, mapped: math.MaxInt >> 29}

// Open opens the database file at path, which only its owner may read or
// write. If there is none, an empty one is created; whatever else lies there
// is refused: an empty or truncated file, one that others can read, one that
// is no database of ours. store.ErrLocked says that another process has it
// open (after waiting for a second).
func Open(path string) (*Engine, error) { return open(path, defaults) }

func open(path string, o options) (*Engine, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create %s: %w", path, err)
		}
	}
	if err := checkWhole(path, o); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := openFile(path, o, false)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	e := &Engine{db: db, turn: make(chan struct{}, 1), commit: (*bolt.Tx).Commit}
	if err := e.checkTables(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return e, nil
}

// View is [store.Engine.View].
func (e *Engine) View(ctx context.Context, fn func(store.KV) error) error {
	if err := e.ready(ctx); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	tx, err := e.db.Begin(false)
	if err != nil {
		return fmt.Errorf("view: %w", e.beginError(err))
	}
	kv := newKV(ctx, tx)
	defer kv.end()
	return fn(kv)
}

// Update is [store.Engine.Update].
func (e *Engine) Update(ctx context.Context, fn func(store.KV) error) error {
	if err := e.take(ctx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	defer e.give()
	tx, err := e.db.Begin(true)
	if err != nil {
		return fmt.Errorf("update: %w", e.beginError(err))
	}
	kv := newKV(ctx, tx)
	defer kv.end()
	if err := fn(kv); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	kv.setFill()
	if err := e.finish(tx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// take waits for the turn to update.
func (e *Engine) take(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := e.ready(ctx); err != nil {
		e.give()
		return err
	}
	return nil
}

func (e *Engine) give() { <-e.turn }

// ready says why a transaction cannot begin, if it cannot.
func (e *Engine) ready(ctx context.Context) error {
	if err := e.broken.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

func (e *Engine) beginError(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return e.breaks(err) // the mapping was lost on an earlier error
}

// finish commits and tells the errors apart.
func (e *Engine) finish(tx *bolt.Tx) error {
	id, returned := tx.ID(), false
	defer func() {
		if !returned {
			_ = e.breaks(errors.New("commit panicked"))
		}
	}()
	err := e.commit(tx)
	returned = true
	if err == nil {
		return nil
	}
	if noSpace(err) && !e.stored(id) {
		return fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return e.breaks(err)
}

// noSpace says that err is about a full disk or quota. bbolt drops the cause
// from what it wraps when the file cannot grow, so the words have to do there.
func noSpace(err error) bool {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), full.Error()) {
			return true
		}
	}
	return false
}

// stored says whether the transaction of that id can be seen. The meta page may
// have been written although its sync has failed.
func (e *Engine) stored(id int) bool {
	tx, err := e.db.Begin(false)
	if err != nil {
		return true // so it counts as broken
	}
	seen := tx.ID()
	return tx.Rollback() != nil || seen >= id
}

// breaks makes the engine refuse everything from now on.
func (e *Engine) breaks(cause error) error {
	err := fmt.Errorf("%w: %w", store.ErrBroken, cause)
	e.broken.CompareAndSwap(nil, &err)
	return *e.broken.Load()
}

// Snapshot hands the file as one transaction sees it, of so many bytes, to write.
// Updates go on meanwhile; the file grows by what they change.
func (e *Engine) Snapshot(ctx context.Context, write func(size int64, file io.WriterTo) error) error {
	return e.View(ctx, func(k store.KV) error {
		tx := k.(*kv).tx
		return write(tx.Size(), tx)
	})
}

// Close is [store.Engine.Close].
func (e *Engine) Close() error {
	e.turn <- struct{}{}
	defer e.give()
	if err := e.db.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// Stats returns the figures of now.
func (e *Engine) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := e.View(ctx, func(k store.KV) error {
		db, tx := e.db.Stats(), k.(*kv).tx
		s = Stats{
			Used: tx.Size() - int64(db.FreePageN+db.PendingPageN)*int64(e.db.Info().PageSize),
			Free: db.FreePageN, Pending: db.PendingPageN, Views: db.OpenTxN - 1,
		}
		info, err := os.Stat(e.db.Path())
		if err != nil {
			return fmt.Errorf("stats: %w", err)
		}
		s.File = info.Size()
		return nil
	})
	return s, err
}

// Backup writes a database file with the state of now to w. Updates go on
// meanwhile and make the file grow.
func (e *Engine) Backup(ctx context.Context, w io.Writer) error {
	return e.View(ctx, func(k store.KV) error {
		_, err := k.(*kv).tx.WriteTo(withContext{ctx, w})
		if ctx.Err() != nil {
			err = ctx.Err() // bbolt drops it from what it returns
		}
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return nil
	})
}

// withContext is a Writer that fails once its context is cancelled.
type withContext struct {
	ctx context.Context
	w   io.Writer
}

func (w withContext) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}

// Check reads every page and returns what is wrong with them, at most the first
// few errors. It takes as long as reading the file; updates wait for it.
func (e *Engine) Check(ctx context.Context) error {
	if err := e.take(ctx); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer e.give()
	return e.View(ctx, func(k store.KV) error {
		var errs []error
		for err := range k.(*kv).tx.Check() { // to its end, or its goroutine stays
			if len(errs) < 5 {
				errs = append(errs, err)
			}
		}
		if errs != nil {
			return fmt.Errorf("check: %w", errors.Join(errs...))
		}
		return nil
	})
}
