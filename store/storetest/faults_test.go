package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"ventanilla/store"
	"ventanilla/store/mem"
)

// hooks is a KV that does some things its own way.
type hooks struct {
	store.KV
	get     func(kv store.KV, key string) ([]byte, error)
	getMany func(kv store.KV, keys []string) ([][]byte, error)
	put     func(kv store.KV, key string, value []byte) error
	delete  func(kv store.KV, key string) error
	scan    func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error
}

type tell = func(key string, value []byte) error

func (h *hooks) Get(key string) ([]byte, error) {
	if h.get == nil {
		return h.KV.Get(key)
	}
	return h.get(h.KV, key)
}

func (h *hooks) GetMany(keys []string) ([][]byte, error) {
	if h.getMany == nil {
		return h.KV.GetMany(keys)
	}
	return h.getMany(h.KV, keys)
}

func (h *hooks) Put(key string, value []byte) error {
	if h.put == nil {
		return h.KV.Put(key, value)
	}
	return h.put(h.KV, key, value)
}

func (h *hooks) Delete(key string) error {
	if h.delete == nil {
		return h.KV.Delete(key)
	}
	return h.delete(h.KV, key)
}

func (h *hooks) Scan(from, to string, limit int, reverse bool, fn func(string, []byte) error) error {
	if h.scan == nil {
		return h.KV.Scan(from, to, limit, reverse, fn)
	}
	return h.scan(h.KV, from, to, limit, reverse, fn)
}

// transaction is View or Update.
type transaction = func(ctx context.Context, fn func(store.KV) error) error

// engine is an engine that does some things its own way.
type engine struct {
	store.Engine
	kv     func(store.KV) store.KV
	view   func(e store.Engine, ctx context.Context, fn func(store.KV) error) error
	update func(e store.Engine, ctx context.Context, fn func(store.KV) error) error
	close  func(e store.Engine) error
}

func (e engine) wrap(fn func(store.KV) error) func(store.KV) error {
	if e.kv == nil {
		return fn
	}
	return func(kv store.KV) error { return fn(e.kv(kv)) }
}

func (e engine) View(ctx context.Context, fn func(store.KV) error) error {
	if e.view == nil {
		return e.Engine.View(ctx, e.wrap(fn))
	}
	return e.view(e.Engine, ctx, e.wrap(fn))
}

func (e engine) Update(ctx context.Context, fn func(store.KV) error) error {
	if e.update == nil {
		return e.Engine.Update(ctx, e.wrap(fn))
	}
	return e.update(e.Engine, ctx, e.wrap(fn))
}

func (e engine) Close() error {
	if e.close == nil {
		return e.Engine.Close()
	}
	return e.close(e.Engine)
}

// hooked makes an engine in memory whose KVs have the hooks.
func hooked(h hooks) func() store.Engine {
	return func() store.Engine {
		return engine{Engine: mem.New(), kv: func(kv store.KV) store.KV {
			own := h
			own.KV = kv
			return &own
		}}
	}
}

// shared remembers slices to hand the same ones out again.
type shared struct {
	store.KV
	values map[string][]byte
}

func (s *shared) Put(key string, value []byte) error {
	s.values[key] = value
	return s.KV.Put(key, value)
}

func (s *shared) Get(key string) ([]byte, error) {
	if value, ok := s.values[key]; ok {
		return value, nil
	}
	value, err := s.KV.Get(key)
	if err == nil {
		s.values[key] = value
	}
	return value, err
}

// live tells what is there when it comes to it.
func live(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
	var keys []string
	err := kv.Scan(from, to, limit, reverse, func(key string, _ []byte) error { keys = append(keys, key); return nil })
	for _, key := range keys {
		value, absent := kv.Get(key)
		if err == nil && absent == nil {
			err = fn(key, value)
		}
	}
	return err
}

// growing goes on from key to key and so meets those that fn puts ahead.
func growing(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
	if reverse {
		return kv.Scan(from, to, limit, reverse, fn)
	}
	for told := 0; limit <= 0 || told < limit; told++ {
		var next *pair
		err := kv.Scan(from, to, 1, false, func(key string, value []byte) error {
			next = &pair{key, string(value)}
			return nil
		})
		if err != nil || next == nil {
			return err
		}
		if err := fn(next.key, []byte(next.value)); err != nil {
			return err
		}
		from = next.key + "\x00"
	}
	return nil
}

// sorted scans in the order of less.
func sorted(less func(a, b string) int) func(store.KV, string, string, int, bool, tell) error {
	return func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		pairs, err := collect(kv, from, to, limit, reverse)
		slices.SortStableFunc(pairs, func(a, b pair) int {
			if reverse {
				a, b = b, a
			}
			return less(a.key, b.key)
		})
		for _, p := range pairs {
			if err == nil {
				err = fn(p.key, []byte(p.value))
			}
		}
		return err
	}
}

var errFault = errors.New("fault")

// faults are engines with one deliberate fault each, and the check that must
// find it.
var faults = []struct {
	check, fault string
	open         func() store.Engine
}{
	{"absent", "Get of the absent returns nothing and no error", hooked(hooks{get: func(kv store.KV, key string) ([]byte, error) {
		value, _ := kv.Get(key)
		return value, nil
	}})},
	{"absent", "deleting the absent is an error", hooked(hooks{delete: func(kv store.KV, key string) error {
		if _, err := kv.Get(key); err != nil {
			return err
		}
		return kv.Delete(key)
	}})},
	{"absent", "GetMany leaves out the absent", hooked(hooks{getMany: func(kv store.KV, keys []string) ([][]byte, error) {
		values, err := kv.GetMany(keys)
		return slices.DeleteFunc(values, func(v []byte) bool { return v == nil }), err
	}})},
	{"absent", "GetMany returns the absent as empty", hooked(hooks{getMany: func(kv store.KV, keys []string) ([][]byte, error) {
		values, err := kv.GetMany(keys)
		for i := range values {
			values[i] = append([]byte{}, values[i]...)
		}
		return values, err
	}})},
	{"absent", "GetMany sorts", hooked(hooks{getMany: func(kv store.KV, keys []string) ([][]byte, error) {
		return kv.GetMany(slices.Sorted(slices.Values(keys)))
	}})},
	{"empty values", "the empty value is nil", hooked(hooks{get: func(kv store.KV, key string) ([]byte, error) {
		value, err := kv.Get(key)
		return append([]byte(nil), value...), err
	}})},
	{"empty values", "the empty value is absent", hooked(hooks{put: func(kv store.KV, key string, value []byte) error {
		if len(value) == 0 {
			return kv.Delete(key)
		}
		return kv.Put(key, value)
	}})},
	{"empty values", "GetMany returns the empty value as nil", hooked(hooks{getMany: func(kv store.KV, keys []string) ([][]byte, error) {
		values, err := kv.GetMany(keys)
		for i := range values {
			values[i] = append([]byte(nil), values[i]...)
		}
		return values, err
	}})},
	{"own writes", "reads see the state before the transaction", stale},
	{"own writes", "only scans see the state before the transaction", staleScan},
	{"keys", "any key will do", func() store.Engine { return lenient() }},
	{"keys", "keys are cut at a NUL", hooked(hooks{put: func(kv store.KV, key string, value []byte) error {
		if rest, ok := strings.CutSuffix(key, "/\x00"); ok {
			key = rest + "/0"
		}
		return kv.Put(key, value)
	}})},
	{"copies", "Put and Get share memory", func() store.Engine {
		return engine{Engine: mem.New(), kv: func(kv store.KV) store.KV { return &shared{kv, map[string][]byte{}} }}
	}},
	{"copies", "Scan shares memory", hooked(hooks{scan: sharingScan(map[string][]byte{})})},
	{"copies", "GetMany shares memory", hooked(hooks{getMany: sharingGetMany(map[string][]byte{})})},
	{"large values", "values are cut at 1 MiB", hooked(hooks{put: func(kv store.KV, key string, value []byte) error {
		return kv.Put(key, value[:min(len(value), 1<<20)])
	}})},
	{"order", "order without case", hooked(hooks{scan: sorted(func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})})},
	{"order", "order by table first", hooked(hooks{scan: sorted(func(a, b string) int {
		tableA, restA, _ := strings.Cut(a, "/")
		tableB, restB, _ := strings.Cut(b, "/")
		if c := strings.Compare(tableA, tableB); c != 0 {
			return c
		}
		return strings.Compare(restA, restB)
	})})},
	{"order", "reverse only turns the tables", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		return kv.Scan(from, to, limit, reverse && to != "", fn)
	}})},
	{"bounds", "from is exclusive", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		if from != "" && from[len(from)-1] != '/' {
			from += "\x00"
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})},
	{"bounds", "to is inclusive", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		if to != "" {
			to += "\x00"
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})},
	{"bounds", "no limit", hooked(hooks{scan: func(kv store.KV, from, to string, _ int, reverse bool, fn tell) error {
		return kv.Scan(from, to, 0, reverse, fn)
	}})},
	{"bounds", "the limit is one too high", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		if limit > 0 {
			limit++
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})},
	{"bounds", "a negative limit tells nothing", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		if limit < 0 {
			return nil
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})},
	{"bounds", "reverse is ignored", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, _ bool, fn tell) error {
		return kv.Scan(from, to, limit, false, fn)
	}})},
	{"bounds", "reverse turns the first ones", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		pairs, err := collect(kv, from, to, limit, false)
		if reverse {
			slices.Reverse(pairs)
		}
		for _, p := range pairs {
			err = errors.Join(err, fn(p.key, []byte(p.value)))
		}
		return err
	}})},
	{"bounds", "turned bounds are put right", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		if to != "" && from > to {
			from, to = to, from
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})},
	{"scan while writing", "the scan tells what is there when it comes to it", hooked(hooks{scan: live})},
	{"scan while writing", "the scan meets what is put ahead", hooked(hooks{scan: growing})},
	{"scan while writing", "values are read when the scan comes to them", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		return kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
			if now, err := kv.Get(key); err == nil {
				value = now
			}
			return fn(key, value)
		})
	}})},
	{"scan tables while writing", "the scan comes to tables that are new", hooked(hooks{scan: growing})},
	{"scan what was emptied", "a long gap ends the scan", gapEndsScan},
	{"scan within scan", "there is one scan at a time", oneScan},
	{"cost of a scan", "all is read before the limit counts", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		pairs, err := collect(kv, from, to, 0, reverse)
		if limit <= 0 {
			limit = len(pairs)
		}
		for _, p := range pairs[:min(limit, len(pairs))] {
			if err == nil {
				err = fn(p.key, []byte(p.value))
			}
		}
		return err
	}})},
	{"errors pass through", "the function's error is replaced", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		if e.Update(ctx, fn) != nil {
			return errFault
		}
		return nil
	})},
	{"errors pass through", "View swallows the function's error", func() store.Engine {
		return engine{Engine: mem.New(), view: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
			_ = e.View(ctx, fn)
			return nil
		}}
	}},
	{"errors pass through", "a scan swallows its function's error", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		_ = kv.Scan(from, to, limit, reverse, fn)
		return nil
	}})},
	{"errors pass through", "a scan goes on after an error", hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		var first error
		err := kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
			if err := fn(key, value); first == nil {
				first = err
			}
			return nil
		})
		if first != nil {
			return first
		}
		return err
	}})},
	{"rollback", "what failed is stored", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		var failed error
		if err := e.Update(ctx, func(kv store.KV) error { failed = fn(kv); return nil }); err != nil {
			return err
		}
		return failed
	})},
	{"rollback", "what failed is undone except for deletions", keepsDeletions},
	{"panic", "what panicked is stored", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		var panicked any
		err := e.Update(ctx, func(kv store.KV) error {
			defer func() { panicked = recover() }()
			return fn(kv)
		})
		if panicked != nil {
			panic(panicked)
		}
		return err
	})},
	{"panic", "a panic becomes an error", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) (err error) {
		defer func() {
			if recover() != nil {
				err = errFault
			}
		}()
		return e.Update(ctx, fn)
	})},
	{"read only", "a View writes", func() store.Engine {
		return engine{Engine: mem.New(), view: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
			return e.Update(ctx, fn)
		}}
	}},
	{"read only", "a View takes writes and forgets them", func() store.Engine {
		return engine{Engine: mem.New(), view: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
			return e.View(ctx, func(kv store.KV) error { return fn(store.NewOverlay(kv)) })
		}}
	}},
	{"after the end", "a KV goes on reading", hooked(hooks{get: func(kv store.KV, key string) ([]byte, error) {
		value, err := kv.Get(key)
		if errors.Is(err, store.ErrClosed) {
			return []byte("old"), nil
		}
		return value, err
	}})},
	{"snapshot", "a View reads what is committed", dirtyReads},
	{"one update after the other", "updates are lost", lostUpdates},
	{"context", "the context is ignored", func() store.Engine {
		without := func(run transaction) transaction {
			return func(_ context.Context, fn func(store.KV) error) error { return run(context.Background(), fn) }
		}
		return engine{Engine: mem.New(),
			view: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
				return without(e.View)(ctx, fn)
			},
			update: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
				return without(e.Update)(ctx, fn)
			}}
	}},
	{"context", "what was cancelled under way is stored", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.Update(context.Background(), fn); err != nil {
			return err
		}
		return ctx.Err()
	})},
	{"context while waiting", "an update waits for its turn whatever happens", updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		return e.Update(context.Background(), func(kv store.KV) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fn(kv)
		})
	})},
	{"close", "a closed engine goes on", func() store.Engine {
		return engine{Engine: mem.New(), close: func(store.Engine) error { return nil }}
	}},
	{"close", "closing again is an error", func() store.Engine {
		closed := false
		return engine{Engine: mem.New(), close: func(e store.Engine) error {
			if closed {
				return errFault
			}
			closed = true
			return e.Close()
		}}
	}},
	{"close waits for a View", "Close returns at once", func() store.Engine {
		return engine{Engine: mem.New(), close: func(e store.Engine) error { go func() { _ = e.Close() }(); return nil }}
	}},
	{"close waits for an Update", "Close returns at once", func() store.Engine {
		return engine{Engine: mem.New(), close: func(e store.Engine) error { go func() { _ = e.Close() }(); return nil }}
	}},
	{"model", "a run of deletions misses its last", hooked(hooks{delete: func(kv store.KV, key string) error {
		if strings.HasSuffix(key, "9") {
			return nil
		}
		return kv.Delete(key)
	}})},
	{"model", "the scan meets what is put ahead", hooked(hooks{scan: growing})},
	{"model", "the scan tells what is there when it comes to it", hooked(hooks{scan: live})},
	{"model", "what failed is undone except for deletions", keepsDeletions},
}

func updating(update func(e store.Engine, ctx context.Context, fn func(store.KV) error) error) func() store.Engine {
	return func() store.Engine { return engine{Engine: mem.New(), update: update} }
}

func stale() store.Engine {
	return updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		return e.Update(ctx, func(kv store.KV) error {
			return e.View(ctx, func(old store.KV) error {
				return fn(&hooks{KV: old,
					put:    func(_ store.KV, key string, value []byte) error { return kv.Put(key, value) },
					delete: func(_ store.KV, key string) error { return kv.Delete(key) }})
			})
		})
	})()
}

func staleScan() store.Engine {
	return updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		return e.Update(ctx, func(kv store.KV) error {
			return e.View(ctx, func(old store.KV) error {
				return fn(&hooks{KV: kv, scan: func(_ store.KV, from, to string, limit int, reverse bool, fn tell) error {
					return old.Scan(from, to, limit, reverse, fn)
				}})
			})
		})
	})()
}

// lenient puts what breaks the rules for keys under a key that keeps them.
func lenient() store.Engine {
	return hooked(hooks{put: func(kv store.KV, key string, value []byte) error {
		if err := store.CheckKey(key); err != nil {
			return kv.Put(fmt.Sprintf("odd/%x", key[:min(len(key), 100)]), value)
		}
		return kv.Put(key, value)
	}})()
}

func sharingScan(values map[string][]byte) func(store.KV, string, string, int, bool, tell) error {
	return func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		return kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
			if had, ok := values[key]; ok && len(had) == len(value) {
				copy(had, value)
				return fn(key, had)
			}
			values[key] = value
			return fn(key, value)
		})
	}
}

func sharingGetMany(values map[string][]byte) func(store.KV, []string) ([][]byte, error) {
	return func(kv store.KV, keys []string) ([][]byte, error) {
		found, err := kv.GetMany(keys)
		for i, key := range keys {
			if had, ok := values[key]; ok && len(had) == len(found[i]) {
				copy(had, found[i])
				found[i] = had
			} else {
				values[key] = found[i]
			}
		}
		return found, err
	}
}

// gapEndsScan takes a hundred deleted keys in a row for the end.
func gapEndsScan() store.Engine {
	deleted := map[string]bool{}
	return hooked(hooks{
		put:    func(kv store.KV, key string, value []byte) error { delete(deleted, key); return kv.Put(key, value) },
		delete: func(kv store.KV, key string) error { deleted[key] = true; return kv.Delete(key) },
		scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
			gone := slices.Sorted(maps.Keys(deleted))
			last := ""
			return kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
				low, high := min(key, last), max(key, last)
				between := slices.IndexFunc(gone, func(g string) bool { return g > low })
				if last != "" && between >= 0 && between+99 < len(gone) && gone[between+99] < high {
					return nil
				}
				last = key
				return fn(key, value)
			})
		},
	})()
}

// oneScan keeps its place in the engine, where the next scan overwrites it.
func oneScan() store.Engine {
	under := 0
	return hooked(hooks{scan: func(kv store.KV, from, to string, limit int, reverse bool, fn tell) error {
		under++
		defer func() { under-- }()
		if under > 1 {
			return nil
		}
		return kv.Scan(from, to, limit, reverse, fn)
	}})()
}

// keepsDeletions does a failed update's deletions nevertheless.
func keepsDeletions() store.Engine {
	return updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		var gone []string
		err := e.Update(ctx, func(kv store.KV) error {
			return fn(&hooks{KV: kv, delete: func(kv store.KV, key string) error {
				gone = append(gone, key)
				return kv.Delete(key)
			}})
		})
		if err == nil {
			return nil
		}
		_ = e.Update(ctx, func(kv store.KV) error {
			for _, key := range gone {
				_ = kv.Delete(key)
			}
			return nil
		})
		return err
	})()
}

// dirtyReads gives a View no state of its own.
func dirtyReads() store.Engine {
	return engine{Engine: mem.New(), view: func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		return e.View(ctx, func(kv store.KV) error {
			return fn(&hooks{KV: kv, get: func(_ store.KV, key string) (value []byte, err error) {
				err = e.View(ctx, func(now store.KV) (err error) { value, err = now.Get(key); return err })
				return value, err
			}})
		})
	}}
}

// lostUpdates runs updates side by side and stores the last one's.
func lostUpdates() store.Engine {
	var start sync.WaitGroup
	start.Add(2)
	var once [2]sync.Once
	return updating(func(e store.Engine, ctx context.Context, fn func(store.KV) error) error {
		writes := map[string][]byte{}
		err := e.View(ctx, func(kv store.KV) error {
			return fn(&hooks{KV: kv, put: func(_ store.KV, key string, value []byte) error {
				writes[key] = bytes.Clone(value)
				return nil
			}})
		})
		if err != nil {
			return err
		}
		for i := range once { // the first two have both read before one writes
			mine := false
			once[i].Do(func() { mine = true; start.Done() })
			if mine {
				break
			}
		}
		start.Wait()
		return e.Update(ctx, func(kv store.KV) error {
			for key, value := range writes {
				if err := kv.Put(key, value); err != nil {
					return err
				}
			}
			return nil
		})
	})()
}
