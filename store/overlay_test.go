package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

// overlaid is an engine whose updates write into overlays: first into one that
// is dropped, then into one over another, which are flushed.
type overlaid struct{ store.Engine }

func (e overlaid) Update(ctx context.Context, fn func(store.KV) error) error {
	return e.Engine.Update(ctx, func(kv store.KV) error {
		_ = fn(ending{store.NewOverlay(kv), kv})
		if err := ctx.Err(); err != nil {
			return err
		}
		lower := store.NewOverlay(kv)
		upper := store.NewOverlay(lower)
		if err := fn(ending{upper, kv}); err != nil {
			return err
		}
		return errors.Join(upper.Flush(), lower.Flush())
	})
}

// ending is an overlay that knows when its transaction has ended.
type ending struct {
	*store.Overlay
	under store.KV
}

func (e ending) Put(key string, value []byte) error {
	_, err := e.under.GetMany(nil)
	return errors.Join(err, e.Overlay.Put(key, value))
}

func (e ending) Delete(key string) error {
	_, err := e.under.GetMany(nil)
	return errors.Join(err, e.Overlay.Delete(key))
}

// TestOverlayKeepsTheContract: an overlay is a KV like any other.
func TestOverlayKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T, string) store.Engine { return overlaid{mem.New()} })
}

func keys(t *testing.T, kv store.KV) (keys []string) {
	t.Helper()
	err := kv.Scan("", "", 0, false, func(key string, _ []byte) error { keys = append(keys, key); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestOverlay(t *testing.T) {
	e := mem.New()
	err := e.Update(t.Context(), func(kv store.KV) error {
		if err := errors.Join(kv.Put("a/1", nil), kv.Put("a/2", nil)); err != nil {
			return err
		}
		dropped, kept := store.NewOverlay(kv), store.NewOverlay(kv)
		if err := errors.Join(
			dropped.Put("a/3", nil), dropped.Delete("a/1"),
			kept.Put("a/4", nil), kept.Delete("a/2"), kept.Put("a/5", nil), kept.Delete("a/5")); err != nil {
			return err
		}
		for what, c := range map[string]struct {
			kv   store.KV
			want []string
		}{
			"the dropped one": {dropped, []string{"a/2", "a/3"}},
			"the kept one":    {kept, []string{"a/1", "a/4"}},
			"beneath":         {kv, []string{"a/1", "a/2"}},
		} {
			if got := keys(t, c.kv); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", what, got, c.want)
			}
		}
		if err := kept.Flush(); err != nil {
			return err
		}
		if got, want := keys(t, kv), []string{"a/1", "a/4"}; !slices.Equal(got, want) {
			t.Errorf("after the flush: %q, want %q", got, want)
		}
		if err := kv.Delete("a/4"); err != nil {
			return err
		}
		return kept.Flush() // of nothing: it must not put a/4 back
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = e.View(t.Context(), func(kv store.KV) error {
		if got, want := keys(t, kv), []string{"a/1"}; !slices.Equal(got, want) {
			t.Errorf("at the end: %q, want %q", got, want)
		}
		return nil
	})
}

// recorded notes the order of writes, and can fail.
type recorded struct {
	store.KV
	puts []string
	fail string
}

func (r *recorded) Put(key string, value []byte) error {
	if key == r.fail {
		return errors.New("no")
	}
	r.puts = append(r.puts, key)
	return r.KV.Put(key, value)
}

func TestFlush(t *testing.T) {
	e := mem.New()
	_ = e.Update(t.Context(), func(kv store.KV) error {
		under := &recorded{KV: kv}
		o := store.NewOverlay(under)
		for _, i := range []int{5, 3, 9, 1, 7, 2} {
			if err := o.Put(fmt.Sprintf("a/%d", i), nil); err != nil {
				t.Error(err)
			}
		}
		if err := o.Flush(); err != nil || !slices.IsSorted(under.puts) || len(under.puts) != 6 {
			t.Errorf("flushed %q, %v", under.puts, err)
		}
		under.fail = "a/1"
		if err := errors.Join(o.Put("a/1", nil), o.Flush()); err == nil {
			t.Error("a failed flush is not told")
		}
		return nil
	})
	_ = e.View(t.Context(), func(kv store.KV) error {
		o := store.NewOverlay(kv)
		if err := o.Put("a/new", []byte("1")); err != nil {
			t.Errorf("Put into an overlay in a View: %v", err)
		}
		if v, err := o.Get("a/new"); string(v) != "1" || err != nil {
			t.Errorf("Get from an overlay in a View: %q, %v", v, err)
		}
		if err := o.Flush(); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Flush in a View: %v, want ErrReadOnly", err)
		}
		return nil
	})
}

// BenchmarkOverlay is the writes of one mail.
func BenchmarkOverlay(b *testing.B) {
	e := mem.New()
	value := make([]byte, 500)
	err := e.Update(context.Background(), func(kv store.KV) error {
		for b.Loop() {
			o := store.NewOverlay(kv)
			for i := range 20 {
				if err := o.Put(fmt.Sprintf("a/%d", i), value); err != nil {
					return err
				}
			}
			if err := o.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
