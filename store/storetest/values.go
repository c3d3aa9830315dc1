package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ventanilla/store"
)

func absent(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/3")
	try := func(kv store.KV) error {
		for _, key := range []string{"a/2", "a/", "a", "", "b/1", "a/11"} {
			if value, err := kv.Get(key); value != nil || !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get(%q) of the absent = %q, %v; want ErrNotFound", key, value, err)
			}
		}
		values, err := kv.GetMany([]string{"a/3", "b/1", "a/1", "a/2", "a/3"})
		if err != nil || len(values) != 5 {
			t.Fatalf("GetMany of 5 = %q, %v", values, err)
		}
		if values[1] != nil || values[3] != nil {
			t.Errorf("GetMany returns %q and %q for the absent, want nil", values[1], values[3])
		}
		if string(values[0]) != "a/3" || string(values[2]) != "a/1" || string(values[4]) != "a/3" {
			t.Errorf("GetMany returns %q: not in the order of the keys", values)
		}
		if values, err := kv.GetMany(nil); err != nil || len(values) != 0 {
			t.Errorf("GetMany of nothing = %q, %v", values, err)
		}
		return nil
	}
	view(t, e, try)
	update(t, e, try)
	update(t, e, func(kv store.KV) error {
		for _, key := range []string{"a/2", "b/1", "a", ""} {
			if err := kv.Delete(key); err != nil {
				t.Errorf("Delete(%q) of the absent: %v", key, err)
			}
		}
		return nil
	})
	if got := keysOf(all(t, e)); !slices.Equal(got, []string{"a/1", "a/3"}) {
		t.Errorf("after deleting the absent there is %q", got)
	}
}

func emptyValues(t testing.TB, e store.Engine) {
	try := func(kv store.KV) error {
		for _, key := range []string{"a/nil", "a/empty"} {
			if value, err := kv.Get(key); err != nil || value == nil || len(value) != 0 {
				t.Errorf("Get(%q) = %#v, %v; want an empty slice", key, value, err)
			}
		}
		values, err := kv.GetMany([]string{"a/nil", "a/empty"})
		if err != nil || len(values) != 2 || values[0] == nil || values[1] == nil {
			t.Errorf("GetMany of empty values = %#v, %v", values, err)
		}
		pairs, err := collect(kv, "a/", "", 0, false)
		if err != nil || !slices.Equal(pairs, []pair{{"a/empty", ""}, {"a/nil", ""}}) {
			t.Errorf("scan of empty values: %q, %v", pairs, err)
		}
		return nil
	}
	update(t, e, func(kv store.KV) error {
		if err := errors.Join(kv.Put("a/nil", nil), kv.Put("a/empty", []byte{})); err != nil {
			return err
		}
		return try(kv)
	})
	view(t, e, try)
}

func ownWrites(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2", "a/3")
	try := func(kv store.KV) error {
		expectValue(t, kv, "a/0", "new")
		expectValue(t, kv, "a/2", "over")
		expectValue(t, kv, "b/1", "new")
		if _, err := kv.Get("a/3"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of what was deleted: %v", err)
		}
		values, err := kv.GetMany([]string{"a/3", "a/2", "a/1"})
		if err != nil || len(values) != 3 || values[0] != nil || string(values[1]) != "over" || string(values[2]) != "a/1" {
			t.Errorf("GetMany after writing = %q, %v", values, err)
		}
		pairs, err := collect(kv, "", "", 0, false)
		want := []pair{{"a/0", "new"}, {"a/1", "a/1"}, {"a/2", "over"}, {"b/1", "new"}}
		if err != nil || !slices.Equal(pairs, want) {
			t.Errorf("scan after writing tells %q, %v; want %q", pairs, err, want)
		}
		return nil
	}
	update(t, e, func(kv store.KV) error {
		err := errors.Join(
			kv.Put("a/0", []byte("new")), kv.Put("b/1", []byte("old")), kv.Put("b/1", []byte("new")),
			kv.Put("a/2", []byte("over")), kv.Put("a/3", []byte("over")), kv.Delete("a/3"),
			kv.Put("c/1", []byte("new")), kv.Delete("c/1"))
		if err != nil {
			return err
		}
		return try(kv)
	})
	view(t, e, try)
}

func keys(t testing.TB, e store.Engine) {
	good := []string{
		"a/\x00", "a//", "a/b/c", "a/b/c/", "a b/ ", "\x00/\x00", "\xff/\xff\xff", "ñ/ñ",
		"k/" + strings.Repeat("\xff", store.MaxKey-2), strings.Repeat("t", store.MaxKey-2) + "/k",
	}
	slices.Sort(good)
	update(t, e, func(kv store.KV) error {
		for _, key := range []string{"", "a", "/", "/a", "a/", "k/" + strings.Repeat("x", store.MaxKey-1)} {
			if err := kv.Put(key, []byte("v")); err == nil {
				t.Errorf("Put of the key %.20q was not refused", key)
			}
		}
		return putAll(kv, good...)
	})
	if got := keysOf(all(t, e)); !slices.Equal(got, good) {
		t.Errorf("stored keys %.30q\nwant %.30q", got, good)
	}
	view(t, e, func(kv store.KV) error {
		for _, key := range good {
			expectValue(t, kv, key, key)
		}
		return nil
	})
}

func copies(t testing.TB, e store.Engine) {
	var kept [][]byte // what the transactions handed out
	read := func(kv store.KV) error {
		value, err := kv.Get("a/1")
		if err != nil {
			return err
		}
		many, err := kv.GetMany([]string{"a/1"})
		if err != nil {
			return err
		}
		kept = append(kept, value, many[0])
		return kv.Scan("a/1", "", 1, false, func(_ string, value []byte) error {
			kept = append(kept, value)
			return nil
		})
	}
	spoil := func(kv store.KV) error {
		kept = nil
		if err := read(kv); err != nil {
			return err
		}
		for _, value := range kept {
			copy(value, "XXX") // panics where it is mapped memory
			expectValue(t, kv, "a/1", "one")
		}
		return nil
	}
	update(t, e, func(kv store.KV) error {
		given := []byte("one")
		if err := kv.Put("a/1", given); err != nil {
			return err
		}
		copy(given, "XXX")
		expectValue(t, kv, "a/1", "one")
		return spoil(kv)
	})
	update(t, e, spoil)
	view(t, e, spoil)
	view(t, e, func(kv store.KV) error { kept = nil; return read(kv) })
	early := kept
	update(t, e, func(kv store.KV) error { return kv.Put("a/1", []byte("two")) })
	view(t, e, read) // which must not use the same slices again
	for _, value := range early {
		if string(value) != "one" {
			t.Errorf("a value handed out by an earlier transaction is now %q", value)
		}
	}
}

func largeValues(t testing.TB, e store.Engine) {
	const size = 5 << 20
	value := func(n int) []byte {
		return bytes.Repeat([]byte(fmt.Sprintf("%07d ", n)), size/8)
	}
	try := func(kv store.KV) error {
		for n := range 3 {
			got, err := kv.Get(fmt.Sprintf("big/%d", n))
			if err != nil || !bytes.Equal(got, value(n)) {
				t.Errorf("value of %d bytes came back as %d, %v", size, len(got), err)
			}
		}
		expectValue(t, kv, "big/1a", "small")
		return nil
	}
	update(t, e, func(kv store.KV) error {
		for n := range 3 {
			if err := kv.Put(fmt.Sprintf("big/%d", n), value(n)); err != nil {
				return err
			}
		}
		if err := kv.Put("big/1a", []byte("small")); err != nil {
			return err
		}
		return try(kv)
	})
	view(t, e, try)
}
