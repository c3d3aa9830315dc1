package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ventanilla/store"
)

// step is one thing that a transaction does. It is drawn before the
// transaction, which may be run more than once.
type step struct {
	kind     string // "put", "delete", "get", "scan"
	key      string
	value    string
	to       string
	limit    int
	reverse  bool
	meantime []step // what a scan's function does: one step a key
}

// state is the model: a plain map.
type state map[string]string

func (s state) sorted() []pair {
	pairs := make([]pair, 0, len(s))
	for _, key := range slices.Sorted(maps.Keys(s)) {
		pairs = append(pairs, pair{key, s[key]})
	}
	return pairs
}

// model does random things to the engine and to a plain map and compares every
// answer.
func model(t testing.TB, e store.Engine) {
	now := state{} // survives a case: the next one begins by deleting it
	rapid.Check(t, func(t *rapid.T) {
		// Values of some hundred bytes, so that there are many pages.
		size := rapid.SampledFrom([]int{10, 300, 1500}).Draw(t, "size")
		span := rapid.SampledFrom([]int{5, 60, 300}).Draw(t, "span")
		transact(t, e, &now, emptying(now), false)
		transact(t, e, &now, runOf(t, "put", 0, span, size), false)
		for range rapid.IntRange(1, 3).Draw(t, "transactions") {
			var steps []step
			for range rapid.IntRange(0, 8).Draw(t, "steps") {
				if rapid.IntRange(0, 4).Draw(t, "run") == 0 {
					from := rapid.IntRange(0, span).Draw(t, "from")
					kind := rapid.SampledFrom([]string{"put", "delete"}).Draw(t, "kind")
					steps = append(steps, runOf(t, kind, from, rapid.IntRange(from, span).Draw(t, "to"), size)...)
					continue
				}
				steps = append(steps, drawStep(t, span, size, 0))
			}
			transact(t, e, &now, steps, rapid.IntRange(0, 3).Draw(t, "fail") == 0)
		}
	})
}

// emptying deletes all there is.
func emptying(now state) (steps []step) {
	for _, p := range now.sorted() {
		steps = append(steps, step{kind: "delete", key: p.key})
	}
	return steps
}

// runOf writes neighbouring keys of one table.
func runOf(t *rapid.T, kind string, from, to, size int) (steps []step) {
	table := drawTable(t)
	for i := from; i < to; i++ {
		steps = append(steps, step{kind: kind, key: keyOf(table, i), value: valueOf(i, size)})
	}
	return steps
}

func drawTable(t *rapid.T) string {
	return rapid.SampledFrom([]string{"b", "a", "b!", "b/b"}).Draw(t, "table")
}

func keyOf(table string, i int) string { return fmt.Sprintf("%s/%03d", table, i) }

func valueOf(i, size int) string { return strings.Repeat(fmt.Sprintf("%03d ", i%1000), size/4) }

func drawStep(t *rapid.T, span, size, depth int) step {
	s := step{
		kind:  rapid.SampledFrom([]string{"put", "put", "delete", "get", "scan", "scan"}).Draw(t, "kind"),
		key:   keyOf(drawTable(t), rapid.IntRange(0, span).Draw(t, "key")),
		value: valueOf(rapid.IntRange(0, 999).Draw(t, "value"), rapid.SampledFrom([]int{0, size}).Draw(t, "size")),
	}
	if s.kind != "scan" {
		return s
	}
	if depth > 1 {
		s.kind = "get"
		return s
	}
	drawn := rapid.SampledFrom([]string{"key", "table", "nothing"})
	switch drawn.Draw(t, "from") {
	case "table":
		s.key = s.key[:strings.IndexByte(s.key, '/')+1]
	case "nothing":
		s.key = ""
	}
	switch drawn.Draw(t, "to") {
	case "key":
		s.to = keyOf(drawTable(t), rapid.IntRange(0, span).Draw(t, "to key"))
	case "table":
		s.to = drawTable(t) + "0"
	}
	s.limit = rapid.SampledFrom([]int{0, 0, 1, 2, 7}).Draw(t, "limit")
	s.reverse = rapid.Bool().Draw(t, "reverse")
	for range rapid.IntRange(0, 6).Draw(t, "meantime") {
		s.meantime = append(s.meantime, drawStep(t, span, size, depth+1))
	}
	return s
}

// transact does the steps in one Update, which fails at its end if fail is set,
// and compares the engine with the model afterwards.
func transact(t *rapid.T, e store.Engine, now *state, steps []step, fail bool) {
	var next state
	err := e.Update(t.Context(), func(kv store.KV) error {
		next = maps.Clone(*now)
		for _, s := range steps {
			if err := do(t, kv, next, s); err != nil {
				return err
			}
		}
		if fail {
			return errRefused
		}
		return nil
	})
	if fail && !errors.Is(err, errRefused) || !fail && err != nil {
		t.Fatalf("update: %v", err)
	}
	if !fail {
		*now = next
	}
	err = e.View(t.Context(), func(kv store.KV) error {
		got, err := collect(kv, "", "", 0, false)
		if err == nil && !slices.Equal(got, now.sorted()) {
			t.Fatalf("the engine has %d keys %.200q\nthe model %d %.200q", len(got), keysOf(got), len(*now), keysOf(now.sorted()))
		}
		return err
	})
	if err != nil {
		t.Fatalf("view: %v", err)
	}
}

// do does one step to the engine and to the model.
func do(t *rapid.T, kv store.KV, now state, s step) error {
	switch s.kind {
	case "put":
		now[s.key] = s.value
		return kv.Put(s.key, []byte(s.value))
	case "delete":
		delete(now, s.key)
		return kv.Delete(s.key)
	case "get":
		got, err := kv.Get(s.key)
		want, found := now[s.key]
		if !found && !errors.Is(err, store.ErrNotFound) || found && (err != nil || string(got) != want) {
			t.Fatalf("Get(%q) = %.20q, %v; want %.20q, %t", s.key, got, err, want, found)
		}
		return nil
	}
	want := expected(now.sorted(), s.key, s.to, s.limit, s.reverse)
	var got []pair
	err := kv.Scan(s.key, s.to, s.limit, s.reverse, func(key string, value []byte) error {
		got = append(got, pair{key, string(value)})
		if len(got) > len(s.meantime) {
			return nil
		}
		return do(t, kv, now, s.meantime[len(got)-1])
	})
	if err == nil && !slices.Equal(got, want) {
		t.Fatalf("Scan(%q, %q, limit %d, reverse %t) tells %d keys %.300q\nwant %d %.300q",
			s.key, s.to, s.limit, s.reverse, len(got), keysOf(got), len(want), keysOf(want))
	}
	return err
}
