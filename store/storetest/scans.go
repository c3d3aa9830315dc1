package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/store"
)

func order(t testing.TB, e store.Engine) {
	want := []string{ // by bytes: no collation, no numbers, no case, no tables
		"A/z", "B/1", "a-b/1", "a-b/2", "a.b/x", "a/\x00", "a/ ", "a/1", "a/1/2", "a/10", "a/2",
		"a/B", "a/a", "a/a/", "a/a/b", "a/a0", "a/\x7f", "a/ñ", "a/\xff", "a/\xff\xff", "a0/1", "ab/1", "b/1", "ñ/1",
	}
	shuffled := make([]string, len(want))
	for i := range want {
		shuffled[i] = want[i*7%len(want)]
	}
	fill(t, e, shuffled[len(shuffled)/2:]...)
	fill(t, e, shuffled[:len(shuffled)/2]...)
	if got := keysOf(all(t, e)); !slices.Equal(got, want) {
		t.Errorf("order %q\nwant  %q", got, want)
	}
	var got []string
	view(t, e, func(kv store.KV) error {
		pairs, err := collect(kv, "", "", 0, true)
		got = keysOf(pairs)
		return err
	})
	slices.Reverse(got)
	if !slices.Equal(got, want) {
		t.Errorf("backwards, from the end: %q\nwant %q", got, want)
	}
}

// expected is what a scan of sorted pairs has to tell.
func expected(pairs []pair, from, to string, limit int, reverse bool) (want []pair) {
	for _, p := range pairs {
		if p.key >= from && (to == "" || p.key < to) {
			want = append(want, p)
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	if limit > 0 && len(want) > limit {
		want = want[:limit]
	}
	return want
}

func bounds(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2", "a/21", "a/3", "b!/1", "b/1", "b/2", "c/1", "c/9")
	for _, c := range []struct{ from, to, all, first string }{
		{"", "", "a/1 a/2 a/21 a/3 b!/1 b/1 b/2 c/1 c/9", "a/1 a/2"},
		{"a/", "a0", "a/1 a/2 a/21 a/3", "a/1 a/2"},
		{"a/2", "a/3", "a/2 a/21", "a/2 a/21"},
		{"a/2", "a/2\x00", "a/2", "a/2"},
		{"a/2", "a/2", "", ""},
		{"a/2\x00", "a/3\x00", "a/21 a/3", "a/21 a/3"},
		{"a/0", "a/21", "a/1 a/2", "a/1 a/2"},
		{"a/3", "b/2", "a/3 b!/1 b/1", "a/3 b!/1"},
		{"a/4", "b/", "b!/1", "b!/1"},
		{"b", "c", "b!/1 b/1 b/2", "b!/1 b/1"},
		{"b/", "c/9", "b/1 b/2 c/1", "b/1 b/2"},
		{"b!/2", "", "b/1 b/2 c/1 c/9", "b/1 b/2"},
		{"", "a/2", "a/1", "a/1"},
		{"", "a", "", ""},
		{"c/9", "", "c/9", "c/9"},
		{"c/91", "", "", ""},
		{"d/", "", "", ""},
		{"a/3", "a/1", "", ""},
		{"b/1", "a/1", "", ""},
		{"c/", "a/", "", ""},
		{"x/1", "x/2", "", ""},
	} {
		check := func(kv store.KV, limit int, reverse bool, want []string) {
			t.Helper()
			pairs, err := collect(kv, c.from, c.to, limit, reverse)
			if got := keysOf(pairs); err != nil || !slices.Equal(got, want) {
				t.Errorf("Scan(%q, %q, limit %d, reverse %t) = %q, %v; want %q", c.from, c.to, limit, reverse, got, err, want)
			}
		}
		try := func(kv store.KV) error {
			all, first := strings.Fields(c.all), strings.Fields(c.first)
			backwards := slices.Clone(all)
			slices.Reverse(backwards)
			for _, none := range []int{0, -1, len(all) + 1, 1000} {
				check(kv, none, false, all)
				check(kv, none, true, backwards)
			}
			check(kv, 2, false, first)
			check(kv, 2, true, backwards[:min(2, len(backwards))])
			check(kv, 1, false, first[:min(1, len(first))])
			check(kv, 1, true, backwards[:min(1, len(backwards))])
			return nil
		}
		view(t, e, try)
		update(t, e, try)
	}
}

// numbered are the keys q/0000, q/0001…
func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("q/%04d", i)
	}
	return keys
}

// scanWhileWriting lets the function of a scan write everywhere around it. The
// values are large enough for many pages, and already written by the same
// transaction, which is where bbolt's cursor loses its way.
func scanWhileWriting(t testing.TB, e store.Engine) {
	const count = 500
	keys := numbered(count)
	for _, c := range []struct {
		name  string
		write func(kv store.KV, i int, key string) error
		left  int // keys afterwards
	}{
		{"delete the key", func(kv store.KV, _ int, key string) error { return kv.Delete(key) }, 0},
		{"overwrite the key", func(kv store.KV, _ int, key string) error { return kv.Put(key, make([]byte, 900)) }, count},
		{"delete all at the first", func(kv store.KV, i int, _ string) error {
			for _, key := range keys {
				if i == 0 {
					if err := kv.Delete(key); err != nil {
						return err
					}
				}
			}
			return nil
		}, 0},
		{"delete what lies far ahead", func(kv store.KV, i int, _ string) error {
			return kv.Delete(keys[(i*7+100)%count])
		}, 0},
		{"overwrite what lies ahead", func(kv store.KV, i int, _ string) error {
			return kv.Put(keys[(i+1)%count], []byte("changed"))
		}, count},
		{"put between", func(kv store.KV, _ int, key string) error {
			return putAll(kv, key+"+", key[:len(key)-1]+"-")
		}, count*2 + count/10},
		{"put, delete and put ahead", func(kv store.KV, i int, _ string) error {
			next := keys[(i+3)%count]
			if err := kv.Put(next+"x", nil); err != nil {
				return err
			}
			if err := kv.Delete(next + "x"); err != nil {
				return err
			}
			if err := kv.Delete(next); err != nil {
				return err
			}
			return kv.Put(next, []byte("again"))
		}, count},
	} {
		for _, reverse := range []bool{false, true} {
			scanAndWrite(t, e, keys, c.name, reverse, c.write)
			if left := all(t, e); len(left) != c.left {
				t.Errorf("%s (reverse %t): %d keys left, want %d", c.name, reverse, len(left), c.left)
			}
		}
	}
}

// scanAndWrite fills the engine with the keys alone, calls write from a scan of
// them, and expects the scan to tell what was there.
func scanAndWrite(t testing.TB, e store.Engine, keys []string, name string, reverse bool,
	write func(kv store.KV, i int, key string) error) {
	t.Helper()
	value := strings.Repeat("v", 200)
	want := make([]pair, len(keys))
	for i, key := range keys {
		want[i] = pair{key, value}
	}
	var got []pair
	update(t, e, func(kv store.KV) error {
		got = nil
		left, err := collect(kv, "", "", 0, false)
		if err != nil {
			return err
		}
		for _, p := range left {
			if err := kv.Delete(p.key); err != nil {
				return err
			}
		}
		for _, key := range keys {
			if err := kv.Put(key, []byte(value)); err != nil {
				return err
			}
		}
		return kv.Scan("q/", "q0", 0, reverse, func(key string, value []byte) error {
			got = append(got, pair{key, string(value)})
			return write(kv, len(got)-1, key)
		})
	})
	if reverse {
		slices.Reverse(got)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s (reverse %t): the scan told %d keys that are not the %d of its start", name, reverse, len(got), len(want))
	}
}

// scanTablesWhileWriting scans from table to table while its function writes to
// all of them, and makes new ones between.
func scanTablesWhileWriting(t testing.TB, e store.Engine) {
	fill(t, e, "b/1", "b/2", "b/3", "d/1", "d/2", "d/3", "f/1")
	before := all(t, e)
	for _, reverse := range []bool{false, true} {
		for stop := range before { // at which key all is written
			var got []pair
			err := e.Update(t.Context(), func(kv store.KV) error {
				got = nil
				err := kv.Scan("", "", 0, reverse, func(key string, value []byte) error {
					if got = append(got, pair{key, string(value)}); len(got) != stop+1 {
						return nil
					}
					return errors.Join(
						putAll(kv, "a/1", "b/0", "b/25", "b/4", "c/1", "d/0", "d/15", "d/4", "e/1", "f/0", "f/2", "g/1"),
						kv.Put("b/1", nil), kv.Put("d/3", nil), kv.Put("d/3", []byte("again")),
						kv.Delete("b/2"), kv.Delete("b/3"), kv.Delete("d/1"), kv.Delete("f/1"), kv.Put("f/1", nil))
				})
				return errors.Join(err, errRefused) // so that the next begins with the same
			})
			if err == nil || err.Error() != errRefused.Error() {
				t.Fatalf("update: %v", err)
			}
			if want := expected(before, "", "", 0, reverse); !slices.Equal(got, want) {
				t.Errorf("with all written at key %d (reverse %t) the scan told %q, want %q", stop+1, reverse, got, want)
			}
		}
	}
}

// scanEmptied scans where the same transaction has deleted long runs of keys,
// up to all of them.
func scanEmptied(t testing.TB, e store.Engine) {
	keys := numbered(600)
	for _, gap := range []struct{ from, to int }{{100, 500}, {0, 400}, {200, 600}, {1, 599}, {0, 599}, {1, 600}, {0, 600}} {
		update(t, e, func(kv store.KV) error {
			for _, key := range keys {
				if err := kv.Put(key, make([]byte, 300)); err != nil {
					return err
				}
			}
			return nil
		})
		update(t, e, func(kv store.KV) error {
			for _, key := range keys[gap.from:gap.to] {
				if err := kv.Delete(key); err != nil {
					return err
				}
			}
			want := slices.Concat(keys[:gap.from], keys[gap.to:])
			for _, reverse := range []bool{false, true} {
				for _, to := range []string{"", "q/05", "q/0300"} {
					pairs, err := collect(kv, "q/", to, 0, reverse)
					if err != nil {
						return err
					}
					got := keysOf(pairs)
					if reverse {
						slices.Reverse(got)
					}
					below := slices.DeleteFunc(slices.Clone(want), func(key string) bool { return to != "" && key >= to })
					if !slices.Equal(got, below) {
						t.Errorf("keys %d to %d deleted: scan up to %q (reverse %t) tells %d keys, want %d",
							gap.from, gap.to, to, reverse, len(got), len(below))
					}
				}
			}
			return kv.Put("q/0300", []byte("again"))
		})
	}
}

func scanWithinScan(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2", "a/3", "b/1", "b/2")
	var got []string
	update(t, e, func(kv store.KV) error {
		got = nil
		return kv.Scan("a/", "a0", 0, false, func(outer string, _ []byte) error {
			if err := kv.Put("b/"+outer[2:]+"+", nil); err != nil {
				return err
			}
			return kv.Scan("b/", "b0", 0, true, func(inner string, _ []byte) error {
				got = append(got, outer+inner)
				return kv.Delete(inner)
			})
		})
	})
	want := []string{"a/1b/2", "a/1b/1+", "a/1b/1", "a/2b/2+", "a/3b/3+"}
	if !slices.Equal(got, want) {
		t.Errorf("a scan within a scan told %q, want %q", got, want)
	}
}

// scanCost compares the time of short scans in a small and in a large store. It
// takes the fastest of many, so that a busy machine does not matter, and allows
// a large store thirty times as much.
func scanCost(t testing.TB, e store.Engine) {
	const small, large = 100, 20_000
	put := func(from, to int) {
		update(t, e, func(kv store.KV) error {
			for i := from; i < to; i++ {
				if err := kv.Put(fmt.Sprintf("q/%06d", i), make([]byte, 50)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(0, small)
	before := shortScans(t, e)
	put(small, large)
	for i, after := range shortScans(t, e) {
		if limit := 30*before[i] + 20*time.Microsecond; after > limit {
			t.Errorf("the %dth short scan takes %v among %d keys and %v among %d", i+1, before[i], small, after, large)
		}
	}
}

// shortScans returns the times of four scans of two keys.
func shortScans(t testing.TB, e store.Engine) (fastest [4]time.Duration) {
	for i, c := range []struct {
		from, to string
		reverse  bool
	}{{"", "", false}, {"", "", true}, {"q/000050", "q0", false}, {"q/", "q/000050", true}} {
		view(t, e, func(kv store.KV) error {
			fastest[i] = time.Hour
			for range 50 {
				start := time.Now()
				pairs, err := collect(kv, c.from, c.to, 2, c.reverse)
				fastest[i] = min(fastest[i], time.Since(start))
				if err != nil || len(pairs) != 2 {
					t.Fatalf("scan: %q, %v", pairs, err)
				}
			}
			return nil
		})
	}
	return fastest
}
