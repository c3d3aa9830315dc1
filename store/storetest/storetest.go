// Package storetest proves the contract of store.Engine: every engine passes
// [Run], and those that persist pass [Durable]. [Twice] and [Ambiguous] make of
// an engine one that uses the freedom that the contract leaves, to try its
// callers.
package storetest

import (
	"bytes"
	"context"
	"testing"

	"ventanilla/store"
)

// Run tests an engine. open returns the engine of a folder that is new and
// empty; Run closes it.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Engine) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			e := open(t, t.TempDir())
			t.Cleanup(func() {
				if err := e.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.prove(t, e)
		})
	}
}

// check proves some lines of the contract on an empty engine. A transaction of
// a check may be run more than once, like any other.
type check struct {
	name  string
	prove func(testing.TB, store.Engine)
}

var checks = []check{
	{"absent", absent},
	{"empty values", emptyValues},
	{"own writes", ownWrites},
	{"keys", keys},
	{"copies", copies},
	{"large values", largeValues},
	{"order", order},
	{"bounds", bounds},
	{"scan while writing", scanWhileWriting},
	{"scan tables while writing", scanTablesWhileWriting},
	{"scan what was emptied", scanEmptied},
	{"scan within scan", scanWithinScan},
	{"cost of a scan", scanCost},
	{"errors pass through", errorsPassThrough},
	{"rollback", rollback},
	{"panic", panicUndone},
	{"read only", readOnly},
	{"after the end", afterTheEnd},
	{"snapshot", snapshot},
	{"one update after the other", serial},
	{"context", cancelled},
	{"context while waiting", cancelledWaiting},
	{"close", closed},
	{"close waits for a View", func(t testing.TB, e store.Engine) { closeWaits(t, e, e.View) }},
	{"close waits for an Update", func(t testing.TB, e store.Engine) { closeWaits(t, e, e.Update) }},
	{"model", model},
}

// pair is a key with its value.
type pair struct{ key, value string }

func update(t testing.TB, e store.Engine, fn func(store.KV) error) {
	t.Helper()
	if err := e.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t testing.TB, e store.Engine, fn func(store.KV) error) {
	t.Helper()
	if err := e.View(context.Background(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// fill puts the keys, with themselves as values.
func fill(t testing.TB, e store.Engine, keys ...string) {
	t.Helper()
	update(t, e, func(kv store.KV) error { return putAll(kv, keys...) })
}

func putAll(kv store.KV, keys ...string) error {
	for _, key := range keys {
		if err := kv.Put(key, []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// collect returns what a scan tells.
func collect(kv store.KV, from, to string, limit int, reverse bool) (pairs []pair, err error) {
	err = kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
		pairs = append(pairs, pair{key, string(value)})
		return nil
	})
	return pairs, err
}

// all returns everything in the engine.
func all(t testing.TB, e store.Engine) (pairs []pair) {
	t.Helper()
	view(t, e, func(kv store.KV) (err error) {
		pairs, err = collect(kv, "", "", 0, false)
		return err
	})
	return pairs
}

func keysOf(pairs []pair) []string {
	keys := make([]string, len(pairs))
	for i, p := range pairs {
		keys[i] = p.key
	}
	return keys
}

// expectValue fails if key does not have value in kv.
func expectValue(t testing.TB, kv store.KV, key, value string) {
	t.Helper()
	if got, err := kv.Get(key); err != nil || !bytes.Equal(got, []byte(value)) {
		t.Errorf("Get(%q) = %.40q, %v; want %.40q", key, got, err, value)
	}
}
