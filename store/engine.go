package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ventanilla/mail"
)

// What an Engine can answer besides what its caller's function returned.
var (
	// ErrNotFound says that there is nothing under the key.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a record was not made from the one that is stored.
	ErrConflict = errors.New("conflict")
	// ErrReadOnly says that a View tried to write.
	ErrReadOnly = errors.New("written to in a View")
	// ErrClosed says that the engine has been closed or that a KV was used
	// after its function had returned.
	ErrClosed = errors.New("store is closed")
	// ErrLocked says that another process has the store open.
	ErrLocked = errors.New("store is in use by another process")
	// ErrNoSpace says that the disk is full. Nothing was stored; what is there
	// can be read, and writing works again once there is room. It is a
	// [mail.ErrNoSpace].
	ErrNoSpace = fmt.Errorf("store: %w", mail.ErrNoSpace)
	// ErrBroken says that a write or a sync failed, so that nobody knows what
	// is on the disk: the transaction may have been stored or not. The engine
	// answers nothing else from then on and the process must end; the next
	// start finds one of the two.
	ErrBroken = errors.New("store is broken")
)

// MaxKey is the length of the longest key, in bytes.
const MaxKey = 1024

// KV is a sorted map as one transaction sees it: the state at the
// transaction's start and the transaction's own writes. It is good until the
// function that it was given to returns (then [ErrClosed]), and for one
// goroutine.
//
// A key is a table's name, a slash and the rest; neither is empty, the name
// holds no slash, and the whole is at most [MaxKey] bytes, of any value. Keys
// are ordered by their bytes. A value is any bytes, none included; every
// engine takes values of 5 MiB. Values are copies: neither side sees what the
// other does to its slice later.
type KV interface {
	// Get returns the value under key, never nil, or ErrNotFound.
	Get(key string) ([]byte, error)
	// GetMany returns as many values as there are keys, in the same order; nil
	// stands for an absent one. The same key may be asked for twice.
	GetMany(keys []string) ([][]byte, error)
	// Put stores value under key, over what was there. A key that breaks the
	// rules is refused and nothing is changed.
	Put(key string, value []byte) error
	// Delete removes key. Deleting the absent is no error.
	Delete(key string) error
	// Scan calls fn for the keys from from (inclusive) to to (exclusive), ""
	// meaning no bound on that side, in ascending order or, with reverse, in
	// descending order; after limit keys it ends (0 or less: no limit).
	//
	// It tells the state at its start: fn may get, put, delete and scan on the
	// same KV, and what it writes does not appear in this scan. An error of fn
	// ends the scan and is returned as it is. A cancelled context ends it with
	// the context's error. A scan costs what it returns, not what lies in the
	// range or in the store.
	Scan(from, to string, limit int, reverse bool, fn func(key string, value []byte) error) error
}

// Giver is a KV that can take a value over instead of copying it.
type Giver interface {
	// Give is Put of a value that its caller never touches again.
	Give(key string, value []byte) error
}

// give puts a value that nobody touches again.
func give(kv KV, key string, value []byte) error {
	if g, ok := kv.(Giver); ok {
		return g.Give(key, value)
	}
	return kv.Put(key, value)
}

// Engine runs transactions on a sorted map. It is for any number of
// goroutines. No function of a transaction may call its Engine: it would wait
// for itself.
//
// An error of a transaction's function is returned as it is. A panic in it
// passes through; the transaction is undone and the engine goes on. When ctx is
// cancelled before the function is called, it is not called and the error is
// the context's.
type Engine interface {
	// View runs fn on the state as it is when View begins, whatever is
	// committed meanwhile. Views wait for nobody. A long View makes an engine
	// keep the old state, so it should not last.
	View(ctx context.Context, fn func(KV) error) error
	// Update runs fn and, when it returns nil, stores what it wrote, all of it
	// or nothing. At return without an error it is durable, if the engine is
	// one that persists. Updates behave as if they were run one after the
	// other. fn may be run more than once, each time on a state without the
	// runs before, so it must have no effect but through its argument, and must
	// set, not add to, what it hands out.
	//
	// When ctx is cancelled before fn has returned, nothing is kept and the
	// error is the context's; later it has no effect any more. An error that
	// is neither fn's nor the context's nor ErrNoSpace, ErrClosed or
	// ErrReadOnly leaves open whether the update was stored.
	Update(ctx context.Context, fn func(KV) error) error
	// Close waits for the transactions under way. Whatever comes later gets
	// ErrClosed; closing again is no error.
	Close() error
}

// Prefix returns the bounds for [KV.Scan] of the keys that begin with p.
func Prefix(p string) (from, to string) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] < 0xff {
			return p, p[:i] + string([]byte{p[i] + 1})
		}
	}
	return p, ""
}

// CheckKey returns an error if key breaks the rules for keys (see [KV]). It is
// for engines, which all refuse the same.
func CheckKey(key string) error {
	slash := strings.IndexByte(key, '/')
	if slash < 1 || slash == len(key)-1 {
		return fmt.Errorf("key %.80q is not a table, a slash and a rest", key)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("key %.80q… is longer than %d bytes", key, MaxKey)
	}
	return nil
}
